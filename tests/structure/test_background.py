"""CORE-9: work after the response: order, isolation, shut-down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import (
    BackgroundTasks,
    Flasgo,
    HTTPException,
    Request,
    Response,
    StreamingResponse,
    current_request,
    g,
    hookimpl,
)
from flasgo_testing import TestClient

from tests.asgi import Driver


class Finished:
    """Notes when a request is over."""

    name = "finished"

    def __init__(self, trace: list[str]) -> None:
        self.trace = trace

    @hookimpl
    def request_finished(self, request: Request) -> None:
        self.trace.append("request_finished")


async def drive(app: Flasgo, path: str, trace: list[str], method: str = "GET") -> int:
    """Send a request; note the messages of the answer among everything else."""
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        trace.append(message["type"].removeprefix("http.response."))

    await app(Driver(app).scope(path, method), receive, send)
    return status


def test_the_name_that_fastapi_has_for_adding() -> None:
    called: list[tuple[int, str]] = []
    tasks = BackgroundTasks()
    tasks.add_task(lambda number, word: called.append((number, word)), 1, word="x")
    (task,) = tasks
    task()
    assert called == [(1, "x")]


async def test_the_order_of_the_end(make_app: Callable[..., Flasgo]) -> None:
    """The golden trace: bytes, teardown, request_finished, background, in this order."""
    trace: list[str] = []
    app = make_app(Finished(trace))
    app.teardown_request(lambda error: trace.append("teardown_request"))
    app.after_request(lambda response: trace.append("after_request"))

    def blocking(word: str) -> None:
        trace.append(f"sync {word} in {threading.current_thread().name.partition('_')[0]}")

    async def waiting(word: str, *, more: str = "") -> None:
        await asyncio.sleep(0)
        trace.append(f"async {word}{more}")

    @app.get("/")
    async def handler(request: Request) -> Response:
        trace.append("handler")
        request.background.add(blocking, "one")
        request.background.add(waiting, "two", more="!")
        tasks = BackgroundTasks()
        tasks.add(waiting, "three")
        return Response("done", background=tasks)

    assert await drive(app, "/", trace) == 200
    assert trace == [
        "handler",
        "after_request",
        "start",
        "body",
        "teardown_request",
        "request_finished",
        "sync one in flasgo",
        "async two!",
        "async three",
    ]


async def test_a_failure_is_logged_and_the_next_one_runs(
    app: Flasgo, caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []

    def broken() -> None:
        raise ValueError("this one")

    async def broken_too() -> None:
        raise ValueError("and this")

    async def gives_up() -> None:
        raise asyncio.CancelledError  # such as that of a task it waited for

    @app.get("/")
    async def handler(request: Request) -> str:
        for task in (broken, broken_too, gives_up):
            request.background.add(task)
        request.background.add(trace.append, "ran")
        return "ok"

    assert await drive(app, "/", trace) == 200
    assert trace == ["start", "body", "ran"]
    assert "broken failed." in caplog.text
    assert "broken_too failed." in caplog.text
    assert "gives_up failed." in caplog.text
    assert "this one" in caplog.text


async def test_streamed_responses_have_them_too(app: Flasgo) -> None:
    trace: list[str] = []

    async def parts() -> Any:
        yield "one"
        yield "two"

    @app.get("/")
    async def handler() -> Response:
        tasks = BackgroundTasks()
        tasks.add(trace.append, "ran")
        return StreamingResponse(parts(), background=tasks)

    await drive(app, "/", trace)
    assert trace == ["start", "body", "body", "body", "ran"]


async def test_they_see_the_request_and_its_files(app: Flasgo) -> None:
    seen: list[object] = []

    def look(request: Request) -> None:
        seen.extend([current_request().path, g.user, request.background is not None])

    @app.post("/upload")
    async def upload(request: Request) -> str:
        form = await request.form()
        g.user = "ann"

        async def read() -> None:
            file = form.file("f")
            assert file is not None
            seen.append(await file.read())

        request.background.add(look, request)
        request.background.add(read)
        return "ok"

    TestClient(app).post("/upload", files={"f": ("f.txt", b"content")})
    assert seen == ["/upload", "ann", True, b"content"]


@pytest.mark.parametrize("error", [HTTPException(409), ValueError("broken")])
async def test_a_handler_that_raises_has_promised_nothing(app: Flasgo, error: Exception) -> None:
    trace: list[str] = []

    @app.get("/")
    async def handler(request: Request) -> str:
        request.background.add(trace.append, "ran")
        raise error

    await drive(app, "/", trace)
    assert trace == ["start", "body"]


async def test_an_error_handlers_answer_may_promise_something(app: Flasgo) -> None:
    trace: list[str] = []

    @app.errorhandler(404)
    def missing(request: Request) -> Response:
        tasks = BackgroundTasks()
        tasks.add(trace.append, "ran")
        return Response("missing", 404, background=tasks)

    assert await drive(app, "/nothing", trace) == 404
    assert trace == ["start", "body", "ran"]


def test_what_is_not_a_function() -> None:
    async def work() -> None: ...

    with pytest.raises(TypeError, match="without calling it"):
        BackgroundTasks().add(work())  # ty: ignore[invalid-argument-type]


async def test_a_server_that_cancels_the_request_does_not_cancel_the_work(app: Flasgo) -> None:
    trace: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        trace.append("ran")

    @app.get("/")
    async def handler(request: Request) -> str:
        request.background.add(work)
        return "ok"

    request = asyncio.create_task(drive(app, "/", trace))
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert len(app._background) == 1
    go_on.set()
    await app._background.drain(5)
    assert trace[-1] == "ran"
    assert len(app._background) == 0


def slow_app(make_app: Callable[..., Flasgo], work: Any, grace: float) -> Flasgo:
    app = make_app(BACKGROUND_TASK_GRACE_SECONDS=grace)

    @app.get("/")
    async def handler(request: Request) -> str:
        request.background.add(work)
        return "ok"

    return app


async def shut_down_during(app: Flasgo, begun: asyncio.Event) -> list[str]:
    """Start, send a request, and shut down while its background task runs."""
    trace: list[str] = []
    incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outgoing: asyncio.Queue[Any] = asyncio.Queue()
    server = asyncio.create_task(app({"type": "lifespan"}, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    assert (await outgoing.get())["type"] == "lifespan.startup.complete"
    request = asyncio.create_task(drive(app, "/", trace))
    await begun.wait()
    incoming.put_nowait({"type": "lifespan.shutdown"})
    assert (await outgoing.get())["type"] == "lifespan.shutdown.complete"
    _, late = await asyncio.wait((request, server), timeout=10)
    for task in late:
        task.cancel()
    if request.done() and not request.cancelled():
        request.exception()
    return trace


async def test_shut_down_waits_for_them(make_app: Callable[..., Flasgo]) -> None:
    begun = asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        done.append("ran")

    await shut_down_during(slow_app(make_app, work, grace=30), begun)
    assert done == ["ran"]


async def test_what_takes_too_long_is_cancelled_and_reported(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()
    ends: list[str] = []

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cleaned up")

    app = slow_app(make_app, endless, grace=0.05)
    await shut_down_during(app, begun)

    assert ends == ["cleaned up"]
    assert "endless was not finished 0.05 seconds after" in caplog.text
    assert len(app._background) == 0
