"""CORE-10: what a handler may do with a WebSocket, spoken to in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import (
    Flasgo,
    HTTPException,
    Response,
    RouteError,
    SettingError,
    WebSocket,
    WebSocketDisconnect as Disconnect,
)

SECRET_KEY = "for-tests-only-0123456789-abcdefghij"


@pytest.fixture
def app() -> Flasgo:
    return Flasgo(discover=False, settings={"SECRET_KEY": SECRET_KEY})


Talk = Callable[..., Any]


@pytest.fixture
def talk(app: Flasgo) -> Talk:
    """Run a handler against a script of messages; return what was sent."""

    async def run(
        handler: Any,
        *incoming: dict[str, Any],
        offered: tuple[str, ...] = (),
        fail_send: type[Exception] | None = None,
        **options: Any,
    ) -> list[dict[str, Any]]:
        app.add_route("/ws", handler, is_websocket=True, **options)
        script = [{"type": "websocket.connect"}, *incoming]
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            if script:
                return script.pop(0)
            return await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            if fail_send is not None and message["type"] != "websocket.accept":
                raise fail_send("gone")
            sent.append(dict(message))

        scope = {
            "type": "websocket",
            "path": "/ws",
            "raw_path": b"/ws",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "subprotocols": list(offered),
            "extensions": {"websocket.http.response": {}},
        }
        await asyncio.wait_for(app(scope, receive, send), 30)
        return sent

    return run


def text(value: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": value}


LEFT = {"type": "websocket.disconnect", "code": 1001, "reason": "bye"}


async def test_a_subprotocol_nobody_offered(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept("chat.v9")

    sent = await talk(handler, offered=("chat.v1",))

    assert sent[0]["status"] == 500
    assert "does not offer the subprotocol 'chat.v9'" in caplog.text
    assert "It offers: chat.v1" in caplog.text


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2000, 5000])
async def test_codes_that_cannot_be_sent(talk: Talk, code: int) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        with pytest.raises(ValueError, match="not a close code"):
            await websocket.close(code)
        with pytest.raises(ValueError, match="123 bytes"):
            await websocket.close(1000, "ü" * 62)

    assert [(m["type"], m.get("code")) for m in await talk(handler)] == [
        ("websocket.accept", None),
        ("websocket.close", 1000),
    ]


@pytest.mark.parametrize(
    ("method", "value", "advice"),
    [
        ("send_text", {"a": 1}, "send_text takes str, not dict; .* send_json for anything else"),
        ("send_text", b"a", "send_text takes str, not bytes"),
        ("send_bytes", "a", "send_bytes takes bytes, not str"),
        ("send_bytes", 3, "send_bytes takes bytes, not int"),
    ],
)
async def test_what_is_neither_text_nor_bytes(
    talk: Talk, method: str, value: Any, advice: str
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        with pytest.raises(TypeError, match=advice):
            await getattr(websocket, method)(value)
        await websocket.send_bytes(bytearray(b"fine"))

    sent = await talk(handler)
    assert [(m["type"], m.get("bytes")) for m in sent[1:]] == [
        ("websocket.send", b"fine"),
        ("websocket.close", None),
    ]


def test_a_handler_without_a_connection(app: Flasgo) -> None:
    async def handler(ws) -> None: ...

    with pytest.raises(RouteError, match=r"'ws' would be a parameter .* `ws: WebSocket`"):
        app.websocket("/ws")(handler)
    assert app.routes == ()

    @app.websocket("/refused")
    async def refused(token: str) -> Response:  # one that takes no part in any conversation
        return Response(token)


async def test_a_response_before_accept_refuses_the_handshake(talk: Talk) -> None:
    async def handler(websocket: WebSocket) -> Response:
        return Response.text("try later", 503, headers={"retry-after": "5"})

    sent = await talk(handler)
    assert (sent[0]["status"], sent[1]["body"]) == (503, b"try later")


@pytest.mark.parametrize(("status", "code"), [(403, 1008), (503, 1011)])
async def test_an_http_error_after_accept_is_a_close_code(
    talk: Talk, caplog: pytest.LogCaptureFixture, status: int, code: int
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise HTTPException(status, "Ä" * 100)

    close = (await talk(handler))[-1]
    assert (close["code"], close["reason"]) == (code, "Ä" * 61 if status < 500 else "")
    assert ("Error on" in caplog.text) == (status >= 500)


async def test_the_end_of_another_connection_is_an_error(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler that brings messages to others may meet one that has left."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise Disconnect(1001)

    assert (await talk(handler))[-1]["code"] == 1011
    assert "Error on WEBSOCKET '/ws'" in caplog.text


@pytest.mark.parametrize("failure", [OSError, RuntimeError, ConnectionResetError])
async def test_a_client_that_is_gone_when_it_is_closed(
    talk: Talk, failure: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    await talk(handler, fail_send=failure)
    assert caplog.text == ""


async def test_a_client_that_is_gone_when_it_is_sent_to(talk: Talk) -> None:
    ends: list[object] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.send_text("hello")
        except Disconnect as gone:
            ends.append(gone.code)
            raise

    await talk(handler, fail_send=ConnectionResetError)
    assert ends == [1006]


async def test_a_client_that_leaves_before_accept(talk: Talk) -> None:
    ends: list[object] = []

    async def handler(websocket: WebSocket) -> None:
        try:
            await websocket.accept()
        finally:
            ends.append("ended")

    app_sent = await talk(handler)
    assert app_sent[0]["type"] == "websocket.accept"
    assert ends == ["ended"]


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [
        # Where the server's `send` says nothing, as granian's and hypercorn's.
        ((text("ignored"), text("ignored too"), LEFT), (1001, "bye")),
        # What was received ahead is held in memory: one that is too large is the last one.
        ((text("short"), text("x" * 21), text("more")), (1009, "A message has at most 20 bytes.")),
    ],
)
async def test_a_handler_that_only_sends_sees_the_end(
    talk: Talk, incoming: tuple[dict[str, Any], ...], expected: tuple[int, str]
) -> None:
    ends: list[object] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text("tick")
                await asyncio.sleep(0)
        except Disconnect as gone:
            ends.append((gone.code, gone.reason))

    sent = await talk(handler, *incoming, max_message_bytes=20)

    assert ends == [expected]
    assert len(sent) < 20


async def test_what_was_received_ahead_is_not_lost(talk: Talk) -> None:
    got: list[str] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(10):
            await websocket.send_text("tick")
            await asyncio.sleep(0)
        async for message in websocket.iter_text():
            got.append(message)

    words = [str(number) for number in range(30)]
    await talk(handler, *(text(word) for word in words), LEFT)

    assert got == words


async def test_a_receive_that_fails_after_a_while_fails_the_handler(
    app: Flasgo, caplog: pytest.LogCaptureFixture
) -> None:
    """The server's, that is; while somebody waits for what was received ahead."""
    is_waiting = asyncio.Event()

    @app.websocket("/ws")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(10):
            await websocket.send_text("tick")
        asyncio.get_running_loop().call_soon(is_waiting.set)
        await websocket.receive()

    async def receive() -> Any:
        if not is_connected:
            is_connected.append(True)
            return {"type": "websocket.connect"}
        await is_waiting.wait()
        raise RuntimeError("the server has lost it")

    is_connected: list[bool] = []
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": [(b"host", b"localhost")]}
    await asyncio.wait_for(app(scope, receive, send), 30)

    assert sent[-1]["code"] == 1011
    assert "the server has lost it" in caplog.text


async def test_nothing_is_left_running(talk: Talk) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(10):
            await websocket.send_text("tick")

    await talk(handler)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1


async def test_iteration_gives_text_and_bytes(talk: Talk) -> None:
    got: list[object] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            got.append(message)

    await talk(handler, text("a"), {"type": "websocket.receive", "bytes": b"b", "text": None}, LEFT)
    assert got == ["a", b"b"]


@pytest.mark.parametrize(
    ("size", "message", "closes"),
    [(4, "abcd", False), (4, "abcde", True), (4, "üü", False), (4, "üüü", True), (1, "", False)],
)
async def test_sizes_are_counted_in_bytes(
    talk: Talk, size: int, message: str, closes: bool
) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket:
            pass

    sent = await talk(handler, text(message), LEFT, max_message_bytes=size)
    assert [m.get("code") for m in sent if m["type"] == "websocket.close"] == (
        [1009] if closes else []
    )


async def test_empty_messages_count_as_messages(talk: Talk) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket:
            pass

    sent = await talk(handler, *([text("")] * 10), max_messages_per_second=3)
    assert sent[-1]["code"] == 1008


@pytest.mark.parametrize("bound", ["max_message_bytes", "max_messages_per_second"])
@pytest.mark.parametrize("value", [0, -1, "10", True])
def test_bad_bounds(app: Flasgo, bound: str, value: Any) -> None:
    async def handler(websocket: WebSocket) -> None: ...

    with pytest.raises(RouteError, match=bound):
        app.add_route("/ws", handler, is_websocket=True, **{bound: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEBSOCKET_MAX_MESSAGE_BYTES", 0), ("WEBSOCKET_MAX_MESSAGES_PER_SECOND", 0)],
)
def test_bad_settings(name: str, value: int) -> None:
    with pytest.raises(SettingError, match=name):
        Flasgo(discover=False, settings={"SECRET_KEY": SECRET_KEY, name: value})
