"""TEST-1: a test calls functions on the event loop that its app runs on."""

import asyncio
import threading
from functools import partial
from typing import assert_type

import pytest
from flasgo import Flasgo
from flasgo_testing import AppTimeoutError, TestClient


async def whereabouts() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
    return threading.current_thread(), asyncio.get_running_loop()


@pytest.fixture
def app(make_app) -> Flasgo:
    app = make_app()
    app.state.inbox = asyncio.Queue()

    @app.get("/where")
    async def where():
        app.state.where = await whereabouts()
        return {}

    @app.get("/inbox")
    async def inbox():
        return {"got": await app.state.inbox.get()}

    return app


@pytest.fixture
def client(app, connect) -> TestClient:
    return connect(app)


def test_functions_run_where_the_app_runs(client, app):
    client.get("/where")
    assert client.run(whereabouts) == app.state.where
    assert client.run(threading.current_thread) is app.state.where[0]
    assert client.run(lambda: whereabouts()) == app.state.where


async def test_so_they_do_from_a_running_loop(client, app):
    await client.aget("/where")
    assert await client.arun(whereabouts) == app.state.where
    assert await client.arun(threading.current_thread) is app.state.where[0]
    assert client.run(whereabouts) == app.state.where


async def test_what_belongs_to_the_loop_can_be_used(client, app):
    asked = asyncio.create_task(client.aget("/inbox"))
    await client.arun(app.state.inbox.put, "a letter")
    assert (await asked).json() == {"got": "a letter"}


async def test_arguments_keywords_and_results(connect, app) -> None:
    client: TestClient = connect(app)

    async def joined(*words: str, self: str, function: str = "") -> str:
        return " ".join([*words, self, function])

    text = client.run(joined, "a", "b", self="c", function="d")
    assert assert_type(text, str) == "a b c d"
    number = client.run(len, "abc")
    assert assert_type(number, int) == 3
    awaited = await client.arun(joined, "a", self="b")
    assert assert_type(awaited, str) == "a b "
    counted = await client.arun(len, "abc")
    assert assert_type(counted, int) == 3


@pytest.mark.parametrize("error", [ZeroDivisionError("there"), SystemExit(3), KeyboardInterrupt()])
async def test_what_they_raise_surfaces_and_the_client_lives_on(client, error):
    def fail():
        raise error

    async def fail_later():
        fail()

    for function in (fail, fail_later):
        with pytest.raises(type(error)) as caught:
            client.run(function)
        assert caught.value is error
        with pytest.raises(type(error)) as caught:
            await client.arun(function)
        assert caught.value is error
    assert client.get("/where").status_code == 200


def test_failing_inside_fails_the_test(client):
    with pytest.raises(pytest.fail.Exception, match="not that"):
        client.run(pytest.fail, "not that")


async def test_one_that_hangs_is_cancelled_and_named(connect, app):
    client = connect(app, timeout=0.1)
    cancelled = []

    async def hang():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    complaint = r"hang\(\) took longer than 0\.1 s.*test_run.py:\d+ in hang\(\)"
    with pytest.raises(AppTimeoutError, match=complaint):
        client.run(hang)
    with pytest.raises(AppTimeoutError, match=complaint):
        await client.arun(hang)
    assert client.run(lambda: len(cancelled)) == 2


def test_one_that_blocks_the_loop_is_named(connect, app):
    release = threading.Event()
    client = connect(app, timeout=0.1)
    try:
        with pytest.raises(
            AppTimeoutError, match=r"wait\(\) got no answer .*blocks its event loop"
        ):
            client.run(release.wait, 10)
    finally:
        release.set()


def test_one_that_asks_the_app_is_told_why_not(client):
    with pytest.raises(RuntimeError, match="from the event loop that runs its app"):
        client.run(client.get, "/where")


def test_one_without_a_name_is_shown(connect, app):
    with pytest.raises(AppTimeoutError, match=r"partial\(.*sleep.*, 10\)\(\) took longer"):
        connect(app, timeout=0.1).run(partial(asyncio.sleep, 10))


async def test_a_closed_client_runs_nothing(client):
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.run(whereabouts)
    with pytest.raises(RuntimeError, match="closed"):
        await client.arun(whereabouts)
