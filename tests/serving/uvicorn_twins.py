"""uvicorn's own protocols and ours, served side by side in this process, for one scripted app."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

# Only ends what hangs.
PATIENCE = 30.0
LAST = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"

Play = Callable[[dict[str, Any], Any, Any], Any]


@dataclass
class Script:
    """What the app does, by path; and what it has seen."""

    plays: dict[str, Play] = field(default_factory=dict)
    seen: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return await self.plays.get(scope["path"], last)(scope, receive, send)


async def last(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"last\n"})


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # Without the address of the client, whose port differs.
        arguments = record.args[1:] if isinstance(record.args, tuple) else ()
        error = type(record.exc_info[1]).__name__ if record.exc_info else ""
        self.lines.append(f"{record.name} {record.levelname} {record.msg} {arguments} {error}")


@dataclass
class Served:
    """A server on a port."""

    port: int
    script: Script
    records: Records
    server: uvicorn.Server

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def exchange(self, *segments: bytes) -> bytes:
        """Send segments, and return all that comes until the server closes the connection."""
        with self.connect() as connection:
            for segment in segments:
                with contextlib.suppress(OSError):
                    connection.sendall(segment)
            received = everything(connection)
        self.wait_until_idle()
        return received

    def wait_until_idle(self) -> None:
        """Wait until no request is under way and all connections are closed."""
        state = self.server.server_state
        deadline = time.monotonic() + PATIENCE
        while state.tasks or state.connections:
            assert time.monotonic() < deadline, "requests that do not end"
            time.sleep(0.0005)


def everything(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


@contextlib.contextmanager
def serving(protocol: Any, *, loop: str = "asyncio", **options: Any) -> Generator[Served]:
    """Serve a script with a protocol of uvicorn in a thread of this process."""
    script, records = Script(), Records()
    given: dict[str, Any] = {"date_header": False, **options}
    config = uvicorn.Config(
        script,
        http=protocol,
        loop=loop,
        lifespan="off",
        log_config=None,
        **given,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "uvicorn.access")]
    loggers[1].setLevel("INFO")
    for logger in loggers:
        logger.addHandler(records)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield Served(port, script, records, server)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        for logger in loggers:
            logger.removeHandler(records)
        loggers[1].setLevel("NOTSET")
    assert not thread.is_alive()


def answer(*parts: bytes | bytearray, status: int = 200, headers: Any = ()) -> Play:
    """Return an app that sends a head and then these parts of a body."""

    async def play(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return play
