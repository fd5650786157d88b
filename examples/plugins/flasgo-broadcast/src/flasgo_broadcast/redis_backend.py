"""Messages between processes, by Redis pub/sub; the last ones are kept in streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from importlib import import_module
from typing import Any

from flasgo import ConfigurationError

from flasgo_broadcast.messages import BroadcastError, Deliver, Message
from flasgo_broadcast.tasks import end_task

__all__ = ["RedisBackend"]

_logger = logging.getLogger("flasgo_broadcast")

_MOST_CONNECTIONS = 16
_BEAT_SECONDS = 3.0
_DEAD_AFTER_SECONDS = 10
_LONGEST_PAUSE_SECONDS = 2.0
# One step for all who listen: the place in the history, and the message with it.
_PUBLISH = """
local id = ''
if tonumber(ARGV[3]) > 0 then
    id = redis.call('xadd', KEYS[1], 'MAXLEN', ARGV[3], '*', 'd', ARGV[2])
    redis.call('expire', KEYS[1], ARGV[4])
end
redis.call('publish', ARGV[1], id .. ' ' .. ARGV[2])
return id
"""


class RedisBackend:
    """Delivers messages to the subscribers of all processes that use one Redis.

    One connection listens for all channels of the process. When it breaks, it is opened anew, and
    what was published meanwhile is read from the history: nothing is lost as long as
    the history holds it.

    Args:
        uri: `redis://`, `rediss://` or `unix://`. SECURITY: it may hold a password and never gets
            into a message.
        prefix: With which keys and channels begin.
        history: How many messages of a channel are remembered.
        seconds: For how long.
        timeout: Seconds for connecting, and for an answer.

    Raises:
        ConfigurationError: When the package redis is missing, or the URI is malformed.
    """

    def __init__(
        self, uri: str, *, prefix: str, history: int, seconds: int, timeout: float
    ) -> None:
        self._prefix = prefix
        self._history = history
        self._seconds = seconds
        self._timeout = timeout
        self._uri = uri
        self._worker = secrets.token_hex(8)
        self._module = _client_module()
        self._errors: tuple[type[Exception], ...] = (
            import_module("redis.exceptions").RedisError,
            OSError,
            TimeoutError,
        )
        self._open()  # a malformed URI is told when the app is made
        # Any: redis-py's classes, whose types differ between its versions.
        self._client: Any = None
        self._publish: Any = None
        self._listening: Any = None
        self._pubsub: Any = None
        self._deliver: Deliver | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_connected = asyncio.Event()
        self._listened: set[str] = set()
        self._counts: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._replayed: dict[str, set[str]] = {}
        self._confirmed: dict[str, asyncio.Future[None]] = {}

    # --- Start and stop -------------------------------------------------------------------------

    async def start(self, deliver: Deliver) -> None:
        """See `Backend`. Redis need not be there yet."""
        self._deliver = deliver
        self._is_connected = asyncio.Event()
        self._client = self._open()
        self._publish = self._client.register_script(_PUBLISH)
        self._task = asyncio.create_task(self._run(), name="flasgo_broadcast")

    async def stop(self) -> None:
        """See `Backend`."""
        task, self._task = self._task, None
        client, self._client = self._client, None
        await end_task(task)
        if client is not None:
            with contextlib.suppress(*self._errors):
                async with asyncio.timeout(self._timeout):
                    for channel in self._counts:
                        await client.hdel(self._count_key(channel), self._worker)
                    await client.delete(self._worker_key(self._worker))
            with contextlib.suppress(*self._errors):
                await client.aclose()
        self._listened.clear()
        self._counts.clear()
        self._last.clear()
        self._replayed.clear()

    # Any: see above.
    def _open(self) -> Any:
        retry = import_module("redis.asyncio.retry").Retry
        no_pause = import_module("redis.backoff").NoBackoff
        try:
            pool = self._module.BlockingConnectionPool.from_url(
                self._uri,
                max_connections=_MOST_CONNECTIONS,
                timeout=self._timeout,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                # A connection that broke while it was idle is opened anew, once.
                retry=retry(no_pause(), 1),
            )
            return self._module.Redis.from_pool(pool)
        except ValueError:
            # Not chained: the client's message may repeat the URI, password and all.
            raise ConfigurationError(
                "BROADCAST_URI is not a URI of Redis; write 'redis://host:6379/0', with "
                "'user:password@' before the host if need be, or 'memory://'."
            ) from None

    # --- Publishing -----------------------------------------------------------------------------

    async def publish(self, channel: str, data: bytes) -> str:
        """See `Backend`."""
        async with self._asking():
            answer: bytes = await self._publish(
                keys=[self._key(channel)],
                args=[self._name(channel), data, self._history, self._seconds],
            )
        return answer.decode()

    async def history(self, channel: str, after: str | None, most: int) -> Sequence[Message]:
        """See `Backend`."""
        if not most or not self._history:
            return []
        first = f"({after}" if after else f"{int((time.time() - self._seconds) * 1000)}"
        async with self._asking() as client:
            found = await client.xrevrange(self._key(channel), "+", first, count=most)
        return [Message(channel, fields[b"d"], place.decode()) for place, fields in reversed(found)]

    async def ping(self) -> None:
        """See `Backend`."""
        async with self._asking() as client:
            await client.ping()
        if not self._is_connected.is_set():
            raise BroadcastError("The connection that listens to Redis is not open.")

    # Any: see above.
    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[Any]:
        if self._client is None:
            raise BroadcastError(
                "The app has not been started, so there is no connection to Redis: run its "
                "lifespan. In tests, write `with app.test_client() as client:`."
            )
        try:
            async with asyncio.timeout(self._timeout * 2):
                yield self._client
        except self._errors as error:
            raise BroadcastError(
                f"Redis does not answer: {type(error).__name__}. BROADCAST_URI says where it is "
                "expected."
            ) from error

    # --- Counting -------------------------------------------------------------------------------

    async def set_count(self, channel: str, count: int) -> None:
        """See `Backend`."""
        if count:
            self._counts[channel] = count
        else:
            self._counts.pop(channel, None)
        async with self._asking() as client:
            await self._tell_count(client, channel, count)

    # Any: see above.
    async def _tell_count(self, client: Any, channel: str, count: int) -> None:
        key = self._count_key(channel)
        async with client.pipeline(transaction=True) as pipeline:
            if count:
                pipeline.hset(key, self._worker, count)
                pipeline.expire(key, 86400)
                pipeline.set(self._worker_key(self._worker), 1, ex=_DEAD_AFTER_SECONDS)
            else:
                pipeline.hdel(key, self._worker)
            await pipeline.execute()

    async def count(self, channel: str) -> int:
        """See `Backend`. The subscribers of a killed worker count for some seconds more."""
        async with self._asking() as client:
            counts = await client.hgetall(self._count_key(channel))
            if not counts:
                return 0
            workers = list(counts)
            alive = await client.mget([self._worker_key(w.decode()) for w in workers])
        return sum(int(counts[w]) for w, is_alive in zip(workers, alive, strict=True) if is_alive)

    # --- Listening ------------------------------------------------------------------------------

    async def listen(self, channel: str) -> None:
        """See `Backend`."""
        self._listened.add(channel)
        is_confirmed = False
        try:
            async with asyncio.timeout(self._timeout * 2):
                await self._is_connected.wait()
                await self._note_last(channel)
                confirmed = asyncio.get_running_loop().create_future()
                self._confirmed[channel] = confirmed
                await self._pubsub.subscribe(self._name(channel))
                await confirmed
            is_confirmed = True
        except self._errors as error:
            raise BroadcastError(
                "Redis does not answer, so nothing can be subscribed to. BROADCAST_URI says where "
                "it is expected."
            ) from error
        finally:
            self._confirmed.pop(channel, None)
            if not is_confirmed:  # the caller may have been cancelled, too
                self._listened.discard(channel)

    async def _note_last(self, channel: str) -> None:
        """Note where the history ends, so that what follows can be read when it was missed."""
        if self._history:
            newest = await self._client.xrevrange(self._key(channel), count=1)
            self._last[channel] = newest[0][0].decode() if newest else "0-0"

    async def unlisten(self, channel: str) -> None:
        """See `Backend`."""
        self._listened.discard(channel)
        self._last.pop(channel, None)
        self._replayed.pop(channel, None)
        if self._is_connected.is_set():
            with contextlib.suppress(*self._errors):  # the one that listens notices, too
                await self._pubsub.unsubscribe(self._name(channel))

    async def _run(self) -> None:
        """Listen until the end, and open the connection anew when it breaks."""
        failures = 0
        lost: tuple[type[Exception], ...] = (*self._errors, BroadcastError)
        while True:
            try:
                await self._connect()
                if failures:
                    _logger.warning("Redis answers again; messages are delivered.")
                failures = 0
                await self._read()
            except lost as error:
                failures += 1
                if failures == 1:
                    _logger.warning(
                        "The connection to Redis is lost (%s); messages wait in the history until "
                        "it is back.",
                        type(error).__name__,
                    )
            except Exception:
                failures += 1
                _logger.exception("Messages from Redis could not be read; trying again.")
            finally:
                await self._disconnect()
            pause = min(0.01 * 2 ** min(failures, 10), _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - spreads load

    async def _connect(self) -> None:
        # Without retries of its own: it would go on without what was missed.
        retry = import_module("redis.asyncio.retry").Retry
        no_pause = import_module("redis.backoff").NoBackoff
        self._listening = self._module.Redis.from_url(
            self._uri,
            socket_timeout=None,
            socket_connect_timeout=self._timeout,
            retry=retry(no_pause(), 0),
        )
        self._pubsub = self._listening.pubsub()
        names = {self._name(""), *map(self._name, self._listened)}
        meanwhile = []
        async with asyncio.timeout(self._timeout * 2):
            await self._pubsub.subscribe(*names)
            # The history is read when nothing more can be missed.
            while names:
                raw = await self._pubsub.get_message(timeout=self._timeout)
                if raw is not None and raw["type"] == "subscribe":
                    names.discard(raw["channel"].decode())
                elif raw is not None:
                    meanwhile.append(raw)
        await self._catch_up()
        for raw in meanwhile:
            self._take(raw)
        self._is_connected.set()

    async def _disconnect(self) -> None:
        self._is_connected.clear()
        for confirmed in self._confirmed.values():
            if not confirmed.done():
                confirmed.set_exception(OSError("The connection to Redis is lost."))
        for each in (self._pubsub, self._listening):
            if each is not None:
                with contextlib.suppress(*self._errors):
                    await each.aclose()
        self._pubsub = self._listening = None

    async def _catch_up(self) -> None:
        """Deliver what was published while nothing was heard, and tell the counts again."""
        for channel, last in list(self._last.items()):
            missed = await self.history(channel, last, self._history)
            if missed and len(missed) == self._history:
                _logger.warning(
                    "More may have been published to %r than BROADCAST_HISTORY=%d remembers, while "
                    "the connection to Redis was lost.",
                    channel,
                    self._history,
                )
            self._replayed[channel] = {message.id for message in missed}
            for message in missed:
                self._hand_over(message)
        if self._counts:
            async with self._asking() as client:
                for channel, count in list(self._counts.items()):
                    await self._tell_count(client, channel, count)

    async def _read(self) -> None:
        is_asked = False
        beat = time.monotonic()
        while True:
            raw = await self._pubsub.get_message(timeout=_BEAT_SECONDS)
            if raw is not None:
                is_asked = False
                self._take(raw)
            elif is_asked:
                raise TimeoutError("Redis does not answer.")
            else:
                is_asked = True
                async with asyncio.timeout(self._timeout):
                    await self._pubsub.ping()
            if self._counts and time.monotonic() - beat > _BEAT_SECONDS:
                beat = time.monotonic()
                async with asyncio.timeout(self._timeout * 2):
                    await self._client.set(
                        self._worker_key(self._worker), 1, ex=_DEAD_AFTER_SECONDS
                    )

    # Any: what redis-py makes of a message.
    def _take(self, raw: dict[str, Any]) -> None:
        name = raw["channel"]
        if not isinstance(name, bytes) or raw["type"] == "pong":
            return
        channel = name.decode().removeprefix(self._name(""))
        if raw["type"] == "subscribe":
            confirmed = self._confirmed.get(channel)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)
        elif raw["type"] == "message" and channel in self._listened:
            place, _, data = raw["data"].partition(b" ")
            message = Message(channel, data, place.decode())
            known = self._replayed.get(channel)
            if known and message.id in known:
                return  # it was read from the history already
            self._replayed.pop(channel, None)
            self._hand_over(message)

    def _hand_over(self, message: Message) -> None:
        if message.id:
            self._last[message.channel] = message.id
        if self._deliver is not None:
            self._deliver(message)

    # --- Names ----------------------------------------------------------------------------------

    def _name(self, channel: str) -> str:
        return f"{self._prefix}channel:{channel}"

    def _key(self, channel: str) -> str:
        return f"{self._prefix}history:{channel}"

    def _count_key(self, channel: str) -> str:
        return f"{self._prefix}count:{channel}"

    def _worker_key(self, worker: str) -> str:
        return f"{self._prefix}worker:{worker}"


# Any: a module.
def _client_module() -> Any:
    try:
        return import_module("redis.asyncio")
    except ImportError as error:
        raise ConfigurationError(
            "BROADCAST_URI names a Redis, and the package 'redis' is not installed. Install it "
            "with: pip install 'flasgo-broadcast[redis]'."
        ) from error
