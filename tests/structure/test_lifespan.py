"""CORE-9: several lifespans compose, roll back, and say which one failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, Request, hookimpl
from flasgo_testing import TestClient

from tests.asgi import LifespanDriver


class Opens:
    """A plugin that notes its start and stop."""

    def __init__(self, name: str, trace: list[str], fail: str = "") -> None:
        self.name = name
        self.trace = trace
        self.fail = fail

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        if self.fail == "start":
            raise OSError(f"{self.name} has no port")
        self.trace.append(f"{self.name} starts")

    @hookimpl
    def app_shutdown(self, app: Flasgo) -> None:
        self.trace.append(f"{self.name} stops")


def noting(trace: list[str], name: str, fail: str = "") -> Any:
    async def lifespan(app: Flasgo) -> AsyncGenerator[dict[str, str], None]:
        assert isinstance(app, Flasgo)
        if fail == "start":
            raise OSError(f"{name} has no port")
        trace.append(f"{name} starts")
        yield {name: "value"}
        trace.append(f"{name} stops")
        if fail == "stop":
            raise OSError(f"{name} is stuck")

    lifespan.__qualname__ = name
    return lifespan


def test_they_start_in_order_and_stop_in_reverse(make_app: Callable[..., Flasgo]) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin_1", trace), Opens("plugin_2", trace))
    app.lifespan(noting(trace, "first"))
    app.lifespan(asynccontextmanager(noting(trace, "second")))

    with TestClient(app):
        pass

    names = ["plugin_1", "plugin_2", "first", "second"]
    assert trace == [f"{n} starts" for n in names] + [f"{n} stops" for n in reversed(names)]


def test_a_failing_one_rolls_back_those_before_it_and_is_named(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin", trace))
    app.lifespan(noting(trace, "first"))
    app.lifespan(noting(trace, "database", "start"))
    app.lifespan(noting(trace, "never"))

    with pytest.raises(OSError, match="database has no port"), TestClient(app):
        pass

    assert trace == ["plugin starts", "first starts", "first stops", "plugin stops"]
    assert "lifespan function tests" in caplog.text
    assert "database (" in caplog.text
    assert "failed to start. OSError: database has no port" in caplog.text


def test_a_failing_plugin_is_named(make_app: Callable[..., Flasgo]) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin_1", trace), Opens("plugin_2", trace, "start"))

    with pytest.raises(Exception, match=r"plugin_2.* failed in app_startup"), TestClient(app):
        pass

    assert trace == ["plugin_1 starts", "plugin_1 stops"]


def test_one_that_does_not_stop_keeps_no_other_from_it(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin", trace))
    app.lifespan(noting(trace, "first"))
    app.lifespan(noting(trace, "stuck", "stop"))
    app.lifespan(noting(trace, "last"))

    with pytest.raises(OSError, match="stuck is stuck"), TestClient(app):
        pass

    assert trace[-4:] == ["last stops", "stuck stops", "first stops", "plugin stops"]
    assert "stuck (" in caplog.text
    assert "failed to stop" in caplog.text


async def test_the_server_is_told_which_one_failed(app: Flasgo) -> None:
    app.lifespan(noting([], "database", "start"))
    message = await LifespanDriver(app).start()
    assert message["type"] == "lifespan.startup.failed"
    assert "database (" in message["message"]
    assert message["message"].endswith("OSError: database has no port")


def test_what_they_yield_is_in_the_state_of_requests(app: Flasgo) -> None:
    trace: list[str] = []
    app.lifespan(noting(trace, "one"))
    app.lifespan(noting(trace, "two"))

    @app.get("/")
    def state(request: Request) -> list[str]:
        return [request.state.one, request.state.two]

    with TestClient(app) as client:
        assert client.get("/").json() == ["value", "value"]


def test_the_app_state_is_there_for_all_of_it(app: Flasgo) -> None:
    @app.lifespan
    async def pool(app: Flasgo) -> AsyncGenerator[None, None]:
        app.state.pool = "open"
        yield
        app.state.pool = "closed"

    app.add_route("/", lambda: app.state.pool)

    with TestClient(app) as client:
        assert client.get("/").text == "open"
    assert app.state.pool == "closed"


def test_an_app_can_start_again(make_app: Callable[..., Flasgo]) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin", trace))
    app.lifespan(noting(trace, "own"))

    for _ in range(2):
        with TestClient(app):
            pass

    assert trace == ["plugin starts", "own starts", "own stops", "plugin stops"] * 2


async def test_a_context_manager_object_will_do(app: Flasgo) -> None:
    closed: list[str] = []

    def stack() -> AsyncExitStack:
        exits = AsyncExitStack()
        exits.callback(closed.append, "closed")
        return exits

    app.lifespan(stack)
    with TestClient(app):
        assert closed == []
    assert closed == ["closed"]


def test_what_is_no_lifespan(app: Flasgo) -> None:
    async def forgot_to_yield() -> None: ...

    def forgot_async() -> Iterator[None]:
        yield

    for function in (forgot_to_yield, forgot_async):
        with pytest.raises(ConfigurationError, match="one `yield`"):
            app.lifespan(function)  # ty: ignore[invalid-argument-type]


def test_what_turns_out_to_be_no_lifespan(app: Flasgo, caplog: pytest.LogCaptureFixture) -> None:
    @contextmanager
    def own() -> Generator[None]:
        yield

    app.lifespan(own)  # ty: ignore[invalid-argument-type]
    with pytest.raises(ConfigurationError, match=r"_GeneratorContextManager; .* async context"):
        TestClient(app).__enter__()
    assert "own (" in caplog.text


async def serve(app: Flasgo) -> tuple[asyncio.Task[None], list[str]]:
    """Start an app as a server does, in a task that can be cancelled."""
    started = asyncio.Event()
    sent: list[str] = []
    phases = [{"type": "lifespan.startup"}]

    async def receive() -> Any:
        return phases.pop() if phases else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message["type"])
        started.set()

    task = asyncio.create_task(app({"type": "lifespan", "state": {}}, receive, send))
    await asyncio.wait_for(started.wait(), 30)
    return task, sent


async def test_a_server_that_cancels_instead_of_saying_so_stops_everything(
    make_app: Callable[..., Flasgo],
) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin", trace))
    app.lifespan(noting(trace, "own"))

    task, _ = await serve(app)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert trace == ["plugin starts", "own starts", "own stops", "plugin stops"]


async def test_a_task_group_whose_task_fails_stops_everything_and_says_so(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []
    app = make_app(Opens("plugin", trace))
    fails = asyncio.Event()

    @app.lifespan
    async def workers() -> AsyncGenerator[None, None]:
        async def worker() -> None:
            await fails.wait()
            raise OSError("the queue is gone")

        async with asyncio.TaskGroup() as group:
            group.create_task(worker())
            yield

    task, _ = await serve(app)
    fails.set()
    with pytest.raises(ExceptionGroup):
        await task

    assert trace == ["plugin starts", "plugin stops"]
    assert "The lifespan ended before the server stopped" in caplog.text
    assert "the queue is gone" in caplog.text


def test_a_cause_is_not_said_twice(app: Flasgo, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    app.lifespan(noting([], "database", "start"))
    with pytest.raises(OSError, match="no port"), TestClient(app):
        pass
    assert len([record for record in caplog.records if "no port" in record.message]) == 1
