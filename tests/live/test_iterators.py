"""CORE-11: ordinary iterators, advanced in worker threads, spoken to in process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from flasgo import Flasgo, StreamingResponse, g, request

SECRET_KEY = "for-tests-only-0123456789-abcdefghij"


@pytest.fixture
def make_app() -> Callable[..., Flasgo]:
    def make(**settings: Any) -> Flasgo:
        return Flasgo(discover=False, settings={"SECRET_KEY": SECRET_KEY, **settings})

    return make


class Reader:
    """A client that reads until it is told to leave."""

    def __init__(self) -> None:
        self.body = b""
        self.first = asyncio.Event()
        self.leaves = asyncio.Event()

    async def receive(self) -> Any:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.body += message.get("body", b"")
        if self.body:
            self.first.set()


@asynccontextmanager
async def reading(app: Flasgo, path: str) -> AsyncGenerator[tuple[Reader, asyncio.Task[None]]]:
    """Ask for a path; wait for the first byte."""
    reader = Reader()
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    task = asyncio.create_task(app(scope, reader.receive, reader.send))
    await asyncio.wait_for(reader.first.wait(), 30)
    try:
        yield reader, task
    finally:
        await asyncio.wait_for(task, 30)


async def get(app: Flasgo, path: str) -> bytes:
    async with reading(app, path) as (reader, _):
        pass
    return reader.body


class Stuck:
    """A stream whose second part does not come before the test says so."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self.goes_on = threading.Event()
        self.is_over = threading.Event()

    def __call__(self) -> StreamingResponse:
        return StreamingResponse(self.parts())

    def parts(self) -> Iterator[str]:
        try:
            yield "begun"
            self.is_reached.set()
            self.goes_on.wait()
            yield "never sent"
        finally:
            assert request.path == "/stuck"
            self.is_over.set()

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.is_reached.wait, 30)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stream = Stuck()
    yield stream
    stream.goes_on.set()


async def test_they_take_no_thread_from_the_event_loop(
    make_app: Callable[..., Flasgo], stuck: Stuck
) -> None:
    """Its own few threads look up names and read files for everybody."""
    app = make_app(SYNC_WORKERS=3)
    app.add_route("/stuck", stuck)
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        async with reading(app, "/stuck"), reading(app, "/stuck"):
            await asyncio.wait_for(stuck.reached(), 30)
            stuck.goes_on.set()


async def test_a_client_that_leaves_takes_no_second_thread(
    make_app: Callable[..., Flasgo], stuck: Stuck
) -> None:
    app = make_app(SYNC_WORKERS=2)
    app.add_route("/stuck", stuck)
    app.add_route("/other", lambda: "answered")

    async with reading(app, "/stuck") as (reader, task):
        await stuck.reached()
        reader.leaves.set()
        assert await get(app, "/other") == b"answered"
        assert not stuck.is_over.is_set()
        assert not task.done()
        stuck.goes_on.set()
    assert stuck.is_over.is_set()
    assert reader.body == b"begun"


async def test_a_step_that_nobody_waits_for_any_more_closes_its_iterator(
    make_app: Callable[..., Flasgo], stuck: Stuck
) -> None:
    """A server that cancels the request does so while the step goes on in its thread."""
    app = make_app()
    app.add_route("/stuck", stuck)

    async def cut_off() -> None:
        async with reading(app, "/stuck") as (_, task):
            await stuck.reached()
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await cut_off()
    stuck.goes_on.set()
    assert await asyncio.to_thread(stuck.is_over.wait, 30)


async def test_all_steps_see_one_context(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    depth: ContextVar[int] = ContextVar("depth")

    @app.get("/")
    def stream() -> StreamingResponse:
        g.word = "tea"

        def parts() -> Iterator[str]:
            token = depth.set(1)
            try:
                yield f"{request.path} {g.word} "
                yield str(depth.get())
            finally:
                depth.reset(token)

        return StreamingResponse(parts())

    assert await get(app, "/") == b"/ tea 1"


async def test_outside_of_a_request_they_work_as_well() -> None:
    reader = Reader()
    await StreamingResponse(iter(["a", "b"]))._emit(reader.send)
    assert reader.body == b"ab"


async def test_an_async_one_that_never_waits_leaves_others_their_turn() -> None:
    is_over = False
    turns = 0

    async def parts() -> AsyncIterator[str]:
        for _ in range(1000):
            yield "x"

    async def others() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    watcher = asyncio.create_task(others())
    await StreamingResponse(parts())._emit(Reader().send)
    is_over = True
    await watcher
    assert turns > 10
