"""The life of a streamed body: advanced, sent and always closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Self

from flasgo.asgi import Send
from flasgo.errors import ClientDisconnect
from flasgo.wording import type_name

__all__ = ["Closed", "Parts", "producer", "pump", "pump_until_closed"]

Parts = AsyncIterable[bytes | str] | Iterable[bytes | str]
# Returns when the client has left.
Closed = Callable[[], Awaitable[None]]


class _ThreadedIterator:
    """Advances an ordinary iterator in worker threads, one step at a time."""

    __slots__ = ("_closed", "_iterator", "_lock")

    def __init__(self, iterable: Iterable[bytes | str]) -> None:
        self._iterator = iter(iterable)
        self._lock = threading.Lock()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes | str:
        chunk = await asyncio.to_thread(self._step)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if not self._closed:
            await asyncio.to_thread(self._close)

    # StopIteration cannot travel through a future, so the end is a value.
    def _step(self) -> bytes | str | None:
        with self._lock:
            if self._closed:
                return None
            for chunk in self._iterator:
                if chunk is None:
                    raise _wrong_chunk(chunk)
                return chunk
            return None

    def _close(self) -> None:
        # A step whose waiter was cancelled still runs in its thread: wait for it.
        with self._lock:
            self._closed = True
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()


def producer(iterator: Parts) -> AsyncIterator[bytes | str]:
    """Return an async iterator over the parts of a body; ordinary ones are advanced in threads.

    Args:
        iterator: Yields bytes or str.

    Raises:
        TypeError: When it cannot be iterated over.
    """
    if isinstance(iterator, AsyncIterable):
        return aiter(iterator)
    if isinstance(iterator, Iterable):
        return _ThreadedIterator(iterator)
    raise TypeError(
        f"StreamingResponse takes an iterator of bytes or str, not {type_name(iterator)}."
    )


async def pump(source: AsyncIterator[bytes | str], send: Send) -> None:
    """Send every part of a body, then its end.

    Args:
        source: Yields the parts.
        send: The ASGI send callable.

    Raises:
        ClientDisconnect: When the server says that the client has left.
        TypeError: When a part is neither bytes nor str.
    """
    async for chunk in source:
        if isinstance(chunk, str):
            chunk = chunk.encode()
        elif not isinstance(chunk, bytes):
            raise _wrong_chunk(chunk)
        if chunk:
            await _send_part(send, chunk, more=True)
    await _send_part(send, b"", more=False)


async def _send_part(send: Send, chunk: bytes, *, more: bool) -> None:
    try:
        await send({"type": "http.response.body", "body": chunk, "more_body": more})
    except OSError as error:  # how ASGI 2.4 servers say that the client has gone
        raise ClientDisconnect("The client left during a streamed response.") from error


def _wrong_chunk(chunk: object) -> TypeError:
    return TypeError(
        f"A streamed response yielded {type_name(chunk)}; yield bytes or str, for example "
        "json.dumps(item) for data."
    )


async def pump_until_closed(source: AsyncIterator[bytes | str], send: Send, closed: Closed) -> None:
    """Send a body like `pump`, but cancel its producer when the client leaves.

    The producer runs in the calling task, because it needs that task's context.

    Args:
        source: Yields the parts.
        send: The ASGI send callable.
        closed: Returns when the client has left.

    Raises:
        ClientDisconnect: When the client left before the end.
        TypeError: When a part is neither bytes nor str.
    """
    task = asyncio.current_task()
    if task is None:  # not under asyncio's own tasks: there is nothing that could be cancelled
        await pump(source, send)
        return
    cancelled_before = task.cancelling()
    left = False

    async def watch() -> None:
        nonlocal left
        await closed()
        left = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    watcher.add_done_callback(_look_away)
    try:
        await pump(source, send)
    except asyncio.CancelledError:
        if left and task.uncancel() <= cancelled_before:
            raise ClientDisconnect("The client left during a streamed response.") from None
        raise
    finally:
        watcher.cancel()


def _look_away(watcher: asyncio.Task[None]) -> None:
    # A server that cannot say whether the client is there must not break the response.
    if not watcher.cancelled():
        watcher.exception()
