"""Flask-style globals (CORE-12)."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from flasgo import Flasgo, Request, WebSocket, context_proxy, current_request, g, request

from tests.conftest import Connect, refusal


@pytest.mark.parametrize(
    "use",
    [
        lambda: request.path,
        lambda: g.name,
        lambda: setattr(g, "name", 1),
        lambda: "name" in g,
        lambda: bool(request),
        lambda: request == 1,
        lambda: str(request),
        lambda: list(g),
        lambda: len(g),
        current_request,
    ],
)
def test_outside_of_a_request_they_say_so(use: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match="no request here"):
        use()


def test_outside_of_a_request_they_can_be_looked_at() -> None:
    assert repr(request) == "<flasgo.request outside of a request>"
    assert repr(g) == "<flasgo.g outside of a request>"
    assert "__getattr__" in dir(request)
    assert not isinstance(request, Request)
    assert not inspect.isclass(request)


def test_in_a_request_they_are_the_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> list[object]:
        from flasgo import request as proxy

        g.name = "Ann"
        return [
            isinstance(proxy, Request),
            proxy == request,
            hash(proxy) == hash(request),
            repr(proxy) == repr(request),
            str(proxy) == str(request),
            "path" in dir(proxy),
            current_request() is request,
            request.state.name,
            "name" in g,
            list(g),
            len(g),
            bool(g),
        ]

    answer = connect(app).get("/").json()
    assert answer == [True] * 7 + ["Ann", True, ["name"], 1, True]


def test_they_can_be_written_to(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    store = context_proxy("store", lambda: current_request().state.store)
    app = make_app()

    @app.get("/")
    async def index() -> dict[str, Any]:
        g.store = {"a": 1}
        store["b"] = 2
        del store["a"]
        g.gone = 1
        del g.gone
        return {"b": store["b"], "left": [*store], "gone": "gone" in g}

    assert connect(app).get("/").json() == {"b": 2, "left": ["b"], "gone": False}
    with pytest.raises(RuntimeError, match="no request here"):
        store["b"]


async def test_each_of_many_concurrent_requests_sees_its_own(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(settings={"SYNC_WORKERS": 4})
    arrived = 0
    everybody = asyncio.Event()
    total = 20

    @app.get("/async/<int:number>")
    async def concurrent(number: int) -> list[object]:
        nonlocal arrived
        g.number = number
        arrived += 1
        if arrived == total:
            everybody.set()
        await everybody.wait()
        return [g.number, request.path, await asyncio.create_task(in_a_task())]

    async def in_a_task() -> str:
        return request.path

    client = connect(app)
    answers = await asyncio.gather(*(client.aget(f"/async/{n}") for n in range(total)))
    assert [answer.json() for answer in answers] == [
        [n, f"/async/{n}", f"/async/{n}"] for n in range(total)
    ]


async def test_each_of_many_threads_sees_its_own(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(settings={"SYNC_WORKERS": 4})
    barrier = threading.Barrier(4, timeout=20)

    @app.get("/sync/<int:number>")
    def concurrent(number: int) -> list[object]:
        g.number = number
        barrier.wait()
        return [g.number, request.path]

    client = connect(app)
    answers = await asyncio.gather(*(client.aget(f"/sync/{n}") for n in range(4)))
    assert [answer.json() for answer in answers] == [[n, f"/sync/{n}"] for n in range(4)]


def test_they_work_in_streamed_responses(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()

    @app.get("/async")
    async def async_stream() -> AsyncIterator[str]:
        yield request.path
        await asyncio.sleep(0)
        yield request.path

    @app.get("/sync")
    def sync_stream() -> Iterator[str]:
        yield request.path
        yield request.path

    client = connect(app)
    for target in ("/async", "/sync"):
        assert client.get(target).text == target * 2


async def test_they_work_in_callbacks_and_websockets(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    seen: list[str] = []
    for register in (app.before_request, app.after_request, app.teardown_request):
        register(lambda: seen.append(request.path))

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        seen.append(f"ws {request.path}")

    client = connect(app)
    client.get("/x")
    refusal(client, "/ws")
    assert seen == ["/x", "/x", "/x", "/ws", "ws /ws", "/ws"]


def test_nothing_stays_behind(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()

    @app.get("/boom")
    async def boom() -> None:
        raise KeyError

    client = connect(app)
    for target in ("/", "/boom"):
        client.get(target)
        with pytest.raises(RuntimeError):
            current_request()


def test_an_app_called_by_a_request_of_another_app(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    inner, outer = make_app(), make_app()
    inner.add_route("/inner", lambda: request.path, endpoint="inner")

    @outer.get("/outer")
    async def call() -> list[str]:
        return [request.path, (await connect(inner).aget("/inner")).text, request.path]

    assert connect(outer).get("/outer").json() == ["/outer", "/inner", "/outer"]


def test_the_callers_context_reaches_threads_and_stays_as_it_was(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    variable: ContextVar[str] = ContextVar("variable")
    app = make_app()

    @app.get("/")
    def index() -> str:
        seen = variable.get()
        variable.set("changed in the thread")
        return seen

    variable.set("from outside")
    assert connect(app).get("/").text == "from outside"
    assert variable.get() == "from outside"
