"""The plugin as a whole."""

import asyncio

import flasgo_security
import pytest
from flasgo import Flasgo, UnenforcedPolicyError
from flasgo_security import SecurityPlugin, csp, csrf_exempt, rate_limit
from flasgo_testing import TestClient


def test_the_index_is_complete():
    for name in flasgo_security.__all__:
        assert getattr(flasgo_security, name, None) is not None or name == "session"


def test_what_the_plugin_brings(make_app):
    [info] = (plugin for plugin in make_app().plugins if not plugin.builtin)
    assert info.name == "security"
    assert {
        "cors", "csp", "csrf_exempt", "ratelimit", "revoke_session", "security_event"
    } <= set(info.methods)  # fmt: skip
    for name in (
        "ALLOWED_HOSTS",
        "CSRF_ENABLED",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_HTTP_ONLY",
        "SECURITY_FAILURE_RATE_LIMIT",
        "SECURITY_FAILURE_WINDOW_SECONDS",
    ):
        assert name in info.settings


def test_it_is_found_by_its_entry_point():
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz"})
    assert app.plugins["security"].distribution == "flasgo-security"


@pytest.mark.parametrize("decorate", [csrf_exempt, rate_limit(1, 1), csp("img-src *")])
def test_without_the_plugin_its_policies_stop_the_app(connect, decorate):
    app = Flasgo(discover=False)

    @app.get("/")
    @decorate
    async def home():
        return {}

    with pytest.raises(UnenforcedPolicyError, match="flasgo-security"):
        connect(app, raise_server_exceptions=True).get("/")


def test_a_plain_get_passes_three_hooks(make_app):
    app = make_app()

    @app.get("/")
    async def home():
        return {}

    [route] = app.routes
    stages = [(stage.stage, stage.plugin, stage.kind) for stage in app.explain(route)]
    assert [stage for stage in stages if stage[1] != "app"] == [
        ("request_started", "security.hosts", "sync"),
        ("error_response", "error_pages", "sync"),
        ("response_finalize", "security.cookies", "sync"),
        ("response_finalize", "security.headers", "sync"),
    ]


def test_the_order_of_an_unsafe_limited_route(make_app):
    app = make_app(SECURITY_FAILURE_RATE_LIMIT=5)

    @app.post("/")
    @rate_limit(1, per=1)
    @csp("img-src *")
    async def home():
        return {}

    [route] = app.routes
    stages = [(stage.stage, stage.plugin) for stage in app.explain(route)]
    gates = [plugin for stage, plugin in stages if stage in {"request_started", "ratelimit_check"}]
    assert gates == ["security.throttle", "security.hosts", "security.csrf", "security.ratelimit"]
    finalizers = [plugin for stage, plugin in stages if stage == "response_finalize"]
    assert finalizers[-1] == "security.csp"  # in the place of security.headers


def test_two_apps_share_nothing(make_app, connect):
    first, second = make_app(ALLOWED_HOSTS={"a.example"}), make_app(ALLOWED_HOSTS={"b.example"})
    for app in (first, second):
        app.get("/")(lambda: "x")
    assert connect(first).get("/", headers={"host": "a.example"}).status_code == 200
    assert connect(second).get("/", headers={"host": "a.example"}).status_code == 400


def test_it_can_be_registered_late(connect):
    app = Flasgo(discover=False)
    app.get("/")(lambda: "x")
    client = connect(app)
    assert client.get("/", headers={"host": "evil.example"}).status_code == 200
    app.plugins.register(SecurityPlugin())
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/").headers.get("x-frame-options") == "DENY"


async def test_sessions_are_apart_under_concurrency(make_app):
    app = make_app(SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False)

    @app.get("/<name>")
    async def page(request, name):
        request.session["name"] = name
        await asyncio.sleep(0)
        return {"name": request.session["name"], "nonce": request.csp_nonce}

    client = TestClient(app)
    answers = await asyncio.gather(*(client.arequest("GET", f"/{n}") for n in range(30)))
    assert [answer.json()["name"] for answer in answers] == [str(n) for n in range(30)]
    for answer in answers:
        assert answer.json()["nonce"] in answer.headers["content-security-policy"]


def test_the_quick_start_form_works_in_a_browser_and_not_across_sites(make_app):
    app = make_app(
        DEBUG=True, CSRF_ENABLED=True, SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False
    )

    @app.post("/contact")
    async def contact(request):
        return {"email": (await request.form()).get("email")}

    browser = TestClient(app, headers={"Sec-Fetch-Site": "same-origin"})
    assert browser.post("/contact", data={"email": "a@b.c"}).json() == {"email": "a@b.c"}
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert TestClient(app).post("/contact", data={"email": "x"}, headers=evil).status_code == 403
