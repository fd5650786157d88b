"""SERVE-2: `flasgo run --server granian`."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flasgo.serving.runner import ServingError, run

pytest.importorskip("granian")

Write = Callable[[str, str], Path]
Serve = Callable[..., Any]
PATIENCE_SECONDS = 60

APP = """
import asyncio, os, pathlib
from flasgo import Flasgo, Request, session

app = Flasgo(settings={"SESSION_COOKIE_SECURE": False, "MAX_REQUEST_HEAD_BYTES": 9000,
                       "MAX_REQUEST_BODY_BYTES": 1000, "REQUEST_READ_TIMEOUT_SECONDS": 1.0})

@app.get("/")
async def home():
    return "ANSWER"

@app.get("/pid")
async def pid():
    return str(os.getpid())

@app.get("/set")
async def set_it():
    session["a"] = 1
    return "set"

@app.get("/get")
async def get_it():
    return {"a": session.get("a"), "pid": os.getpid()}

@app.post("/size")
async def size(request: Request):
    return {"size": len(await request.body())}

@app.get("/slow/<float:seconds>")
async def slow(seconds: float):
    print("BEGUN", flush=True)
    await asyncio.sleep(seconds)
    return "slowly"

if __name__ == "__main__":
    app.run(port=0)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def granian(serve: Serve, *arguments: str, **env: str | None) -> tuple[Any, str]:
    port = str(free_port())
    server = serve("app.py", "--server", "granian", "--port", port, *arguments, **env)
    server.wait_for(r"(Started worker-1)")
    return server, f"http://127.0.0.1:{port}"


def test_workers_share_a_key_and_come_back(serve: Serve, write: Write) -> None:
    write("app.py", APP)
    server, url = granian(serve, "--workers", "2", FLASGO_SECRET_KEY=None)
    server.wait_for(r"(Started worker-2)")
    assert "granian, 2 workers" in server.log()
    cookie = httpx2.get(f"{url}/set").headers["set-cookie"].partition(";")[0]
    seen: set[int] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(seen) < 2 and time.monotonic() < deadline:
        answer = httpx2.get(f"{url}/get", headers={"cookie": cookie}).json()
        assert answer["a"] == 1
        seen.add(answer["pid"])
    assert server.log().count("SECRET_KEY is not set") <= 2  # one for each worker that signs
    os.kill(min(seen), signal.SIGKILL)
    server.wait_for(r"(Started worker-\d)", times=3)
    assert httpx2.get(f"{url}/").text == "ANSWER"
    assert server.stop(signal.SIGTERM) == 0


def test_a_large_head_is_refused(serve: Serve, write: Write) -> None:
    write("app.py", APP)
    _, url = granian(serve)
    address = httpx2.URL(url)
    with socket.create_connection((address.host, address.port or 80), PATIENCE_SECONDS) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 60_000 + b"\r\n\r\n")
        received = wire.recv(4096)
    assert received.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def sent(url: str, head: str, *parts: bytes) -> bytes:
    """Return all that comes back; the connection is held until the server closes it."""
    address = httpx2.URL(url)
    with socket.create_connection((address.host, address.port or 80), PATIENCE_SECONDS) as wire:
        wire.sendall(head.encode() + b"\r\n")
        for part in parts:
            wire.sendall(part)
        received = b""
        while piece := wire.recv(65536):
            received += piece
    return received


def test_limits_of_bodies_and_of_time_hold(serve: Serve, write: Write) -> None:
    write("app.py", APP)
    _, url = granian(serve)
    head = "POST /size HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n"
    close = "connection: close\r\n"
    fits = sent(url, f"{head}{close}content-length: 1000\r\n", b"x" * 1000)
    assert fits.startswith(b"HTTP/1.1 200 ")
    assert b'{"size":1000}' in fits
    # The length that is claimed, and the bytes that come, are both looked at.
    claimed = sent(url, f"{head}{close}content-length: 1001\r\n", b"x" * 1001)
    assert claimed.startswith(b"HTTP/1.1 413 ")
    chunk = b"190\r\n" + b"x" * 0x190 + b"\r\n"
    chunked = sent(url, f"{head}{close}transfer-encoding: chunked\r\n", chunk * 3, b"0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 413 ")
    # A body, and then a head, that stop in the middle.
    assert sent(url, f"{head}content-length: 10\r\n", b"x").startswith(b"HTTP/1.1 408 ")
    assert not sent(url, head[:-2]).startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize(("grace", "seconds"), [("20", "1.5"), ("1", "60.0")])
def test_grace(serve: Serve, write: Write, grace: str, seconds: str) -> None:
    """What takes no longer than the grace is answered; what takes longer is not waited for."""
    write("app.py", APP)
    server, url = granian(serve, "--grace", grace)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx2.get, f"{url}/slow/{seconds}", timeout=PATIENCE_SECONDS)
        server.wait_for("(BEGUN)")
        begun = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 15
        if grace == "20":
            assert asked.result().text == "slowly"
        else:
            with pytest.raises(httpx2.TransportError):
                asked.result()


def test_reload(serve: Serve, write: Write) -> None:
    write("app.py", APP.replace("ANSWER", "first"))
    _, url = granian(serve, "--reload")
    assert httpx2.get(url).text == "first"
    write("app.py", APP.replace("ANSWER", "second one"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx2.get(url).text == "second one":
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the app was not loaded anew")


def test_a_taken_port_is_one_line(serve: Serve, write: Write) -> None:
    write("app.py", APP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        server = serve("app.py", "--server", "granian", "--port", port)
        assert server.process.wait(PATIENCE_SECONDS) == 1
    assert "the port is in use" in server.log()
    assert "Traceback" not in server.log()


def test_another_server_is_an_error() -> None:
    with pytest.raises(ServingError, match="uvicorn or granian"):
        run("app.py", server="gunicorn")
