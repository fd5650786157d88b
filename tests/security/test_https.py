"""SEC-10: plain http goes to https."""

import pytest
from flasgo import SettingError


@pytest.fixture
def app(make_app):
    app = make_app(HTTPS_REDIRECT=True, HTTPS_REDIRECT_EXEMPT={"/health"})

    @app.route("/a b/<name>", methods=["GET", "POST"])
    async def page(name):
        return {"name": name}

    @app.get("/health")
    async def health():
        return "fine"

    @app.websocket("/ws")
    async def ws(websocket):
        await websocket.accept()

    return app


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_it_redirects_for_good_and_keeps_the_method(app, call, method):
    answer = call(app, "/a b/x?y=1&z=%20", method)
    assert answer.status == 308
    assert answer.header("location") == "https://localhost/a%20b/x?y=1&z=%20"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("strict-transport-security") is None


def test_unknown_paths_are_redirected_too(app, call):
    assert call(app, "/missing").header("location") == "https://localhost/missing"


def test_the_port_of_http_is_not_that_of_https(app, call):
    assert call(app, "/", host=b"LOCALHOST:8000").header("location") == "https://localhost/"


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/x\r\ny: z"])
def test_no_path_leads_elsewhere(app, call, path):
    location = call(app, path).header("location")
    assert location is None or (location.startswith("https://localhost/") and "\n" not in location)


def test_an_unchecked_host_gets_into_no_redirect(app, call):
    answer = call(app, "/", host=b"evil.example")
    assert answer.status == 400
    assert answer.header("location") is None


def test_https_passes(app, call):
    answer = call(app, "/a b/x", scheme="https")
    assert answer.status == 200
    assert "max-age" in answer.header("strict-transport-security")


def test_exempt_paths_are_answered(app, call):
    assert call(app, "/health").status == 200
    assert call(app, "/health/x").status == 308


def test_plain_websockets_are_refused(app, call):
    assert call.websocket(app, "/ws")[0]["type"] == "websocket.close"


def test_the_word_of_a_trusted_proxy_counts(make_app, call):
    app = make_app(HTTPS_REDIRECT=True, TRUSTED_PROXIES={"10.0.0.0/8"})
    app.get("/")(lambda: "x")
    headers = [(b"x-forwarded-proto", b"https")]
    assert call(app, headers=headers, client=("10.0.0.1", 1)).status == 200
    assert call(app, headers=headers).status == 308


def test_off_is_the_default(make_app, call):
    app = make_app()
    app.get("/")(lambda: "x")
    assert call(app).status == 200


def test_exempt_entries_are_paths(make_app):
    with pytest.raises(SettingError, match="begin it with '/'"):
        make_app(HTTPS_REDIRECT_EXEMPT={"health"})
