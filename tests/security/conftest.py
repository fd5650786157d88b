"""Apps with the security plugin alone, their clients, and a real Redis."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo
from flasgo_security import SecurityPlugin
from flasgo_testing import TestClient

from tests.conftest import Connect

SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyz"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


MakeApp = Callable[..., Flasgo]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_app(clock: Clock) -> MakeApp:
    """Make an app with nothing but the security plugin; settings as keywords."""

    def make(*plugins: object, **settings: object) -> Flasgo:
        return Flasgo(
            settings={"SECRET_KEY": SECRET_KEY, **settings},
            plugins=[SecurityPlugin(clock=clock, wall_clock=clock), *plugins],
            discover=False,
        )

    return make


@pytest.fixture
def connect(connect: Connect) -> Connect:
    """Make clients from another address, which claim nothing that would let them pass."""

    def make(app: Flasgo, **options: Any) -> TestClient:
        return connect(app, **{"enforce_csrf": True, "client": ("192.0.2.1", 4711), **options})

    return make


@pytest.fixture
def worker(connect: Connect) -> Iterator[Callable[[Flasgo], TestClient]]:
    """Return an app's client; the app runs as in a worker: one event loop, start-up, shut-down."""
    started: dict[Flasgo, TestClient] = {}
    with contextlib.ExitStack() as stack:

        def client_of(app: Flasgo) -> TestClient:
            if app not in started:
                started[app] = stack.enter_context(connect(app))
            return started[app]

        yield client_of


# --- Redis --------------------------------------------------------------------------------------


class RedisServer:
    """A redis-server of the test's own, ended by its process id."""

    def __init__(self, directory: Path, *options: str, config: Path | None = None) -> None:
        self._directory = directory
        self._options = options
        self._mode = [] if config is None else [str(config), "--sentinel"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def uri(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        if self._process is not None:
            return
        persistence = [] if self._mode else ["--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *self._mode, "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", str(self._directory), *persistence, *self._options],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(200):
            with contextlib.suppress(OSError):
                if self.command(b"PING") == b"+PONG":
                    return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """Kill the server: what it held is gone."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Let it hang: it accepts connections and answers nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def command(self, *words: bytes) -> bytes:
        """Send one command, and return the first line of the answer."""
        request = b"*%d\r\n" % len(words)
        request += b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(65536).partition(b"\r\n")[0]

    def all_keys(self) -> list[str]:
        """Return all keys."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"KEYS *\r\n")
            lines = connection.recv(1 << 20).decode().split("\r\n")
        return lines[2::2]


@pytest.fixture(scope="session")
def one_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis(one_redis: RedisServer) -> RedisServer:
    """A running, empty Redis."""
    one_redis.start()
    one_redis.thaw()
    one_redis.command(b"FLUSHALL")
    one_redis.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    return one_redis


class Patience:
    """Real time that a test waits for something to recover, bounded."""

    def until(self, holds: Callable[[], bool]) -> bool:
        for _ in range(200):
            if holds():
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def patience() -> Patience:
    return Patience()
