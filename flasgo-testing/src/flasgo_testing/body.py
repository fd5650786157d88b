"""The request body, as the pieces in which a server would hand it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2

__all__ = ["PIECE_BYTES", "body_pieces"]

PIECE_BYTES = 65_536  # what servers read from a socket at once, at most


def body_pieces(
    request: httpx2.Request, caller: asyncio.AbstractEventLoop | None
) -> AsyncIterator[bytes]:
    """Iterate over a request body on the app's loop.

    Args:
        request: The request.
        caller: The loop that an asynchronous body must be iterated on; None for a synchronous call.

    Returns:
        Non-empty pieces, at most `PIECE_BYTES` long where the body is already in memory.
    """
    stream = request.stream
    if isinstance(stream, httpx2.ByteStream):
        return _split(b"".join(stream))
    if isinstance(stream, httpx2.SyncByteStream):
        return _from_thread(iter(stream))
    if caller is None:
        raise TypeError(
            f"{request.method} {request.url}: an asynchronous body needs an awaited request: "
            "use arequest(), apost() and so on."
        )
    return _from_loop(aiter(stream), caller)


async def _split(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


async def _from_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    def next_piece() -> bytes | None:
        return next(pieces, None)

    # A generator in a test may block, and must not freeze the app meanwhile.
    while (piece := await asyncio.to_thread(next_piece)) is not None:
        if piece:
            yield piece


async def _from_loop(
    pieces: AsyncIterator[bytes], caller: asyncio.AbstractEventLoop
) -> AsyncIterator[bytes]:
    async def next_piece() -> bytes | None:
        return await anext(pieces, None)

    while True:
        future = asyncio.run_coroutine_threadsafe(next_piece(), caller)
        piece = await asyncio.wrap_future(future)
        if piece is None:
            return
        if piece:
            yield piece
