"""Apps with the security plugin alone, and a way to send them any bytes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flasgo import Flasgo
from flasgo_security import SecurityPlugin

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


class Caller:
    """Sends requests to an app as an ASGI server would, with the headers as given."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def __call__(
        self,
        app: Flasgo,
        path: str = "/",
        method: str = "GET",
        *,
        host: bytes | None = b"localhost",
        headers: RawHeaders = (),
        body: bytes = b"",
        client: tuple[str, int] | None = ("192.0.2.1", 4711),
        scheme: str = "http",
    ) -> Answer:
        every = [] if host is None else [(b"host", host)]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [*every, *headers],
            "client": client,
            "server": ("127.0.0.1", 80),
            "scheme": scheme,
        }
        return self._runner.run(self._exchange(app, scope, body))

    def websocket(
        self, app: Flasgo, path: str, *, host: bytes = b"localhost", headers: RawHeaders = ()
    ) -> list[MutableMapping[str, Any]]:
        """Open a WebSocket, and return the messages of an app that accepts and closes it."""
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", host), *headers],
            "client": ("192.0.2.1", 4711),
            "scheme": "ws",
            "subprotocols": [],
        }
        sent: list[MutableMapping[str, Any]] = []

        async def exchange() -> None:
            async def receive() -> dict[str, Any]:
                return {"type": "websocket.connect"}

            async def send(message: MutableMapping[str, Any]) -> None:
                sent.append(message)

            await app(scope, receive, send)

        self._runner.run(exchange())
        return sent

    async def _exchange(self, app: Flasgo, scope: dict[str, Any], body: bytes) -> Answer:
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


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def call(runner: asyncio.Runner) -> Caller:
    return Caller(runner)
