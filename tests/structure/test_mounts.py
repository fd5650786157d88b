"""CORE-8: other ASGI apps under a prefix, behind this app's protections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from flasgo import (
    Blueprint,
    ConfigurationError,
    Flasgo,
    HTTPException,
    Request,
    Response,
    RouteError,
    WebSocket,
    hookimpl,
)
from flasgo_auth import AuthPlugin, authorize
from flasgo_security import SecurityPlugin, csrf_token, rate_limit
from flasgo_testing import TestClient, WebSocketClosedError
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from tests.conftest import Connect, refusal

from .conftest import Named, Witness


def make_starlette(**options: Any) -> Starlette:
    """A Starlette app that says what it sees."""

    async def where(request: StarletteRequest) -> JSONResponse:
        return JSONResponse(
            {
                "path": request.scope["path"],
                "root_path": request.scope["root_path"],
                "raw_path": request.scope.get("raw_path", b"").decode(),
                "url": str(request.url_for("where")),
                "method": request.method,
                "state": {k: v for k, v in request.scope.get("state", {}).items() if k != "x"},
            }
        )

    async def body(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    async def form(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse((await request.body()).decode())

    async def fail(request: StarletteRequest) -> PlainTextResponse:
        raise ValueError("inside")

    async def cut(request: StarletteRequest) -> StreamingResponse:
        async def parts() -> AsyncGenerator[bytes, None]:
            yield b"begun"
            raise ValueError("half way")

        return StreamingResponse(parts())

    async def own(request: StarletteRequest) -> PlainTextResponse:
        answer = PlainTextResponse("own", headers={"x-frame-options": "SAMEORIGIN"})
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "2")
        return answer

    async def echo(websocket: StarletteWebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"{websocket.scope['root_path']} {text}")

    async def refuse(websocket: StarletteWebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", status_code=401))

    async def explode(websocket: StarletteWebSocket) -> None:
        await websocket.accept()
        raise ValueError("inside")

    everything = ["GET", "POST", "DELETE"]
    return Starlette(
        routes=[
            Route("/", where, name="root"),
            Route("/where", where, name="where", methods=everything),
            Route("/a/b", where, name="deep"),
            Route("/body", body, methods=["POST"]),
            Route("/form", form, methods=["POST"]),
            Route("/fail", fail),
            Route("/cut", cut),
            Route("/own", own),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/refuse", refuse),
            WebSocketRoute("/explode", explode),
        ],
        **options,
    )


# --- Paths ----------------------------------------------------------------------------------


def test_a_starlette_app_finds_its_root_path(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette())
    answer = client.get("/st/where")

    assert answer.json() == {
        "path": "/st/where",
        "root_path": "/st",
        "raw_path": "/st/where",
        "url": "http://localhost/st/where",
        "method": "GET",
        "state": {},
    }


def test_a_fastapi_app_with_its_docs(app: Flasgo, client: TestClient) -> None:
    inner = FastAPI()

    @inner.get("/items/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    app.mount("/api/v2", inner, name="api")

    assert client.get("/api/v2/items/3").json() == {"number": 3}
    assert client.get("/api/v2/items/x").status_code == 422
    assert client.get("/api/v2/openapi.json").json()["servers"] == [{"url": "/api/v2"}]
    assert client.get("/api/v2/nothing").json() == {"detail": "Not Found"}


def test_below_a_servers_root_path(app: Flasgo) -> None:
    app.mount("/st", make_starlette())
    app.add_route("/own", lambda request: [request.path, request.root_path, request.url])
    client = TestClient(app, root_path="/proxy")

    assert client.get("/own").json() == ["/own", "/proxy", "http://localhost/proxy/own"]
    seen = client.get("/st/where").json()
    assert (seen["path"], seen["root_path"]) == ("/proxy/st/where", "/proxy/st")
    assert seen["url"] == "http://localhost/proxy/st/where"


def test_a_flasgo_app_in_a_flasgo_app(
    app: Flasgo, client: TestClient, make_app: Callable[..., Flasgo]
) -> None:
    inner, innermost = make_app(), make_app()

    @innermost.get("/deep/<name>", endpoint="deep")
    def deep(request: Request, name: str) -> list[str]:
        urls = [each.url_for("deep", name="x") for each in (innermost, inner, app)]
        return [request.path, request.root_path, name, *urls]

    # The mount's own path again: only one of them is cut off.
    inner.add_route("/in/<name>", lambda name: f"inner {name}")
    inner.add_route("/deep/<name>", lambda name: "", endpoint="deep")
    inner.mount("/more", innermost)
    app.mount("/in", inner)
    app.add_route("/deep/<name>", lambda name: "", endpoint="deep")

    assert client.get("/in/in/it").text == "inner it"
    assert client.get("/in/more/deep/a").json() == [
        "/deep/a",
        "/in/more",
        "a",
        "/in/more/deep/x",
        "/in/deep/x",
        "/deep/x",
    ]
    assert client.get("/in/more/nothing").json()["error"] == "not_found"


def test_a_flasgo_app_in_a_starlette_app(make_app: Callable[..., Flasgo]) -> None:
    from starlette.routing import Mount

    inner = make_app()
    inner.add_route("/sub/x", lambda request: f"{request.root_path} {request.path}", endpoint="x")
    inner.add_route("/", lambda: inner.url_for("x"), endpoint="home")
    outer = Starlette(routes=[Mount("/sub", inner)])
    client = TestClient(outer)

    assert client.get("/sub/sub/x").text == "/sub /sub/x"
    assert client.get("/sub/x").status_code == 404
    assert client.get("/sub/").text == "/sub/sub/x"


def test_the_root_and_the_slash(app: Flasgo) -> None:
    app.mount("/st", make_starlette())
    client = TestClient(app, follow_redirects=False)

    assert client.get("/st/").json()["path"] == "/st/"
    assert client.get("/st?q=1").headers["location"] == "/st/?q=1"
    assert client.post("/st").status_code == 404
    assert client.get("/stx").status_code == 404


@pytest.mark.parametrize(("policy", "status"), [("strict", 404), ("ignore", 200)])
def test_the_slash_policy_holds(make_app: Callable[..., Flasgo], policy: str, status: int) -> None:
    app = make_app(TRAILING_SLASH=policy)
    app.mount("/st", make_starlette())

    assert TestClient(app).get("/st").status_code == status


def test_at_the_root_of_the_app_its_own_routes_come_first(app: Flasgo, client: TestClient) -> None:
    app.mount("/", make_starlette())
    app.add_route("/a/b", lambda: "ours")
    app.add_route("/<name>", lambda name: f"ours {name}", endpoint="named")

    assert client.get("/a/b").text == "ours"
    assert client.get("/where").text == "ours where"
    assert client.post("/where").json()["root_path"] == ""
    assert client.get("/").json()["path"] == "/"


def test_routes_below_a_mount_come_before_it(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette())
    app.add_route("/st/a/b", lambda: "ours")
    app.add_route("/<path:rest>", lambda rest: "catch-all", endpoint="rest")

    assert client.get("/st/a/b").text == "ours"
    assert client.get("/st/where").json()["path"] == "/st/where"
    assert client.get("/elsewhere").text == "catch-all"


def test_prefixes_with_parameters(app: Flasgo, client: TestClient) -> None:
    app.mount("/t/<tenant>/st", make_starlette())
    seen = client.get("/t/a%20b/st/where").json()

    assert (seen["path"], seen["root_path"]) == ("/t/a b/st/where", "/t/a b/st")
    assert seen["raw_path"] == "/t/a%20b/st/where"


def test_url_for_a_mount(app: Flasgo) -> None:
    app.mount("/st/deep", make_starlette())
    app.mount("/named", make_starlette(), name="other")

    assert app.url_for("st_deep") == "/st/deep/"
    assert app.url_for("other", path="a/b") == "/named/a/b"


class Recorder:
    """An ASGI app that notes the scopes it is called with."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize(
    "target",
    [
        "/st/../secret",
        "/st/..%2Fsecret",
        "/st%2F..%2Fsecret",
        "/st/%2e%2e/secret",
        "/st/./x",
        "/st//x",
        "//st/x",
        "/st%2Fx",
        "/st%2fx/y",
        "/x/..%2fst/y",
        "/st\\x",
        "/ST/x",
        "/st%00/x",
        "/st;/x",
    ],
)
def test_path_tricks_never_reach_a_mount(app: Flasgo, client: TestClient, target: str) -> None:
    recorder = Recorder()
    app.mount("/st", recorder)

    assert client.get(target).status_code in {400, 404}
    assert recorder.scopes == []


def test_what_is_encoded_below_the_mount_stays_consistent(app: Flasgo, client: TestClient) -> None:
    recorder = Recorder()
    app.mount("/st", recorder)
    client.get("/%73t/a%2Fb%20c")

    (scope,) = recorder.scopes
    assert (scope["path"], scope["root_path"]) == ("/st/a/b c", "/st")
    assert scope["raw_path"] == b"/%73t/a%2Fb%20c"


# --- Our protections ------------------------------------------------------------------------


def test_hooks_see_a_mounted_apps_responses(
    app: Flasgo, client: TestClient, witness: Witness
) -> None:
    app.mount("/st", make_starlette(), policies=[Named("mounted")])
    app.after_request(lambda response: response.headers.add("x-after", str(response.status_code)))

    ok, missing = client.get("/st/where"), client.get("/st/nothing")

    assert (ok.headers["x-finalized"], ok.headers["x-after"]) == ("200", "200")
    assert (missing.headers["x-finalized"], missing.headers["x-after"]) == ("404", "404")
    assert witness.seen == [("mounted",), ("mounted",)]
    assert witness.finished == [("/st/where", 200, None), ("/st/nothing", 404, None)]


def test_a_refusal_keeps_requests_from_the_mounted_app(
    app: Flasgo, client: TestClient, witness: Witness
) -> None:
    recorder = Recorder()
    app.mount("/st", recorder)
    witness.refuse = True

    assert client.get("/st/x").text == "refused"
    assert recorder.scopes == []


def test_the_default_protections_of_the_bundle(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(SecurityPlugin(), ALLOWED_HOSTS={"good.example"})
    app.mount("/st", make_starlette(), policies=[])
    client = TestClient(app, base_url="https://good.example")

    answer = client.get("/st/where")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in answer.headers
    own = client.get("/st/own")
    assert own.headers["x-frame-options"] == "SAMEORIGIN"  # the handler's own value wins
    assert own.headers.get_list("set-cookie")[0].startswith("a=1")
    assert len(own.headers.get_list("set-cookie")) == 2
    assert client.get("/st/where", headers={"host": "evil.example"}).status_code == 400


def test_csrf_holds_and_the_form_still_arrives(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(SecurityPlugin(), ALLOWED_HOSTS={"localhost"}, CSRF_ENABLED=True)
    app.add_route("/token", lambda: {"token": csrf_token()})
    app.mount("/st", make_starlette())
    client = TestClient(app, base_url="https://localhost", enforce_csrf=True)
    headers = {"origin": "https://localhost"}

    assert client.post("/st/form", data={"a": "1"}, headers=headers).status_code == 403
    token = client.get("/token").json()["token"]
    fields = {"a": "1", "csrf_token": token}
    answer = client.post("/st/form", data=fields, headers=headers)
    assert answer.status_code == 200
    assert answer.text.startswith("a=1&csrf_token=")
    upload = client.post("/st/form", data=fields, files={"f": ("f.txt", b"file")}, headers=headers)
    assert (upload.status_code, "file" in upload.text) == (200, True)


def test_quotas_and_permissions(make_app: Callable[..., Flasgo]) -> None:
    security, auth = SecurityPlugin(), AuthPlugin()
    app = make_app(security, auth, ALLOWED_HOSTS={"localhost"})
    auth.register_auth_backend("none", lambda request: None)
    private = Blueprint("private", "/private")
    authorize()(private)
    private.mount("/st", make_starlette())
    counted = Blueprint("counted", "/counted")
    rate_limit(2, per=60)(counted)
    counted.mount("/st", make_starlette())
    app.register_blueprint(private)
    app.register_blueprint(counted)
    client = TestClient(app)

    statuses = [client.get("/counted/st/where").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert client.get("/private/st/where").status_code == 401


def test_bodies_are_limited(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(MAX_REQUEST_BODY_BYTES=1000)
    app.mount("/st", make_starlette())
    app.mount("/wide", make_starlette(), max_body=5000)
    client = TestClient(app, raise_server_exceptions=False)

    def pieces(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b"x" * 100

    assert client.post("/st/body", content=b"x" * 1000).text == "1000"
    assert client.post("/st/body", content=b"x" * 1001).status_code == 413
    # Without a Content-Length, what arrives is counted; the app's own 500 does not get through.
    assert client.post("/st/body", content=pieces(10)).text == "1000"
    assert client.post("/st/body", content=pieces(11)).status_code == 413
    assert client.post("/wide/body", content=pieces(50)).text == "5000"


def test_a_hook_may_replace_the_response(make_app: Callable[..., Flasgo]) -> None:
    class Replacing:
        name = "replacing"

        @hookimpl
        def response_finalize(self, request: Request, response: Response) -> Response | None:
            return Response.text("replaced", 451) if response.status_code == 200 else None

    app = make_app(Replacing())
    app.mount("/st", make_starlette())
    answer = TestClient(app).get("/st/where")

    assert (answer.status_code, answer.text) == (451, "replaced")


# --- Errors ---------------------------------------------------------------------------------


def test_an_error_before_the_first_byte_is_a_hardened_500(
    app: Flasgo, client: TestClient, witness: Witness
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("secret")

    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    app.mount("/broken", broken)
    app.mount("/silent", silent)
    answers = [client.get("/broken/x"), client.get("/silent/x")]

    assert [answer.status_code for answer in answers] == [500, 500]
    assert [answer.headers["x-finalized"] for answer in answers] == ["500", "500"]
    assert all("secret" not in answer.text for answer in answers)
    assert [error for _, _, error in witness.finished] == ["ValueError", "RuntimeError"]


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"1\r\nset-cookie: a=b"),
        (b"x-a", b"1\nset-cookie: a=b"),
        (b"x-a", b"1\0"),
        (b"x-a\r\nset-cookie", b"1"),
        (b"x a", b"1"),
        (b"", b"1"),
    ],
)
def test_headers_that_begin_others_never_leave(
    app: Flasgo, client: TestClient, header: tuple[bytes, bytes]
) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [header]})
        await send({"type": "http.response.body", "body": b"body"})

    app.mount("/inner", inner)
    answer = client.get("/inner/x")

    assert (answer.status_code, answer.headers["x-finalized"]) == (500, "500")
    assert "set-cookie" not in str(answer.headers)


def test_the_apps_own_error_answer_is_its_own(
    app: Flasgo, client: TestClient, witness: Witness
) -> None:
    app.mount("/st", make_starlette())
    answer = client.get("/st/fail")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["x-finalized"] == "500"
    assert witness.finished == [("/st/fail", 500, "ValueError")]


def test_an_error_half_way_cuts_the_connection(app: Flasgo) -> None:
    app.mount("/st", make_starlette())
    with pytest.raises(ValueError, match="half way"):
        TestClient(app).get("/st/cut")


def test_error_handlers_take_what_a_mounted_app_raises(app: Flasgo, client: TestClient) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise HTTPException(410)

    bp = Blueprint("bp", "/bp")
    bp.errorhandler(410)(lambda error: "gone, says the blueprint")
    bp.mount("/gone", gone)
    app.register_blueprint(bp)
    answer = client.get("/bp/gone/x")

    assert (answer.status_code, answer.text) == (410, "gone, says the blueprint")


# --- WebSockets -----------------------------------------------------------------------------


def test_websockets_of_a_mounted_app(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette())
    with client.websocket_connect("/st/echo") as websocket:
        websocket.send_text("hello")
        assert websocket.receive_text() == "/st hello"


def test_a_mounted_websocket_is_guarded(app: Flasgo, client: TestClient, witness: Witness) -> None:
    app.mount("/st", make_starlette(), policies=[Named("mounted")])
    witness.refuse = True

    assert refusal(client, "/st/echo").status_code == 403
    assert witness.seen == [("mounted",)]


def test_a_denial_by_the_mounted_app_is_finalized(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette())
    answer = refusal(client, "/st/refuse")

    assert (answer.status_code, answer.text) == (401, "no")
    assert answer.headers["x-finalized"] == "401"


def test_a_mounted_websocket_that_fails_is_closed(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette())
    with client.websocket_connect("/st/explode") as websocket:
        with pytest.raises(WebSocketClosedError) as closed:
            websocket.receive()
        assert closed.value.code == 1011


def test_headers_of_a_mounted_handshake_are_checked(app: Flasgo, client: TestClient) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-a", b"1\r\nset-cookie: a=b")]})

    app.mount("/inner", inner)
    answer = refusal(client, "/inner/x")

    assert answer.status_code == 500
    assert "set-cookie" not in answer.headers


async def test_a_client_that_leaves_a_mounted_app_is_no_error(
    app: Flasgo, caplog: pytest.LogCaptureFixture
) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except OSError as error:
            raise RuntimeError("the app's own word for it") from error

    async def leave(message: Any) -> None:
        raise ConnectionResetError("gone")

    async def receive() -> Any:
        return {"type": "http.request"}

    app.mount("/inner", inner)
    scope = {"type": "http", "method": "GET", "path": "/inner/x", "headers": []}
    await app(scope, receive, leave)
    assert caplog.text == ""


def test_bounds_hold_for_mounted_websockets(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(WEBSOCKET_MAX_MESSAGE_BYTES=10)
    app.mount("/st", make_starlette())
    with connect(app).websocket_connect("/st/echo") as websocket:
        websocket.send_text("short")
        assert websocket.receive_text() == "/st short"
        websocket.send_text("much too long")
        with pytest.raises(WebSocketClosedError) as closed:
            websocket.receive()
        assert closed.value.code == 1009


# --- Lifespan -------------------------------------------------------------------------------


def noting_lifespan(trace: list[str], name: str, fail: str = "") -> Any:
    @asynccontextmanager
    async def lifespan(app: object) -> AsyncGenerator[dict[str, str], None]:
        if fail == "start":
            raise OSError("no port")
        trace.append(f"{name} starts")
        yield {"from": name}
        trace.append(f"{name} stops")
        if fail == "stop":
            raise OSError("stuck")

    return lifespan


def test_the_lifespan_of_a_mounted_app_runs_with_ours(app: Flasgo) -> None:
    trace: list[str] = []
    app.lifespan(noting_lifespan(trace, "first"))
    inner = make_starlette(lifespan=noting_lifespan(trace, "mounted"))
    app.mount("/st", inner)
    app.mount("/again", inner)
    app.lifespan(noting_lifespan(trace, "last"))

    with TestClient(app) as client:
        assert client.get("/st/where").json()["state"]["from"] == "mounted"

    names = ["first", "mounted", "last"]
    assert trace == [f"{n} starts" for n in names] + [f"{n} stops" for n in reversed(names)]


def test_an_app_mounted_twice_starts_once_and_has_its_state_at_both_places(app: Flasgo) -> None:
    trace: list[str] = []
    inner = make_starlette(lifespan=noting_lifespan(trace, "inner"))
    app.mount("/one", inner)
    app.mount("/two", inner)

    with TestClient(app) as client:
        states = [client.get(f"{path}/where").json()["state"] for path in ("/one", "/two")]

    assert trace == ["inner starts", "inner stops"]
    assert states == [{"from": "inner"}] * 2


def test_a_mounted_app_that_does_not_start_stops_the_start_up(app: Flasgo) -> None:
    trace: list[str] = []
    app.lifespan(noting_lifespan(trace, "first"))
    app.mount("/st", make_starlette(lifespan=noting_lifespan(trace, "", "start")), name="shop")

    with (
        pytest.raises(ConfigurationError, match=r"mounted as 'shop' failed to start.*no port"),
        TestClient(app),
    ):
        pass
    assert trace == ["first starts", "first stops"]


def test_a_mounted_app_that_does_not_stop_is_named(app: Flasgo) -> None:
    trace: list[str] = []
    app.lifespan(noting_lifespan(trace, "first"))
    app.mount("/st", make_starlette(lifespan=noting_lifespan(trace, "st", "stop")), name="shop")

    with (
        pytest.raises(ConfigurationError, match=r"mounted as 'shop' failed to stop.*stuck"),
        TestClient(app),
    ):
        pass
    assert trace[-1] == "first stops"


async def raising(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError
    await Recorder()(scope, receive, send)


@pytest.mark.parametrize("inner", [raising, Recorder()])
def test_apps_without_a_lifespan_are_fine(app: Flasgo, inner: Any) -> None:
    app.mount("/plain", inner)
    with TestClient(app) as client:
        assert client.get("/plain/x").text == "ok"


async def test_a_lifespan_that_ignores_the_end_is_cut_off(app: Flasgo) -> None:
    forever = asyncio.Event()

    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        await forever.wait()

    app.mount("/st", stubborn)
    with TestClient(app):
        pass


async def test_a_start_that_is_cancelled_leaves_no_mounted_app_running(app: Flasgo) -> None:
    is_starting = asyncio.Event()
    ends: list[str] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        is_starting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None: ...

    app.mount("/slow", slow)
    task = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await asyncio.wait_for(is_starting.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)

    assert ends == ["ended"]


def test_a_mounted_flasgo_app_starts_its_plugins(
    app: Flasgo, make_app: Callable[..., Flasgo]
) -> None:
    trace: list[str] = []

    class Pool:
        name = "pool"

        @hookimpl
        async def app_startup(self, app: Flasgo) -> None:
            trace.append("opened")

        @hookimpl
        async def app_shutdown(self, app: Flasgo) -> None:
            trace.append("closed")

    app.mount("/in", make_app(Pool()))
    with TestClient(app):
        assert trace == ["opened"]
    assert trace == ["opened", "closed"]


@pytest.mark.parametrize("prefix", ["", "/st"])
@pytest.mark.parametrize("mounts_first", [True, False])
def test_a_route_at_the_address_of_a_mount_comes_first(
    app: Flasgo, client: TestClient, prefix: str, mounts_first: bool
) -> None:
    def mount() -> None:
        app.mount(prefix or "/", make_app_of("theirs"), name="mounted")

    if mounts_first:
        mount()
    app.get(f"{prefix}/")(lambda: "own")
    if not mounts_first:
        mount()

    assert client.get(f"{prefix}/").text == "own"
    assert client.head(f"{prefix}/").headers["content-length"] == "3"
    assert client.post(f"{prefix}/").text == "theirs"
    assert client.get(f"{prefix}/below").text == "theirs"
    with pytest.raises(RouteError, match="matches the same paths"):
        app.get(f"{prefix}/<path:path>")(lambda path: path)  # nothing would be left to the mount
    with pytest.raises(RouteError, match="matches the same paths"):
        app.get(f"{prefix}/")(lambda: "other")


def make_app_of(text: str) -> Flasgo:
    inner = Flasgo(settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
    inner.route("/", methods=["GET", "POST"])(lambda: text)
    inner.get("/below")(lambda: text)
    return inner


# --- Refusals -------------------------------------------------------------------------------


def test_bad_mounts(app: Flasgo) -> None:
    with pytest.raises(RouteError, match="must be an ASGI app, not 'x'"):
        app.mount("/st", "x")  # ty: ignore[invalid-argument-type]
    with pytest.raises(RouteError, match="starts with '/'"):
        app.mount("st", Recorder())
    app.mount("/st", Recorder())
    with pytest.raises(RouteError, match="matches the same paths"):
        app.mount("/st", Recorder(), name="other")
    assert len(app.routes) == 4


def test_the_methods_of_a_mount(app: Flasgo, client: TestClient) -> None:
    app.mount("/st", make_starlette(), methods=["GET", "PROPFIND"])

    assert client.request("PROPFIND", "/st/where").status_code == 405  # Starlette's own answer
    assert client.post("/st/where").headers["allow"] == "GET, HEAD, OPTIONS, PROPFIND"
    with client.websocket_connect("/st/echo"):
        pass


def test_websocket_is_not_a_mount(app: Flasgo) -> None:
    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None: ...

    app.mount("/st", make_starlette())
    assert [route.mounted is not None for route in app.routes] == [False, True, True, True, True]


def test_another_sites_page_cannot_open_a_mounted_socket(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(SecurityPlugin(), ALLOWED_HOSTS={"localhost"}, CSRF_ENABLED=True)
    app.mount("/st", make_starlette())
    client = connect(app)

    refused = refusal(client, "/st/echo", headers={"origin": "https://evil.example"})
    assert refused.status_code == 403
    with client.websocket_connect("/st/echo", headers={"origin": "http://localhost"}):
        pass
