"""WebSockets: accept, talk, close, deny (CORE-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import (
    Flasgo,
    HookError,
    HTTPException,
    Request,
    Response,
    RouteError,
    WebSocket,
    WebSocketDisconnect,
    hookimpl,
)
from flasgo_testing import WebSocketClosedError

from tests.asgi import Driver
from tests.conftest import Connect, refusal


def types(answer: Any) -> list[str]:
    return [message["type"].removeprefix("websocket.") for message in answer.messages]


class Denying:
    """Ends every handshake at one hook."""

    name = "denying"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    @hookimpl
    def authorize(self, request: Request) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @hookimpl
    def response_finalize(self, response: Response) -> None:
        response.headers["x-final"] = "yes"


# --- Talking -----------------------------------------------------------------------------------


def test_accept_echo_close(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()

    @app.websocket("/ws/<int:room>")
    async def echo(websocket: WebSocket, room: int, name: str = "nobody") -> None:
        await websocket.accept(subprotocol="chat", headers=[("x-room", str(room))])
        await websocket.send_text(f"{name} in {room}")
        await websocket.send_text(await websocket.receive_text())
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.send_json({"got": await websocket.receive_json()})
        await websocket.close(4000, "done")

    with connect(app).websocket_connect("/ws/7?name=Ann", ["chat"]) as websocket:
        assert (websocket.subprotocol, websocket.headers["x-room"]) == ("chat", "7")
        assert websocket.receive() == "Ann in 7"
        websocket.send("a")
        assert websocket.receive() == "a"
        websocket.send(b"b")
        assert websocket.receive() == b"b"
        websocket.send_json([1])
        assert websocket.receive() == '{"got":[1]}'
        with pytest.raises(WebSocketClosedError) as closed:
            websocket.receive()
    assert (closed.value.code, closed.value.reason) == (4000, "done")


@pytest.mark.parametrize("kind", ["text", "bytes", "json"])
def test_iterating_ends_when_the_client_leaves(
    make_app: Callable[..., Flasgo], connect: Connect, kind: str
) -> None:
    app = make_app()
    seen: list[object] = []

    @app.websocket("/ws")
    async def listen(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in getattr(websocket, f"iter_{kind}")():
            seen.append(message)

    with connect(app, raise_server_exceptions=True).websocket_connect("/ws") as websocket:
        websocket.send("1")
        websocket.send(b"2")
    assert seen == {"text": ["1", "2"], "bytes": [b"1", b"2"], "json": [1, 2]}[kind]


def test_a_client_that_leaves_is_no_error(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    caught: list[WebSocketDisconnect] = []
    seen: list[Exception | None] = []

    @app.websocket("/ws")
    async def listen(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.receive()
        except WebSocketDisconnect as exc:
            caught.append(exc)
            raise

    @app.teardown_request
    def last(error: Exception | None) -> None:
        seen.append(error)

    with connect(app, raise_server_exceptions=True).websocket_connect("/ws") as websocket:
        websocket.close(1001)
    assert [exc.code for exc in caught] == [1001]
    assert (seen, caplog.records) == ([None], [])


def test_after_the_end_nothing_can_be_sent_or_received(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    refused: list[str] = []

    @app.websocket("/ws")
    async def late(websocket: WebSocket) -> None:
        for use in (websocket.receive, lambda: websocket.send_text("x")):
            with pytest.raises(RuntimeError, match="Accept this WebSocket first"):
                await use()
        await websocket.accept()
        with pytest.raises(RuntimeError, match="accepted or closed already"):
            await websocket.accept()
        await websocket.close()
        for use in (websocket.receive, lambda: websocket.send_text("x")):
            with pytest.raises(WebSocketDisconnect):
                await use()
        await websocket.close()
        refused.append("all")

    with connect(app, raise_server_exceptions=True).websocket_connect("/ws"):
        pass
    assert refused == ["all"]


def test_a_handler_that_returns_closes_the_connection(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def brief(websocket: WebSocket) -> None:
        await websocket.accept()

    with (
        connect(app).websocket_connect("/ws") as websocket,
        pytest.raises(WebSocketClosedError) as closed,
    ):
        websocket.receive()
    assert (closed.value.code, closed.value.reason) == (1000, "")


def test_a_header_of_the_handshake_is_checked(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def injected(websocket: WebSocket) -> None:
        await websocket.accept(headers=[("x", "a\r\nset-cookie: b")])

    answer = refusal(connect(app), "/ws")
    assert answer.status_code == 500
    assert isinstance(answer.extensions["exception"], ValueError)


# --- Denial ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("denial", "status"),
    [
        (Response.json({"no": 1}, status_code=403), 403),
        (HTTPException(401, "Log in.", headers={"www-authenticate": "Bearer"}), 401),
        (KeyError("broken"), 500),
        ("junk", 500),
    ],
)
async def test_a_gate_denies_before_the_handshake(
    make_app: Callable[..., Flasgo], connect: Connect, denial: object, status: int
) -> None:
    if isinstance(denial, Response):
        denial = Response.json({"no": 1}, status_code=403)
    app = make_app(Denying(denial))
    reached: list[str] = []

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        reached.append("handler")

    answer = refusal(connect(app), "/ws")
    assert answer.status_code == status
    assert answer.headers["x-final"] == "yes"
    assert isinstance(answer.extensions.get("exception"), HookError) is (status == 500)
    # Raw: servers without the extension for denials turn the closing into a plain 403.
    closed = await Driver(app).websocket("/ws")
    assert closed.messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    assert reached == []


def test_before_request_can_deny_a_handshake(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.before_request(lambda: ("closed", 503))

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None: ...

    answer = refusal(connect(app), "/ws")
    assert (answer.status_code, answer.text) == (503, "closed")


async def test_the_handler_can_refuse_the_handshake(
    make_app: Callable[..., Flasgo],
    connect: Connect,
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        raise HTTPException(404, "No such room.")

    app.errorhandler(404)(lambda error: {"room": error.detail})
    answer = refusal(connect(app), "/ws")
    assert (answer.status_code, answer.json()) == (404, {"room": "No such room."})
    assert types(await Driver(app).websocket("/ws")) == ["close"]


@pytest.mark.parametrize(
    ("target", "status"),
    [("/nowhere", 404), ("/http", 404), ("/http/", 404), ("/ws/a%2Fb", 404), ("/ws/%ff", 400)],
)
async def test_what_reaches_no_websocket_is_refused(
    make_app: Callable[..., Flasgo], connect: Connect, target: str, status: int
) -> None:
    app = make_app(Denying(None))
    app.add_route("/http", lambda: "x", endpoint="http")

    @app.websocket("/ws/<name>")
    async def talk(websocket: WebSocket, name: str) -> None:
        await websocket.accept()

    answer = refusal(connect(app), target)
    assert answer.status_code == status
    assert answer.headers["x-final"] == "yes"
    assert types(await Driver(app).websocket(target)) == ["close"]


def test_an_http_request_does_not_reach_a_websocket_route(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None: ...

    client = connect(app)
    for method in ("GET", "WEBSOCKET", "OPTIONS"):
        assert client.request(method, "/ws").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [([("x", "y" * 70_000)], 431), ([("host", "a"), ("host", "b")], 400)],
)
def test_a_handshake_with_an_unfit_head_is_refused(
    make_app: Callable[..., Flasgo], connect: Connect, headers: list[tuple[str, str]], status: int
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()

    assert refusal(connect(app), "/ws", headers=headers).status_code == status


# --- Failing -----------------------------------------------------------------------------------


def test_a_handler_that_raises_closes_with_1011(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    failure = KeyError("secret")
    seen: list[Exception | None] = []

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        raise failure

    @app.teardown_request
    def last(error: Exception | None) -> None:
        seen.append(error)

    with (
        connect(app).websocket_connect("/ws") as websocket,
        pytest.raises(WebSocketClosedError) as closed,
    ):
        websocket.receive()
    assert (closed.value.code, closed.value.reason) == (1011, "")
    assert seen == [failure]
    assert failure in [record.exc_info[1] for record in caplog.records if record.exc_info]


def test_a_handler_that_raises_before_accepting_is_a_hardened_500(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        raise KeyError("secret")

    answer = refusal(connect(app), "/ws")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_a_handler_that_cannot_await_is_refused(make_app: Callable[..., Flasgo]) -> None:
    def talk(websocket: WebSocket) -> None: ...

    with pytest.raises(RouteError, match="async def"):
        make_app().add_route("/ws", talk, is_websocket=True)


def test_request_hooks_get_the_connection(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[object] = []

    class Watcher:
        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.request_attribute("extra", lambda connection: connection.path)

        @hookimpl
        def request_started(self, request: Any) -> None:
            seen.extend([request.scope["type"], request.method, request.client_ip, request.extra])
            seen.append(request.route.is_websocket)

    app = make_app(Watcher())

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()

    with connect(app).websocket_connect("/ws"):
        pass
    assert seen == ["websocket", "GET", "127.0.0.1", "/ws", True]
