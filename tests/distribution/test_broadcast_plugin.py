"""PLUG-14: flasgo-broadcast, installed from its wheel: two workers, one Redis, one chat."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .conftest import Environment
from .reference_plugins import PATIENCE_SECONDS, MakeInstalled, serving

APP = """
import os

from flasgo import EventSourceResponse, Flasgo, Request, WebSocket
from flasgo_broadcast import Broadcast

app = Flasgo()


@app.websocket("/chat")
async def chat(websocket: WebSocket, broadcast: Broadcast):
    await websocket.accept()
    await websocket.send_text(f"pid {os.getpid()}")
    async with broadcast.forwarding(websocket, "chat"):
        await websocket.send_text("ready")
        async for text in websocket.iter_text():
            await broadcast.publish("chat", text)


@app.get("/events")
async def events(request: Request, broadcast: Broadcast):
    return EventSourceResponse(broadcast.events("chat", last_event_id=request.last_event_id))


@app.get("/count")
async def count(broadcast: Broadcast):
    return {"count": await broadcast.count("chat")}
"""


@pytest.fixture(scope="module")
def installed(reference_plugin: MakeInstalled) -> Environment:
    return reference_plugin("flasgo-broadcast").environment


@pytest.fixture(scope="module")
def redis_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server, ended by its process id."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = str(tmp_path_factory.mktemp("redis"))
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


class Client:
    """Someone in the chat."""

    def __init__(self, url: str, stack: contextlib.ExitStack) -> None:
        address = url.replace("http://", "ws://") + "/chat"
        self.socket: ClientConnection = stack.enter_context(connect(address, proxy=None))
        self.worker = int(self.hear().removeprefix("pid "))
        assert self.hear() == "ready"

    def hear(self) -> str:
        return str(self.socket.recv(timeout=PATIENCE_SECONDS))

    def hear_until(self, last: str) -> list[str]:
        heard = [self.hear()]
        while heard[-1] != last:
            heard.append(self.hear())
        return heard


def of_two_workers(url: str, stack: contextlib.ExitStack) -> tuple[Client, Client]:
    """Return a client of each of two workers."""
    clients: dict[int, Client] = {}
    for _ in range(100):
        client = Client(url, stack)
        clients.setdefault(client.worker, client)
        if len(clients) == 2:
            one, other = clients.values()
            return one, other
    pytest.fail("All connections have reached the same worker.")


def test_one_chat_over_two_workers_of_which_one_is_killed(
    installed: Environment, redis_uri: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    options = {"path": "/count", "FLASGO_BROADCAST_URI": redis_uri}
    with (
        serving(installed, tmp_path, "--workers", "2", **options) as (url, _),
        contextlib.ExitStack() as stack,
    ):
        ann, bob = of_two_workers(url, stack)
        ann.socket.send("from ann")
        bob.hear_until("from ann")
        bob.socket.send("from bob")
        ann.hear_until("from bob")

        # Ann speaks without a pause, while the worker of Bob is killed and replaced.
        said = threading.Thread(target=speak, args=(ann, 400))
        said.start()
        bob.hear_until("100")
        os.kill(bob.worker, signal.SIGKILL)
        heard = ann.hear_until("399")
        said.join(PATIENCE_SECONDS)
        assert heard == [str(number) for number in range(400)]
        with pytest.raises(ConnectionClosed):
            bob.hear_until("never said")

        # Somebody on whichever worker is there now, the new one included, is in the same chat.
        deadline = time.monotonic() + PATIENCE_SECONDS
        workers = {ann.worker}
        while len(workers) < 2 and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                late = Client(url, stack)
                workers.add(late.worker)
        assert len(workers) == 2
        late.socket.send("from late")
        ann.hear_until("from late")

        # An event stream goes on after an id that was seen in the worker that is gone.
        ids = last_ids(url, 5)
        assert [number for _, number in last_ids(url, 2, after=ids[2][0])] == [
            number for _, number in ids[3:]
        ]


def speak(client: Client, number: int) -> None:
    for each in range(number):
        client.socket.send(str(each))


def last_ids(url: str, number: int, after: str = "1-0") -> list[tuple[str, str]]:
    """Return id and text of events that follow one."""
    found: list[tuple[str, str]] = []
    headers = {"last-event-id": after}
    with httpx2.stream("GET", url + "/events", headers=headers, timeout=PATIENCE_SECONDS) as answer:
        place = ""
        for line in answer.iter_lines():
            if line.startswith("id: "):
                place = line.removeprefix("id: ")
            elif line.startswith("data: "):
                found.append((place, line.removeprefix("data: ")))
                if len(found) == number:
                    break
    return found


def test_the_password_of_redis_is_shown_nowhere(installed: Environment, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    uri = {"FLASGO_BROADCAST_URI": "redis://app:hunter2@127.0.0.1:1/0"}
    told = installed.execute("-m", "flasgo", "settings", "--json", cwd=tmp_path, **uri)
    assert "BROADCAST_URI" in told
    assert "hunter2" not in told
