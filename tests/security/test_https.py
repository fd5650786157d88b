"""SEC-10: plain http goes to https."""

import pytest
from flasgo import SettingError

from tests.conftest import refusal


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
def test_it_redirects_for_good_and_keeps_the_method(app, connect, method):
    answer = connect(app).request(method, "/a b/x?y=1&z=%20")
    assert answer.status_code == 308
    assert answer.headers.get("location") == "https://localhost/a%20b/x?y=1&z=%20"
    assert answer.headers.get("x-frame-options") == "DENY"
    assert answer.headers.get("strict-transport-security") is None


def test_unknown_paths_are_redirected_too(app, connect):
    assert connect(app).get("/missing").headers.get("location") == "https://localhost/missing"


def test_the_port_of_http_is_not_that_of_https(app, connect):
    answer = connect(app).get("/", headers={"host": "LOCALHOST:8000"})
    assert answer.headers["location"] == "https://localhost/"


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/x\r\ny: z"])
def test_no_path_leads_elsewhere(app, connect, path):
    location = connect(app).get(path).headers.get("location")
    assert location is None or (location.startswith("https://localhost/") and "\n" not in location)


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%2fb?q=%2F&r=/", "/%C3%A9%20", "/a%5Cb", "/a;b=c"])
def test_the_path_is_the_one_that_was_sent(app, connect, path):
    answer = connect(app).get(path, follow_redirects=False)
    assert answer.headers["location"].endswith(path)


def test_an_unchecked_host_gets_into_no_redirect(app, connect):
    answer = connect(app).get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.headers.get("location") is None


def test_https_passes(app, connect):
    answer = connect(app, base_url="https://localhost").get("/a b/x")
    assert answer.status_code == 200
    assert "max-age" in answer.headers.get("strict-transport-security")


def test_exempt_paths_are_answered(app, connect):
    client = connect(app)
    assert client.get("/health").status_code == 200
    assert client.get("/health/x").status_code == 308


def test_plain_websockets_are_refused(app, connect):
    client = connect(app)
    assert refusal(client, "/ws").status_code == 403
    with client.websocket_connect("wss://localhost/ws"):
        pass


def test_the_word_of_a_trusted_proxy_counts(make_app, connect):
    app = make_app(HTTPS_REDIRECT=True, TRUSTED_PROXIES={"10.0.0.0/8"})
    app.get("/")(lambda: "x")
    headers = [(b"x-forwarded-proto", b"https")]
    assert connect(app, client=("10.0.0.1", 1)).get("/", headers=headers).status_code == 200
    assert connect(app).get("/", headers=headers).status_code == 308


def test_off_is_the_default(make_app, connect):
    app = make_app()
    app.get("/")(lambda: "x")
    assert connect(app).get("/").status_code == 200


def test_exempt_entries_are_paths(make_app):
    with pytest.raises(SettingError, match="begin it with '/'"):
        make_app(HTTPS_REDIRECT_EXEMPT={"health"})
