"""What happens to slow readers, and to what was published before."""

from __future__ import annotations

import asyncio

import pytest
from flasgo_broadcast import Message, SlowReaders, SlowSubscriberError, Subscription
from flasgo_broadcast.messages import message_data, message_id


def messages(*numbers: int) -> list[Message]:
    return [Message("c", b"%d" % number, f"{number}-0") for number in numbers]


async def read(subscription: Subscription) -> list[int]:
    subscription.close()
    return [int(message.data) async for message in subscription]


def filled(policy: SlowReaders) -> Subscription:
    subscription = Subscription("c", 3, policy)
    subscription.begin(())
    for message in messages(1, 2, 3, 4, 5):
        subscription.offer(message)
    return subscription


def test_the_oldest_are_dropped() -> None:
    subscription = filled("drop_oldest")
    assert asyncio.run(read(subscription)) == [3, 4, 5]
    assert subscription.dropped == 2


def test_the_newest_are_dropped() -> None:
    subscription = filled("drop_newest")
    assert asyncio.run(read(subscription)) == [1, 2, 3]
    assert subscription.dropped == 2


def test_the_reader_is_disconnected() -> None:
    with pytest.raises(SlowSubscriberError, match=r"3 messages were waiting.*BROADCAST_QUEUE_SIZE"):
        asyncio.run(read(filled("disconnect")))


def test_what_was_published_before_comes_first_and_once() -> None:
    subscription = Subscription("c", 10, "drop_oldest")
    for message in messages(3, 4):  # arrived while the history was read
        subscription.offer(message)
    subscription.begin(messages(1, 2, 3))
    for message in messages(5):
        subscription.offer(message)
    assert asyncio.run(read(subscription)) == [1, 2, 3, 4, 5]


def test_a_reader_waits() -> None:
    async def main() -> Message:
        subscription = Subscription("c", 1, "drop_oldest")
        subscription.begin(())
        task = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        assert not task.done()
        subscription.offer(messages(1)[0])
        return await task

    assert asyncio.run(main()).text == "1"


def test_values() -> None:
    assert message_data("ü") == "ü".encode()
    assert message_data(b"\xff") == b"\xff"
    assert message_data({"a": [1, None]}) == b'{"a":[1,null]}'
    assert Message("c", b'{"a":1}').json() == {"a": 1}
    with pytest.raises(TypeError):
        message_data(object())


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-1 ", "1-1\n", "x-1", "9" * 30 + "-0"])
def test_what_clients_send_for_an_id_is_checked(text: str) -> None:
    assert message_id(text) is None
    assert message_id("1717171717171-0") == "1717171717171-0"
