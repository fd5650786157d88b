"""Apps with the security plugin alone, and a way to send them any bytes."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo
from flasgo_security import SecurityPlugin
from flasgo_testing import TestClient

from tests.conftest import Connect

SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyz"

RawHeaders = Iterable[tuple[bytes, bytes]]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Answer:
    """What an app sent."""

    status: int = 0
    raw: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for value in self.headers(name)), None)

    def headers(self, name: str) -> list[str]:
        return [value.decode() for key, value in self.raw if key == name.encode()]


def http_scope(
    path: str,
    method: str,
    *,
    host: bytes | None = b"localhost",
    headers: RawHeaders = (),
    client: tuple[str, int] | None = ("192.0.2.1", 4711),
    scheme: str = "http",
) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [*([] if host is None else [(b"host", host)]), *headers],
        "client": client,
        "server": ("127.0.0.1", 80),
        "scheme": scheme,
    }


class Caller:
    """Sends requests to an app as an ASGI server would, with the headers as given."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def __call__(self, app: Flasgo, path: str = "/", method: str = "GET", **options: Any) -> Answer:
        """Send one request; the options are those of `http_scope`, and `body`."""
        return self._runner.run(self._exchange(app, path, method, **options))

    async def _exchange(
        self, app: Flasgo, path: str, method: str, *, body: bytes = b"", **options: Any
    ) -> Answer:
        scope = http_scope(path, method, **options)
        answer = Answer()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.raw = list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await app(scope, receive, send)
        return answer


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


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def call(runner: asyncio.Runner) -> Caller:
    return Caller(runner)


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


@pytest.fixture
def make_shared_app(make_app: MakeApp, runner: asyncio.Runner) -> Iterator[MakeApp]:
    """Make apps as `make_app` does, and close what they have opened."""
    made: list[Flasgo] = []

    def make(*plugins: object, **settings: object) -> Flasgo:
        app = make_app(*plugins, **settings)
        made.append(app)
        return app

    async def shut_down(app: Flasgo) -> None:
        for impl in app.plugins.implementations("app_shutdown"):
            await impl.call(app)

    yield make
    for app in made:
        runner.run(shut_down(app))


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
