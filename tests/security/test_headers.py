"""SEC-4: hardened headers on every response."""

from typing import cast

import pytest
from flasgo import FlasgoError, Response, SettingError, StreamingResponse, hookimpl
from flasgo_security import ContentSecurityPolicy, csp
from flasgo_security.csp import DEFAULT_POLICY
from flasgo_security.headers import Csp

HARDENED = {
    "content-security-policy": str(DEFAULT_POLICY),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def add_routes(app):
    @app.get("/")
    async def home():
        return {}

    @app.get("/nonce")
    async def nonce(request):
        return {"first": request.csp_nonce, "second": request.csp_nonce}

    @app.get("/own")
    async def own(request):
        request.csp_nonce  # noqa: B018 - asking is what counts
        return Response.html(
            "x", headers={"Content-Security-Policy": "img-src *", "X-Frame-Options": "SAMEORIGIN"}
        )

    @app.get("/fail")
    async def fail():
        raise ValueError("no")

    @app.get("/stream")
    async def stream():
        async def chunks():
            yield "a"

        return StreamingResponse(chunks())

    return app


@pytest.fixture
def app(make_app):
    return add_routes(make_app())


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/", "HEAD", 200),
        ("/", "POST", 405),
        ("/", "OPTIONS", 204),
        ("/missing", "GET", 404),
        ("/fail", "GET", 500),
        ("/stream", "GET", 200),
        ("/a%2fb", "GET", 404),
    ],
)
def test_every_answer_has_them_once(app, connect, path, method, status):
    answer = connect(app).request(method, path)
    assert answer.status_code == status
    for name, value in HARDENED.items():
        assert answer.headers.get_list(name) == [value], name
    assert "camera=()" in answer.headers.get("permissions-policy")


def test_refused_heads_and_hosts_have_them_too(app, connect):
    client = connect(app)
    for answer in (
        client.get("/", headers={"x": b"y" * 100_000}),
        client.get("/", headers={"host": "evil.example"}),
    ):
        assert answer.status_code in {400, 431}
        assert answer.headers.get("x-frame-options") == "DENY"


def test_hsts_is_for_https_only(app, connect):
    client = connect(app)
    assert client.get("/").headers.get("strict-transport-security") is None
    secure = client.get("https://localhost/").headers.get("strict-transport-security")
    assert secure == "max-age=31536000; includeSubDomains"


def test_a_handlers_own_value_wins(app, connect):
    answer = connect(app).get("/own")
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert answer.headers.get_list("content-security-policy") == ["img-src *"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def test_each_is_a_setting(make_app, connect):
    app = add_routes(
        make_app(
            CONTENT_SECURITY_POLICY={"default-src": ["'none'"]},
            CONTENT_SECURITY_POLICY_REPORT_ONLY="default-src 'self'; report-uri /csp",
            STRICT_TRANSPORT_SECURITY="max-age=60",
            X_FRAME_OPTIONS="SAMEORIGIN",
            REFERRER_POLICY="no-referrer",
            PERMISSIONS_POLICY="",
            CROSS_ORIGIN_OPENER_POLICY=None,
            X_CONTENT_TYPE_OPTIONS=None,
            CACHE_CONTROL=None,
        )
    )
    answer = connect(app).get("https://localhost/")
    assert answer.headers.get("content-security-policy") == "default-src 'none'"
    report_only = answer.headers.get("content-security-policy-report-only")
    assert report_only == "default-src 'self'; report-uri /csp"
    assert answer.headers.get("strict-transport-security") == "max-age=60"
    assert answer.headers.get("x-frame-options") == "SAMEORIGIN"
    assert answer.headers.get("referrer-policy") == "no-referrer"
    for name in ("permissions-policy", "cross-origin-opener-policy", "x-content-type-options",
                 "cache-control"):  # fmt: skip
        assert answer.headers.get(name) is None


@pytest.mark.parametrize("off", [None, "", {}])
def test_the_policy_can_be_switched_off(make_app, connect, off):
    app = add_routes(make_app(CONTENT_SECURITY_POLICY=off, STRICT_TRANSPORT_SECURITY=None))
    answer = connect(app).get("https://localhost/nonce")
    assert answer.headers.get("content-security-policy") is None
    assert answer.headers.get("strict-transport-security") is None


def test_a_policy_object_is_a_setting(make_app, connect):
    app = add_routes(make_app(CONTENT_SECURITY_POLICY=ContentSecurityPolicy(img_src="*")))
    assert connect(app).get("/").headers.get("content-security-policy") == "img-src *"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTENT_SECURITY_POLICY", "scripts-src 'self'"),
        ("CONTENT_SECURITY_POLICY", {"default-src": "self"}),
        ("CONTENT_SECURITY_POLICY_REPORT_ONLY", {"default-src": ["a;b"]}),
        ("X_FRAME_OPTIONS", "DENY\r\nx: y"),
        ("REFERRER_POLICY", "no\x00"),
        ("CACHE_CONTROL", 5),
    ],
)
def test_wrong_values_stop_the_app(make_app, name, value):
    with pytest.raises(SettingError, match=name):
        make_app(**{name: value})


# --- Nonces -------------------------------------------------------------------------------------


def test_a_nonce_is_in_the_policy_only_when_it_was_used(app, connect):
    client = connect(app)
    first, second = client.get("/nonce"), client.get("/nonce")
    shown = first.json()
    nonce = shown["first"]
    assert nonce == shown["second"]
    assert len(nonce) >= 22
    policy = first.headers.get("content-security-policy")
    assert f"script-src 'self' 'nonce-{nonce}'" in policy
    assert f"style-src 'self' 'nonce-{nonce}'" in policy
    assert first.headers.get_list("content-security-policy") == [policy]
    assert policy != second.headers.get("content-security-policy")
    assert "nonce" not in client.get("/").headers.get("content-security-policy")


# --- Routes with their own policy ---------------------------------------------------------------


def test_a_route_replaces_directives_or_the_whole(make_app, connect):
    app = make_app()

    @app.get("/map")
    @csp(img_src=["'self'", "https://tiles.example.com"])
    async def map_page():
        return "map"

    @app.csp("default-src 'none'")
    @app.get("/api")
    async def api():
        return {}

    @app.get("/off")
    @csp("")
    async def off():
        return "off"

    @app.get("/both")
    @csp(img_src="data:")
    @csp("default-src 'none'", font_src="https://f.example")
    async def both():
        return "both"

    def policy(path: str) -> list[str]:
        return connect(app).get(path).headers.get_list("content-security-policy")

    assert policy("/map") == [f"{DEFAULT_POLICY}; img-src 'self' https://tiles.example.com"]
    assert policy("/api") == ["default-src 'none'"]
    assert policy("/both") == ["default-src 'none'; font-src https://f.example; img-src data:"]
    assert policy("/off") == []
    assert policy("/missing") == [str(DEFAULT_POLICY)]


def test_a_routes_policy_gets_the_nonce_and_yields_to_the_handler(make_app, connect):
    app = make_app()

    @app.get("/nonce")
    @csp("script-src 'none'")
    async def nonce(request):
        return request.csp_nonce

    @app.get("/own")
    @csp("script-src 'none'")
    async def own():
        return "x", 200, {"content-security-policy": "img-src *"}

    client = connect(app)
    answer = client.get("/nonce")
    expected = f"script-src 'nonce-{answer.content.decode()}'"
    assert answer.headers.get_list("content-security-policy") == [expected]
    assert client.get("/own").headers.get_list("content-security-policy") == ["img-src *"]


@pytest.mark.parametrize(
    ("decorate", "error"),
    [
        (lambda: csp(), TypeError),
        (lambda: csp(cast("str", print)), TypeError),
        (lambda: csp(scripts_src="x"), ValueError),
        (lambda: csp("default-src self"), ValueError),
    ],
)
def test_mistakes_show_at_decoration(decorate, error):
    with pytest.raises(error):
        decorate()


def test_explain_shows_the_policy():
    assert Csp(None, (("img-src", ("*",)),)).explain() == "csp (img-src *)"
    assert Csp(ContentSecurityPolicy()).explain() == "csp (none)"


# --- Sources of plugins -------------------------------------------------------------------------


class Widgets:
    name = "widgets"

    def __init__(self, sources: object) -> None:
        self.sources = sources

    @hookimpl(optionalhook=True)
    def csp_sources(self) -> object:
        return self.sources


def test_plugins_contribute_sources(make_app, connect):
    class Gadgets(Widgets):
        name = "gadgets"

    app = add_routes(
        make_app(
            Widgets({"script-src": ["https://w.example"], "img_src": "data:"}),
            Gadgets({"script-src": ["https://g.example"]}),
            Nothing(),
        )
    )
    policy = connect(app).get("/").headers.get("content-security-policy")
    assert "script-src 'self' https://g.example https://w.example" in policy
    assert "img-src 'self' data:" in policy


class Nothing:
    name = "nothing"

    @hookimpl(optionalhook=True)
    def csp_sources(self) -> None:
        return None


def test_contributions_do_not_revive_a_policy_that_is_off(make_app, connect):
    app = add_routes(make_app(Widgets({"img-src": "data:"}), CONTENT_SECURITY_POLICY=None))
    assert connect(app).get("/").headers.get("content-security-policy") is None


@pytest.mark.parametrize("sources", [["https://w.example"], {"scripts-src": "x"}])
def test_wrong_contributions_stop_the_app(make_app, sources):
    with pytest.raises((FlasgoError, ValueError)):
        make_app(Widgets(sources))
