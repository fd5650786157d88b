"""SEC-9: which other sites' scripts may read our answers."""

from typing import Any, cast

import pytest
from flasgo import Flasgo, FlasgoError, HTTPException, Response, StreamingResponse, hookimpl
from flasgo_security import SecurityPlugin, cors, rate_limit

ORIGIN = "https://app.example.com"
ALLOW_ORIGIN = "access-control-allow-origin"


def add_routes(app):
    @app.get("/")
    async def home():
        return {}

    @app.route("/thing", methods=["GET", "PUT"])
    async def thing():
        return {}

    @app.get("/fail")
    async def fail():
        raise ValueError("no")

    @app.get("/denied")
    async def denied():
        raise HTTPException(401)

    @app.get("/limited")
    @rate_limit(1, per=60)
    async def limited():
        return {}

    @app.get("/stream")
    async def stream():
        return StreamingResponse(iter(["a"]))

    @app.get("/open")
    @cors("*", max_age=5)
    async def open_to_all():
        return {}

    @app.get("/closed")
    @cors()
    async def closed():
        return {}

    @app.post("/partner")
    @app.cors(
        "https://partner.example",
        methods=["post"],
        headers=["X-Key"],
        expose=["X-Total"],
        credentials=True,
    )
    async def partner():
        return {}

    return app


@pytest.fixture
def app(make_app):
    return add_routes(make_app(CORS_ORIGINS={ORIGIN, "http://localhost:3000"}))


def ask(client, path="/", method="GET", origin: str | None = ORIGIN, headers=()):
    own = [] if origin is None else [(b"origin", origin.encode())]
    return client.request(method, path, headers=[*own, *headers])


def preflight(client, path="/", method="GET", headers: str | None = None, extra=(), **options):
    own = [(b"access-control-request-method", method.encode())]
    if headers is not None:
        own.append((b"access-control-request-headers", headers.encode()))
    return ask(client, path, "OPTIONS", headers=[*own, *extra], **options)


def grants(answer) -> dict[str, str]:
    return {
        name.removeprefix("access-control-allow-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-allow-")
    }


# --- Off ----------------------------------------------------------------------------------------


def test_off_is_the_default_and_costs_nothing(make_app, connect):
    app = make_app()
    app.get("/")(lambda: "x")
    answer = ask(connect(app))
    assert grants(answer) == {}
    assert answer.headers.get("vary") is None
    assert grants(preflight(connect(app))) == {}
    assert not [stage for stage in app.explain(app.routes[0]) if "cors" in stage.plugin]
    unmatched = app._compile().unmatched
    assert not [stage for stage in unmatched.stages if "cors" in stage.plugin]


def test_a_policy_on_one_route_concerns_that_route_only(make_app, connect):
    app = add_routes(make_app())
    assert grants(ask(connect(app), "/open")) == {"origin": "*"}
    assert grants(ask(connect(app))) == {}
    plugins = {route.path: {stage.plugin for stage in app.explain(route)} for route in app.routes}
    assert "security.cors" in plugins["/open"]
    assert "security.cors" not in plugins["/"]


# --- Answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_listed_origins_may_read(app, connect, origin):
    answer = ask(connect(app), origin=origin)
    assert grants(answer) == {"origin": origin}
    assert answer.headers.get("vary") == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://APP.example.com",
        "https://app.example.com/",
        "https://app.example.com, https://evil.example",
        "https://sub.app.example.com",
        "http://localhost",
    ],
)
def test_others_may_not_and_caches_are_told(app, connect, origin):
    answer = ask(connect(app), origin=origin)
    assert answer.status_code == 200
    assert grants(answer) == {}
    assert answer.headers.get("vary") == "Origin"


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/missing", {}, 404),
        ("/", {"method": "POST"}, 405),
        ("/fail", {}, 500),
        ("/denied", {}, 401),
        ("/thing", {"method": "PUT"}, 403),  # CSRF
        ("/", {"headers": [(b"host", b"evil.example")]}, 400),
        ("/stream", {}, 200),
    ],
)
def test_it_is_present_on_errors(app, connect, path, options, status):
    answer = ask(connect(app), path, **options)
    assert answer.status_code == status
    assert grants(answer) == {"origin": ORIGIN}
    assert "Origin" in answer.headers.get("vary")


def test_it_is_present_on_429(app, connect):
    assert ask(connect(app), "/limited").status_code == 200
    refused = ask(connect(app), "/limited")
    assert refused.status_code == 429
    assert grants(refused) == {"origin": ORIGIN}


def test_a_handlers_own_value_wins(make_app, connect):
    app = make_app(CORS_ORIGINS={ORIGIN})
    own = {"Access-Control-Allow-Origin": "https://own.example"}
    app.get("/")(lambda: Response("x", headers=own))
    assert grants(ask(connect(app))) == {"origin": "https://own.example"}


def test_credentials_and_exposed_headers(make_app, connect):
    app = make_app(
        CORS_ORIGINS={ORIGIN}, CORS_CREDENTIALS=True, CORS_EXPOSE_HEADERS={"X-Total", "ETag"}
    )
    app.get("/")(lambda: "x")
    answer = ask(connect(app))
    assert grants(answer) == {"origin": ORIGIN, "credentials": "true"}
    assert answer.headers.get("access-control-expose-headers") == "ETag, X-Total"
    assert grants(ask(connect(app), origin="https://evil.example")) == {}


def test_everybody_may_read_without_varying(make_app, connect):
    app = make_app(CORS_ORIGINS={"*"})
    app.get("/")(lambda: "x")
    for origin in (ORIGIN, "null"):
        answer = ask(connect(app), origin=origin)
        assert grants(answer) == {"origin": "*"}
        assert answer.headers.get("vary") is None


def test_a_routes_own_rules_hold_instead_of_the_apps(app, connect):
    assert grants(ask(connect(app), "/closed")) == {}
    assert grants(ask(connect(app), "/open", origin="https://anyone.example")) == {"origin": "*"}
    partner = {"origin": "https://partner.example"}
    same_origin = [(b"sec-fetch-site", b"none")]
    answer = ask(connect(app), "/partner", "POST", **partner, headers=same_origin)
    assert answer.status_code == 200
    assert grants(answer) == {"origin": "https://partner.example", "credentials": "true"}
    assert answer.headers.get("access-control-expose-headers") == "X-Total"
    assert grants(ask(connect(app), "/partner", "POST", headers=same_origin)) == {}


def test_a_session_and_an_origin_vary_together(make_app, connect):
    app = make_app(CORS_ORIGINS={ORIGIN}, CORS_CREDENTIALS=True)

    @app.get("/")
    async def page(request):
        return dict(request.session)

    assert set(ask(connect(app)).headers.get("vary").split(", ")) == {"Cookie", "Origin"}


# --- Preflights ---------------------------------------------------------------------------------


def test_a_preflight_is_answered_without_the_handler(app, connect):
    answer = preflight(connect(app), "/thing", "PUT", "Content-Type")
    assert answer.status_code == 204
    assert grants(answer) == {"origin": ORIGIN, "methods": "PUT", "headers": "content-type"}
    assert answer.headers.get("access-control-max-age") == "600"
    assert set(answer.headers.get("vary").split(", ")) == {
        "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers",
    }  # fmt: skip
    assert answer.headers.get("x-frame-options") == "DENY"


@pytest.mark.parametrize(
    ("path", "method", "options"),
    [
        ("/thing", "PUT", {"origin": "https://evil.example"}),
        ("/thing", "PUT", {"origin": "null"}),
        ("/thing", "DELETE", {}),
        ("/thing", "put", {}),
        ("/thing", "PUT", {"headers": "x-secret"}),
        ("/thing", "PUT", {"headers": "content-type, authorization"}),
        ("/thing", "PUT", {"headers": "x" * 5000}),
        ("/missing", "GET", {}),
        ("/open", "GET", {"headers": "x-secret"}),
        ("/partner", "POST", {}),
        ("/partner", "PUT", {"origin": "https://partner.example"}),
    ],
)
def test_what_the_rules_do_not_allow_is_refused(app, connect, path, method, options):
    answer = preflight(connect(app), path, method, **options)
    assert answer.status_code == 400
    assert b"cors_refused" in answer.content
    assert grants(answer) == {}


def test_a_preflight_for_a_route_with_its_own_rules(app, connect):
    answer = preflight(connect(app), "/partner", "POST", "x-key", origin="https://partner.example")
    assert grants(answer) == {
        "origin": "https://partner.example", "credentials": "true",
        "methods": "POST", "headers": "x-key",
    }  # fmt: skip
    answer = preflight(connect(app), "/open", "GET", origin="https://anyone.example")
    assert grants(answer) == {"origin": "*", "methods": "GET"}
    assert answer.headers.get("access-control-max-age") == "5"


def test_a_route_that_is_closed_grants_nothing(app, connect):
    answer = preflight(connect(app), "/closed", "GET")
    assert answer.status_code == 204  # like any OPTIONS
    assert grants(answer) == {}


def test_methods_may_be_narrowed(make_app, connect):
    app = add_routes(make_app(CORS_ORIGINS={ORIGIN}, CORS_METHODS={"GET"}))
    assert preflight(connect(app), "/thing", "GET").status_code == 204
    assert preflight(connect(app), "/thing", "PUT").status_code == 400


def test_an_ordinary_options_request_is_none(app, connect):
    answer = ask(connect(app), "/thing", "OPTIONS")
    assert answer.status_code == 204
    assert answer.headers.get("allow") == "GET, HEAD, OPTIONS, PUT"
    assert grants(answer) == {"origin": ORIGIN}


def test_a_handler_for_options_gets_what_is_no_preflight(make_app, connect):
    app = make_app(CORS_ORIGINS={ORIGIN})
    app.route("/", methods=["GET", "OPTIONS"])(lambda: "own")
    assert preflight(connect(app)).status_code == 204
    assert ask(connect(app), "/", "OPTIONS").content == b"own"


@pytest.mark.parametrize("is_allowed", [True, False])
def test_private_networks(make_app, connect, is_allowed):
    app = make_app(CORS_ORIGINS={ORIGIN}, CORS_PRIVATE_NETWORK=is_allowed)
    app.get("/")(lambda: "x")
    extra = [(b"access-control-request-private-network", b"true")]
    answer = preflight(connect(app), extra=extra)
    assert ("private-network" in grants(answer)) is is_allowed
    assert "Access-Control-Request-Private-Network" in answer.headers.get("vary")


def test_preflights_come_before_authorization(make_app, connect):
    class Door:
        name = "door"

        @hookimpl
        def authorize(self, request):
            raise HTTPException(401)

    app = add_routes(make_app(Door(), CORS_ORIGINS={ORIGIN}))
    assert preflight(connect(app), "/thing", "PUT").status_code == 204
    assert ask(connect(app), "/thing").status_code == 401


def test_refusing_other_sites_counts_no_failure_against_the_visitor(make_app, connect):
    app = add_routes(make_app(CORS_ORIGINS={ORIGIN}, SECURITY_FAILURE_RATE_LIMIT=1))
    for _ in range(5):
        assert preflight(connect(app), origin="https://evil.example").status_code == 400
    assert connect(app).get("/").status_code == 200


# --- Mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"CORS_ORIGINS": {"*"}, "CORS_CREDENTIALS": True}, "CWE-942"),
        ({"CORS_ORIGINS": {"*", ORIGIN}}, "leave out the other"),
        ({"CORS_ORIGINS": {"null"}}, "sandboxed"),
        ({"CORS_ORIGINS": {"app.example.com"}}, "not an origin"),
        ({"CORS_ORIGINS": {"https://*.*.example.com"}}, "one label only"),
        ({"CORS_ORIGINS": {"https://app.*.example.com"}}, "one label only"),
        ({"CORS_ORIGINS": {"https://a*.example.com"}}, "one label only"),
        ({"CORS_ORIGINS": {"*.example.com"}}, "one label only"),
        ({"CORS_ORIGINS": {"https://*.com"}}, "top-level domain"),
        ({"CORS_ORIGINS": {"https://*.Example.com"}}, "browsers write"),
        ({"CORS_ORIGINS": {"https://*.example.com:443"}}, "browsers write"),
        ({"CORS_ORIGINS": {"https://*.example.com/"}}, "one label only"),
        ({"CORS_ORIGINS": {"*", "https://*.example.com"}}, "leave out the other"),
        ({"CORS_ORIGIN_FUNC": "no.such.function"}, "cannot be imported"),
        ({"CORS_ORIGIN_FUNC": 3}, "a function"),
        ({"CORS_ORIGINS": {"https://app.example.com/"}}, "not an origin"),
        ({"CORS_ORIGINS": {"https://APP.example.com"}}, "browsers write"),
        ({"CORS_ORIGINS": {"https://app.example.com:443"}}, "browsers write"),
        ({"CORS_ORIGINS": {ORIGIN}, "CORS_HEADERS": {"*"}}, "one by one"),
        ({"CORS_ORIGINS": {ORIGIN}, "CORS_HEADERS": {"a b"}}, "not the name of a header"),
        ({"CORS_ORIGINS": {ORIGIN}, "CORS_METHODS": {"GE T"}}, "not the name of a method"),
        ({"CORS_MAX_AGE_SECONDS": -1}, "0 or more"),
    ],
)
def test_wrong_settings_stop_the_app(make_app, settings, advice):
    with pytest.raises(FlasgoError, match=advice):
        make_app(**settings)


async def async_origin_func(origin, request):
    return True


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: cors("*", credentials=True), ValueError),
        (lambda: cors("null"), ValueError),
        (lambda: cors("app.example.com"), ValueError),
        (lambda: cors(ORIGIN, methods="GET"), TypeError),
        (lambda: cors(ORIGIN, headers="x-key"), TypeError),
        (lambda: cors(ORIGIN, expose="x-key"), TypeError),
        (lambda: cors(ORIGIN, max_age=-1), ValueError),
        (lambda: cors(ORIGIN, max_age=cast("int", True)), ValueError),
        (lambda: cors(cast("str", print)), TypeError),
        (lambda: cors("https://*.com"), ValueError),
        (lambda: cors(origin_func=cast("Any", 3)), ValueError),
        (lambda: cors(origin_func=cast("Any", async_origin_func)), ValueError),
    ],
)
def test_mistakes_show_at_decoration(make, error):
    with pytest.raises(error, match="cors"):
        make()


def test_explain_names_who_may_read(make_app):
    app = add_routes(make_app())
    reasons = {
        route.path: " ".join(policy.explain() for policy in route.policies) for route in app.routes
    }
    assert reasons["/partner"] == "cors (https://partner.example, with credentials)"
    assert reasons["/closed"] == "cors (no origin)"


# --- Paths that want the other slash ------------------------------------------------------------


@pytest.fixture
def slashes(make_app):
    app = make_app(CORS_ORIGINS={ORIGIN}, CORS_HEADERS={"authorization"})

    @app.get("/items/")
    async def items():
        return {}

    @app.get("/prices/")
    @cors("https://partner.example")
    async def prices():
        return {}

    @app.post("/orders/")
    async def orders():
        return {}

    return app


def test_a_preflight_fits_the_redirect_that_the_request_will_meet(slashes, connect):
    client = connect(slashes)
    answer = preflight(client, "/items", "GET", "authorization")
    assert answer.status_code == 204
    assert grants(answer) == {"origin": ORIGIN, "methods": "GET", "headers": "authorization"}
    redirected = client.get("/items", headers={"origin": ORIGIN}, follow_redirects=False)
    assert redirected.status_code == 308
    assert redirected.headers[ALLOW_ORIGIN] == ORIGIN


def test_the_rules_are_those_of_the_route_behind_the_redirect(slashes, connect):
    client, partner = connect(slashes), "https://partner.example"
    assert grants(preflight(client, "/prices", "GET", origin=partner))["origin"] == partner
    assert preflight(client, "/prices", "GET").status_code == 400
    for origin, granted in ((partner, partner), (ORIGIN, None)):
        answer = client.get("/prices", headers={"origin": origin}, follow_redirects=False)
        assert (answer.status_code, answer.headers.get(ALLOW_ORIGIN)) == (308, granted)


def test_a_page_can_read_that_its_post_wants_the_other_slash(slashes, connect):
    client = connect(slashes)
    assert preflight(client, "/orders", "POST").status_code == 204
    answer = client.post("/orders", headers={"origin": ORIGIN, "authorization": "Bearer x"})
    assert answer.status_code in (403, 404)
    assert answer.headers[ALLOW_ORIGIN] == ORIGIN


# --- Patterns and functions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "may_read"),
    [
        ("https://a.example.com", True),
        ("https://a-1.example.com", True),
        ("https://example.com", False),
        ("https://.example.com", False),
        ("https://a.b.example.com", False),
        ("http://a.example.com", False),
        ("https://a.example.com:8443", False),
        ("https://a.example.com.evil.example", False),
        ("https://aexample.com", False),
        ("https://evil.example/.example.com", False),
        ("https://evil.example#.example.com", False),
        ("https://evil@a.example.com", False),
        ("https://A.example.com", False),
        ("https://*.example.com", False),
        ("https://-a.example.com", False),
        ("https://a.localhost:3000", True),
        ("null", False),
    ],
)
def test_a_pattern_stands_for_one_label(make_app, connect, origin, may_read):
    app = add_routes(
        make_app(
            CORS_ORIGINS={"https://*.example.com", "https://*.localhost:3000"},
            CORS_CREDENTIALS=True,
        )
    )
    client = connect(app)
    answer = client.get("/", headers={"origin": origin})
    assert answer.headers.get(ALLOW_ORIGIN) == (origin if may_read else None)
    assert "Origin" in answer.headers["vary"]
    assert preflight(client, "/thing", "PUT", origin=origin).status_code == (
        204 if may_read else 400
    )


def test_what_clients_choose_is_not_kept(make_app, connect):
    plugin = SecurityPlugin()
    app = Flasgo(
        settings={
            "SECRET_KEY": "5f0c8e1d7a3b49266e0d9c84b1f7a2d3",
            "CORS_ORIGINS": {"https://*.example.com", ORIGIN},
        },
        plugins=[plugin],
        discover=False,
    )
    client = connect(add_routes(app))
    for number in range(50):
        origin = f"https://a{number}.example.com"
        assert client.get("/", headers={"origin": origin}).headers[ALLOW_ORIGIN] == origin
    assert client.get("/", headers={"origin": ORIGIN}).headers[ALLOW_ORIGIN] == ORIGIN
    assert len(plugin.cors._blocks) == 1


def of_a_tenant(origin, request):
    """Whether an origin belongs to the tenant whose data is asked for."""
    return origin == f"https://{request.query.get('tenant', 'nobody')}.example"


@pytest.mark.parametrize("as_name", [True, False])
def test_a_function_may_tell(make_app, connect, as_name):
    function = f"{__name__}.of_a_tenant" if as_name else of_a_tenant
    app = make_app(CORS_ORIGINS={ORIGIN}, CORS_ORIGIN_FUNC=function)
    app.get("/")(lambda: "x")

    @app.get("/own")
    @cors(origin_func=lambda origin, request: origin.endswith(".test"), credentials=True)
    async def own():
        return {}

    client = connect(app)

    def may_read(path, origin):
        return client.get(path, headers={"origin": origin}).headers.get(ALLOW_ORIGIN) == origin

    assert may_read("/", ORIGIN)
    assert may_read("/?tenant=tea", "https://tea.example")
    assert not may_read("/?tenant=tea", "https://coffee.example")
    assert may_read("/own", "https://a.test")
    assert not may_read("/own", ORIGIN)
    # Only what browsers send is put to the function.
    for junk in ("null", "https://A.test", "https://x/.test", "https://a.test:443", "a.test"):
        assert not may_read("/own", junk)
    assert preflight(client, "/?tenant=tea", "GET", origin="https://tea.example").status_code == 204


@pytest.mark.parametrize("answer", [1, "yes", None])
def test_a_function_that_does_not_say_yes_or_no_is_named(make_app, connect, answer):
    app = make_app(CORS_ORIGIN_FUNC=lambda origin, request: answer)
    app.get("/")(lambda: "x")
    refused = connect(app).get("/", headers={"origin": ORIGIN})
    assert refused.status_code == 500
    assert ALLOW_ORIGIN not in refused.headers
    assert "must answer True or False" in str(refused.extensions["exception"])
