"""CLI-1, SERVE-4: reloads, workers, keys and addresses of `flasgo run`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flasgo.serving.bytecode import drop_bytecode

Write = Callable[[str, str], Path]
Serve = Callable[..., Any]
PATIENCE_SECONDS = 60

APP = """
import os
from flasgo import Flasgo

app = Flasgo()

@app.get("/")
async def home():
    return {answer!r}

@app.get("/pid")
async def pid():
    return str(os.getpid())
"""


# --- reloading --------------------------------------------------------------------------------


def test_two_saves_within_one_second_are_both_seen(serve: Serve, write: Write) -> None:
    """Byte code is written here, whatever the machine's PYTHONDONTWRITEBYTECODE says."""
    file = write("app.py", APP.format(answer="hello"))
    write("shop/__init__.py", "")
    part = write("shop/part.py", "NAME = 'first'\n")
    file.write_text(APP.format(answer="hello").replace("import os", "import os\nimport shop.part"))
    file.write_text(file.read_text().replace("return 'hello'", "return shop.part.NAME"))
    now = int(time.time())
    os.utime(part, (now, now))
    server = serve("app.py", "--reload", PYTHONDONTWRITEBYTECODE="")
    server.wait_until_answer("first")
    part.write_text("NAME = 'again'\n")
    os.utime(part, (now + 0.9, now + 0.9))
    server.wait_until_answer("again")


def test_installed_packages_keep_their_byte_code(tmp_path: Path) -> None:
    kept = {"": False, "shop": False, ".git": True, "env": True, "lib/site-packages/x": True}
    cached = []
    for name in kept:
        source = tmp_path / name / "module.py"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("")
        cached.append(Path(importlib.util.cache_from_source(str(source))))
        cached[-1].parent.mkdir()
        cached[-1].write_bytes(b"")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    alone = cached[0].with_name("without_source.cpython-311.pyc")
    alone.touch()
    drop_bytecode([tmp_path], [".git", "__pycache__"])
    assert [file.exists() for file in cached] == list(kept.values())
    assert alone.exists()


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "::1", "127.0.0.1"])
def test_the_address_that_is_printed_is_served(serve: Serve, write: Write, host: str) -> None:
    try:
        socket.getaddrinfo(host, 0)
        with socket.socket(socket.AF_INET6 if host == "::1" else socket.AF_INET) as probe:
            probe.bind(("::1" if host == "::1" else "127.0.0.1", 0))
    except OSError:
        pytest.skip(f"this machine has no {host}")
    write("app.py", APP.format(answer="hello"))
    server = serve("app.py", "--host", host)
    assert (server.get().status_code, server.get().text) == (200, "hello")
    port = httpx2.URL(server.url).port
    for spelling in (f"[::1]:{port}", f"127.0.0.1:{port}", "localhost"):
        assert server.get(headers={"host": spelling}).status_code == 200
    assert server.get(headers={"host": "192.0.2.1"}).status_code == 400


# --- a key for all workers --------------------------------------------------------------------

SIGNING = """
import os
from flasgo import Flasgo, session

app = Flasgo(settings={"SESSION_COOKIE_SECURE": False})

@app.get("/set")
async def set_it():
    session["a"] = 1
    return "set"

@app.get("/get")
async def get_it():
    return {"a": session.get("a"), "pid": os.getpid()}

@app.get("/plain")
async def plain():
    return "plain"
"""


def test_workers_share_a_random_key(serve: Serve, write: Write) -> None:
    write("app.py", SIGNING)
    server = serve("app.py", "--workers", "2", FLASGO_SECRET_KEY=None)
    server.wait_for("(Application startup complete)", times=2)
    cookie = server.get("/set").headers["set-cookie"].partition(";")[0]
    seen: set[int] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(seen) < 2 and time.monotonic() < deadline:
        answer = server.get("/get", headers={"cookie": cookie}).json()
        assert answer["a"] == 1
        seen.add(answer["pid"])
    assert len(seen) == 2
    assert server.log().count("SECRET_KEY is not set") == 1


def test_the_warning_comes_once_where_something_is_signed(serve: Serve, write: Write) -> None:
    write("app.py", SIGNING)
    server = serve("app.py", FLASGO_SECRET_KEY=None)
    assert server.get("/plain").status_code == 200
    assert "SECRET_KEY" not in server.log()
    assert server.get("/set").status_code == 200
    assert server.get("/set").status_code == 200
    assert server.log().count("SECRET_KEY is not set") == 1


# --- workers ----------------------------------------------------------------------------------

NEEDY = """
import os, pathlib
from flasgo import Flasgo

app = Flasgo()

@app.lifespan
async def database():
    if pathlib.Path("down").exists():
        raise OSError("the database is down")
    yield

@app.get("/pid")
async def pid():
    return str(os.getpid())
"""


def pids(server: Any, wanted: int) -> set[int]:
    seen: set[int] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(seen) < wanted and time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            seen.add(int(server.get("/pid").text))
    return seen


def test_a_replacement_that_does_not_start_leaves_the_others_alone(
    serve: Serve, write: Write, tmp_path: Path
) -> None:
    write("app.py", NEEDY)
    server = serve("app.py", "--workers", "2")
    server.wait_for("(Application startup complete)", times=2)
    first = pids(server, 2)
    (tmp_path / "down").touch()
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    server.wait_for("did not start; the others go on. The next attempt is in ([0-9.]+) seconds")
    server.wait_for("The next attempt is in (2) seconds")
    assert int(server.get("/pid").text) in first - {victim}
    (tmp_path / "down").unlink()
    server.wait_for("(Application startup complete)", times=3)
    later = pids(server, 2)
    assert len(later) == 2
    assert victim not in later
    assert server.stop(signal.SIGTERM) == 0


def test_a_first_start_that_fails_is_the_end(serve: Serve, write: Write, tmp_path: Path) -> None:
    write("app.py", NEEDY)
    (tmp_path / "down").touch()
    server = serve("app.py", "--workers", "2")
    assert server.process.wait(PATIENCE_SECONDS) == 1
    assert "none has so far" in server.log()


def test_new_connections_are_refused_while_workers_finish(
    serve: Serve, write: Write, tmp_path: Path
) -> None:
    write(
        "app.py",
        APP.format(answer="hello")
        + """
import asyncio, pathlib

@app.get("/slow")
async def slow():
    pathlib.Path("begun").touch()
    while not pathlib.Path("end").exists():
        await asyncio.sleep(0.02)
    return "finished"
""",
    )
    server = serve("app.py", "--workers", "2", "--grace", "50")
    server.wait_for("(Application startup complete)", times=2)
    address = server.address
    with socket.create_connection(address, PATIENCE_SECONDS) as slow:
        slow.sendall(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        while True:
            assert time.monotonic() < deadline, "connections are still taken"
            try:
                socket.create_connection(address, 5).close()
            except ConnectionRefusedError:
                break
            time.sleep(0.05)
        assert server.process.poll() is None
        (tmp_path / "end").touch()
        received = b""
        while chunk := slow.recv(4096):
            received += chunk
    assert b"finished" in received
    assert server.process.wait(PATIENCE_SECONDS) == 0


# --- log lines under other servers ------------------------------------------------------------


@pytest.mark.parametrize("lines", ["", "logging.basicConfig(format='mine %(message)s')\n"])
def test_log_lines_say_how_grave_they_are_and_where_they_come_from(
    tmp_path: Path, lines: str
) -> None:
    script = tmp_path / "any_server.py"
    script.write_text(
        f"import logging\n{lines}from flasgo import Flasgo\n"
        "app = Flasgo()\n"
        "logging.getLogger('flasgo.security.hosts').warning('said')\n"
        "app.logger.info('not said')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    )
    wanted = "mine said" if lines else "WARNING: flasgo.security.hosts: said"
    assert done.stderr.splitlines() == [wanted]
