"""SEC-4: the hardened headers are on every kind of answer, exactly once."""

import asyncio

import pytest
from flasgo import (
    HTTPException,
    Response,
    StreamingResponse,
    hookimpl,
    redirect,
)
from flasgo_security import rate_limit
from flasgo_static import StaticPlugin

from tests.conftest import refusal

ALWAYS = (
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cache-control",
)


@pytest.fixture
def app(make_app, tmp_path):
    (tmp_path / "style.css").write_text("body {}")
    app = make_app(StaticPlugin(), MAX_REQUEST_BODY_BYTES=10, SECURITY_FAILURE_RATE_LIMIT=50)
    app.configure_static(tmp_path, url_path="/assets")

    @app.get("/")
    async def home():
        return {}

    @app.get("/redirect")
    async def away():
        return redirect("/")

    @app.get("/none")
    async def none():
        return None

    @app.get("/stream")
    async def stream():
        async def parts():
            yield "a"
            yield "b"

        return StreamingResponse(parts())

    @app.get("/fail")
    async def fail():
        raise ValueError("secret")

    @app.route("/status/<int:code>", methods=["GET"])
    async def status(code):
        raise HTTPException(code)

    @app.get("/limited")
    @rate_limit(1, per=60)
    async def limited():
        return {}

    @app.post("/json")
    async def take(request):
        return await request.json()

    return app


ANSWERS = [
    ("/", "GET", {}, 200),
    ("/", "HEAD", {}, 200),
    ("/", "OPTIONS", {}, 204),
    ("/", "POST", {}, 405),
    ("/none", "GET", {}, 204),
    ("/redirect", "GET", {}, 302),
    ("/redirect/", "GET", {}, 308),
    ("/missing", "GET", {}, 404),
    ("/stream", "GET", {}, 200),
    ("/fail", "GET", {}, 500),
    ("/status/401", "GET", {}, 401),
    ("/status/403", "GET", {}, 403),
    ("/status/408", "GET", {}, 408),
    ("/status/422", "GET", {}, 422),
    ("/status/503", "GET", {}, 503),
    ("/", "GET", {"headers": {"host": "evil.example"}}, 400),
    ("/", "GET", {"has_host": False}, 400),
    ("/", "GET", {"headers": [("host", "localhost"), ("host", "other")]}, 400),
    ("/", "GET", {"headers": {"x": "y" * 100_000}}, 431),
    ("/json", "POST", {}, 403),
    ("/json", "POST", {"headers": {"sec-fetch-site": "none"}, "content": b"{"}, 400),
    ("/json", "POST", {"headers": {"sec-fetch-site": "none"}, "json": "123456789"}, 413),
    ("/assets/style.css", "GET", {}, 200),
    ("/assets/missing.css", "GET", {}, 404),
    ("/assets/../secret", "GET", {}, 404),
]


def ask(client, method, path, *, has_host=True, **options):
    request = client.build_request(method, path, **options)
    if not has_host:
        del request.headers["host"]
    return client.send(request)


@pytest.mark.parametrize(("path", "method", "options", "status"), ANSWERS)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_every_answer_has_them_once(app, connect, path, method, options, status, accept):
    client = connect(app, base_url="https://localhost", headers={"accept": accept})
    answer = ask(client, method, path, **options)
    if status == 400 and path == "/json":
        assert answer.status_code in {400, 415}
    else:
        assert answer.status_code == status
    for name in ALWAYS:
        assert len(answer.headers.get_list(name)) == 1, name
    hsts = answer.headers.get_list("strict-transport-security")
    assert hsts == ["max-age=31536000; includeSubDomains"]
    assert b"secret" not in answer.content


@pytest.mark.parametrize(("path", "method", "options", "status"), ANSWERS)
def test_hsts_is_never_sent_over_http(app, connect, path, method, options, status):
    answer = ask(connect(app), method, path, **options)
    assert answer.headers.get_list("strict-transport-security") == []


def test_429_has_them(app, connect):
    client = connect(app)
    client.get("/limited")
    quota = client.get("/limited")
    for _ in range(60):
        throttled = client.get("/", headers={"host": "evil.example"})
    for answer in (quota, throttled):
        assert answer.status_code == 429
        assert all(len(answer.headers.get_list(name)) == 1 for name in ALWAYS)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/missing", {}, 404),
        ("/socket", {"origin": "https://evil.example"}, 403),
        ("/socket", {"host": "evil.example"}, 400),
        ("/socket", [("host", "localhost"), ("host", "localhost")], 400),
        ("/full", {}, 429),
    ],
)
def test_handshakes_that_are_refused_have_them(app, connect, path, headers, status):
    async def socket(websocket):
        await websocket.accept()

    async def full(websocket):
        await websocket.accept()

    app.websocket("/socket")(socket)
    app.websocket("/full")(rate_limit(1, per=60)(full))
    client = connect(app, base_url="https://localhost")
    with client.websocket_connect("/full"):
        pass
    answer = refusal(client, path, headers=headers)
    assert answer.status_code == status
    for name in (*ALWAYS, "strict-transport-security"):
        assert len(answer.headers.get_list(name)) == 1, name


def test_what_other_apps_answer_has_them(make_app, connect):
    """Mounts, middleware and the API docs, an answer that fails included."""

    def answering(status):
        async def other(scope, receive, send):
            if not status:
                raise ValueError("secret")
            headers = [(b"set-cookie", b"a=b"), (b"cache-control", b"public, max-age=9")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

        return other

    class Shortcut:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            app = answering(200) if scope.get("path") == "/shortcut" else self.app
            await app(scope, receive, send)

    app = make_app(ENABLE_DOCS=True)
    app.mount("/mounted", answering(200))
    app.mount("/broken", answering(0))
    app.mount("/inner", make_app())
    app.add_middleware(Shortcut)
    client = connect(app, base_url="https://localhost")
    for path, status in (
        ("/mounted/x", 200),
        ("/shortcut", 200),
        ("/broken/x", 500),
        ("/inner/x", 404),
        ("/docs", 200),
        ("/openapi.json", 200),
        ("/docs/assets/missing.css", 404),
    ):
        answer = client.get(path)
        assert answer.status_code == status
        for name in (*ALWAYS, "strict-transport-security"):
            assert len(answer.headers.get_list(name)) == 1, (path, name)
        if answer.headers.get("set-cookie"):
            assert answer.headers.get("cache-control") == "private, max-age=9"
            assert answer.headers.get("vary") == "Cookie"


def test_304_of_a_static_file_has_them(app, connect):
    client = connect(app)
    etag = client.get("/assets/style.css").headers.get("etag")
    answer = client.get("/assets/style.css", headers={"if-none-match": etag})
    assert answer.status_code == 304
    assert answer.headers.get("x-content-type-options") == "nosniff"


def test_a_hook_that_fails_has_them(make_app, connect):
    class Broken:
        name = "broken"

        @hookimpl
        def response_finalize(self, request, response):
            raise ValueError("secret")

    app = make_app(Broken())
    app.get("/")(lambda: "x")
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert all(len(answer.headers.get_list(name)) == 1 for name in ALWAYS)


async def test_nonces_are_fresh_under_concurrency(make_app, connect):
    app = make_app()

    @app.get("/")
    async def page(request):
        first = request.csp_nonce
        await asyncio.sleep(0)
        return first + " " + request.csp_nonce

    client = connect(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(100)))
    nonces = [answer.text.split() for answer in answers]
    assert all(first == second for first, second in nonces)
    assert len({first for first, _ in nonces}) == 100
    for answer, (nonce, _) in zip(answers, nonces, strict=True):
        [policy] = answer.headers.get_list("content-security-policy")
        assert policy.count("'nonce-") == policy.count(f"'nonce-{nonce}'") == 2


# --- Whoever sets a cookie ----------------------------------------------------------------------


def with_cookie(kind: str) -> Response:
    response = Response("x", headers={"cache-control": "public, max-age=60"})
    if kind == "set_cookie":
        response.set_cookie("theme", "dark")
    elif kind == "delete_cookie":
        response.delete_cookie("theme")
    elif kind == "add":
        response.headers.add("Set-Cookie", "theme=dark")
    elif kind == "item":
        response.headers["SET-COOKIE"] = "theme=dark"
    elif kind == "setdefault":
        response.headers.setdefault("set-cookie", "theme=dark")
    elif kind == "constructor":
        response = Response("x", headers=[*response.headers.items(), ("Set-Cookie", "a=b")])
    return response


@pytest.mark.parametrize(
    "kind", ["set_cookie", "delete_cookie", "add", "item", "setdefault", "constructor"]
)
def test_a_cookie_of_the_handlers_own_forbids_shared_caching(make_app, connect, kind):
    """LESSONS 9: Flask CVE-2026-27205, Django CVE-2026-35192."""
    app = make_app()
    app.get("/")(lambda: with_cookie(kind))
    answer = connect(app).get("/")
    assert answer.headers.get_list("cache-control") == ["private, max-age=60"]
    assert answer.headers.get("vary") == "Cookie"


@pytest.mark.parametrize("setting", ["no-store", None, "public, max-age=5"])
def test_a_cookie_without_caching_of_its_own(make_app, connect, setting):
    app = make_app(CACHE_CONTROL=setting)

    @app.get("/")
    async def page():
        response = Response("x")
        response.set_cookie("theme", "dark")
        return response

    expected = {"no-store": "no-store", None: "private", "public, max-age=5": "private, max-age=5"}
    assert connect(app).get("/").headers.get_list("cache-control") == [expected[setting]]


def test_a_cookie_that_another_plugin_sets(make_app, connect):
    class Setter:
        name = "setter"

        @hookimpl
        def response_finalize(self, request, response):
            response.set_cookie("seen", "1")

    app = make_app(Setter())
    app.get("/")(lambda: Response("x", headers={"cache-control": "public"}))
    assert connect(app).get("/").headers.get("cache-control") == "private"


def test_without_a_cookie_caching_is_the_handlers_business(make_app, connect):
    app = make_app()
    app.get("/")(lambda: with_cookie("none"))
    answer = connect(app).get("/")
    assert answer.headers.get_list("cache-control") == ["public, max-age=60"]
    assert answer.headers.get("vary") is None


def test_a_static_file_with_a_session_written_on_the_way_is_private(make_app, connect, tmp_path):
    (tmp_path / "style.css").write_text("body {}")
    app = make_app(StaticPlugin())
    app.configure_static(tmp_path, url_path="/assets", cache_max_age=86400)

    @app.before_request
    async def count(request):
        request.session["visits"] = 1

    cache_control = connect(app).get("/assets/style.css").headers.get("cache-control")
    assert "private" in cache_control
    assert "public" not in cache_control
