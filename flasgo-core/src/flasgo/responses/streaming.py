"""The life of a streamed body: advanced, sent and always closed."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from flasgo.asgi import Send
from flasgo.errors import ClientDisconnect, type_name
from flasgo.kernel.context import active_request
from flasgo.kernel.threads import RequestThread, WorkerThreads
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = [
    "Closed",
    "Encode",
    "FirstPart",
    "Parts",
    "encode_part",
    "producer",
    "pump",
    "pump_until_closed",
]

Parts = AsyncIterable[bytes | str] | Iterable[bytes | str]
# Returns when the client has left.
Closed = Callable[[], Awaitable[None]]


Encode = Callable[[object], bytes]
"""Turns what a producer yields into bytes."""

_END: object = object()
# SECURITY: a producer and a server that never wait would keep the event loop to themselves: no
# other request would be served, and it would go unnoticed that the client has left (CWE-400).
_PARTS_IN_A_ROW = 16


class _ThreadedIterator:
    """Advances an ordinary iterator, one step at a time, in the thread and context of its request.

    What it opens in one step it can use in the next, and close in its `finally`.
    """

    __slots__ = ("_is_closed", "_iterator", "_keeps_thread", "_thread")

    def __init__(self, iterable: Iterable[object], *, keeps_thread: bool) -> None:
        self._iterator = iter(iterable)
        self._keeps_thread = keeps_thread
        self._thread: RequestThread | None = None
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> object:
        thread = self._own_thread()
        item = await thread.run(self._advance)
        if not self._keeps_thread:
            thread.give_back()
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close the iterator; one that is in the middle of a step is closed at the end of it."""
        close = getattr(self._iterator, "close", None)
        if close is None or self._is_closed:
            return
        self._is_closed = True
        thread = self._own_thread()
        try:
            await thread.finish(close)
        finally:
            if not self._keeps_thread:
                thread.give_back()

    def _own_thread(self) -> RequestThread:
        if self._thread is None:
            connection = active_request.get(None)
            threads = WorkerThreads(1) if connection is None else connection.app.threads
            own = threads._of_request() if self._keeps_thread else None
            self._thread = own or RequestThread(threads)
        return self._thread

    # StopIteration cannot travel through a future, so the end is a value.
    def _advance(self) -> object:
        return next(self._iterator, _END)


def producer(
    iterator: AsyncIterable[object] | Iterable[object], *, keeps_thread: bool = True
) -> AsyncIterator[object]:
    """Return an async iterator over the parts of a body; ordinary ones are advanced in threads.

    Args:
        iterator: Yields the parts.
        keeps_thread: False for an ordinary iterator that any thread may advance.

    Raises:
        TypeError: When it cannot be iterated over.
    """
    if isinstance(iterator, AsyncIterable):
        return aiter(iterator)
    if isinstance(iterator, Iterable):
        return _ThreadedIterator(iterator, keeps_thread=keeps_thread)
    raise TypeError(f"A streamed response takes an iterator, not {type_name(iterator)}.")


def encode_part(part: object) -> bytes:
    """Return a part of a plain body as bytes; text is sent in UTF-8.

    Args:
        part: What the producer yielded.

    Raises:
        TypeError: When it is neither bytes nor str.
    """
    if isinstance(part, bytes):
        return part
    if isinstance(part, str):
        return part.encode()
    raise TypeError(
        f"A streamed response yielded {type_name(part)}; yield bytes or str, for example "
        "json.dumps(item) for data, or return an NDJSONResponse or EventSourceResponse."
    )


class FirstPart:
    """The first part of a body, fetched before the head of the response leaves.

    The producer advances in the calling task, because it needs that task's context. It can be left
    waiting all the same, and goes on with the next call.

    Args:
        source: The producer.
    """

    def __init__(self, source: AsyncIterator[object]) -> None:
        self._steps = anext(source).__await__()
        self._waits_for: asyncio.Future[object] | None = None
        self._is_there = False
        self._part: object = _END

    async def fetch(self, closed: Closed | None = None, seconds: float | None = None) -> bool:
        """Let the producer go on until the part is there; return whether it is.

        Args:
            closed: Returns when the client has left.
            seconds: How long to wait; None waits as long as it takes.

        Raises:
            ClientDisconnect: When the client has left.
            Exception: What the producer raises.
        """
        self._advance()
        if self._is_there:
            return True
        loop = asyncio.get_running_loop()
        deadline = None if seconds is None else loop.time() + seconds
        leaving = None if closed is None else asyncio.ensure_future(closed())
        try:
            while not self._is_there:
                left = None if deadline is None else max(0.0, deadline - loop.time())
                if left == 0.0:
                    return False
                await self._wait(leaving, left)
        finally:
            if leaving is not None:
                leaving.cancel()
                leaving.add_done_callback(_look_away)
        return True

    async def _wait(self, leaving: asyncio.Future[None] | None, seconds: float | None) -> None:
        waited = self._waits_for
        try:
            if waited is None:
                await asyncio.sleep(0)
            else:
                others = () if leaving is None or leaving.done() else (leaving,)
                await asyncio.wait(
                    (waited, *others), timeout=seconds, return_when="FIRST_COMPLETED"
                )
        except asyncio.CancelledError as cancelled:
            if waited is not None:
                waited.cancel()
            self._advance(cancelled)
            return
        if leaving is not None and leaving.done() and not _has_failed(leaving):
            await self.cancel()
            raise ClientDisconnect("The client left during a streamed response.")
        if waited is None or waited.done():
            self._advance()

    def _advance(self, error: BaseException | None = None) -> None:
        """Go on to where the producer waits for something, or yields."""
        self._waits_for = None
        try:
            waited = self._steps.send(None) if error is None else self._steps.throw(error)
        except StopIteration as stop:
            self._part, self._is_there = stop.value, True
        except StopAsyncIteration:
            self._is_there = True
        except BaseException:
            self._is_there = True  # nothing comes any more
            raise
        else:
            if waited is not None:  # None is a producer that lets others go first
                waited._asyncio_future_blocking = False  # as asyncio's own tasks do
                self._waits_for = waited

    def check(self, encode: Encode) -> None:
        """Refuse a part that cannot be sent.

        Args:
            encode: Turns a part into bytes.

        Raises:
            TypeError: When it cannot.
        """
        if self._part is not _END:
            encode(self._part)

    async def take(self) -> object:
        """Return the part, or the mark of the end; waits for it."""
        if not self._is_there:
            await self.fetch()
        return self._part

    async def cancel(self) -> None:
        """End a producer that has not yielded yet, as a cancelled task ends."""
        if self._is_there:
            return
        if self._waits_for is not None:
            self._waits_for.cancel()
        with suppress(asyncio.CancelledError):
            self._advance(asyncio.CancelledError())
            await self.fetch()


async def pump(
    source: AsyncIterator[object],
    send: Send,
    encode: Encode = encode_part,
    first: FirstPart | None = None,
) -> None:
    """Send every part of a body, then its end.

    Args:
        source: Yields the parts.
        send: The ASGI send callable. It waits while the client reads too slowly, and so does the
            producer.
        encode: Turns a part into bytes; an empty one is not sent.
        first: The first part, where the source was asked for it already.

    Raises:
        ClientDisconnect: When the server says that the client has left.
        TypeError: When a part cannot be encoded.
    """
    part = _END if first is None else await first.take()
    if part is not _END:
        await _send_chunk(send, encode(part))
    in_a_row = 0
    async for part in source:
        in_a_row += 1
        if in_a_row == _PARTS_IN_A_ROW:
            in_a_row = 0
            await asyncio.sleep(0)
        chunk = encode(part)
        if chunk:
            try:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except OSError as error:  # how ASGI 2.4 servers say that the client has gone
                raise ClientDisconnect("The client left during a streamed response.") from error
    await _send_chunk(send, b"", is_last=True)


async def _send_chunk(send: Send, chunk: bytes, *, is_last: bool = False) -> None:
    if chunk or is_last:
        try:
            await send({"type": "http.response.body", "body": chunk, "more_body": not is_last})
        except OSError as error:
            raise ClientDisconnect("The client left during a streamed response.") from error


async def pump_until_closed(
    source: AsyncIterator[object],
    send: Send,
    closed: Closed,
    encode: Encode = encode_part,
    first: FirstPart | None = None,
) -> None:
    """Send a body like `pump`, but cancel its producer when the client leaves.

    The producer runs in the calling task, because it needs that task's context.

    Args:
        source: Yields the parts.
        send: The ASGI send callable.
        closed: Returns when the client has left.
        encode: Turns a part into bytes; an empty one is not sent.
        first: The first part, where the source was asked for it already.

    Raises:
        ClientDisconnect: When the client left before the end.
        TypeError: When a part cannot be encoded.
    """
    task = asyncio.current_task()
    if task is None:  # not under asyncio's own tasks: there is nothing that could be cancelled
        await pump(source, send, encode, first)
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
        await pump(source, send, encode, first)
    except asyncio.CancelledError:
        if left and task.uncancel() <= cancelled_before:
            raise ClientDisconnect("The client left during a streamed response.") from None
        raise
    finally:
        watcher.cancel()


def _look_away(watcher: asyncio.Future[None]) -> None:
    # A server that cannot say whether the client is there must not break the response.
    if not watcher.cancelled():
        watcher.exception()


def _has_failed(watcher: asyncio.Future[None]) -> bool:
    return watcher.cancelled() or watcher.exception() is not None
