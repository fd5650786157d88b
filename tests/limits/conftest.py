"""Servers in processes of their own, and clients that write raw bytes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

HERE = Path(__file__).resolve().parent
# Nothing is asserted about speed: this only ends what hangs.
PATIENCE = 60.0

COMMANDS = {
    "flasgo": ["flasgo", "run", "served.py", "--port", "{port}", "--no-access-log"],
    "flasgo-h11": ["without_httptools", "run", "served.py", "--port", "{port}", "--no-access-log"],
    "proxied": ["flasgo", "run", "proxied.py", "--port", "{port}"],
    "proxied-h11": ["without_httptools", "run", "proxied.py", "--port", "{port}"],
    "uvicorn": ["uvicorn", "--port", "{port}", "--no-access-log", "served:app"],
    "uvicorn-h11": ["uvicorn", "--port", "{port}", "--http", "h11", "served:app"],
    "uvicorn-guarded": ["uvicorn", "--port", "{port}", "--no-access-log", "--http",
                        "flasgo.serving.protocol:GuardedProtocol", "served:app"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "--workers", "1",
                "served:app"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "served:app"],
}  # fmt: skip


@dataclass
class Answer:
    """An HTTP/1.1 answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A server process."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))

    def get(self, path: str = "/", **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=PATIENCE, trust_env=False, **options)

    def stats(self) -> dict[str, int]:
        return self.get("/stats").json()


@dataclass
class Wire:
    """A connection on which anything can be written."""

    socket: socket.socket
    received: bytes = b""
    at_end: bool = field(default=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Write; a server that has closed already is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def _more(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.received += piece
        self.at_end = not piece
        return bool(piece)

    def answer(self) -> Answer:
        """Read one answer."""
        while b"\r\n\r\n" not in self.received and self._more():
            pass
        head, found, rest = self.received.partition(b"\r\n\r\n")
        assert found, f"closed without an answer: {self.received!r}"
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        self.received = rest
        status = int(lines[0].split()[1])
        length = 0 if status < 200 else int(headers.get("content-length", "0"))
        while len(self.received) < length and self._more():
            pass
        body, self.received = self.received[:length], self.received[length:]
        return Answer(status, headers, body)

    def rest(self) -> bytes:
        """Read until the server closes the connection."""
        while not self.at_end and self._more():
            pass
        return self.received


def head(
    method: str, path: str, *headers: str, host: str = "localhost", version: str = "HTTP/1.1"
) -> bytes:
    """Return a request's head, of a browser on this site."""
    lines = [f"{method} {path} {version}", f"host: {host}", "sec-fetch-site: same-origin"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment_of_servers(path: Path) -> dict[str, str]:
    """Return the environment without Flasgo's variables, for apps in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLASGO_")}
    return {**kept, "PYTHONPATH": str(path)}


def start_server(kind: str, folder: Path) -> Server:
    port = free_port()
    log = folder / f"{kind}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=port) for part in COMMANDS[kind])],
            cwd=HERE,
            env=environment_of_servers(HERE),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A group of its own: granian's worker is a process too.
            start_new_session=True,
        )
    server = Server(kind, port, process, log)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if server.get().text == "hello":
                return server
        time.sleep(0.05)
    stop_server(server)
    raise RuntimeError(f"{kind} does not serve:\n{log.read_text()}")


def stop_server(server: Server) -> None:
    if server.process.poll() is None:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The servers that are running, by kind."""
    running: dict[str, Server] = {}
    yield running
    for server in running.values():
        stop_server(server)


def get_server(servers: dict[str, Server], kind: str, factory: pytest.TempPathFactory) -> Server:
    package = kind.partition("-")[0].replace("proxied", "flasgo")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    if kind not in servers:
        servers[kind] = start_server(kind, factory.mktemp("limits"))
    return servers[kind]


@pytest.fixture
def flasgo_run(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The app under `flasgo run`."""
    return get_server(servers, "flasgo", tmp_path_factory)


@pytest.fixture(params=["flasgo", "flasgo-h11"])
def guarded(
    request: pytest.FixtureRequest,
    servers: dict[str, Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    """The app under `flasgo run`, with either parser."""
    return get_server(servers, request.param, tmp_path_factory)


@pytest.fixture(params=sorted(kind for kind in COMMANDS if "proxied" not in kind))
def server(
    request: pytest.FixtureRequest,
    servers: dict[str, Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    """The app under each server in turn."""
    return get_server(servers, request.param, tmp_path_factory)


@pytest.fixture
def hypercorn(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The app under hypercorn, which speaks HTTP/2."""
    return get_server(servers, "hypercorn", tmp_path_factory)
