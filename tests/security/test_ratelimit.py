"""SEC-6: quotas per route and caller."""

import uuid

import pytest
from flasgo import HTTPException, Response
from flasgo_security import RateLimit, rate_limit

from tests.conftest import refusal

FIELDS = ("limit", "remaining", "reset")


def standing(answer, prefix="ratelimit") -> tuple[int, ...]:
    return tuple(int(answer.headers.get(f"{prefix}-{field}")) for field in FIELDS)


def test_it_refuses_past_the_quota_without_running_the_handler(make_app, connect, clock):
    app = make_app()
    runs = []

    @app.get("/")
    @app.ratelimit(2, per=60)
    def limited():
        runs.append(1)
        return {}

    client = connect(app)
    assert standing(client.get("/")) == (2, 1, 60)
    clock.advance(10)
    answer = client.get("/")
    assert standing(answer) == standing(answer, "x-ratelimit") == (2, 0, 50)
    assert answer.headers.get("ratelimit-policy") == "2;w=60"
    assert answer.headers.get("retry-after") is None
    refused = client.get("/")
    assert refused.status_code == 429
    assert refused.headers.get("retry-after") == "50"
    assert standing(refused) == standing(refused, "x-ratelimit") == (2, 0, 50)
    assert b"2 requests per 60 seconds" in refused.content
    assert len(runs) == 2


def test_the_window_slides(make_app, connect, clock):
    app = make_app()
    app.get("/")(rate_limit(2, 60)(lambda: "x"))
    client = connect(app)
    client.get("/")
    clock.advance(59)
    client.get("/")
    assert client.get("/").status_code == 429
    clock.advance(1)
    # The first hit is out of the window, the second is in.
    assert client.get("/").status_code == 200
    assert client.get("/").status_code == 429


def test_refused_requests_use_up_nothing(make_app, connect, clock):
    app = make_app()
    app.get("/")(rate_limit(1, 10)(lambda: "x"))
    client = connect(app)
    client.get("/")
    for _ in range(9):
        clock.advance(1)
        assert client.get("/").status_code == 429
    clock.advance(1)
    assert client.get("/").status_code == 200


def test_callers_are_told_apart_by_the_direct_peer_whatever_headers_claim(make_app, connect):
    app = make_app()
    app.get("/")(rate_limit(1, 10)(lambda: "x"))
    forged = [(b"x-forwarded-for", b"198.51.100.9"), (b"forwarded", b"for=198.51.100.9")]
    assert connect(app).get("/").status_code == 200
    assert connect(app).get("/", headers=forged).status_code == 429
    assert connect(app, client=("192.0.2.2", 1)).get("/").status_code == 200


def test_callers_without_an_address_share_one_quota_and_one_warning(make_app, connect, caplog):
    app = make_app()
    app.get("/")(rate_limit(1, 10)(lambda: "x"))
    assert connect(app, client=None).get("/").status_code == 200
    assert connect(app, client=None).get("/").status_code == 429
    assert connect(app).get("/").status_code == 200
    assert len(caplog.records) == 1
    assert "key_func" in caplog.text


def test_a_scope_is_shared_and_without_one_each_handler_has_its_own(make_app, connect):
    app = make_app()
    shared = rate_limit(1, per=60, scope="expensive")
    own = rate_limit(1, per=60)
    for path, decorate in (("/a", shared), ("/b", shared), ("/c", own), ("/d", own)):
        app.get(path, endpoint=path)(decorate(make_handler()))
    client = connect(app)
    assert [client.get(path).status_code for path in ("/a", "/b", "/c", "/d")] == [
        200,
        429,
        200,
        200,
    ]
    assert [client.get(path).status_code for path in ("/c", "/d")] == [429, 429]


def make_handler():
    async def handler():
        return {}

    return handler


def test_equal_scopes_with_other_numbers_are_other_quotas(make_app, connect):
    app = make_app()

    @app.get("/")
    @rate_limit(5, per=60, scope="s")
    @rate_limit(2, per=1, scope="s")
    async def limited():
        return {}

    assert [connect(app).get("/").status_code for _ in range(3)] == [200, 200, 429]


def test_one_handler_on_several_routes_has_one_quota(make_app, connect):
    app = make_app()

    @app.get("/a")
    @app.get("/b", endpoint="b")
    @rate_limit(1, per=60)
    async def handler():
        return {}

    client = connect(app)
    assert [client.get("/a").status_code, client.get("/b").status_code] == [200, 429]


def test_above_the_route_it_works_as_well(make_app, connect):
    app = make_app()

    @rate_limit(1, per=60)
    @app.get("/")
    async def handler():
        return {}

    client = connect(app)
    assert [client.get("/").status_code, client.get("/").status_code] == [200, 429]


def test_several_quotas_all_hold_and_a_refusal_uses_up_none(make_app, connect, clock):
    app = make_app()

    @app.get("/")
    @rate_limit(3, per=100)
    @rate_limit(1, per=10)
    async def limited():
        return {}

    client = connect(app)
    assert standing(client.get("/")) == (1, 0, 10)
    assert client.get("/").status_code == 429
    clock.advance(10)
    assert client.get("/").status_code == 200
    clock.advance(10)
    assert client.get("/").status_code == 200
    clock.advance(10)
    refused = client.get("/")
    assert refused.status_code == 429
    assert standing(refused) == (3, 0, 70)


def test_quotas_are_those_of_one_app(make_app, connect):
    handler = rate_limit(1, per=60)(make_handler())
    first, second = make_app(), make_app()
    first.get("/")(handler)
    second.get("/")(handler)
    assert connect(first).get("/").status_code == 200
    assert connect(second).get("/").status_code == 200
    assert connect(first).get("/").status_code == 429


def test_the_headers_are_on_every_answer_of_the_route(make_app, connect):
    app = make_app()

    @app.get("/fail")
    @rate_limit(5, per=60)
    async def fail():
        raise ValueError("no")

    @app.get("/denied")
    @rate_limit(5, per=60)
    async def denied():
        raise HTTPException(403)

    @app.post("/csrf")
    @rate_limit(5, per=60)
    async def csrf():
        return {}

    @app.get("/free")
    async def free():
        return {}

    client = connect(app)
    for path, status in (("/fail", 500), ("/denied", 403)):
        answer = client.get(path)
        assert answer.status_code == status
        assert standing(answer) == (5, 4, 60)
    refused = client.post("/csrf")
    assert refused.status_code == 403
    assert standing(refused) == (5, 5, 0)  # refused before the quota: nothing was counted
    assert standing(client.get("/fail", headers={"host": "evil.example"})) == (5, 4, 60)
    assert client.get("/free").headers.get("ratelimit-limit") is None
    assert client.get("/missing").headers.get("ratelimit-limit") is None


def test_key_funcs_are_not_asked_for_requests_refused_before_the_quota(make_app, connect):
    app = make_app()
    asked = []
    app.post("/")(rate_limit(5, 60, key_func=lambda request: asked.append(1))(lambda: "x"))
    answer = connect(app).post("/")
    assert answer.status_code == 403
    assert standing(answer) == (5, 5, 0)
    assert asked == []


def test_users_can_shape_the_refusal(make_app, connect):
    app = make_app()
    app.get("/")(rate_limit(1, 60)(lambda: "x"))

    @app.errorhandler(429)
    async def slow_down(request, error):
        return {"slow": "down"}

    client = connect(app)
    client.get("/")
    answer = client.get("/")
    assert answer.status_code == 429
    assert answer.content == b'{"slow":"down"}'
    assert answer.headers.get("retry-after") == "60"
    assert standing(answer) == (1, 0, 60)


def test_head_counts_like_get(make_app, connect):
    app = make_app()
    app.get("/")(rate_limit(1, 60)(lambda: "x"))
    client = connect(app)
    assert client.head("/").status_code == 200
    assert client.get("/").status_code == 429


def test_websocket_handshakes_are_limited_too(make_app, connect):
    app = make_app()

    @app.websocket("/ws")
    @rate_limit(1, per=60)
    async def ws(websocket):
        await websocket.accept()

    client = connect(app)
    with client.websocket_connect("/ws"):
        pass
    assert refusal(client, "/ws").status_code == 429


# --- Keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_a_key_func_tells_callers_apart(make_app, connect, is_async):
    app = make_app()

    def by_key(request):
        return request.headers.get("x-key")

    async def by_key_async(request):
        return by_key(request)

    app.get("/")(rate_limit(1, 60, key_func=by_key_async if is_async else by_key)(lambda: "x"))
    first, second = [(b"x-key", b"1")], [(b"x-key", b"2")]
    assert connect(app).get("/", headers=first).status_code == 200
    assert connect(app, client=("192.0.2.9", 1)).get("/", headers=first).status_code == 429
    assert connect(app).get("/", headers=second).status_code == 200
    assert connect(app).get("/").status_code == 200  # None: one quota for all who have no key
    assert connect(app, client=("192.0.2.9", 1)).get("/").status_code == 429


@pytest.mark.parametrize("key", ["ann", "", 7, uuid.UUID(int=7), True])
def test_keys_may_be_text_numbers_and_uuids(make_app, connect, key):
    app = make_app()
    app.get("/")(rate_limit(1, 60, key_func=lambda request: key)(lambda: "x"))
    client = connect(app)
    assert [client.get("/").status_code, client.get("/").status_code] == [200, 429]


@pytest.mark.parametrize("key", [object(), b"bytes", ["list"], 1.5])
def test_other_keys_are_a_named_error(make_app, connect, key, caplog):
    app = make_app()
    app.get("/")(rate_limit(1, 60, key_func=lambda request: key)(lambda: "x"))
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert answer.headers.get("ratelimit-limit") == "1"
    assert "return a str" in caplog.text


def test_a_key_func_that_fails_never_lets_anyone_through(make_app, connect, caplog):
    app = make_app()
    runs = []

    def broken(request):
        return {}["x-key"]

    app.get("/")(rate_limit(1, 60, key_func=broken)(lambda: runs.append(1)))
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert runs == []
    assert "key_func" in caplog.text
    assert "broken" in caplog.text


def test_a_key_func_may_refuse_by_itself(make_app, connect):
    app = make_app()

    def by_key(request):
        raise HTTPException(401, "Send an API key.")

    app.get("/")(rate_limit(1, 60, key_func=by_key)(lambda: "x"))
    assert connect(app).get("/").status_code == 401


def test_the_readme_key_func(make_app, connect):
    app = make_app()
    app.get("/")(
        rate_limit(
            1, 60, key_func=lambda req: req.state.user if "user" in req.state else req.client_ip
        )(lambda: "x")
    )
    client = connect(app)
    assert [client.get("/").status_code, client.get("/").status_code] == [200, 429]


def test_capacity_is_a_setting(make_app, connect):
    app = make_app(RATELIMIT_MAX_KEYS=2)
    app.get("/")(rate_limit(1, 60)(lambda: "x"))
    for number in range(30):
        connect(app, client=(f"192.0.2.{number}", 1)).get("/")
    for number in range(30):
        assert connect(app, client=(f"192.0.2.{number}", 1)).get("/").status_code == 429


# --- Arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "error", "name"),
    [
        ((0, 60), {}, ValueError, "requests"),
        ((-1, 60), {}, ValueError, "requests"),
        ((1.5, 60), {}, TypeError, "requests"),
        ((True, 60), {}, TypeError, "requests"),
        ((None, 60), {}, TypeError, "requests"),
        ((5, 0), {}, ValueError, "per"),
        ((5, -1), {}, ValueError, "per"),
        ((5, float("inf")), {}, ValueError, "per"),
        ((5, float("nan")), {}, ValueError, "per"),
        ((5, "60"), {}, TypeError, "per"),
        ((5, True), {}, TypeError, "per"),
        ((5, None), {}, TypeError, "per"),
        ((5, 60), {"scope": ""}, ValueError, "scope"),
        ((5, 60), {"scope": " "}, ValueError, "scope"),
        ((5, 60), {"scope": 5}, TypeError, "scope"),
        ((5, 60), {"key_func": "user"}, TypeError, "key_func"),
    ],
)
def test_wrong_arguments_are_refused_at_decoration(arguments, options, error, name):
    with pytest.raises(error, match=f"rate_limit: {name} "):
        rate_limit(*arguments, **options)
    # As a policy of a route or blueprint it is made without the decorator.
    with pytest.raises(error, match=f"rate_limit: {name} "):
        RateLimit(*arguments, **options)


def test_headers_of_the_handlers_own_give_way_to_the_true_ones(make_app, connect):
    app = make_app()

    @app.get("/")
    @rate_limit(5, per=60)
    async def limited():
        return Response("x", headers={"RateLimit-Remaining": "99", "X-RateLimit-Limit": "99"})

    answer = connect(app).get("/")
    assert standing(answer) == (5, 4, 60)
    for name, value in (("ratelimit-remaining", "4"), ("x-ratelimit-limit", "5")):
        assert answer.headers.get_list(name) == [value]
    assert answer.headers.get_list("ratelimit-policy") == ["5;w=60"]


def test_explain_names_quota_scope_and_key(make_app):
    app = make_app()

    def by_user(request):
        return None

    @app.get("/")
    @rate_limit(5, per=60, scope="login", key_func=by_user)
    async def limited():
        return {}

    [route] = app.routes
    reasons = " ".join(stage.reason for stage in app.explain(route))
    assert "5 per 60 s" in reasons
    assert "scope 'login'" in reasons
    assert "by_user" in reasons
