"""Start-up and shut-down (CORE-9)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from flasgo import ConfigurationError, Flasgo, Request, hookimpl

from tests.asgi import Driver, LifespanDriver
from tests.conftest import Connect


class Service:
    """A plugin that opens and closes, and can fail at either."""

    def __init__(self, name: str, trace: list[str], *, fails: str = "") -> None:
        self.name = name
        self.trace = trace
        self.fails = fails

    def step(self, what: str) -> None:
        self.trace.append(f"{self.name} {what}")
        if self.fails == what:
            raise OSError(f"{self.name} cannot {what}")

    @hookimpl
    def app_startup(self, app: Flasgo) -> None:
        self.step("up")

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        self.step("down")


class AsyncService:
    """The same with the colours swapped, and with fewer arguments."""

    def __init__(self, name: str, trace: list[str], *, fails: str = "") -> None:
        self.name = name
        self.inner = Service(name, trace, fails=fails)

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        self.inner.step("up")

    @hookimpl
    def app_shutdown(self) -> None:
        self.inner.step("down")


def add_functions(app: Flasgo, trace: list[str], *, fails: bool = False) -> None:
    """Add three lifespan functions; the last one may fail."""

    @app.lifespan
    async def first(app: Flasgo) -> AsyncIterator[None]:
        trace.append("first up")
        app.state.first = "there"
        yield
        trace.append("first down")

    @app.lifespan
    async def second() -> AsyncIterator[None]:
        trace.append("second up")
        try:
            yield
        finally:
            trace.append("second down")

    @app.lifespan
    @asynccontextmanager
    async def third(app: Flasgo) -> AsyncGenerator[None, None]:
        trace.append(f"third up, first is {app.state.first}")
        if fails:
            raise LookupError("third")
        yield
        trace.append("third down")


def test_everything_starts_in_order_and_stops_in_reverse(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    trace: list[str] = []
    app = make_app(AsyncService("b", trace), Service("a", trace))
    add_functions(app, trace)
    up = ["a up", "b up", "first up", "second up", "third up, first is there"]
    with connect(app):
        assert trace == up
    assert trace[len(up) :] == ["third down", "second down", "first down", "b down", "a down"]


@pytest.mark.parametrize("kind", [Service, AsyncService])
async def test_a_plugin_that_fails_to_start_is_named_and_the_rest_rolled_back(
    make_app: Callable[..., Flasgo], kind: Callable[..., object]
) -> None:
    trace: list[str] = []
    app = make_app(Service("a", trace), kind("b", trace, fails="up"), Service("c", trace))
    add_functions(app, trace)
    message = await LifespanDriver(app).start()
    assert message["type"] == "lifespan.startup.failed"
    assert "'b' failed in app_startup: OSError: b cannot up" in message["message"]
    assert trace == ["a up", "b up", "a down"]


async def test_a_lifespan_function_that_fails_rolls_everything_back(
    make_app: Callable[..., Flasgo],
) -> None:
    trace: list[str] = []
    app = make_app(Service("a", trace))
    add_functions(app, trace, fails=True)
    message = await LifespanDriver(app).start()
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].endswith("LookupError: third")
    assert "add_functions.<locals>.third" in message["message"]
    assert trace[-3:] == ["second down", "first down", "a down"]


async def test_a_failing_roll_back_does_not_hide_the_cause(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []
    app = make_app(Service("a", trace, fails="down"), Service("b", trace, fails="up"))
    message = await LifespanDriver(app).start()
    assert "'b' failed in app_startup" in message["message"]
    assert "a cannot down" in caplog.text


async def test_a_failing_shut_down_is_named_and_the_rest_still_stops(
    make_app: Callable[..., Flasgo],
) -> None:
    trace: list[str] = []
    app = make_app(Service("a", trace), Service("b", trace, fails="down"))
    driver = LifespanDriver(app)
    await driver.start()
    message = await driver.stop()
    assert message["type"] == "lifespan.shutdown.failed"
    assert "'b' failed in app_shutdown" in message["message"]
    assert trace == ["a up", "b up", "b down", "a down"]


def test_the_order_options_hold_for_start_up(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    trace: list[str] = []

    class Late(Service):
        @hookimpl(after="z")
        def app_startup(self, app: Flasgo) -> None:
            self.step("up")

    app = make_app(Late("a", trace), Service("z", trace))
    with connect(app):
        pass
    assert trace == ["z up", "a up", "a down", "z down"]


def test_state_set_at_start_up_is_there_for_requests(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    add_functions(app, [])
    app.add_route("/", lambda request: request.app.state.first, endpoint="index")
    with connect(app) as client:
        assert client.get("/").text == "there"


def test_sync_handlers_work_before_between_and_after_lifespans(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/", lambda: "x", endpoint="index")
    client = connect(app)
    assert client.get("/").text == "x"
    for _ in range(2):
        with connect(app) as started:
            assert started.get("/").text == "x"
        assert client.get("/").text == "x"


async def test_a_function_that_fails_to_stop_does_not_keep_the_others_from_it(
    make_app: Callable[..., Flasgo],
) -> None:
    trace: list[str] = []
    app = make_app(Service("a", trace))
    add_functions(app, trace)

    @app.lifespan
    async def failing() -> AsyncIterator[None]:
        yield
        raise LookupError("stuck")

    driver = LifespanDriver(app)
    await driver.start()
    message = await driver.stop()
    assert message["type"] == "lifespan.shutdown.failed"
    assert message["message"].endswith("LookupError: stuck")
    assert "failing" in message["message"]
    assert trace[-4:] == ["third down", "second down", "first down", "a down"]


@pytest.mark.parametrize("bad", [None, "lifespan", 3])
def test_a_lifespan_must_be_a_function(make_app: Callable[..., Flasgo], bad: Any) -> None:
    with pytest.raises(ConfigurationError, match="one `yield`"):
        make_app().lifespan(bad)


def test_a_lifespan_without_yield_is_refused(make_app: Callable[..., Flasgo]) -> None:
    async def forgetful(app: Flasgo) -> None: ...

    with pytest.raises(ConfigurationError, match=r"forgetful.*one `yield`"):
        make_app().lifespan(forgetful)  # ty: ignore[invalid-argument-type]


async def test_the_lifespans_state_reaches_requests(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> str:
        return request.state.from_server

    assert (await Driver(app)("/", state={"from_server": "yes"})).text == "yes"
