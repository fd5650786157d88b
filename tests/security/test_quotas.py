"""SEC-14: quotas people need, counted in memory and in a real Redis alike."""

import asyncio

import pytest
from flasgo import Blueprint, ConfigurationError, Flasgo, HTTPException, SettingError
from flasgo_security import rate_limit, ratelimit_exempt
from flasgo_security.quotas.limit_texts import Limit, parse_limit
from flasgo_security.quotas.policy import On, RateLimit
from hypothesis import given, strategies as st


@pytest.fixture(params=["memory", "redis"])
def make(request, make_app):
    """Make an app whose quotas are counted in one of the two places."""
    storage = {}
    if request.param == "redis":
        redis = request.getfixturevalue("redis")
        storage = {"RATELIMIT_STORAGE_URI": redis.uri, "RATELIMIT_STORAGE_TIMEOUT_SECONDS": 15.0}

    def make(**settings) -> Flasgo:
        quiet = {"CSRF_ENABLED": False, "SESSION_COOKIE_SECURE": False}
        return make_app(**storage, **quiet, **settings)

    return make


def statuses(client, path: str, times: int, method: str = "GET", **options) -> list[int]:
    return [client.request(method, path, **options).status_code for _ in range(times)]


# --- Limits as text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("100/minute", (100, 60)),
        ("100 per minute", (100, 60)),
        ("5/second", (5, 1)),
        ("5 per 10 seconds", (5, 10)),
        ("10/30second", (10, 30)),
        (" 1000 / Day ", (1000, 86400)),
        ("7/2 hours", (7, 7200)),
        ("1/week", (1, 604800)),
        ("1/month", (1, 2592000)),
        ("1/year", (1, 31536000)),
    ],
)
def test_a_limit_as_text(text, limit):
    assert parse_limit(text) == Limit(*limit)


@pytest.mark.parametrize(
    "text",
    ["", "100", "100/", "/minute", "100/fortnight", "0/minute", "5/0 seconds", "-1/minute",
     "1.5/minute", "100/minute, 5/second", "\u0661/minute", "100/minutess", "x" * 99],
)  # fmt: skip
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(ValueError, match=r"not a limit"):
        parse_limit(text)
    with pytest.raises(ValueError, match="rate_limit: "):
        rate_limit(text)


@given(st.text(max_size=80))
def test_any_text_is_a_limit_or_refused(text):
    try:
        requests, per = parse_limit(text)
    except ValueError:
        return
    assert requests >= 1
    assert per >= 1


@given(st.integers(1, 10**9 - 1), st.integers(1, 10**6), st.sampled_from(["second", "hour"]))
def test_a_written_limit_is_read_back(requests, count, unit):
    seconds = {"second": 1, "hour": 3600}[unit]
    for text in (f"{requests}/{count} {unit}", f"{requests} per {count}{unit}s"):
        assert parse_limit(text) == Limit(requests, count * seconds)


def test_text_says_for_how_long():
    with pytest.raises(TypeError, match="leave out per"):
        rate_limit("5/minute", per=60)


# --- Defaults and exemptions --------------------------------------------------------------------


@pytest.fixture
def shop(make):
    app = make(RATELIMIT_DEFAULT=["2/minute", "100/hour"], RATELIMIT_DEFAULT_EXEMPT={"health"})

    @app.get("/a")
    async def a():
        return {}

    @app.get("/b/<name>")
    async def b(name):
        return {}

    @app.get("/own")
    @rate_limit(3, per=60)
    async def own():
        return {}

    @app.get("/exempt")
    @ratelimit_exempt
    async def exempt():
        return {}

    @app.get("/health")
    async def health():
        return {}

    return app


def test_each_route_without_a_quota_has_the_default_one(shop, worker):
    client = worker(shop)
    assert statuses(client, "/a", 3) == [200, 200, 429]
    assert [client.get(f"/b/{n}").status_code for n in range(3)] == [200, 200, 429]
    assert statuses(client, "/own", 4) == [200, 200, 200, 429]
    assert statuses(client, "/exempt", 5) == statuses(client, "/health", 5) == [200] * 5
    assert statuses(client, "/missing", 5) == [404] * 5
    assert "ratelimit-limit" not in client.get("/exempt").headers
    assert client.get("/a").headers["ratelimit-limit"] == "2"
    other = {"extensions": {"client": ("192.0.2.77", 1)}}
    assert client.get("/a", **other).status_code == 200


def test_what_holds_is_explained_described_and_checked(shop):
    def explained(endpoint: str) -> str:
        route = next(route for route in shop.routes if route.endpoint == endpoint)
        return " ".join(stage.reason for stage in shop.explain(route))

    assert "2 per 60 s, each route of the app" in explained("a")
    assert "where a route has no quota of its own" in explained("a")
    assert "rate_limit (3 per 60 s)" in explained("own")
    assert "rate_limit" not in explained("exempt")
    assert "rate_limit" not in explained("health")
    paths = shop.openapi_spec()["paths"]
    assert "2 per 60 s" in paths["/a"]["get"]["responses"]["429"]["description"]
    assert "429" not in paths["/exempt"]["get"]["responses"]
    found = [f for answer in shop.plugins.call_all("check_app", shop, True) for f in answer or ()]
    assert not [finding for finding in found if finding.code == "security.W014"]


def test_an_exempt_endpoint_that_does_not_exist_is_found(make_app):
    app = make_app(RATELIMIT_DEFAULT=["1/day"], RATELIMIT_DEFAULT_EXEMPT={"static", "helth"})
    found = [f for answer in app.plugins.call_all("check_app", app, False) for f in answer or ()]
    assert [f.message for f in found if f.code == "security.W014" and "helth" in f.message]


@pytest.mark.parametrize("value", [["100"], ["100/minute", "x"], [""]])
def test_a_wrong_default_stops_the_app(make_app, value):
    with pytest.raises(SettingError, match="RATELIMIT_DEFAULT"):
        make_app(RATELIMIT_DEFAULT=value)


@pytest.mark.parametrize("value", [None, "name"])
def test_only_what_has_routes_can_be_exempt(value):
    with pytest.raises(TypeError, match="a handler, a blueprint or an app"):
        ratelimit_exempt(value)


# --- Blueprints ---------------------------------------------------------------------------------


def with_blueprint(app: Flasgo, **options) -> Flasgo:
    api = Blueprint("api", prefix="/api")

    @api.get("/a")
    async def a():
        return {}

    @api.get("/b")
    async def b():
        return {}

    @api.get("/free")
    @ratelimit_exempt
    async def free():
        return {}

    @api.get("/tight")
    @rate_limit(1, per=60)
    async def tight():
        return {}

    assert rate_limit(2, per=60, **options)(api) is api
    app.register_blueprint(api)
    app.get("/outside")(lambda: "x")
    return app


def test_each_route_of_a_blueprint_has_its_own_quota(make, worker):
    client = worker(with_blueprint(make()))
    assert statuses(client, "/api/a", 3) == statuses(client, "/api/b", 3) == [200, 200, 429]
    assert statuses(client, "/api/free", 4) == statuses(client, "/outside", 4) == [200] * 4
    assert statuses(client, "/api/tight", 2) == [200, 429]


@pytest.mark.parametrize("options", [{"shared": True}, {"scope": "api"}])
def test_or_all_of_them_share_one(make, worker, options):
    app = with_blueprint(make(), **options)
    client = worker(app)
    assert client.get("/api/a").status_code == 200
    assert client.get("/api/b").status_code == 200
    assert statuses(client, "/api/a", 1) == statuses(client, "/api/b", 1) == [429]
    assert client.get("/api/free").status_code == client.get("/outside").status_code == 200


def test_a_blueprint_says_which(make_app):
    def reasons(**options):
        app = with_blueprint(make_app(), **options)
        route = next(route for route in app.routes if route.endpoint == "api.a")
        return " ".join(stage.reason for stage in app.explain(route))

    assert "each route of blueprint 'api'" in reasons()
    assert "shared by blueprint 'api'" in reasons(shared=True)
    assert "scope 'api'" in reasons(scope="api")


# --- Methods ------------------------------------------------------------------------------------


def test_a_quota_for_some_methods(make, worker):
    app = make()

    @app.route("/", methods=["GET", "POST", "PUT"])
    @rate_limit(1, per=60, methods=["post"])
    @rate_limit(2, per=60, methods=["GET"])
    async def home():
        return {}

    client = worker(app)
    assert statuses(client, "/", 2, "POST") == [200, 429]
    assert statuses(client, "/", 1) + statuses(client, "/", 2, "HEAD") == [200, 200, 429]
    assert statuses(client, "/", 5, "PUT") == [200] * 5
    assert "ratelimit-limit" not in client.put("/").headers


@pytest.mark.parametrize("methods", ["POST", [1], ["PO ST"], [""]])
def test_wrong_methods_are_refused(methods):
    with pytest.raises((TypeError, ValueError), match="method"):
        rate_limit(1, 60, methods=methods)


# --- Limits and costs that depend on the request ------------------------------------------------


def by_plan(request):
    plan = request.headers.get("x-plan", "")
    return {"paid": 3, "text": "1/minute", "staff": None, "wrong": "many", "none": 0}.get(plan, 1)


async def by_plan_async(request):
    await asyncio.sleep(0)
    return by_plan(request)


@pytest.mark.parametrize("function", [by_plan, by_plan_async])
def test_a_limit_that_depends_on_the_request(make, worker, function):
    app = make()

    @app.get("/")
    @rate_limit(function, per=60)
    async def home():
        return {}

    client = worker(app)

    def plan(name, times):
        return statuses(client, "/", times, headers={"x-plan": name})

    assert plan("", 2) == [200, 429]
    assert plan("paid", 4) == [200, 200, 200, 429]
    assert plan("staff", 9) == [200] * 9
    assert plan("text", 2) == [429, 429]  # the same numbers as without a plan
    assert plan("wrong", 1) == plan("none", 1) == [500]


@pytest.mark.parametrize("is_dynamic", [True, False])
def test_a_cost(make, worker, is_dynamic):
    app = make()
    cost = (lambda request: int(request.query.get("n", "1"))) if is_dynamic else 4

    @app.get("/")
    @rate_limit(10, per=60, cost=cost)
    async def home():
        return {}

    client = worker(app)
    path = "/?n=4"
    first = client.get(path)
    assert (first.status_code, first.headers["ratelimit-remaining"]) == (200, "6")
    assert client.get(path).status_code == 200
    refused = client.get(path)
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "2")
    assert int(refused.headers["retry-after"]) >= 1
    if is_dynamic:
        assert statuses(client, "/?n=0", 9) == [200] * 9
        assert statuses(client, "/?n=2", 2) == [200, 429]
        assert statuses(client, "/?n=99", 1) == [429]
        assert statuses(client, "/?n=-1", 1) == [500]


def test_two_quotas_with_costs_count_in_both_or_in_none(make, worker):
    app = make()

    @app.get("/")
    @rate_limit(10, per=60, cost=6, scope="large")
    @rate_limit(5, per=60, scope="small")
    async def home():
        return {}

    @app.get("/small")
    @rate_limit(5, per=60, scope="small")
    async def small():
        return {}

    client = worker(app)
    assert statuses(client, "/", 3) == [200, 429, 429]
    assert statuses(client, "/small", 5) == [200, 200, 200, 200, 429]


@pytest.mark.parametrize("cost", [0, -1, 11, True, 1.5, "1"])
def test_wrong_costs_are_refused(cost):
    with pytest.raises((TypeError, ValueError), match="cost"):
        rate_limit(10, per=60, cost=cost)


# --- Failures only ------------------------------------------------------------------------------


def log_in(app: Flasgo, on: On = "failure") -> Flasgo:
    app.state.meeting = None

    @app.post("/login")
    @rate_limit(3, per=60, on=on)
    async def login(request):
        if app.state.meeting is not None:
            await app.state.meeting.wait()
        status = int(request.query.get("status", "200"))
        if status >= 400:
            raise HTTPException(status)
        return {}, status

    return app


def test_only_refused_answers_count(make, worker):
    client = worker(log_in(make()))
    assert statuses(client, "/login", 9, "POST") == [200] * 9
    assert client.post("/login").headers["ratelimit-remaining"] == "3"
    assert statuses(client, "/login?status=401", 2, "POST") == [401, 401]
    assert statuses(client, "/login", 5, "POST") == [200] * 5
    assert statuses(client, "/login?status=500", 5, "POST") == [500] * 5
    refused = client.post("/login?status=403")
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (403, "0")
    assert statuses(client, "/login", 2, "POST") == [429, 429]


def test_a_function_says_what_counts(make, worker):
    app = log_in(make(), on=lambda request, response: response.status_code == 202)
    client = worker(app)
    assert statuses(client, "/login?status=401", 5, "POST") == [401] * 5
    assert statuses(client, "/login?status=202", 4, "POST") == [202, 202, 202, 429]


async def test_guesses_at_the_same_time_are_no_more_than_the_quota(make, worker):
    app = log_in(make())
    client = worker(app)
    await client.arun(prepare, app)
    answers = await asyncio.gather(*(client.apost("/login?status=401") for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 7


async def prepare(app: Flasgo) -> None:
    app.state.meeting = asyncio.Barrier(3)


@pytest.mark.parametrize("on", ["errors", None, 3])
def test_a_wrong_on_is_refused(on):
    with pytest.raises(ValueError, match="on is 'request'"):
        rate_limit(1, 60, on=on)


def test_an_async_on_is_refused():
    async def counts(request, response):
        return True

    with pytest.raises(TypeError, match="`def` function"):
        rate_limit(1, 60, on=counts)  # ty: ignore[invalid-argument-type]


def test_memcached_cannot_take_hits_back(make_app, connect):
    app = log_in(make_app(RATELIMIT_STORAGE_URI="memcached://127.0.0.1:1"))
    with pytest.raises(ConfigurationError, match="memcached"), connect(app):
        pass


# --- Names and addresses ------------------------------------------------------------------------


def by_user(request):
    """The recipe of docs/quotas.md."""
    return request.session.get("user") or request.client_key


def test_a_name_that_looks_like_an_address_uses_up_its_own_quota_only(make, worker):
    app = make()

    @app.get("/login/<name>")
    def login(request, name):
        request.session["user"] = name
        return "x"

    @app.get("/reports")
    @rate_limit(2, per=3600, key_func=by_user)
    async def reports():
        return "x"

    client = worker(app)
    client.get("/login/203.0.113.9")
    assert statuses(client, "/reports", 3) == [200, 200, 429]
    client.cookies.clear()
    victim = {"extensions": {"client": ("203.0.113.9", 1)}}
    assert client.get("/reports", **victim).status_code == 200


@pytest.mark.parametrize("name", ["192.0.2.1", "", "key:192.0.2.1", "None"])
def test_no_name_is_the_key_of_an_address_or_of_nobody(make_app, connect, name):
    app = make_app()
    keys = {"/name": lambda request: name, "/address": None, "/nobody": lambda request: None}
    for path, key_func in keys.items():
        handler = rate_limit(1, 60, scope="all", key_func=key_func)(lambda: "x")
        app.add_route(path, handler, endpoint=path[1:])
    client = connect(app)
    assert [client.get(path).status_code for path in keys] == [200, 200, 200]
    assert [client.get(path).status_code for path in keys] == [429, 429, 429]


# --- Beginning anew -----------------------------------------------------------------------------


async def test_a_caller_can_begin_anew(make, worker):
    app = make()
    key_func = lambda request: request.query.get("user")  # noqa: E731

    @app.get("/a")
    @rate_limit(1, per=60, key_func=key_func)
    @rate_limit(lambda request: 1, per=120, key_func=key_func)
    async def a():
        return {}

    @app.get("/b")
    @rate_limit(1, per=60, key_func=key_func, scope="b")
    async def b():
        return {}

    @app.get("/address")
    @rate_limit(1, per=60)
    async def address():
        return {}

    client = worker(app)
    paths = ["/a?user=ann", "/b?user=ann", "/a?user=bob", "/address"]

    def all_statuses():
        return [client.get(path).status_code for path in paths]

    assert all_statuses() == [200, 200, 200, 200]
    assert all_statuses() == [429, 429, 429, 429]
    await client.arun(reset, app, "ann")
    assert all_statuses() == [200, 200, 429, 429]
    await client.arun(reset, app, "ann", scope="b")
    assert all_statuses() == [429, 200, 429, 429]
    await client.arun(reset, app, "192.0.2.1")
    assert all_statuses() == [429, 429, 429, 429]
    await client.arun(reset, app, address="192.0.2.1")
    assert all_statuses() == [429, 429, 429, 200]


async def reset(app: Flasgo, *args: object, **options: object) -> None:
    await app.quota.reset(*args, **options)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("args", "options"),
    [((), {}), (("a",), {"address": "192.0.2.1"}), ((True,), {}), ((b"x",), {})],
)
async def test_a_reset_needs_one_caller(make_app, args, options):
    with pytest.raises(TypeError, match=r"app\.quota\.reset"):
        await make_app().quota.reset(*args, **options)


def test_explain_says_everything():
    policy = RateLimit(by_plan, 60, None, by_user, frozenset({"POST"}), 2, "failure")
    assert policy.explain() == (
        "rate_limit (limit by by_plan per 60 s, cost 2, on failure, POST only, key by_user)"
    )
