"""Streamed responses: sent as they are made, and closed however they end."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from flasgo.asgi import Message
from flasgo.errors import ClientDisconnect
from flasgo.responses.response import Response, StreamingResponse

TEXT = "text/plain; charset=utf-8"


class Sink:
    """Collects what is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self.messages[0]["headers"]

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    @property
    def body(self) -> bytes:
        assert all(message["type"] == "http.response.body" for message in self.messages[1:])
        assert [message.get("more_body", False) for message in self.messages[1:]] == [
            *[True] * (len(self.messages) - 2),
            False,
        ]
        return b"".join(message["body"] for message in self.messages[1:])


async def sent(response: Response, *, head_only: bool = False) -> Sink:
    sink = Sink()
    await response._emit(sink, head_only=head_only)
    return sink


async def test_streaming_an_async_generator() -> None:
    async def numbers() -> AsyncIterator[bytes | str]:
        yield "é"
        yield b""
        yield b"2"

    sink = await sent(StreamingResponse(numbers(), 201, {"x": "y"}, "a/b"))
    assert sink.status == 201
    assert sorted(sink.headers) == [(b"content-type", b"a/b"), (b"x", b"y")]
    assert sink.body == "é2".encode()
    assert len(sink.messages) == 4


async def test_streaming_runs_ordinary_iterators_in_threads_with_their_context() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    threads: set[int] = set()

    def lines() -> Iterator[str]:
        for _ in range(3):
            threads.add(threading.get_ident())
            yield name.get()

    name.set("x")
    assert (await sent(StreamingResponse(lines()))).body == b"xxx"
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("iterable", [["a", b"b"], ("a", "b"), iter(["a", "b"])])
async def test_streaming_any_iterable(iterable: Any) -> None:
    response = StreamingResponse(iterable)
    assert response.is_streaming
    assert response.body == b""
    assert response.content_type == TEXT
    assert (await sent(response)).body == b"ab"


async def test_streaming_an_async_iterator_without_aclose() -> None:
    class Twice:
        left = 2

        def __aiter__(self) -> "Twice":
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return "x"

    assert (await sent(StreamingResponse(Twice()))).body == b"xx"


@pytest.mark.parametrize("source", ["text", b"bytes", bytearray(b"x"), 1, None, object()])
def test_what_cannot_be_streamed(source: Any) -> None:
    with pytest.raises(TypeError, match="iterator"):
        StreamingResponse(source)


@pytest.mark.parametrize("chunk", [1, None, ["x"], {"a": 1}, bytearray(b"x")])
@pytest.mark.parametrize("threaded", [False, True])
async def test_streamed_chunks_are_text_or_bytes(chunk: Any, threaded: bool) -> None:
    async def produce() -> AsyncIterator[Any]:
        yield chunk

    with pytest.raises(TypeError, match="yielded"):
        await sent(StreamingResponse([chunk] if threaded else produce()))


def test_a_streamed_body_cannot_be_replaced() -> None:
    response = StreamingResponse([])
    with pytest.raises(TypeError, match="another Response"):
        response.body = b"x"
    with pytest.raises(TypeError, match="use Response"):
        StreamingResponse.json({})


class Producer:
    """An endless stream that knows whether it was started and closed, sync or async."""

    def __init__(self) -> None:
        self.started = False
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def asynchronous(self) -> AsyncIterator[str]:
        self.started = True
        try:
            while True:
                yield "x"
                await asyncio.sleep(0.001)
        finally:
            self.closed.set()

    def threaded(self) -> Iterator[str]:
        self.started = True
        try:
            while True:
                yield "x"
        finally:
            self._loop.call_soon_threadsafe(self.closed.set)


@pytest.fixture(params=["asynchronous", "threaded"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_head_request_never_starts_the_producer(kind: str) -> None:
    producer = Producer()
    sink = await sent(StreamingResponse(getattr(producer, kind)()), head_only=True)
    assert sink.body == b""
    assert not producer.started


async def test_a_failing_send_closes_the_producer(kind: str) -> None:
    producer = Producer()
    count = 0

    async def send(message: Message) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError("gone")

    with pytest.raises(ClientDisconnect):
        await StreamingResponse(getattr(producer, kind)())._emit(send)
    async with asyncio.timeout(5):
        await producer.closed.wait()


async def test_cancelling_closes_the_producer(kind: str) -> None:
    producer = Producer()
    task = asyncio.create_task(sent(StreamingResponse(getattr(producer, kind)())))
    while not producer.started:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await producer.closed.wait()


async def test_a_client_that_leaves_cancels_the_producer(kind: str) -> None:
    producer = Producer()

    async def closed() -> None:
        while not producer.started:
            await asyncio.sleep(0.001)

    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(ClientDisconnect):
        await StreamingResponse(getattr(producer, kind)())._emit(Sink(), closed=closed)
    async with asyncio.timeout(5):
        await producer.closed.wait()
    assert not task.cancelling()


async def test_a_silent_producer_is_cancelled_too() -> None:
    ended: list[str] = []

    async def silent() -> AsyncIterator[str]:
        yield "first"
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    async def closed() -> None:
        await asyncio.sleep(0.01)

    with pytest.raises(ClientDisconnect):
        await StreamingResponse(silent())._emit(Sink(), closed=closed)
    assert ended == ["yes"]


async def test_a_cancellation_from_outside_stays_one() -> None:
    producer = Producer()

    async def never() -> None:
        await asyncio.Event().wait()

    response = StreamingResponse(producer.asynchronous())
    task = asyncio.create_task(response._emit(Sink(), closed=never))
    while not producer.started:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert producer.closed.is_set()


async def test_a_complete_stream_stops_watching() -> None:
    watching: list[str] = []

    async def closed() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            watching.append("stopped")

    async def slowly() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0.005)
        yield "b"

    sink = Sink()
    await StreamingResponse(slowly())._emit(sink, closed=closed)
    assert sink.body == b"ab"
    await asyncio.sleep(0)
    assert watching == ["stopped"]


async def test_a_watch_that_fails_does_not_end_the_stream() -> None:
    async def closed() -> None:
        raise LookupError("a server that does not tell")

    async def slowly() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0.005)
        yield "b"

    sink = Sink()
    await StreamingResponse(slowly())._emit(sink, closed=closed)
    assert sink.body == b"ab"


async def test_an_error_of_the_producer_comes_through(kind: str) -> None:
    async def asynchronous() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("mine")

    def threaded() -> Iterator[str]:
        yield "a"
        raise LookupError("mine")

    source = asynchronous() if kind == "asynchronous" else threaded()
    with pytest.raises(LookupError, match="mine"):
        await sent(StreamingResponse(source))
