"""The `def` functions of one request share a thread and a context (ERG-13)."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar, Token
from typing import Annotated, Any

import pytest
from flasgo import (
    BackgroundTasks,
    Depends,
    Flasgo,
    NDJSONResponse,
    Request,
    Response,
    WebSocket,
    abort,
    g,
)
from flasgo.kernel import threads as module

from tests.asgi import Driver
from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]
TIMEOUT = 20

variable: ContextVar[str] = ContextVar("variable", default="unset")


def here() -> int:
    return threading.get_ident()


# --- Context variables -------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_def_callback_sets_is_seen_later_and_only_in_its_request(
    make_app: MakeApp, connect: Connect, is_async: bool
) -> None:
    app = make_app()
    seen: list[tuple[str, str]] = []

    @app.before_request
    def bind(request: Request) -> None:
        seen.append(("at first", variable.get()))
        variable.set(request.path)

    @app.before_request
    async def later() -> None:
        seen.append(("async", variable.get()))
        variable.set(variable.get() + "!")

    def home() -> str:
        seen.append(("handler", variable.get()))
        variable.set(variable.get() + "?")
        return "x"

    async def async_home() -> str:
        return home()

    @app.after_request
    async def after(response: Response) -> None:
        seen.append(("after", variable.get()))

    @app.teardown_request
    def teardown() -> None:
        seen.append(("teardown", variable.get()))

    for path in ("/a", "/b"):
        app.add_route(path, async_home if is_async else home, endpoint=path)
    client = connect(app)
    client.get("/a")
    client.get("/b")
    assert seen == [
        row
        for path in ("/a", "/b")
        for row in (
            ("at first", "unset"),
            ("async", path),
            ("handler", f"{path}!"),
            ("after", f"{path}!?"),
            ("teardown", f"{path}!?"),
        )
    ]


def test_a_lone_def_handler_sets_variables_for_what_follows(
    make_app: MakeApp, connect: Connect
) -> None:
    app, seen = make_app(), []
    app.add_route("/", lambda: variable.set("x") and "x", endpoint="home")

    @app.after_request
    async def after(response: Response) -> None:
        seen.append(variable.get())

    client = connect(app)
    client.get("/")
    client.get("/nowhere")
    assert seen == ["x", "unset"]


def test_a_variable_is_reset_where_the_token_was_made(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    seen: list[str] = []

    def bound() -> Iterator[str]:
        token = variable.set("bound")
        yield "x"
        variable.reset(token)
        seen.append(variable.get())

    @app.before_request
    def bind() -> None:
        g.token = variable.set("callback")

    @app.teardown_request
    def unbind() -> None:
        token: Token[str] = g.token
        variable.reset(token)
        seen.append(variable.get())

    @app.get("/")
    async def home(x: Annotated[str, Depends(bound)]) -> str:
        return variable.get()

    answer = connect(app).get("/")
    assert (answer.text, answer.extensions.get("exception")) == ("bound", None)
    assert seen == ["unset", "callback"]


# --- One thread --------------------------------------------------------------------------------


def test_all_def_functions_of_a_request_run_in_one_thread(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()
    where: dict[str, int] = {}

    def note(name: str) -> None:
        where[name] = here()

    def value() -> int:
        note("dependency")
        return 1

    def opens() -> Iterator[int]:
        note("enter")
        yield 1
        note("exit")

    app.before_request(lambda: note("before"))
    app.after_request(lambda response: note("after"))
    app.teardown_request(lambda error: note("teardown"))

    @app.errorhandler(404)
    def missing(error: Exception) -> str:
        note("errorhandler")
        return "missing"

    @app.get("/")
    def home(
        request: Request, a: Annotated[int, Depends(value)], b: Annotated[int, Depends(opens)]
    ) -> Iterator[str]:
        note("handler")
        tasks = BackgroundTasks()
        tasks.add(note, "background")
        request.background.extend(tasks)

        def parts() -> Iterator[str]:
            note("first step")
            yield "x"
            note("second step")
            yield "y"

        return parts()

    @app.get("/missing")
    def fails() -> None:
        note("handler")
        abort(404)

    client = connect(app)
    assert client.get("/").text == "xy"
    assert len(where) == 10
    assert len(set(where.values())) == 1
    where.clear()
    client.get("/missing")
    assert set(where) == {"before", "handler", "errorhandler", "after", "teardown"}
    assert len(set(where.values())) == 1


@pytest.mark.parametrize("answer", ["text", "error", "stream", "task", "response"])
def test_the_thread_of_a_lone_handler_is_there_for_what_it_leaves(
    make_app: MakeApp, connect: Connect, answer: str
) -> None:
    app = make_app()
    where: list[int] = []

    def note() -> None:
        where.append(here())

    @app.errorhandler(404)
    def missing(error: Exception) -> str:
        note()
        return "missing"

    def parts() -> Iterator[str]:
        note()
        yield "x"

    @app.get("/")
    def home(request: Request) -> object:
        note()
        if answer == "error":
            abort(404)
        if answer == "task":
            request.background.add(note)
        if answer == "response":
            return Response("x", background=note)
        return parts() if answer == "stream" else "x"

    connect(app).get("/")
    assert len(where) == (1 if answer == "text" else 2)
    assert len(set(where)) == 1


async def test_sqlite_connections_in_g(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(settings={"SYNC_WORKERS": 2})

    @app.before_request
    def connect_() -> None:
        g.db = sqlite3.connect(":memory:")

    @app.teardown_request
    def close() -> None:
        g.db.close()

    @app.get("/")
    def home() -> dict[str, int]:
        return {"n": g.db.execute("select 1").fetchone()[0]}

    @app.get("/rows")
    def rows() -> NDJSONResponse:
        cursor = g.db.execute("select 1 union select 2")
        return NDJSONResponse(row[0] for row in cursor)

    drive = Driver(app)
    answers = await asyncio.gather(*(drive(path) for path in ["/", "/rows"] * 20))
    assert {(answer.status, answer.body) for answer in answers} == {
        (200, b'{"n":1}'),
        (200, b"1\n2\n"),
    }
    assert not caplog.records


async def test_thread_locals_belong_to_one_request_at_a_time(make_app: MakeApp) -> None:
    """As SQLAlchemy's `scoped_session` needs it, with `remove()` in a teardown."""
    app = make_app(settings={"SYNC_WORKERS": 2})
    local = threading.local()
    left: list[object] = []

    @app.before_request
    def begin(request: Request) -> None:
        left.append(getattr(local, "session", None))
        local.session = request.path

    @app.teardown_request
    def remove(request: Request) -> None:
        left.append(None if local.session == request.path else local.session)
        del local.session

    def session() -> str:
        return local.session

    @app.get("/<int:number>")
    async def home(request: Request, number: int, found: Annotated[str, Depends(session)]) -> str:
        await asyncio.sleep(0.001 * (number % 3))
        return found

    drive = Driver(app)
    answers = await asyncio.gather(*(drive(f"/{n}") for n in range(50)))
    assert [answer.text for answer in answers] == [f"/{n}" for n in range(50)]
    assert left == [None] * 100


def test_websockets_and_their_dependencies(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    where: list[int] = []

    def opens() -> Iterator[int]:
        where.append(here())
        yield 1
        where.append(here())

    app.before_request(lambda: where.append(here()))

    @app.websocket("/ws")
    async def ws(websocket: WebSocket, x: Annotated[int, Depends(opens)]) -> None:
        await websocket.accept()

    with connect(app).websocket_connect("/ws"):
        pass
    assert len(where) == 3
    assert len(set(where)) == 1


# --- Few threads -------------------------------------------------------------------------------


async def test_a_request_that_waits_keeps_no_other_from_running(make_app: MakeApp) -> None:
    app = make_app(settings={"SYNC_WORKERS": 1})
    done = asyncio.Event()
    where: list[int] = []

    app.before_request(lambda: where.append(here()))

    @app.get("/waits")
    async def waits() -> str:
        await done.wait()
        return "waited"

    @app.get("/quick")
    def quick() -> str:
        return "quick"

    drive = Driver(app)
    async with asyncio.timeout(TIMEOUT):
        waiting = [asyncio.create_task(drive("/waits")) for _ in range(5)]
        while len(where) < 5:
            await asyncio.sleep(0)
        assert (await drive("/quick")).text == "quick"
        done.set()
        assert {answer.text for answer in await asyncio.gather(*waiting)} == {"waited"}
    assert len(set(where)) == 6


async def test_of_too_many_waiting_requests_the_first_gives_its_thread_back(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_PARKED", 2)
    app = make_app()
    go_on = {name: asyncio.Event() for name in "abc"}
    where: dict[str, list[int]] = {}

    def note(request: Request) -> None:
        where.setdefault(request.path[1:], []).append(here())

    app.before_request(note)
    app.teardown_request(note)

    @app.get("/<name>")
    async def waits(name: str) -> str:
        await go_on[name].wait()
        return "x"

    drive = Driver(app)
    tasks = {}
    for name in "abc":
        tasks[name] = asyncio.create_task(drive(f"/{name}"))
        while name not in where:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
    for name in "cba":
        go_on[name].set()
        await tasks[name]
    assert [len(set(where[name])) for name in "bc"] == [1, 1]
    assert len(where["a"]) == 2


async def test_a_function_may_wait_for_another_one_of_its_request(make_app: MakeApp) -> None:
    app = make_app(settings={"SYNC_WORKERS": 2})
    loop = asyncio.get_running_loop()

    @app.get("/")
    def home() -> str:
        inner = app.threads.run_for_request(lambda: "inner")
        return asyncio.run_coroutine_threadsafe(inner, loop).result(TIMEOUT)

    app.teardown_request(lambda error: None)
    answer = await asyncio.wait_for(Driver(app)("/"), TIMEOUT)
    assert answer.text == "inner"


# --- Cancellation ------------------------------------------------------------------------------


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_cancelled_dependency_opens_is_closed_in_its_thread(
    make_app: MakeApp,
) -> None:
    app = make_app()
    entering, go_on = threading.Event(), threading.Event()
    trace: list[object] = []

    def opens() -> Iterator[int]:
        entering.set()
        go_on.wait(TIMEOUT)
        trace.append(here())
        try:
            yield 1
        finally:
            trace.append(here())

    app.teardown_request(lambda error: trace.append("teardown"))

    @app.get("/")
    async def home(x: Annotated[int, Depends(opens)]) -> str:
        return "x"

    task = asyncio.create_task(Driver(app)("/"))
    while not entering.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    await cancelled(task)
    assert trace == [trace[0], "teardown", trace[0]]


async def test_a_teardown_that_still_waits_for_a_thread_runs(make_app: MakeApp) -> None:
    app = make_app(settings={"SYNC_WORKERS": 1})
    blocked, go_on = threading.Event(), threading.Event()
    trace: list[str] = []
    reached = asyncio.Event()

    def block() -> None:
        blocked.set()
        go_on.wait(TIMEOUT)

    async def last(error: object) -> None:
        reached.set()
        trace.append("async")

    app.teardown_request(lambda error: trace.append("def"))
    app.teardown_request(last)

    @app.get("/")
    async def home() -> str:
        return "x"

    blocking = asyncio.create_task(app.threads.run(block))
    while not blocked.is_set():
        await asyncio.sleep(0.001)
    task = asyncio.create_task(Driver(app)("/"))
    await reached.wait()
    task.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    await cancelled(task)
    await blocking
    assert trace == ["async", "def"]


async def test_an_iterator_is_closed_after_the_step_that_it_is_in(make_app: MakeApp) -> None:
    app = make_app()
    stepping, go_on = threading.Event(), threading.Event()
    where: list[int] = []

    def parts() -> Iterator[str]:
        try:
            where.append(here())
            yield "x"
            stepping.set()
            go_on.wait(TIMEOUT)
            yield "y"
        finally:
            where.append(here())

    app.add_route("/", parts, endpoint="home")
    task = asyncio.create_task(Driver(app)("/"))
    while not stepping.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.sleep(0.01)
    assert len(where) == 1
    go_on.set()
    await cancelled(task)
    assert len(where) == 2
    assert len(set(where)) == 1


# --- Nothing is left ---------------------------------------------------------------------------


async def test_threads_are_used_again_and_hold_no_request(make_app: MakeApp) -> None:
    app = make_app(settings={"SYNC_WORKERS": 2})
    requests: list[weakref.ref[Request]] = []
    app.before_request(lambda request: requests.append(weakref.ref(request)))
    app.teardown_request(lambda error: None)

    @app.get("/")
    def home() -> str:
        return "x"

    drive = Driver(app)
    before = threading.active_count()
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            await asyncio.gather(*(drive("/") for _ in range(10)))
        alive = [ref for ref in requests if ref() is not None]
    finally:
        gc.enable()
    assert len(requests) == 50
    assert len(alive) <= 2, "a request is in a reference cycle"
    deadline = time.monotonic() + TIMEOUT
    while threading.active_count() > before + 2 and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert threading.active_count() <= before + 2


async def test_the_threads_of_a_forgotten_app_end(make_app: MakeApp) -> None:
    before = set(threading.enumerate())
    app = make_app()
    app.add_route("/", lambda: "x", endpoint="home")
    await Driver(app)("/")
    started = set(threading.enumerate()) - before
    assert started
    del app
    deadline = time.monotonic() + TIMEOUT
    while any(thread.is_alive() for thread in started) and time.monotonic() < deadline:
        gc.collect()
        await asyncio.sleep(0.01)
    assert not any(thread.is_alive() for thread in started)


async def test_async_generators_are_not_in_the_way(make_app: MakeApp) -> None:
    app = make_app()

    async def session() -> AsyncIterator[str]:
        token = variable.set("session")
        yield variable.get()
        variable.reset(token)

    @app.get("/")
    def home(found: Annotated[str, Depends(session)]) -> list[str]:
        return [found, variable.get()]

    assert (await Driver(app)("/")).json == ["session", "session"]


@pytest.mark.parametrize("kind", ["def", "async"])
async def test_wherever_a_request_is_cancelled_what_it_opened_is_closed(
    make_app: MakeApp, kind: str
) -> None:
    app = make_app(settings={"SYNC_WORKERS": 2})
    opened: set[object] = set()
    counts = {"opened": 0, "begun": 0, "torn down": 0}

    def opens() -> Iterator[object]:
        resource = object()
        opened.add(resource)
        counts["opened"] += 1
        time.sleep(0.0005)
        try:
            yield resource
        finally:
            time.sleep(0.0005)
            opened.discard(resource)

    async def async_opens() -> AsyncIterator[object]:
        resource = object()
        opened.add(resource)
        counts["opened"] += 1
        try:
            await asyncio.sleep(0.0005)
            yield resource
        finally:
            opened.discard(resource)
            await asyncio.sleep(0.0005)

    @app.before_request
    async def begin() -> None:
        counts["begun"] += 1

    @app.teardown_request
    async def slow(error: object) -> None:
        await asyncio.sleep(0.0005)

    @app.teardown_request
    def teardown(error: object) -> None:
        counts["torn down"] += 1

    async def home(a: object, b: object) -> str:
        await asyncio.sleep(0.0005)
        return "x"

    chosen = opens if kind == "def" else async_opens
    home.__annotations__ = dict.fromkeys("ab", Annotated[object, Depends(chosen, use_cache=False)])
    app.get("/")(home)
    drive = Driver(app)
    for number in range(120):
        tasks = [asyncio.create_task(drive("/")) for _ in range(2)]
        await asyncio.sleep(0.0001 * number)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await app.threads.run(time.sleep, 0.01)
    assert counts["opened"] > 50
    assert not opened
    assert counts["torn down"] == counts["begun"]
