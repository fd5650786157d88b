"""Messages by a real Redis: between apps, over lost connections, restarts and silence."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from flasgo import Flasgo
from flasgo_broadcast import Broadcast, BroadcastError, BroadcastPlugin, Subscription

from .conftest import RedisServer

SECONDS = 20


@contextlib.asynccontextmanager
async def started(redis: RedisServer, **settings: object) -> AsyncIterator[Broadcast]:
    """A broadcast as one worker process has it."""
    given = {
        "SECRET_KEY": "broadcast-tests-0123456789-abcdefgh",
        "BROADCAST_URI": redis.uri,
        "BROADCAST_TIMEOUT_SECONDS": 1.0,
        **settings,
    }
    app = Flasgo(settings=given, plugins=[BroadcastPlugin()], discover=False)
    broadcast: Broadcast = getattr(app, "broadcast")  # noqa: B009 - checkers do not know it
    await broadcast.start()
    try:
        yield broadcast
    finally:
        await broadcast.stop()


async def take(messages: Subscription, number: int) -> list[int]:
    async with asyncio.timeout(SECONDS):
        return [int((await anext(messages)).data) for _ in range(number)]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - Redis sends no event
            await asyncio.sleep(0.02)


async def publish(broadcast: Broadcast, number: int) -> None:
    """Publish, again where Redis does not answer."""
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(BroadcastError):
                await broadcast.publish("c", number)
                return
            await asyncio.sleep(0.02)


def test_workers_hear_each_other(redis: RedisServer) -> None:
    async def main() -> None:
        async with started(redis) as one, started(redis) as other:
            async with one.subscribe("c") as here, other.subscribe("c") as there:
                assert await one.count("c") == await other.count("c") == 2
                for number in range(50):
                    await (one if number % 2 else other).publish("c", number)
                assert await take(here, 50) == await take(there, 50) == list(range(50))
            async with other.subscribe("c", replay=3) as late:
                assert await take(late, 3) == [47, 48, 49]
                assert await one.count("c") == 1
            await until(lambda: is_empty(one))

    asyncio.run(main())


async def is_empty(broadcast: Broadcast) -> bool:
    return await broadcast.count("c") == 0


def test_a_lost_connection_loses_no_message(redis: RedisServer) -> None:
    async def main() -> None:
        async with (
            started(redis, BROADCAST_HISTORY=1000) as one,
            started(redis, BROADCAST_HISTORY=1000) as other,
            one.subscribe("c", queue_size=1000) as messages,
        ):
            for number in range(200):
                await publish(other, number)
                if number % 40 == 5:
                    redis.command(b"CLIENT", b"KILL", b"TYPE", b"pubsub")
                if number % 40 == 20:
                    redis.command(b"CLIENT", b"KILL", b"TYPE", b"normal")
            got = await take(messages, 200)
            # Where a connection broke between the message and its answer, it was sent again.
            assert sorted(set(got)) == list(range(200))

    asyncio.run(main())


def test_only_the_listening_connection_is_lost_and_each_message_comes_once(
    redis: RedisServer,
) -> None:
    async def main() -> None:
        async with (
            started(redis, BROADCAST_HISTORY=1000) as one,
            started(redis, BROADCAST_HISTORY=1000) as other,
            one.subscribe("c", queue_size=1000) as messages,
        ):
            for number in range(100):
                await other.publish("c", number)
                if number % 20 == 5:
                    redis.command(b"CLIENT", b"KILL", b"TYPE", b"pubsub")
            assert await take(messages, 100) == list(range(100))

    asyncio.run(main())


def test_a_restart_of_redis_is_survived(redis: RedisServer) -> None:
    async def main() -> None:
        async with (
            started(redis) as one,
            started(redis) as other,
            one.subscribe("c", queue_size=1000) as messages,
        ):
            await other.publish("c", 1)
            assert await take(messages, 1) == [1]
            redis.stop()
            with pytest.raises(BroadcastError, match="Redis does not answer"):
                await other.publish("c", 0)
            with pytest.raises(BroadcastError):
                await other.ping()
            redis.start()
            await publish(other, 2)
            assert await take(messages, 1) == [2]
            await until(lambda: is_well(one))
            assert await one.count("c") == 1

    asyncio.run(main())


async def is_well(broadcast: Broadcast) -> bool:
    with contextlib.suppress(BroadcastError):
        await broadcast.ping()
        return True
    return False


def test_a_silent_redis_holds_nobody_up_for_long(redis: RedisServer) -> None:
    async def main() -> None:
        async with started(redis, BROADCAST_TIMEOUT_SECONDS=0.2) as one:
            redis.freeze()
            begun = time.monotonic()
            with pytest.raises(BroadcastError, match="BROADCAST_URI"):
                await one.publish("c", 1)
            with pytest.raises(BroadcastError, match="nothing can be subscribed to"):
                async with one.subscribe("c"):
                    pass
            # However many come at once, each is told in time.
            await asyncio.gather(*(fails(one, number) for number in range(40)))
            assert time.monotonic() - begun < SECONDS / 4
            redis.thaw()
            async with asyncio.timeout(SECONDS):
                while True:
                    with contextlib.suppress(BroadcastError):
                        async with one.subscribe("c") as messages:
                            await publish(one, 2)
                            assert (await take(messages, 1))[0] == 2
                            break

    try:
        asyncio.run(main())
    finally:
        redis.thaw()


async def fails(broadcast: Broadcast, number: int) -> None:
    with pytest.raises(BroadcastError):
        async with broadcast.subscribe(f"c{number}"):
            pass


def test_without_redis_the_app_starts_and_waits_for_it(redis: RedisServer) -> None:
    async def main() -> None:
        redis.stop()
        async with started(redis, BROADCAST_TIMEOUT_SECONDS=0.2) as one:
            with pytest.raises(BroadcastError):
                async with one.subscribe("c"):
                    pass
            redis.start()
            await until(lambda: is_well(one))
            async with one.subscribe("c") as messages:
                await one.publish("c", 1)
                assert await take(messages, 1) == [1]

    asyncio.run(main())


def test_without_a_history_messages_are_delivered_all_the_same(redis: RedisServer) -> None:
    async def main() -> None:
        async with started(redis, BROADCAST_HISTORY=0) as one, one.subscribe("c") as messages:
            assert await one.publish("c", 1) == ""
            assert await take(messages, 1) == [1]
        assert redis.command(b"DBSIZE").startswith(b":0")

    asyncio.run(main())


def test_two_prefixes_are_two_worlds(redis: RedisServer) -> None:
    async def main() -> None:
        async with (
            started(redis) as one,
            started(redis, BROADCAST_PREFIX="other:") as other,
            one.subscribe("c", queue_size=1000) as messages,
        ):
            await other.publish("c", 1)
            await one.publish("c", 2)
            assert await take(messages, 1) == [2]

    asyncio.run(main())
