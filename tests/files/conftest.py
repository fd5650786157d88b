"""Apps in this process, and servers in others, which take and send files."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flasgo import Flasgo
from flasgo_testing import TestClient

SECRET_KEY = "4f1d9a7c3e5b8260f7a9c1d3e5b70824"
# Far longer than anything here takes; only a hang meets it.
PATIENCE_SECONDS = 120


@pytest.fixture
def app() -> Flasgo:
    """An app of the core alone."""
    return Flasgo(discover=False, settings={"SECRET_KEY": SECRET_KEY})


@pytest.fixture
def client(app: Flasgo) -> Iterator[TestClient]:
    """A client that shows the answers to errors instead of raising them."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@dataclass
class Server:
    """uvicorn in a process of its own, on a port of 127.0.0.1."""

    process: subprocess.Popen[bytes]
    port: int
    scratch: Path
    log: Path

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)

    def status_kib(self, field: str) -> int:
        """Return a figure of the process such as VmRSS or VmHWM, in KiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise LookupError(field)

    def reset_peak(self) -> None:
        """Begin measuring the peak of the memory anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def open_files(self) -> list[str]:
        """Return what the process has open in its directory for temporary files."""
        found = []
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = str(link.readlink())
                if target.startswith(str(self.scratch)):
                    found.append(target)
        return found

    def spooled_bytes(self) -> int:
        """Return how much the temporary files hold that the process has open."""
        found = 0
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if str(link.readlink()).startswith(str(self.scratch)):
                    found += link.stat().st_size
        return found

    def wait_until_clean(self) -> None:
        """Wait until there is no temporary file, neither in the directory nor open."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.open_files() or list(self.scratch.iterdir()):
            assert time.monotonic() < deadline, (self.open_files(), list(self.scratch.iterdir()))
            time.sleep(0.02)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Serve the source of an app with uvicorn; all servers have ended afterwards."""
    servers: list[Server] = []

    def start(source: str) -> Server:
        folder = tmp_path_factory.mktemp("app")
        scratch = tmp_path_factory.mktemp("scratch")
        (folder / "app.py").write_text(source)
        log = folder / "server.log"
        with socket.socket() as listener:
            # The connections of the test wait here until the server is up.
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            listener.set_inheritable(True)
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(listener.fileno())],
                    cwd=folder,
                    env={
                        **{k: v for k, v in os.environ.items() if not k.startswith("FLASGO_")},
                        "FLASGO_SECRET_KEY": SECRET_KEY,
                        "TMPDIR": str(scratch),
                    },
                    pass_fds=[listener.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            port = listener.getsockname()[1]
        servers.append(Server(process, port, scratch, log))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            server.process.send_signal(signal.SIGINT)
            try:
                server.process.wait(30)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait(PATIENCE_SECONDS)
