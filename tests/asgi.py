"""Speaks raw ASGI to an app, for what no client sends and no client shows.

The suite's client is `connect`, in `conftest.py`. This is for tests of the protocol itself: scopes
that no HTTP client can produce, the messages of an answer one by one, the lifespan's handshake.
`test_suite.py` lists who uses it, and why.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flasgo import Flasgo

HeaderArgument = Mapping[str, str] | list[tuple[str, str]]
NO_HEADERS: Mapping[str, str] = {}


@dataclass
class Answer:
    """What an app sent for one request, and the scope that it was sent for."""

    scope: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        raw = self.messages[0]["headers"]
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Exception | None:
        """The exception that a 500 stands for."""
        return self.scope.get("flasgo.exception")


class Driver:
    """Speaks ASGI to one app.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self.app = app

    def scope(
        self,
        target: str = "/",
        method: str = "GET",
        headers: HeaderArgument = NO_HEADERS,
        **extra: Any,
    ) -> dict[str, Any]:
        """Return the scope that a server makes of a request line and headers."""
        path, _, query = target.partition("?")
        pairs = headers if isinstance(headers, list) else list(headers.items())
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path, errors="surrogateescape"),
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                *((name.lower().encode(), value.encode("latin-1")) for name, value in pairs),
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            **extra,
        }

    async def __call__(
        self,
        target: str = "/",
        method: str = "GET",
        headers: HeaderArgument = NO_HEADERS,
        *,
        body: bytes = b"",
        **extra: Any,
    ) -> Answer:
        """Send a request; what the app lets escape is raised here."""
        return await self.send(self.scope(target, method, headers, **extra), body)

    async def send(self, scope: dict[str, Any], body: bytes = b"") -> Answer:
        """Send a request with a scope of the test's own making."""
        answer = Answer(scope)
        requests: list[dict[str, Any]] = [{"type": "http.request", "body": body}]

        async def receive() -> dict[str, Any]:
            if requests:
                return requests.pop()
            # The client stays; a receive after the end waits for good.
            return await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            answer.messages.append({**message, **_copied_headers(message)})

        await self.app(answer.scope, receive, send)
        return answer

    async def websocket(
        self,
        target: str = "/ws",
        incoming: Iterable[Mapping[str, Any]] = (),
        headers: HeaderArgument = NO_HEADERS,
        **extra: Any,
    ) -> Answer:
        """Open a WebSocket, feed it messages and then the client's disconnect."""
        kind = {"type": "websocket", "scheme": "ws", "subprotocols": [], **extra}
        scope = self.scope(target, "GET", headers, **kind)
        del scope["method"]
        answer = Answer(scope)
        messages = [
            {"type": "websocket.connect"},
            *incoming,
            {"type": "websocket.disconnect", "code": 1001},
        ]

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            answer.messages.append(dict(message))

        await self.app(scope, receive, send)
        return answer


def _copied_headers(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"headers": list(message["headers"])} if "headers" in message else {}


class LifespanDriver:
    """Speaks the lifespan protocol to one app.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self._app = app
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> dict[str, Any]:
        """Start up; return the app's answer."""

        async def send(message: Any) -> None:
            await self._sent.put(message)

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self._task = asyncio.ensure_future(self._app(scope, self._incoming.get, send))
        await self._incoming.put({"type": "lifespan.startup"})
        return await self._sent.get()

    async def stop(self) -> dict[str, Any]:
        """Shut down; return the app's answer."""
        await self._incoming.put({"type": "lifespan.shutdown"})
        message = await self._sent.get()
        if self._task is not None:
            await self._task
        return message
