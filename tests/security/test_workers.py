"""SEC-7: several worker processes and servers with one Redis between them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

QUOTA = 40
REQUESTS = 200

APP = """
import asyncio
import os

from flasgo import Flasgo
from flasgo_security import SecurityPlugin

app = Flasgo(
    settings={
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
        "RATELIMIT_STORAGE_URI": os.environ["REDIS"],
        "SESSION_STORE_URI": os.environ["REDIS"],
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
    },
    plugins=[SecurityPlugin()],
    discover=False,
)


@app.get("/")
@app.ratelimit(QUOTA, per=3600)
async def limited():
    return {"pid": os.getpid()}


@app.get("/pid")
async def pid():
    await asyncio.sleep(0.01)
    return {"pid": os.getpid()}


@app.get("/write")
async def write(request):
    request.session["user"] = "ann"
    return {"pid": os.getpid()}


@app.get("/read")
async def read(request):
    return {"user": request.session.get("user")}


@app.get("/clear")
async def clear(request):
    request.session.clear()
    return {}
"""


class Server:
    """A uvicorn of the test's own, ended by its process id."""

    def __init__(self, directory: Path, redis_uri: str, workers: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "shared_app:app", "--app-dir", str(directory),
             "--port", str(self.port), "--workers", str(workers), "--log-level", "warning"],
            env={**os.environ, "REDIS": redis_uri},
        )  # fmt: skip
        for _ in range(400):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise RuntimeError("uvicorn did not start")

    def stop(self) -> None:
        """End the server; its supervisor ends the workers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


async def get(port: int, path: str, cookie: str = "") -> tuple[int, bytes, bytes]:
    """Send one request over a connection of its own; return status, head and body."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            extra = f"Cookie: {cookie}\r\n" if cookie else ""
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n"
            writer.write(request.encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return int(head.split(b" ", 2)[1]), head, body
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture(scope="module")
def servers(one_redis, tmp_path_factory) -> Iterator[list[Server]]:
    """One server with two workers, and another one."""
    pytest.importorskip("uvicorn")
    directory = tmp_path_factory.mktemp("shared")
    (directory / "shared_app.py").write_text(APP.replace("QUOTA", str(QUOTA)))
    one_redis.start()
    started: list[Server] = []
    try:
        for workers in (2, 1):
            started.append(Server(directory, one_redis.uri, workers))
        yield started
    finally:
        for server in started:
            server.stop()


async def test_two_workers_and_two_servers_admit_exactly_the_quota_together(servers, redis):
    async def one_of_each(number: int) -> tuple[int, bytes]:
        status, _, body = await get(servers[number % 2].port, "/")
        return status, body

    answers = await asyncio.gather(*(one_of_each(number) for number in range(REQUESTS)))
    statuses = Counter(status for status, _ in answers)
    assert statuses == {200: QUOTA, 429: REQUESTS - QUOTA}
    # Both workers of the first server, and the second server, are different processes.
    pids: set[bytes] = set()
    for _ in range(50):
        batch = await asyncio.gather(*(get(server.port, "/pid") for server in servers * 8))
        pids |= {body for _, _, body in batch}
        if len(pids) == 3:
            break
    assert len(pids) == 3


async def test_a_session_of_one_server_is_known_to_the_other_until_it_is_ended(servers, redis):
    first, second = servers
    _, head, _ = await get(first.port, "/write")
    [line] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"set-cookie:")]
    cookie = line.split(b":", 1)[1].strip().split(b";")[0].decode()
    for server in servers:
        assert (await get(server.port, "/read", cookie))[2] == b'{"user":"ann"}'
    await get(second.port, "/clear", cookie)
    for server in servers:
        assert (await get(server.port, "/read", cookie))[2] == b'{"user":null}'
