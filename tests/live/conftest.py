"""Real servers, in processes of their own, ended by their process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

HERE = Path(__file__).resolve().parent
# Nothing is asserted about speed: these only end what hangs.
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SETTLE_SECONDS = 30.0


@dataclass
class Server:
    """A server process, where it listens, and what it left on disk."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def trace(self) -> list[str]:
        path = self.folder / "trace"
        return path.read_text().splitlines() if path.exists() else []

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=30, **options)

    def stats(self) -> dict[str, Any]:
        return self.get("/stats").json()

    def until(self, is_right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the process's figures once they are right; fail when that does not happen."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            stats = self.stats()
            if is_right(stats):
                return stats
            if time.monotonic() > deadline:
                pytest.fail(f"The server does not settle: {stats}\n{self.log}")
            time.sleep(0.05)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the process to stop; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End the process and its workers, which are a process group of their own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)


COMMANDS = {
    "uvicorn": ["uvicorn", "--app-dir", str(HERE), "--port", "{port}", "--no-access-log",
                "--timeout-graceful-shutdown", "3", "served:app"],
    "granian": ["granian", "--interface", "asgi", "--working-dir", str(HERE), "--port", "{port}",
                "--workers", "1", "served:app"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "3",
                  "served:app"],
}  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(folder: Path, kind: str = "uvicorn", **environment: str) -> Server:
    """Start a server; it is up when its port answers, or has ended."""
    port = _free_port()
    command = [part.format(port=port) for part in COMMANDS[kind]]
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=HERE,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE),
                "LIVE_TRACE": str(folder / "trace"),
                "LIVE_UPLOAD": str(folder / "upload"),
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, port, folder)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect().close()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app under uvicorn, for all tests of a module."""
    started = start_server(tmp_path_factory.mktemp("uvicorn"))
    yield started
    started.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server of one's own."""
    started: list[Server] = []

    def start_one(kind: str = "uvicorn", **environment: str) -> Server:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(start_server(folder, kind, **environment))
        return started[-1]

    yield start_one
    for each in started:
        each.kill()
