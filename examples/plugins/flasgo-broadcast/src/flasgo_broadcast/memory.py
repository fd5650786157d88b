"""Messages within one process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Sequence

from flasgo_broadcast.messages import Deliver, Message

__all__ = ["MemoryBackend"]

# Clients may choose the names of channels, and what is said.
_MOST_CHANNELS = 1000
_MOST_BYTES = 64 * 2**20


class MemoryBackend:
    """Delivers messages to the subscribers of this process, and remembers the last ones.

    Args:
        history: How many messages of a channel are remembered.
        seconds: For how long.
    """

    def __init__(self, history: int, seconds: int) -> None:
        self._history = history
        self._seconds = seconds
        self._deliver: Deliver | None = None
        self._listened: set[str] = set()
        self._counts: dict[str, int] = {}
        self._remembered: OrderedDict[str, deque[Message]] = OrderedDict()
        self._bytes = 0
        self._last = (0, 0)

    async def start(self, deliver: Deliver) -> None:
        """See `Backend`."""
        self._deliver = deliver

    async def stop(self) -> None:
        """See `Backend`."""
        self._deliver = None
        self._listened.clear()
        self._counts.clear()

    async def publish(self, channel: str, data: bytes) -> str:
        """See `Backend`."""
        message = Message(channel, data, self._next_id())
        if self._history:
            self._remember(message)
        if self._deliver is not None and channel in self._listened:
            self._deliver(message)
        return message.id

    def _next_id(self) -> str:
        now = int(time.time() * 1000)
        before, number = self._last
        self._last = (before, number + 1) if now <= before else (now, 0)
        return f"{self._last[0]}-{self._last[1]}"

    def _remember(self, message: Message) -> None:
        kept = self._remembered.setdefault(message.channel, deque())
        kept.append(message)
        self._bytes += len(message.data)
        if len(kept) > self._history:
            self._bytes -= len(kept.popleft().data)
        self._remembered.move_to_end(message.channel)
        while len(self._remembered) > _MOST_CHANNELS or self._bytes > _MOST_BYTES:
            _, forgotten = self._remembered.popitem(last=False)
            self._bytes -= sum(len(each.data) for each in forgotten)

    async def listen(self, channel: str) -> None:
        """See `Backend`."""
        self._listened.add(channel)

    async def unlisten(self, channel: str) -> None:
        """See `Backend`."""
        self._listened.discard(channel)

    async def history(self, channel: str, after: str | None, most: int) -> Sequence[Message]:
        """See `Backend`."""
        oldest = (int((time.time() - self._seconds) * 1000), 0)
        first = max(oldest, _place(after)) if after else oldest
        kept = [m for m in self._remembered.get(channel, ()) if _place(m.id) > first]
        return kept[-most:] if most else []

    async def set_count(self, channel: str, count: int) -> None:
        """See `Backend`."""
        if count:
            self._counts[channel] = count
        else:
            self._counts.pop(channel, None)

    async def count(self, channel: str) -> int:
        """See `Backend`."""
        return self._counts.get(channel, 0)

    async def ping(self) -> None:
        """See `Backend`."""


def _place(message_id: str) -> tuple[int, int]:
    milliseconds, _, number = message_id.partition("-")
    return int(milliseconds), int(number)
