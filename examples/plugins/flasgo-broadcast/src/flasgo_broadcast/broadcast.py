"""What handlers use: publish, subscribe, forward to a WebSocket, stream as events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from flasgo import ServerSentEvent, WebSocket, WebSocketDisconnect

from flasgo_broadcast.messages import (
    Backend,
    BroadcastError,
    Message,
    SlowSubscriberError,
    message_data,
    message_id,
)
from flasgo_broadcast.subscription import SlowReaders, Subscription
from flasgo_broadcast.tasks import end_task

__all__ = ["Broadcast", "Limits"]

_LONGEST_CHANNEL = 200
_RETRY_SECONDS = 1.0
_TRY_AGAIN_LATER = 1013
_INTERNAL_ERROR = 1011

_logger = logging.getLogger("flasgo_broadcast")


@dataclass(frozen=True)
class Limits:
    """What an app allows.

    Attributes:
        queue_size: How many messages may wait for one subscriber.
        slow_readers: What happens when more would.
        message_bytes: How many bytes one message may have.
        history: How many messages of a channel are remembered.
        seconds: How long a subscription may take to be made.
    """

    queue_size: int
    slow_readers: SlowReaders
    message_bytes: int
    history: int
    seconds: float


class Broadcast:
    """Publishes messages to channels, and delivers them to subscribers: `app.broadcast`.

    Handlers get it by its type. With `BROADCAST_URI=redis://...` subscribers of all worker
    processes get each message; with `memory://` those of this process.

    Args:
        backend: Carries the messages.
        limits: What the app allows.
    """

    def __init__(self, backend: Backend, limits: Limits) -> None:
        self._backend = backend
        self._limits = limits
        self._subscribers: dict[str, set[Subscription]] = {}
        self._listened: set[str] = set()
        self._changed: dict[str, None] = {}
        self._has_changes = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    # --- For handlers ---------------------------------------------------------------------------

    async def publish(self, channel: str, value: object) -> str:
        """Send a value to all subscribers of a channel.

        Args:
            channel: The channel. Where clients choose the name, check who may use it.
            value: Text and bytes are sent as they are, anything else as JSON.

        Returns:
            The message's id; empty where nothing is remembered.

        Raises:
            BroadcastError: When Redis does not answer. The message may have been published.
            ValueError: When the message is too long, or the name of the channel is.
            TypeError: When the value has no form in JSON.
        """
        data = message_data(value)
        if len(data) > self._limits.message_bytes:
            raise ValueError(
                f"A message of {len(data)} bytes was to be published; BROADCAST_MAX_MESSAGE_BYTES "
                f"is {self._limits.message_bytes}. Publish where the data is, and not the data."
            )
        return await self._backend.publish(_checked(channel), data)

    @contextlib.asynccontextmanager
    async def subscribe(
        self,
        channel: str,
        *,
        after: str | None = None,
        replay: int = 0,
        queue_size: int | None = None,
        slow_readers: SlowReaders | None = None,
    ) -> AsyncIterator[Subscription]:
        """Subscribe to a channel: `async with broadcast.subscribe("news") as messages`.

        Within the block nothing is missed, `async for message in messages` waits for what comes.

        Args:
            channel: The channel.
            after: The id of the last message that a client has seen: what was published since
                comes first, as far as it is remembered. What is no id is ignored.
            replay: How many of the last messages come first, where `after` is not given.
            queue_size: How many messages may wait; `BROADCAST_QUEUE_SIZE` by default.
            slow_readers: What happens when more would; `BROADCAST_SLOW_READERS` by default.

        Raises:
            BroadcastError: When Redis does not answer.
            ValueError: When the name of the channel is too long.
        """
        if self._task is None:
            raise BroadcastError(
                "The app has not been started, so nothing is delivered: run its lifespan. In "
                "tests, write `with app.test_client() as client:`."
            )
        limits = self._limits
        subscription = Subscription(
            _checked(channel), queue_size or limits.queue_size, slow_readers or limits.slow_readers
        )
        self._subscribers.setdefault(channel, set()).add(subscription)
        self._note(channel)
        try:
            await self._settle()
            seen = message_id(after)
            most = limits.history if seen else min(replay, limits.history)
            earlier = await self._backend.history(channel, seen, most) if most else ()
            subscription.begin(earlier[-subscription.size :])
            yield subscription
        finally:
            # Nothing is awaited here: a handler that is cancelled leaves at once.
            others = self._subscribers.get(channel, set())
            others.discard(subscription)
            if not others:
                self._subscribers.pop(channel, None)
            self._note(channel)

    async def count(self, channel: str) -> int:
        """Return how many subscribers a channel has, in all workers.

        Raises:
            BroadcastError: When Redis does not answer.
        """
        await self._settle()
        return await self._backend.count(_checked(channel))

    @contextlib.asynccontextmanager
    async def forwarding(
        self, websocket: WebSocket, channel: str, *, after: str | None = None, replay: int = 0
    ) -> AsyncIterator[Subscription]:
        """Send a channel's messages to a WebSocket, as text, while the block runs.

        Args:
            websocket: Has been accepted.
            channel: The channel.
            after: See `subscribe`.
            replay: See `subscribe`.

        Raises:
            BroadcastError: When Redis does not answer. A client that reads too slowly is closed
                with 1013 where the policy is `disconnect`; reading from it then ends.
        """
        async with self.subscribe(channel, after=after, replay=replay) as messages:
            task = asyncio.create_task(_forward(messages, websocket))
            try:
                yield messages
            finally:
                await end_task(task)

    async def events(
        self,
        channel: str,
        *,
        last_event_id: str | None = None,
        replay: int = 0,
        event: str | None = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Yield a channel's messages as server-sent events, for `EventSourceResponse`.

        Args:
            channel: The channel.
            last_event_id: `request.last_event_id`: a browser that reconnects goes on where it was.
            replay: How many of the last messages come first otherwise.
            event: The name of the events.

        Raises:
            BroadcastError: When Redis does not answer.
        """
        async with self.subscribe(channel, after=last_event_id, replay=replay) as messages:
            async for message in messages:
                yield ServerSentEvent(data=message.text, event=event, id=message.id or None)

    # --- For the plugin -------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to deliver."""
        self._has_changes = asyncio.Event()
        self._lock = asyncio.Lock()
        await self._backend.start(self._deliver)
        self._task = asyncio.create_task(self._tidy(), name="flasgo_broadcast.tidy")

    async def stop(self) -> None:
        """End all subscriptions."""
        for subscription in [s for each in self._subscribers.values() for s in each]:
            subscription.close()
        task, self._task = self._task, None
        await end_task(task)
        await self._backend.stop()
        self._listened.clear()
        self._changed.clear()

    async def ping(self) -> None:
        """Return when messages are carried, else raise `BroadcastError`."""
        await self._backend.ping()

    def _deliver(self, message: Message) -> None:
        for subscription in self._subscribers.get(message.channel, ()):
            subscription.offer(message)

    def _note(self, channel: str) -> None:
        self._changed[channel] = None
        self._has_changes.set()

    async def _tidy(self) -> None:
        """Tell the backend of those who have left."""
        while True:
            await self._has_changes.wait()
            self._has_changes.clear()
            try:
                await self._settle()
            except BroadcastError:
                await asyncio.sleep(_RETRY_SECONDS)
                self._has_changes.set()

    async def _settle(self) -> None:
        """Have the backend listen to what has subscribers, and to nothing else.

        Raises:
            BroadcastError: When Redis does not answer. However many wait, each waits this long.
        """
        try:
            async with asyncio.timeout(self._limits.seconds), self._lock:
                await self._settle_each()
        except TimeoutError:
            raise BroadcastError(
                "Redis does not answer, so nothing can be subscribed to. BROADCAST_URI says where "
                "it is expected."
            ) from None

    async def _settle_each(self) -> None:
        while self._changed:
            channel = next(iter(self._changed))
            count = len(self._subscribers.get(channel, ()))
            if count and channel not in self._listened:
                await self._backend.listen(channel)
                self._listened.add(channel)
            elif not count and channel in self._listened:
                self._listened.discard(channel)
                await self._backend.unlisten(channel)
            await self._backend.set_count(channel, count)
            if count == len(self._subscribers.get(channel, ())):
                self._changed.pop(channel, None)


async def _forward(messages: Subscription, websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        try:
            async for message in messages:
                await websocket.send_text(message.text)
        except SlowSubscriberError:
            await websocket.close(_TRY_AGAIN_LATER, "Read faster.")
        except WebSocketDisconnect:
            raise
        except Exception:
            _logger.exception("Messages of %r cannot be forwarded any more.", messages.channel)
            await websocket.close(_INTERNAL_ERROR)


def _checked(channel: str) -> str:
    if not channel or len(channel) > _LONGEST_CHANNEL:
        raise ValueError(
            f"The name of a channel has {len(channel)} characters; it has between 1 and "
            f"{_LONGEST_CHANNEL}."
        )
    return channel
