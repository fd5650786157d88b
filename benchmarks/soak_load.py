"""Clients of the `soak` and `faults` scripts: raw HTTP/1.1 and WebSockets, each answer checked."""

import asyncio
import json
import os
import random
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.soak_app import DOWNLOAD_BYTES, TOKEN

__all__ = ["OPERATIONS", "Answer", "Client", "Tally", "Unexpected", "load", "name_of"]

ANSWER_SECONDS = 60.0
_MASK = b"\x00\x00\x00\x00"  # a masked payload is the payload
_UPLOAD_BYTES = 150_000


class Unexpected(Exception):
    """An answer that is not the one that was asked for."""


@dataclass
class Answer:
    """An answer of HTTP/1.1."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def expect(self, status: int) -> Self:
        """Return this answer when its status is the right one.

        Raises:
            Unexpected: When it is another one.
        """
        if self.status != status:
            raise Unexpected(f"status {self.status} instead of {status}: {self.body[:120]!r}")
        return self


@dataclass
class Client:
    """One user: a connection that is kept, and cookies."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the connection, a new one where there is none."""
        if self.reader is None or self.writer is None or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self.reader, self.writer

    def close(self, *, abort: bool = False) -> None:
        """Close the connection, or reset it."""
        if self.writer is not None:
            (self.writer.transport.abort if abort else self.writer.close)()
        self.reader = self.writer = None

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """Return a request's head."""
        sent = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *lines]
        if self.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            sent.append(f"Cookie: {pairs}")
        return "\r\n".join([*sent, "", ""]).encode("latin-1")

    async def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> Answer:
        """Send a request on the kept connection, once more when the server has just closed it."""
        if body or method == "POST":
            lines = (*lines, f"Content-Length: {len(body)}")
        for again in (True, False):
            kept = self.reader is not None
            try:
                reader, writer = await self.open()
                writer.write(self.head(method, path, *lines) + body)
                await writer.drain()
                answer = await read_answer(reader)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if not (kept and again):
                    raise
                continue
            self._keep(answer)
            return answer
        raise AssertionError("not reached")

    def _keep(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        if answer.header("connection").lower() == "close":
            self.close()


async def read_head(reader: asyncio.StreamReader) -> Answer:
    """Read status and headers.

    Raises:
        asyncio.IncompleteReadError: When the connection ends before.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Answer(
        int(first.split(" ")[1]), [(name.lower(), value.strip()) for name, _, value in pairs]
    )


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read a whole answer: with a length, in chunks, or until the connection ends."""
    answer = await read_head(reader)
    length = answer.header("content-length")
    if length:
        answer.body = await reader.readexactly(int(length))
    elif answer.header("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            answer.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    return answer


def multipart(size: int) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a form with one file."""
    edge = "0123456789abcdef"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    content_type = f"Content-Type: multipart/form-data; boundary={edge}"
    return content_type, head.encode() + os.urandom(64) * (size // 64) + f"\r\n--{edge}--".encode()


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """Return a client's WebSocket frame of up to 65,535 bytes."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([(0x80 if final else 0) | opcode]) + length + _MASK + payload


async def upgrade(client: Client, path: str = "/echo") -> Answer:
    """Ask for a WebSocket on a new connection."""
    client.close()
    reader, writer = await client.open()
    lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    writer.write(client.head("GET", path, *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    return await read_head(reader)


# --- What a user does ------------------------------------------------------------------------


async def get_json(client: Client) -> None:
    """A JSON route, twice on one connection."""
    for number in (1, 2):
        answer = (await client.ask("GET", f"/json?n={number}")).expect(200)
        if json.loads(answer.body)["n"] != number:
            raise Unexpected(f"another request's answer: {answer.body[:120]!r}")


async def get_thread(client: Client) -> None:
    """A `def` handler."""
    (await client.ask("GET", "/thread")).expect(200)


async def get_page(client: Client) -> None:
    """A page from a template."""
    answer = (await client.ask("GET", "/page")).expect(200)
    if b"row 29 &amp; x" not in answer.body:
        raise Unexpected("an incomplete page")


async def send_form(client: Client) -> None:
    """A form with its token, a session that counts, and the refusal without a token."""
    page = (await client.ask("GET", "/form")).expect(200)
    token = re.search(rb'value="([^"]+)"', page.body)
    if token is None:
        raise Unexpected("a form without a token")
    kind = "Content-Type: application/x-www-form-urlencoded"
    body = b"note=a+note&csrf_token=" + token[1]
    answer = (await client.ask("POST", "/form", kind, body=body)).expect(200)
    if json.loads(answer.body)["note"] != "a note":
        raise Unexpected(f"another note: {answer.body[:120]!r}")
    (await client.ask("POST", "/form", kind, body=b"note=x")).expect(403)


async def log_in(client: Client) -> None:
    """A log-in, and a page for users."""
    (await client.ask("POST", "/login")).expect(200)
    answer = (await client.ask("GET", "/me")).expect(200)
    if json.loads(answer.body)["user"] != "ann":
        raise Unexpected(f"another user: {answer.body[:120]!r}")
    client.cookies.clear()


async def upload(client: Client) -> None:
    """A file that goes to disk."""
    kind, body = multipart(_UPLOAD_BYTES)
    answer = (await client.ask("POST", "/upload", kind, body=body)).expect(200)
    if json.loads(answer.body)["size"] != _UPLOAD_BYTES // 64 * 64:
        raise Unexpected(f"another size: {answer.body[:120]!r}")


async def download(client: Client) -> None:
    """A file, a range of it, and nothing when it is unchanged."""
    whole = (await client.ask("GET", "/download")).expect(200)
    if len(whole.body) != DOWNLOAD_BYTES:
        raise Unexpected(f"{len(whole.body)} bytes instead of {DOWNLOAD_BYTES}")
    part = (await client.ask("GET", "/static/download.bin", "Range: bytes=10-19")).expect(206)
    if len(part.body) != 10:
        raise Unexpected(f"a range of {len(part.body)} bytes")
    unchanged = f"If-None-Match: {whole.header('etag')}"
    (await client.ask("GET", "/download", unchanged)).expect(304)


async def get_events(client: Client) -> None:
    """Server-sent events, to their end."""
    answer = (await client.ask("GET", "/events/5")).expect(200)
    if b"data: event 4\n\n" not in answer.body:
        raise Unexpected("a stream without its last event")


async def talk(client: Client) -> None:
    """A WebSocket: a few messages there and back, and an orderly close."""
    (await upgrade(client)).expect(101)
    reader, writer = await client.open()
    for number in range(5):
        text = f"message {number}".encode()
        writer.write(frame(1, text))
        if await reader.readexactly(2 + len(text)) != bytes([0x81, len(text)]) + text:
            raise Unexpected("another message")
    writer.write(frame(8, b"\x03\xe8"))
    await reader.read()
    client.close()


async def be_refused(client: Client) -> None:
    """404, 401 with and without a token, and a quota that is used up sooner or later."""
    (await client.ask("GET", f"/nowhere/{random.randrange(10**9)}")).expect(404)
    (await client.ask("GET", "/private")).expect(401)
    (await client.ask("GET", "/private", f"Authorization: Bearer {TOKEN}")).expect(200)
    status = (await client.ask("GET", "/limited")).status
    if status not in {200, 429}:
        raise Unexpected(f"status {status} instead of 200 or 429")


async def leave_early(client: Client) -> None:
    """Close in the middle: of a head, an upload, a download, a stream, a WebSocket."""
    kind, body = multipart(_UPLOAD_BYTES)
    upload_head = client.head("POST", "/upload", kind, f"Content-Length: {len(body)}")
    abort = random.random() < 0.5
    for sent, wait in (
        (b"GET /json HTTP/1.1\r\nHost: 127", False),
        (upload_head + body[: len(body) // 2], False),
        (client.head("GET", "/download"), True),
        (client.head("GET", "/events/1000"), True),
    ):
        client.close()
        reader, writer = await client.open()
        writer.write(sent)
        await writer.drain()
        if wait:
            await reader.readexactly(16)
        client.close(abort=abort)
    (await upgrade(client)).expect(101)
    (await client.open())[1].write(frame(1, b"last words"))
    client.close(abort=abort)


Operation = Callable[[Client], Awaitable[None]]

# Each with how often it is chosen.
OPERATIONS: dict[Operation, int] = {
    get_json: 8,
    get_thread: 3,
    get_page: 4,
    send_form: 4,
    log_in: 3,
    upload: 2,
    download: 2,
    get_events: 2,
    talk: 2,
    be_refused: 3,
    leave_early: 2,
}


def name_of(operation: Operation) -> str:
    """Return the name under which an operation is counted."""
    return getattr(operation, "__name__", repr(operation))


@dataclass
class Tally:
    """What was done, and what went wrong."""

    done: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    error_count: int = 0

    @property
    def total(self) -> int:
        """How many operations were tried."""
        return sum(self.done.values())

    async def run(self, operation: Operation, client: Client) -> None:
        """Do one thing and note how it went."""
        name = name_of(operation)
        self.done[name] = self.done.get(name, 0) + 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await operation(client)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            self.error_count += 1
            if len(self.errors) < 20:
                self.errors.append(f"{name}: {type(error).__name__}: {error}")
                print(f"port {client.port}: {self.errors[-1]}", file=sys.stderr, flush=True)
            client.close(abort=True)


async def load(port: int, tally: Tally, *, rate: float, until: Callable[[], bool]) -> None:
    """Do what users do, so many things a second, by a few users at once, until it is enough.

    Args:
        port: Where the server listens.
        tally: Where it is noted.
        rate: Operations per second.
        until: Whether it is enough.
    """
    users, slots = 6, asyncio.get_running_loop().time()
    choose = random.Random(port)

    async def user() -> None:
        nonlocal slots
        client = Client(port)
        while not until():
            now = asyncio.get_running_loop().time()
            slots = max(slots + 1 / rate, now - 1)
            await asyncio.sleep(max(0.0, slots - now))
            (operation,) = choose.choices(list(OPERATIONS), list(OPERATIONS.values()))
            await tally.run(operation, client)
        client.close()

    await asyncio.gather(*(user() for _ in range(users)))
