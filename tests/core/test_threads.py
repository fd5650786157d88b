"""Blocking code runs beside the event loop (CORE-5)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from flasgo import Flasgo, SettingError
from flasgo.kernel.threads import WorkerThreads

from tests.conftest import Connect

TIMEOUT = 20
"""Seconds after which a test that would hang is given up."""


async def test_a_blocking_handler_does_not_keep_others_waiting(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    started, released = threading.Event(), threading.Event()

    @app.get("/blocking")
    def blocking() -> str:
        started.set()
        return "released" if released.wait(TIMEOUT) else "nobody came"

    @app.get("/quick")
    async def quick() -> str:
        # Only if the loop is free while the other handler blocks can this ever be reached.
        while not started.is_set():
            await asyncio.sleep(0)
        released.set()
        return "quick"

    client = connect(app)
    answers = await asyncio.gather(client.aget("/blocking"), client.aget("/quick"))
    assert [answer.text for answer in answers] == ["released", "quick"]


@pytest.mark.parametrize("kind", ["before_request", "after_request", "errorhandler"])
def test_blocking_callbacks_do_not_keep_others_waiting(
    make_app: Callable[..., Flasgo], connect: Connect, kind: str
) -> None:
    app = make_app()
    names: list[str] = []

    def callback() -> None:
        names.append(threading.current_thread().name)

    register = app.errorhandler(404) if kind == "errorhandler" else getattr(app, kind)
    register(callback)
    connect(app).get("/nowhere")
    assert names
    assert names[0].startswith("flasgo_")


def test_threads_are_for_blocking_handlers_alone(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    def name() -> str:
        return threading.current_thread().name

    async def async_name() -> str:
        return name()

    app.add_route("/thread", name, endpoint="thread")
    app.add_route("/inline", name, endpoint="inline", blocking=False)
    app.add_route("/async", async_name)
    client = connect(app)
    assert client.get("/thread").text.startswith("flasgo_")
    on_the_loop = client.get("/async").text
    assert not on_the_loop.startswith("flasgo_")
    assert client.get("/inline").text == on_the_loop


async def test_sync_workers_limits_the_threads(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(settings={"SYNC_WORKERS": 2})
    pair = threading.Barrier(2, timeout=TIMEOUT)
    lock = threading.Lock()
    running = most = 0

    @app.get("/")
    def index() -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pair.wait()
        with lock:
            running -= 1
        return "ok"

    client = connect(app)
    answers = await asyncio.gather(*(client.aget("/") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert most == 2


def test_sync_workers_is_positive(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(SettingError, match="SYNC_WORKERS"):
        make_app(settings={"SYNC_WORKERS": 0})


@pytest.mark.parametrize("blocking", [True, False])
async def test_stop_iteration_is_an_error_and_no_hang(
    make_app: Callable[..., Flasgo], connect: Connect, blocking: bool
) -> None:
    app = make_app()

    def exhausted() -> object:
        return next(iter(()))

    app.add_route("/", exhausted, blocking=blocking)
    async with asyncio.timeout(TIMEOUT):
        answer = await connect(app).aget("/")
    assert answer.status_code == 500
    assert isinstance(answer.extensions["exception"], RuntimeError)


async def test_a_threads_exception_is_raised_in_the_caller() -> None:
    threads = WorkerThreads(1)
    failure = KeyError("x")

    def fail() -> None:
        raise failure

    with pytest.raises(KeyError) as caught:
        await threads.run(fail)
    assert caught.value is failure
    threads.close()


async def test_arguments_are_passed_on() -> None:
    threads = WorkerThreads(1)
    assert await threads.run(lambda *args, **kwargs: (args, kwargs), 1, 2, three=3) == (
        (1, 2),
        {"three": 3},
    )
    threads.close()


async def test_no_thread_starts_before_it_is_needed(make_app: Callable[..., Flasgo]) -> None:
    before = set(threading.enumerate())
    app = make_app()
    app.add_route("/", lambda: "x", endpoint="index")
    app._compile()
    assert set(threading.enumerate()) <= before


async def test_a_closed_pool_starts_anew() -> None:
    threads = WorkerThreads(1)
    threads.close()
    assert await threads.run(lambda: 1) == 1
    threads.close()
    assert await threads.run(lambda: 2) == 2
    threads.close()


async def test_a_cancelled_call_frees_its_caller_at_once() -> None:
    threads = WorkerThreads(1)
    released = threading.Event()
    started = threading.Event()

    def block() -> bool:
        started.set()
        return released.wait(TIMEOUT)

    task = asyncio.ensure_future(threads.run(block))
    while not started.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    released.set()
    assert await threads.run(lambda: "free") == "free"
    threads.close()
