"""Projects in temporary folders, and `flasgo` run on them as a user would."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

SECRET_KEY = "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"
# Far longer than anything here takes; only a hang meets it.
PATIENCE_SECONDS = 60

_URL = re.compile(r"Flasgo serves (http://\S+)")


def environment(**more: str | None) -> dict[str, str]:
    """The process environment without Flasgo's variables but a good key; None takes one away."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLASGO_")}
    chosen = {**kept, "FLASGO_SECRET_KEY": SECRET_KEY, "COLUMNS": "80", **more}
    return {name: value for name, value in chosen.items() if value is not None}


@dataclass
class Server:
    """A server in another process."""

    process: subprocess.Popen[bytes]
    output: Path

    def log(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, *, times: int = 1) -> str:
        """Wait until the log holds a pattern that many times; return its last first group."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = re.findall(pattern, self.log())
            if len(found) >= times:
                return found[-1]
            if self.process.poll() is not None and len(re.findall(pattern, self.log())) < times:
                break
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is not {times} times in:\n{self.log()}")

    @property
    def url(self) -> str:
        return self.wait_for(_URL.pattern)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx2.URL(self.url)
        return url.host, url.port or 80

    def get(self, path: str = "/", **options: object) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=PATIENCE_SECONDS, **options)  # ty: ignore[invalid-argument-type]

    def wait_until_answer(self, wanted: str, path: str = "/") -> None:
        """Ask until the answer is the wanted one, as after a reload."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = ""
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                answer = self.get(path).text
                if answer == wanted:
                    return
            time.sleep(0.1)
        raise AssertionError(f"answer is {answer!r}, not {wanted!r}:\n{self.log()}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask the process to end, and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(PATIENCE_SECONDS)


Serve = Callable[..., Server]
Flasgo = Callable[..., "subprocess.CompletedProcess[str]"]


@contextlib.contextmanager
def running_servers(folder: Path, logs: Path) -> Generator[Serve]:
    """Yield a function that starts servers in a folder; all have ended afterwards."""
    servers: list[Server] = []

    def start(*arguments: str, python: tuple[str, ...] = (), **env: str | None) -> Server:
        output = logs / f"{len(servers)}.log"
        command = python or ("-m", "flasgo", "run", "--port", "0", *arguments)
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=environment(**env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own, so that nothing is left behind if it has to be killed.
                start_new_session=True,
            )
        servers.append(Server(process, output))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            try:
                server.stop()
            except subprocess.TimeoutExpired:
                os.killpg(server.process.pid, signal.SIGKILL)
                server.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def serve(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start `flasgo run ...`, or another Python command line, in the project folder."""
    with running_servers(tmp_path, tmp_path_factory.mktemp("logs")) as start:
        yield start


@pytest.fixture(scope="module")
def serve_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Serve the text of an `app.py` to all tests of a module."""
    folder = tmp_path_factory.mktemp("project")
    with running_servers(folder, tmp_path_factory.mktemp("logs")) as start:

        def serve_text(text: str, *arguments: str, **options: object) -> Server:
            (folder / "app.py").write_text(text, encoding="utf-8")
            return start(*arguments, **options)

        yield serve_text


@pytest.fixture
def flasgo(tmp_path: Path) -> Flasgo:
    """Run a `flasgo` command in the project folder to its end."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flasgo", *arguments],
            cwd=tmp_path,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of the project."""

    def write_file(name: str, content: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return write_file
