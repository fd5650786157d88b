"""The event streams that are open, so that a server which stops can end them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["OpenStreams"]


class OpenStreams:
    """Knows the event streams that an app has open.

    They have no end of their own: without one, a server that stops would wait for each of them
    until its patience is over. Their clients come back by themselves.
    """

    def __init__(self) -> None:
        self._open: set[asyncio.Future[None]] = set()
        self._others: list[OpenStreams] = []
        self._is_ending = False

    def __len__(self) -> int:
        return len(self._open)

    def include(self, other: OpenStreams) -> None:
        """End the streams of a mounted app too.

        Args:
            other: The streams of that app.
        """
        self._others.append(other)

    def begin(self) -> None:
        """Let streams stay open, after an earlier life in which they were ended."""
        self._is_ending = False

    def end(self) -> None:
        """End all streams, and those that are opened from now on."""
        self._is_ending = True
        for ending in self._open:
            _finish(ending)
        for other in self._others:
            other.end()

    @contextmanager
    def opened(self) -> Generator[asyncio.Future[None]]:
        """Count a stream as open, and give it a future that is done when it has to end."""
        ending = asyncio.get_running_loop().create_future()
        if self._is_ending:
            _finish(ending)
        self._open.add(ending)
        try:
            yield ending
        finally:
            self._open.discard(ending)


def _finish(ending: asyncio.Future[None]) -> None:
    if not ending.done():
        ending.set_result(None)
