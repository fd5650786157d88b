"""The quick start example, loaded as an app or copied to where a test may change it."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from flasgo import Flasgo

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples" / "quickstart"
SECRET_KEY = "examples-tests-only-0123456789abcdef-0123456789"
# Nothing is asserted about speed: these only end a run that hangs.
START_SECONDS = 60.0
STOP_SECONDS = 15.0


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flasgo:
    """The example's app, freshly imported from where it stands."""
    monkeypatch.setenv("FLASGO_SECRET_KEY", SECRET_KEY)
    spec = importlib.util.spec_from_file_location("quickstart_under_test", QUICKSTART / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "quickstart_under_test", module)
    spec.loader.exec_module(module)
    assert isinstance(module.app, Flasgo)
    return module.app


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The example's folder, copied to where it may be edited."""
    target = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@dataclass(frozen=True)
class Server:
    """A server process and how to talk to it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def until(
        self, is_right: Callable[[httpx2.Response], bool], path: str = "/"
    ) -> httpx2.Response:
        """Ask until the answer is right; fail with the server's log when that does not happen."""
        last: object = "nothing"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                answer = httpx2.get(f"{self.url}{path}", timeout=5)
            except httpx2.TransportError as error:
                last = repr(error)
            else:
                if is_right(answer):
                    return answer
                last = f"{answer.status_code} {answer.text[:300]}"
            time.sleep(0.05)
        pytest.fail(f"{self.url}{path} answered {last}\n{self.log.read_text()}")

    def client(self) -> httpx2.Client:
        """A client that keeps cookies."""
        return httpx2.Client(base_url=self.url, timeout=10)


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server command; `{port}` in it is a free port. It is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, cwd: Path, ready: str = "/") -> Server:
        port = free_port()
        log = tmp_path / f"server-{port}.log"
        environment = {
            **os.environ,
            "FLASGO_SECRET_KEY": SECRET_KEY,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [part.format(port=port) for part in command],
                cwd=cwd,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        server = Server(process, f"http://127.0.0.1:{port}", log)
        server.until(lambda answer: answer.status_code == 200, ready)
        return server

    yield start
    for process in started:
        _end(process)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and the workers it started: they are a process group of their own."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)
