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

EXTENSION = {"extensions": {"websocket.http.response": {}}}


def text(value: str) -> dict[str, str]:
    return {"type": "websocket.receive", "text": value}


def binary(value: bytes) -> dict[str, object]:
    return {"type": "websocket.receive", "bytes": value}


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


async def test_accept_echo_close(make_app: Callable[..., Flasgo], drive: Callable) -> None:
    app = make_app()

    @app.websocket("/ws/<int:room>")
    async def echo(websocket: WebSocket, room: int, name: str = "nobody") -> None:
        await websocket.accept(subprotocol="chat", headers=[("x-room", str(room))])
        await websocket.send_text(f"{name} in {room}")
        await websocket.send_text(await websocket.receive_text())
        await websocket.send_bytes(await websocket.receive_bytes())
        await websocket.send_json({"got": await websocket.receive_json()})
        await websocket.close(4000, "done")

    incoming = [text("a"), binary(b"b"), text("[1]")]
    answer = await drive(app).websocket("/ws/7?name=Ann", incoming, subprotocols=["chat"])
    assert answer.messages == [
        {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-room", b"7")]},
        {"type": "websocket.send", "text": "Ann in 7"},
        {"type": "websocket.send", "text": "a"},
        {"type": "websocket.send", "bytes": b"b"},
        {"type": "websocket.send", "text": '{"got":[1]}'},
        {"type": "websocket.close", "code": 4000, "reason": "done"},
    ]


@pytest.mark.parametrize("kind", ["text", "bytes", "json"])
async def test_iterating_ends_when_the_client_leaves(
    make_app: Callable[..., Flasgo], drive: Callable, kind: str
) -> None:
    app = make_app()
    seen: list[object] = []

    @app.websocket("/ws")
    async def listen(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in getattr(websocket, f"iter_{kind}")():
            seen.append(message)

    answer = await drive(app).websocket("/ws", [text("1"), binary(b"2")])
    assert seen == {"text": ["1", "2"], "bytes": [b"1", b"2"], "json": [1, 2]}[kind]
    assert types(answer) == ["accept"]
    assert answer.error is None


async def test_a_client_that_leaves_is_no_error(
    make_app: Callable[..., Flasgo], drive: Callable, caplog: pytest.LogCaptureFixture
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

    answer = await drive(app).websocket("/ws")
    assert [exc.code for exc in caught] == [1001]
    assert (types(answer), seen, caplog.records) == (["accept"], [None], [])


async def test_after_the_end_nothing_can_be_sent_or_received(
    make_app: Callable[..., Flasgo], drive: Callable
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

    answer = await drive(app).websocket("/ws")
    assert (types(answer), refused) == (["accept", "close"], ["all"])


async def test_a_handler_that_returns_closes_the_connection(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def brief(websocket: WebSocket) -> None:
        await websocket.accept()

    answer = await drive(app).websocket("/ws")
    assert answer.messages[-1] == {"type": "websocket.close", "code": 1000, "reason": ""}


async def test_a_header_of_the_handshake_is_checked(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def injected(websocket: WebSocket) -> None:
        await websocket.accept(headers=[("x", "a\r\nset-cookie: b")])

    answer = await drive(app).websocket("/ws", **EXTENSION)
    assert types(answer) == ["http.response.start", "http.response.body"]
    assert isinstance(answer.error, ValueError)


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
@pytest.mark.parametrize("extended", [True, False])
async def test_a_gate_denies_before_the_handshake(
    make_app: Callable[..., Flasgo],
    drive: Callable,
    denial: object,
    status: int,
    extended: bool,
) -> None:
    if isinstance(denial, Response):
        denial = Response.json({"no": 1}, status_code=403)
    app = make_app(Denying(denial))
    reached: list[str] = []

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        reached.append("handler")

    answer = await drive(app).websocket("/ws", **(EXTENSION if extended else {}))
    assert reached == []
    if not extended:
        # Servers without the extension turn this into a plain 403.
        assert answer.messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]
        return
    assert types(answer) == ["http.response.start", "http.response.body"]
    assert answer.status == status
    assert answer.headers["x-final"] == "yes"
    assert isinstance(answer.error, HookError) is (status == 500)


async def test_before_request_can_deny_a_handshake(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()
    app.before_request(lambda: ("closed", 503))

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None: ...

    answer = await drive(app).websocket("/ws", **EXTENSION)
    assert (answer.status, answer.body) == (503, b"closed")


async def test_the_handler_can_refuse_the_handshake(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        raise HTTPException(404, "No such room.")

    app.errorhandler(404)(lambda error: {"room": error.detail})
    answer = await drive(app).websocket("/ws", **EXTENSION)
    assert (answer.status, answer.json) == (404, {"room": "No such room."})
    assert types(await drive(app).websocket("/ws")) == ["close"]


@pytest.mark.parametrize(
    ("target", "status"),
    [("/nowhere", 404), ("/http", 404), ("/http/", 404), ("/ws/a%2Fb", 404), ("/ws/%ff", 400)],
)
async def test_what_reaches_no_websocket_is_refused(
    make_app: Callable[..., Flasgo], drive: Callable, target: str, status: int
) -> None:
    app = make_app(Denying(None))
    app.add_route("/http", lambda: "x", endpoint="http")

    @app.websocket("/ws/<name>")
    async def talk(websocket: WebSocket, name: str) -> None:
        await websocket.accept()

    answer = await drive(app).websocket(target, **EXTENSION)
    assert answer.status == status
    assert answer.headers["x-final"] == "yes"
    assert types(await drive(app).websocket(target)) == ["close"]


async def test_an_http_request_does_not_reach_a_websocket_route(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None: ...

    for method in ("GET", "WEBSOCKET", "OPTIONS"):
        assert (await drive(app)("/ws", method)).status == 404


@pytest.mark.parametrize("headers", [{"x": "y" * 70_000}, {"host": "twice"}])
async def test_a_handshake_with_an_unfit_head_is_refused(
    make_app: Callable[..., Flasgo], drive: Callable, headers: dict[str, str]
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()

    answer = await drive(app).websocket("/ws", headers=headers)
    assert types(answer) == ["close"]


# --- Failing -----------------------------------------------------------------------------------


async def test_a_handler_that_raises_closes_with_1011(
    make_app: Callable[..., Flasgo], drive: Callable, caplog: pytest.LogCaptureFixture
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

    answer = await drive(app).websocket("/ws")
    assert answer.messages[-1] == {"type": "websocket.close", "code": 1011, "reason": ""}
    assert (answer.error, seen) == (failure, [failure])
    assert failure in [record.exc_info[1] for record in caplog.records if record.exc_info]


async def test_a_handler_that_raises_before_accepting_is_a_hardened_500(
    make_app: Callable[..., Flasgo], drive: Callable
) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        raise KeyError("secret")

    answer = await drive(app).websocket("/ws", **EXTENSION)
    assert answer.status == 500
    assert b"secret" not in answer.body


def test_a_handler_that_cannot_await_is_refused(make_app: Callable[..., Flasgo]) -> None:
    def talk(websocket: WebSocket) -> None: ...

    with pytest.raises(RouteError, match="async def"):
        make_app().add_route("/ws", talk, is_websocket=True)


async def test_request_hooks_get_the_connection(
    make_app: Callable[..., Flasgo], drive: Callable
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
    async def talk(websocket: WebSocket) -> None: ...

    await drive(app).websocket("/ws")
    assert seen == ["websocket", "GET", "127.0.0.1", "/ws", True]
