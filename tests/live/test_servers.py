"""CORE-9, CLI-1: the same app under uvicorn, granian and hypercorn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .conftest import COMMANDS, Server

SERVERS = sorted(COMMANDS)


@pytest.mark.parametrize("kind", SERVERS)
async def test_everything_works_and_stops(start: Callable[..., Server], kind: str) -> None:
    server = start(kind)

    assert server.stats()["word"] == "from the lifespan"
    assert server.get("/mounted/x/y").text == "/mounted /mounted/x/y"
    member = {"x-member": "yes"}
    assert server.get("/area/page", headers=member).text == "/area/page#x"
    assert server.get("/area/page").status_code == 401
    assert "id: 3\n" in server.get("/sse").text
    assert server.get("/ndjson/sync").text == '{"n":0}\n{"n":1}\n{"n":2}\n'
    async with connect(server.ws + "/ws/echo") as websocket:
        await websocket.send("hello")
        assert await websocket.recv() == "hello"
        await websocket.send(b"\x00")
        assert await websocket.recv() == b"\x00"
    async with connect(server.ws + "/mounted/ws") as websocket:
        assert await websocket.recv() == "/mounted"
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.ws + "/ws/members")
    # granian has no denial responses: it answers 403 there.
    assert refused.value.response.status_code in {401, 403}
    assert server.get("/background").text == "promised"
    await asyncio.to_thread(server.stop)

    assert server.trace == [
        "first starts",
        "second starts",
        "background ran",
        "second stops",
        "first stops",
    ]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_lifespan_that_fails_stops_the_server(start: Callable[..., Server], kind: str) -> None:
    server = start(kind, LIVE_FAIL="1")
    if server.process.poll() is None:  # granian tries again
        server.stop()

    assert server.trace[:3] == ["first starts", "second starts", "first stops"]
    assert "served.second (" in server.log
    assert "failed to start. OSError: no port left" in server.log


@pytest.mark.parametrize("kind", SERVERS)
async def test_clients_that_vanish_leave_no_handler(
    start: Callable[..., Server], kind: str
) -> None:
    server = start(kind)
    before = server.stats()["tasks"]
    for path in ("/ws/echo", "/ws/ticker", "/ws/pair"):
        for _ in range(10):
            websocket = await connect(server.ws + path, ping_interval=None)
            websocket.transport.abort()

    def is_settled(stats: dict[str, int]) -> bool:
        # hypercorn keeps tasks of its own for every connection that was closed lately.
        has_tasks = stats["tasks"] > before and kind != "hypercorn"
        return stats["handlers"] == stats["websockets"] == 0 and not has_tasks

    await asyncio.to_thread(server.until, is_settled)
