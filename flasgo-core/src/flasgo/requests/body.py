"""The body of a request, as it comes in: counted, timed and limited."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

from flasgo.asgi import Message, Receive
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["BodyReader"]

# A client that sends slower than this (bytes per second) runs out of time in the end.
_MIN_BYTES_PER_SECOND = 500
# Enough digits for every body size that fits a signed 64-bit number.
_MAX_LENGTH_DIGITS = 18


class BodyReader:
    """Reads a body piece by piece.

    The bytes received are what counts; `Content-Length` is a claim that is checked against them.
    The time a client may keep the server waiting is a budget that refills with what arrives, so
    neither silence nor a trickle holds a connection for long. Time that the app takes between two
    pieces does not count.

    Args:
        receive: The ASGI receive callable.
        declared: The value of `Content-Length`, or None.
        limit: How many bytes the body may have.
        timeout: How many seconds the client may keep the server waiting.

    Raises:
        HTTPException: 400 when `Content-Length` is not a number, 413 when it is over the limit.
    """

    __slots__ = (
        "_ahead",
        "_budget",
        "_declared",
        "_limit",
        "_receive",
        "_received",
        "_timeout",
        "arrived",
        "complete",
        "failure",
    )

    def __init__(
        self, receive: Receive, declared: bytes | None, limit: int, timeout: float
    ) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout = self._budget = timeout
        self._received = 0
        self._declared = None if declared is None else _length(declared)
        # What `peek` has read and `read` has still to return.
        self._ahead: bytes | None = None
        # Whether the last piece has been read, whether it has come in, what ended the reading.
        self.complete = self.arrived = False
        self.failure: Exception | None = None
        if self._declared is not None and self._declared > limit:
            raise self._too_large()

    async def read(self) -> bytes:
        """Return the next piece, which may be empty; `complete` says whether it was the last.

        Raises:
            HTTPException: 413 when the body is too large, 408 when it comes too slowly, 400 when
                its length is not what `Content-Length` says.
            ClientDisconnect: When the client goes away.
        """
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            self.complete = self.arrived
            return ahead
        try:
            # PERF: a small body is there already. The first step of `receive` finds that out
            # without a timer, which would cost more than all the rest.
            steps = self._receive().__await__()
            try:
                pending = next(steps)
            except StopIteration as done:
                message = done.value
            else:
                message = await self._wait(_resume(steps, pending))
            return self._account(message)
        except (HTTPException, ClientDisconnect) as error:
            self.failure = error
            raise

    async def peek(self, size: int) -> bytes:
        """Return the beginning of the body, which `read` will return again.

        Args:
            size: How many bytes are wanted; fewer come where the body ends, more where they are
                there already.

        Raises:
            HTTPException: As `read`.
            ClientDisconnect: As `read`.
        """
        pieces = []
        found = 0
        while found < size and not self.complete:
            pieces.append(await self.read())
            found += len(pieces[-1])
        if pieces:
            self._ahead = b"".join(pieces)
            self.complete = False
        return self._ahead or b""

    def _account(self, message: Message) -> bytes:
        if message["type"] != "http.request":
            raise ClientDisconnect("The client closed the connection while sending the body.")
        chunk = message.get("body", b"")
        self._received += len(chunk)
        # Before anything that may fail: the answer depends on whether the client still sends.
        self.complete = self.arrived = not message.get("more_body", False)
        if self._received > self._limit:
            raise self._too_large()
        self._budget = min(self._timeout, self._budget + len(chunk) / _MIN_BYTES_PER_SECOND)
        if self.complete and self._declared is not None and self._received != self._declared:
            raise HTTPException(
                400,
                f"The body has {self._received} bytes but Content-Length says "
                f"{self._declared}; send the whole body.",
            )
        return chunk

    async def _wait(self, message: Awaitable[Message]) -> Message:
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with asyncio.timeout(max(self._budget, 0)):
                return await message
        except TimeoutError:
            raise HTTPException(
                408, "The body did not arrive in time; send it again, without pauses."
            ) from None
        finally:
            self._budget -= clock() - begun

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The body is larger than {self._limit} bytes; send less.")


def _length(declared: bytes) -> int:
    if not declared.isdigit() or len(declared) > _MAX_LENGTH_DIGITS:
        raise HTTPException(
            400, "Content-Length is not a number of bytes; send a non-negative whole number."
        )
    return int(declared)


# `Any`: what travels between a coroutine and its event loop is theirs.
@coroutine
def _resume(steps: Generator[Any, Any, Message], pending: Any) -> Generator[Any, Any, Message]:
    """Go on with an awaitable whose first step has been taken and gave `pending`."""
    while True:
        try:
            yield pending
        except BaseException as error:
            throw = getattr(steps, "throw", None)
            if throw is None:  # an awaitable that is not a coroutine, such as granian's
                raise
            try:
                pending = throw(error)
            except StopIteration as done:
                return done.value
        else:
            return (yield from steps)
