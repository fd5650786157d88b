"""A server's side of ASGI, small enough that its own cost does not drown what is measured."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

# ASGI messages are dictionaries of plain values that differ by message type.
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# `(scope, receive, send)`; open, because each framework has its own types for the three.
ASGIApp = Callable[..., Awaitable[None]]

LIFESPAN_TIMEOUT_SECONDS = 30.0

# What a browser or an HTTP client really sends; a scope without headers flatters lazy frameworks.
CLIENT_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"host", b"localhost"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"application/json, text/html;q=0.9, */*;q=0.8"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"connection", b"keep-alive"),
)


@dataclass(frozen=True)
class Exchange:
    """One request to repeat: what the server would hand to the application.

    Args:
        path: Path without a query string.
        method: HTTP method in upper case.
        headers: Headers on top of, or instead of, the usual ones of a client.
        body: Request body, sent in one piece.
        client: Address of the peer.
    """

    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    client: str = "127.0.0.1"

    def scope(self) -> Scope:
        """The connection scope, with the keys that uvicorn sets."""
        replaced = {name for name, _ in self.headers}
        usual = [pair for pair in CLIENT_HEADERS if pair[0] not in replaced]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": (self.client, 40404),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": self.path,
            "raw_path": self.path.encode("ascii"),
            "query_string": b"",
            "headers": usual + list(self.headers),
            "state": {},
        }


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in the order they were sent, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, by lower-case name."""
        wanted = name.encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return value.decode("latin-1")
        return None

    def cookies(self) -> bytes:
        """A `Cookie` header value with everything this answer set."""
        pairs = [value.split(b";", 1)[0] for key, value in self.headers if key == b"set-cookie"]
        return b"; ".join(pairs)


async def ask(app: ASGIApp, exchange: Exchange) -> Answer:
    """Send one request in process and collect the answer.

    Args:
        app: The application, started if it needs to be.
        exchange: The request.

    Returns:
        The whole answer.
    """
    started: list[Message] = []
    chunks: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": exchange.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        elif message["type"] == "http.response.body":
            chunks.append(bytes(message.get("body", b"")))

    await app(exchange.scope(), receive, send)
    headers = tuple((bytes(k).lower(), bytes(v)) for k, v in started[0].get("headers", ()))
    return Answer(started[0]["status"], headers, b"".join(chunks))


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncGenerator[None, None]:
    """Keep an application's lifespan open, as a server does; applications without one are fine.

    Args:
        app: The application.

    Raises:
        RuntimeError: The application refused to start.
    """
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    await inbox.put({"type": "lifespan.startup"})
    lifespan = asyncio.ensure_future(_lifespan(app, scope, inbox.get, outbox.put))
    started = await asyncio.wait_for(outbox.get(), LIFESPAN_TIMEOUT_SECONDS)
    if started["type"] == "lifespan.startup.failed":
        await lifespan
        raise RuntimeError(f"the application refused to start: {started.get('message', '')}")
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await asyncio.wait_for(lifespan, LIFESPAN_TIMEOUT_SECONDS)


async def _lifespan(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - the ASGI specification: an exception means "no lifespan"
        await send({"type": "lifespan.unsupported", "message": repr(error)})
