"""CORE-10: WebSockets over real uvicorn, with a real client library."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .conftest import Server

pytestmark = pytest.mark.filterwarnings("error")


async def closing(websocket: Any) -> tuple[int | None, str | None]:
    """Read until the server closes; return its code and reason."""
    try:
        while True:
            await asyncio.wait_for(websocket.recv(), 30)
    except ConnectionClosed:
        return websocket.close_code, websocket.close_reason


async def test_text_bytes_and_json(server: Server) -> None:
    async with connect(server.ws + "/ws/echo") as websocket:
        for message in ("hello", "ü" * 1000, b"\x00\xff", "", b""):
            await websocket.send(message)
            assert await websocket.recv() == message
    async with connect(server.ws + "/ws/json") as websocket:
        await websocket.send('{"a": [1, null]}')
        assert json.loads(await websocket.recv()) == {"got": {"a": [1, None]}}
        await websocket.send(b'"bytes are fine too"')
        assert json.loads(await websocket.recv()) == {"got": "bytes are fine too"}
    async with connect(server.ws + "/ws/bytes") as websocket:
        await websocket.send("abc")
        assert await websocket.recv() == b"cba"


async def test_subprotocols(server: Server) -> None:
    for offered, chosen in (
        (["soap", "chat.v1"], "chat.v1"),
        (["chat.v2", "chat.v1"], "chat.v2"),
        (["soap"], None),
        (None, None),
    ):
        async with connect(
            server.ws + "/ws/protocols",
            subprotocols=offered,  # ty: ignore[invalid-argument-type]
        ) as websocket:
            assert websocket.subprotocol == chosen
            assert await websocket.recv() == (chosen or "none")
            assert websocket.response is not None
            assert websocket.response.headers["x-extra"] == "1"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
async def test_close_codes(server: Server, code: int) -> None:
    async with connect(f"{server.ws}/ws/close/{code}") as websocket:
        assert await closing(websocket) == (code, "as you wish")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ws/nothing", {}, 404),
        ("/ws/members", {}, 401),
        ("/ws/echo", {"origin": "https://evil.example"}, 403),
        ("/area/ws", {}, 401),
        ("/ws/early", {}, 500),
        ("/ws%2Fecho", {}, 404),
    ],
)
async def test_refused_before_accept_with_an_http_answer(
    server: Server, path: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(server.ws + path, additional_headers=headers)
    response = caught.value.response

    assert response.status_code == status
    assert response.headers["x-finalized"] == str(status)
    assert json.loads(response.body)["error"]
    assert b"secret" not in response.body
    if status == 401:
        assert response.headers["www-authenticate"] == "Member"


async def test_the_same_policies_let_members_in(server: Server) -> None:
    for path, answer in (("/ws/members", "welcome"), ("/area/ws", "inside")):
        async with connect(server.ws + path, additional_headers={"x-member": "yes"}) as websocket:
            assert await websocket.recv() == answer


async def test_a_quota_counts_handshakes(server: Server) -> None:
    for _ in range(2):
        async with connect(server.ws + "/ws/counted"):
            pass
    with pytest.raises(InvalidStatus) as caught:
        await connect(server.ws + "/ws/counted")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["retry-after"] == "60"


# --- Bounds ---------------------------------------------------------------------------------


async def test_the_size_of_messages_is_bounded(server: Server) -> None:
    async with connect(server.ws + "/ws/small") as websocket:
        await websocket.send("ten bytes!")
        assert await websocket.recv() == "ten bytes!"
        await websocket.send("ü" * 6)  # 6 characters, 12 bytes
        assert (await closing(websocket))[0] == 1009


async def test_the_setting_bounds_what_no_route_bounds(server: Server) -> None:
    async with connect(server.ws + "/ws/echo", max_size=None) as websocket:
        await websocket.send(b"x" * (1 << 20))
        assert len(await websocket.recv()) == 1 << 20
        await websocket.send(b"x" * ((1 << 20) + 1))
        assert (await closing(websocket))[0] == 1009


async def test_the_rate_of_messages_is_bounded(server: Server) -> None:
    async with connect(server.ws + "/ws/slow") as websocket:
        for number in range(100):
            await websocket.send(str(number))
        received = 0
        with pytest.raises(ConnectionClosed):  # noqa: PT012 - it ends in the middle of a loop
            while True:
                await asyncio.wait_for(websocket.recv(), 30)
                received += 1
        assert websocket.close_code == 1008
        # One second's worth at once, and what refilled while the messages came in.
        assert 5 <= received < 50


@pytest.mark.parametrize(
    "message", ["{", "", '{"a": NaN}', "[" * 100_000, b"\xff\xfe", '{"a": 1} x']
)
async def test_what_is_not_json_closes_with_1007(server: Server, message: str | bytes) -> None:
    async with connect(server.ws + "/ws/json") as websocket:
        await websocket.send(message)
        assert (await closing(websocket))[0] == 1007


async def test_bytes_that_are_not_utf8_close_with_1007(server: Server) -> None:
    async with connect(server.ws + "/ws/text") as websocket:
        await websocket.send(b"fine")
        assert await websocket.recv() == "fine"
        await websocket.send(b"\xff\xfe")
        assert (await closing(websocket))[0] == 1007


async def test_a_handler_that_raises_closes_with_1011(server: Server) -> None:
    async with connect(server.ws + "/ws/raise") as websocket:
        await websocket.send("go")
        code, reason = await closing(websocket)
    assert (code, "secret" in (reason or "")) == (1011, False)
    assert "Error on WEBSOCKET '/ws/raise'" in server.log


# --- Nothing stays behind -------------------------------------------------------------------


async def vanish(websocket: Any) -> None:
    """Cut the connection without a word."""
    websocket.transport.abort()


async def one_life(server: Server, number: int) -> None:
    """Connect in one of several ways, and leave in one of several ways."""
    kind = number % 8
    path = (
        "/ws/echo", "/ws/echo", "/ws/raise", "/ws/ticker", "/ws/pair", "/ws/json", "/ws/members",
        "/ws/small",
    )[kind]  # fmt: skip
    try:
        async with connect(server.ws + path, open_timeout=60, ping_interval=None) as websocket:
            if kind == 0:
                await websocket.send("hello")
                assert await websocket.recv() == "hello"
            elif kind == 1:
                await websocket.send("x" * 1000)
                await vanish(websocket)
            elif kind == 2:
                await websocket.send("go")
                await closing(websocket)
            elif kind in (3, 4):
                assert await websocket.recv() == "tick"
                await vanish(websocket)
            elif kind == 5:
                await websocket.send("not json")
                await closing(websocket)
            elif kind == 7:
                await websocket.send("much too long for this one")
                await closing(websocket)
    except InvalidStatus as refused:
        assert (kind, refused.response.status_code) == (6, 401)  # noqa: PT017


async def lives(server: Server, count: int, at_once: int = 50) -> None:
    limit = asyncio.Semaphore(at_once)

    async def bounded(number: int) -> None:
        async with limit:
            await one_life(server, number)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(bounded(number))


async def test_a_thousand_connections_leave_nothing_behind(server: Server) -> None:
    await lives(server, 200)  # what is made once is made now
    before = server.until(lambda stats: stats["handlers"] == 0 and stats["websockets"] == 0)
    resident: list[int] = []
    # Allocators keep memory for reuse, and take a while to settle; what leaks grows every time.
    while len(resident) < 2 or resident[-1] - resident[-2] >= 1024:
        assert len(resident) < 6, f"each thousand leaves something: {resident} KiB"
        await lives(server, 1000)
        after = server.until(
            lambda stats: (
                stats["handlers"] == 0
                and stats["websockets"] == 0
                and stats["tasks"] <= before["tasks"]
            )
        )
        resident.append(after["resident_kib"])

    assert "Task was destroyed" not in server.log
    assert "never retrieved" not in server.log


@pytest.mark.parametrize(
    "path", ["/ws/never-waits", "/ws/never-waits/pair", "/mounted/never-waits"]
)
async def test_a_handler_that_never_waits_ends_with_its_client(server: Server, path: str) -> None:
    async with connect(server.ws + path, ping_interval=None) as websocket:
        for _ in range(4000):
            await websocket.recv()
        await vanish(websocket)

    await asyncio.to_thread(server.until, lambda stats: stats["handlers"] == 0)
    assert f"Error on WEBSOCKET {path!r}" not in server.log
    assert "never retrieved" not in server.log


def test_a_handshake_that_is_never_finished(server: Server) -> None:
    """A client that asks for the upgrade and is gone before the answer."""
    before = server.until(lambda stats: stats["handlers"] == 0)
    for _ in range(20):
        connection = server.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(
            b"GET /ws/ticker HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        connection.close()
    server.until(lambda stats: stats["handlers"] == 0 and stats["tasks"] <= before["tasks"])


@pytest.mark.parametrize("path", ["/ws/echo", "/ws/ticker", "/ws/pair"])
async def test_shut_down_with_open_sockets(start: Callable[..., Server], path: str) -> None:
    server = start()
    sockets = [await connect(server.ws + path) for _ in range(10)]

    codes = asyncio.gather(*(closing(websocket) for websocket in sockets))
    status = await asyncio.to_thread(server.stop)

    assert [code for code, _ in await codes] == [1012] * 10
    assert status in {0, -15}
    assert server.trace == ["first starts", "second starts", "second stops", "first stops"]
    assert "Traceback" not in server.log
