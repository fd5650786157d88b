"""A store that does not answer holds up one request at a time, for a bounded time."""

import asyncio

import pytest
from flasgo_security.stores.health import PAUSE_SECONDS, StoreDownError, StoreHealth


class Store:
    """Answers, fails or hangs, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.mood = "well"

    async def __call__(self) -> str:
        self.asked += 1
        if self.mood == "broken":
            raise ConnectionResetError("gone\r\nforged: line")
        if self.mood == "hanging":
            await asyncio.Event().wait()
        if self.mood == "full":
            raise MemoryError("no room\r\nforged: line")
        if self.mood == "buggy":
            raise KeyError("ours")
        return "answer"


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def health(clock) -> StoreHealth:
    return StoreHealth("The store", 0.05, refusals=(MemoryError,), clock=clock)


async def refused(health: StoreHealth, store: Store) -> bool:
    try:
        return await health.ask(store) != "answer"
    except StoreDownError:
        return True


@pytest.mark.parametrize("mood", ["broken", "hanging"])
async def test_after_a_failure_it_is_left_alone_for_a_while(health, store, clock, caplog, mood):
    assert not await refused(health, store)
    store.mood = mood
    assert await refused(health, store)
    for _ in range(100):
        assert await refused(health, store)
    assert store.asked == 2
    assert health.is_down
    clock.advance(PAUSE_SECONDS)
    assert await refused(health, store)
    assert store.asked == 3
    store.mood = "well"
    assert await refused(health, store)  # still within the pause
    clock.advance(PAUSE_SECONDS)
    assert not await refused(health, store)
    assert not health.is_down
    assert [record.event for record in caplog.records] == ["store_down", "store_up"]
    assert "\r" not in caplog.records[0].getMessage()


async def test_a_store_that_refuses_one_command_is_asked_the_next(health, store, clock, caplog):
    store.mood = "full"
    for _ in range(100):
        assert await refused(health, store)
    assert store.asked == 100
    assert not health.is_down
    clock.advance(60)
    assert await refused(health, store)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2  # once a minute
    assert "refuses commands: MemoryError: no room\\r\\nforged: line" in told[0]
    store.mood = "well"
    assert not await refused(health, store)


async def test_a_refusal_is_an_answer(health, store, clock):
    store.mood = "hanging"
    assert await refused(health, store)
    clock.advance(PAUSE_SECONDS)
    store.mood = "full"
    assert await refused(health, store)
    assert not health.is_down


async def test_one_request_tries_while_the_others_are_told(health, store, clock):
    store.mood = "broken"
    await refused(health, store)
    clock.advance(PAUSE_SECONDS)
    store.mood = "hanging"
    assert all(await asyncio.gather(*(refused(health, store) for _ in range(50))))
    assert store.asked == 2


async def test_a_client_that_leaves_while_it_tries_leaves_no_lock(health, store, clock):
    store.mood = "broken"
    await refused(health, store)
    clock.advance(PAUSE_SECONDS)
    store.mood = "hanging"
    task = asyncio.create_task(health.ask(store))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.mood = "well"
    clock.advance(PAUSE_SECONDS + 1)
    assert not await refused(health, store)


async def test_our_own_mistakes_are_no_outage(health, store):
    store.mood = "buggy"
    with pytest.raises(KeyError):
        await health.ask(store)
    assert not health.is_down


async def test_a_mistake_while_trying_does_not_end_the_outage(health, store, clock):
    store.mood = "broken"
    await refused(health, store)
    clock.advance(PAUSE_SECONDS)
    store.mood = "buggy"
    with pytest.raises(KeyError):
        await health.ask(store)
    assert health.is_down
