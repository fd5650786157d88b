"""One subscriber: a bounded queue, and what happens when it is full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Literal

from flasgo_broadcast.messages import Message, SlowSubscriberError

__all__ = ["SlowReaders", "Subscription"]

SlowReaders = Literal["drop_oldest", "drop_newest", "disconnect"]
"""What happens to a subscriber whose queue is full.

`drop_oldest` makes room, `drop_newest` leaves out what comes, `disconnect` ends the subscription
with `SlowSubscriberError`.
"""


class Subscription:
    """The messages of one channel, for one reader: `async for message in subscription`.

    Made by `Broadcast.subscribe`. The iteration ends when the app shuts down.

    Args:
        channel: The channel.
        size: How many messages may wait.
        slow_readers: What happens when more would.

    Attributes:
        channel: The channel.
        size: How many messages may wait.
        dropped: How many messages were left out because the reader was too slow.
    """

    def __init__(self, channel: str, size: int, slow_readers: SlowReaders) -> None:
        self.channel = channel
        self.dropped = 0
        self.size = size
        self._slow_readers = slow_readers
        self._waiting: deque[Message] = deque()
        self._held: deque[Message] | None = deque(maxlen=size)
        self._changed = asyncio.Event()
        self._is_over = False
        self._is_too_slow = False

    def offer(self, message: Message) -> None:
        """Take a message, or do as the policy says; never waits."""
        if self._held is not None:  # what was published before comes first
            self._held.append(message)
            return
        if self._is_over or self._is_too_slow:
            return
        if len(self._waiting) >= self.size:
            self.dropped += 1
            if self._slow_readers == "drop_newest":
                return
            if self._slow_readers == "drop_oldest":
                self._waiting.popleft()
            else:
                self._is_too_slow = True
                self._waiting.clear()
                self._changed.set()
                return
        self._waiting.append(message)
        self._changed.set()

    def begin(self, replayed: Iterable[Message]) -> None:
        """Take what was published before, then what came meanwhile, each once."""
        held, self._held = self._held or (), None
        known: set[str] = set()
        for message in replayed:
            known.add(message.id)
            self.offer(message)
        for message in held:
            if not message.id or message.id not in known:
                self.offer(message)

    def close(self) -> None:
        """End the iteration once what waits has been read."""
        self._is_over = True
        self._changed.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Message:
        while not self._waiting:
            if self._is_too_slow:
                raise SlowSubscriberError(
                    f"A subscriber of {self.channel!r} reads too slowly: {self.size} messages "
                    "were waiting. Read faster, raise BROADCAST_QUEUE_SIZE, or choose another "
                    "policy with BROADCAST_SLOW_READERS."
                )
            if self._is_over:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def __len__(self) -> int:
        return len(self._waiting)
