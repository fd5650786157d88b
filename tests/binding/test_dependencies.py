"""`Depends`: nesting, caching, clean-up, cycles and overrides (REQ-6)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, cast

import msgspec
import pytest
from flasgo import (
    Blueprint,
    ConfigurationError,
    Depends,
    Flasgo,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    RouteError,
    StreamingResponse,
    WebSocket,
    abort,
)
from flasgo_testing import TestClient, WebSocketDeniedError

from tests.asgi import Driver

journal: list[str] = []


@pytest.fixture(autouse=True)
def log() -> Iterator[list[str]]:
    journal.clear()
    yield journal
    journal.clear()


def settings() -> dict[str, str]:
    journal.append(f"settings in {'worker' if _in_worker() else 'loop'}")
    return {"dsn": "memory"}


async def connection(config: Annotated[dict, Depends(settings)]) -> AsyncIterator[str]:
    journal.append("connection opens")
    try:
        yield config["dsn"]
    except BaseException as error:
        journal.append(f"connection saw {type(error).__name__}")
        raise
    finally:
        journal.append("connection closes")


def session(
    dsn: Annotated[str, Depends(connection)], config: Annotated[dict, Depends(settings)]
) -> Iterator[str]:
    journal.append(f"session opens in {'worker' if _in_worker() else 'loop'}")
    yield f"session on {dsn}"
    journal.append("session closes")


def _in_worker() -> bool:
    return threading.current_thread().name.startswith("flasgo_")


Session = Annotated[str, Depends(session)]


class Pager:
    def __init__(self, limit: Annotated[int, msgspec.Meta(le=100)] = 10, offset: int = 0) -> None:
        self.limit, self.offset = limit, offset


OPENED = ["settings in worker", "connection opens", "session opens in worker"]


async def test_dependencies_nest_are_cached_and_end_in_reverse_after_the_response(
    app: Flasgo,
) -> None:
    @app.get("/")
    async def handler(s: Session, dsn: Annotated[str, Depends(connection)]) -> list[str]:
        journal.append("handler")
        return [s, dsn]

    @app.after_request
    async def after(response) -> None:
        journal.append("after_request")

    driver = Driver(app)
    scope, sent = driver.scope("/"), []

    async def send(message: Any) -> None:
        journal.append(message["type"])
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await app(scope, receive, send)
    assert sent[1]["body"] == b'["session on memory","memory"]'
    assert journal == [
        *OPENED,
        "handler",
        "after_request",
        "http.response.start",
        "http.response.body",
        "session closes",
        "connection closes",
    ]


def test_a_streamed_response_may_use_what_it_depends_on_until_its_end(
    app: Flasgo, client: TestClient
) -> None:
    @app.get("/")
    async def handler(s: Session) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            for number in range(2):
                journal.append(f"part {number}")
                yield s

        return StreamingResponse(parts())

    assert client.get("/").text == "session on memory" * 2
    assert journal == [*OPENED, "part 0", "part 1", "session closes", "connection closes"]


@pytest.mark.parametrize(("error", "status"), [(KeyError("x"), 500), (None, 404)])
def test_errors_reach_the_generators_which_end_all_the_same(
    app: Flasgo, client: TestClient, error: Exception | None, status: int
) -> None:
    @app.get("/")
    async def handler(s: Session) -> None:
        if error is None:
            abort(404)
        raise error

    answer = client.get("/")
    assert answer.status_code == status
    name = "HTTPException" if error is None else "KeyError"
    # `session` has no handler around its `yield`: nothing after it runs.
    assert journal == [*OPENED, f"connection saw {name}", "connection closes"]


def test_what_a_generator_raises_instead_is_the_answer(app: Flasgo, client: TestClient) -> None:
    def translating() -> Iterator[str]:
        try:
            yield "x"
        except KeyError:
            raise HTTPException(409, "There is one already.") from None

    def swallowing() -> Iterator[str]:
        try:
            yield "x"
        except LookupError:
            journal.append("swallowed")

    @app.get("/translated")
    async def translated(
        s: Session,
        x: Annotated[str, Depends(translating)],
    ) -> None:
        raise KeyError(x)

    @app.get("/swallowed")
    async def swallowed(x: Annotated[str, Depends(swallowing)]) -> None:
        raise KeyError(x)

    @app.after_request
    async def after(response: Response) -> None:
        journal.append(f"answer {response.status_code}")

    answer = client.get("/translated")
    assert (answer.status_code, answer.json()["detail"]) == (409, "There is one already.")
    # What was opened is closed before the answer is made.
    assert journal == [
        *OPENED,
        "connection saw HTTPException",
        "connection closes",
        "answer 409",
    ]
    journal.clear()
    # There is nothing else to answer with.
    assert client.get("/swallowed").status_code == 500
    assert journal == ["swallowed", "answer 500"]


class Opening:
    """An object with a generator for `__call__`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self) -> Iterator[str]:
        yield self.name
        journal.append(f"{self.name} closes")


class AsyncOpening(Opening):
    async def __call__(self) -> AsyncIterator[str]:  # ty: ignore[incompatible-method-override]
        yield self.name
        journal.append(f"{self.name} closes")


def opened(name: str) -> Iterator[str]:
    yield from Opening(name)()


@functools.wraps(opened)
def wrapped(*args: Any, **kwargs: Any) -> Iterator[str]:
    return opened(*args, **kwargs)


@pytest.mark.parametrize(
    "dependency",
    [
        Opening("it"),
        AsyncOpening("it"),
        Opening("it").__call__,
        functools.partial(opened, "it"),
        functools.partial(wrapped, "it"),
        functools.wraps(opened)(lambda name="it": opened(name)),
    ],
    ids=["object", "async object", "method", "partial", "wrapped partial", "wrapped"],
)
def test_generators_are_known_in_every_wrapping(
    app: Flasgo, client: TestClient, dependency: Any
) -> None:
    async def handler(value: Annotated[str, Depends(dependency)]) -> list[str]:
        return [value]

    app.add_route("/", handler)
    answer = client.get("/?name=it")
    assert answer.json() == ["it"]
    assert journal == ["it closes"]


def test_a_dependency_that_fails_ends_those_before_it(app: Flasgo, client: TestClient) -> None:
    def broken(s: Session) -> None:
        raise RuntimeError("no luck")

    @app.get("/")
    async def handler(x: Annotated[None, Depends(broken)]) -> None: ...

    handler_ran = client.get("/")
    assert handler_ran.status_code == 500
    assert journal == [*OPENED, "connection saw RuntimeError", "connection closes"]


async def test_a_client_that_leaves_ends_them_too(
    app: Flasgo,
) -> None:
    @app.get("/")
    async def handler(s: Session) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x"

        return StreamingResponse(parts())

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    await app(Driver(app).scope("/"), receive, send)
    assert journal == [*OPENED, "session closes", "connection closes"]


async def test_a_cancelled_request_ends_them_too(app: Flasgo) -> None:
    started = asyncio.Event()

    @app.get("/")
    async def handler(s: Session) -> None:
        started.set()
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(Driver(app)("/"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journal == [*OPENED, "connection saw CancelledError", "connection closes"]


async def test_what_a_thread_opens_while_its_request_is_cancelled_is_closed(app: Flasgo) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        inside.set()
        go_on.wait(10)
        journal.append("opened")
        try:
            yield 1
        finally:
            journal.append("closed")

    @app.get("/")
    async def handler(x: Annotated[int, Depends(slow)]) -> None: ...

    task = asyncio.create_task(Driver(app)("/"))
    await asyncio.to_thread(inside.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journal == ["opened", "closed"]


def test_a_clean_up_that_fails_is_logged_and_the_others_still_run(
    app: Flasgo, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def fragile(s: Session) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("cannot close")

    @app.get("/")
    async def handler(x: Annotated[int, Depends(fragile)]) -> list[int]:
        return [x]

    assert client.get("/").json() == [1]
    assert journal[-2:] == ["connection saw RuntimeError", "connection closes"]
    assert "cannot close" in caplog.text


def test_a_websocket_ends_them_when_it_is_over(app: Flasgo, client: TestClient) -> None:
    @app.websocket("/ws")
    async def talk(websocket, s: Session) -> None:
        await websocket.accept()
        journal.append(s)

    with client.websocket_connect("/ws"):
        pass
    assert journal == [*OPENED, "session on memory", "session closes", "connection closes"]


def test_dependencies_take_parameters_like_handlers(app: Flasgo, client: TestClient) -> None:
    async def user(
        request: Request, user_id: int, token: Annotated[str, Header()], verbose: bool = False
    ) -> list[object]:
        return [request.path, user_id, token, verbose]

    @app.get("/users/<int:user_id>")
    async def handler(
        pager: Annotated[Pager, Depends()], who: Annotated[list, Depends(user)]
    ) -> list[object]:
        return [pager.limit, *who]

    answer = client.get("/users/7?limit=5&verbose=1", headers={"token": "t"})
    assert answer.json() == [5, "/users/7", 7, "t", True]
    answer = client.get("/users/7?limit=500&verbose=x")
    assert [fault["loc"] for fault in answer.json()["errors"]] == [
        ["query", "limit"],
        ["header", "token"],
        ["query", "verbose"],
    ]


def test_no_dependency_runs_for_a_request_that_is_not_valid(
    app: Flasgo, client: TestClient
) -> None:
    @app.get("/")
    async def handler(s: Session, limit: int) -> None: ...

    assert client.get("/?limit=x").status_code == 422
    assert journal == []


def test_caching_is_per_request_and_can_be_switched_off(app: Flasgo, client: TestClient) -> None:
    def count() -> int:
        journal.append("count")
        return len(journal)

    Cached = Annotated[int, Depends(count)]
    Fresh = Annotated[int, Depends(count, use_cache=False, blocking=False)]

    async def handler(a, b, c, d) -> list[int]:
        return [a, b, c, d]

    handler.__annotations__ |= {"a": Cached, "b": Cached, "c": Fresh, "d": Fresh}
    app.get("/")(handler)
    assert client.get("/").json() == [1, 1, 2, 3]
    assert client.get("/").json() == [4, 4, 5, 6]


@dataclasses.dataclass
class Counting:
    """Equal to others, and so without a hash."""

    name: str

    def __call__(self) -> str:
        journal.append(self.name)
        return self.name


def test_equal_methods_are_one_dependency_and_objects_need_no_hash(
    app: Flasgo, client: TestClient
) -> None:
    class Service:
        def whose(self) -> str:
            journal.append("whose")
            return "ann"

    service, counting = Service(), Counting("counted")

    def other(value: Annotated[object, Depends(service.whose)]) -> object:
        return value

    @app.get("/")
    async def handler(
        own: Annotated[str, Depends(service.whose)],
        others: Annotated[object, Depends(other)],
        count: Annotated[str, Depends(counting)],
        again: Annotated[object, Depends(counting)],
    ) -> list[object]:
        return [own, others, count, again]

    assert client.get("/").json() == ["ann", "ann", "counted", "counted"]
    assert journal == ["whose", "counted"]
    app.dependency_overrides[service.whose] = lambda: "bob"
    assert client.get("/").json()[:2] == ["bob", "bob"]


def test_blocking_dependencies_leave_the_loop_alone(app: Flasgo, client: TestClient) -> None:
    def where() -> bool:
        return _in_worker()

    async def handler(a, b, c) -> list[bool]:
        return [a, b, c]

    handler.__annotations__ |= {
        "a": Annotated[bool, Depends(where)],
        "b": Annotated[bool, Depends(where, blocking=False, use_cache=False)],
        "c": bool,
    }
    app.get("/")(handler)
    assert client.get("/?c=1").json() == [True, False, True]


def test_a_dependency_may_take_the_body(app: Flasgo, client: TestClient) -> None:
    class Note(msgspec.Struct):
        text: str

    def shout(note) -> str:
        return note.text.upper()

    shout.__annotations__["note"] = Note

    async def handler(note, loud) -> list[str]:
        return [note.text, loud]

    handler.__annotations__ |= {"note": Note, "loud": Annotated[str, Depends(shout)]}
    app.post("/")(handler)
    assert client.post("/", json={"text": "tea"}).json() == ["tea", "TEA"]


# --- Overrides ---------------------------------------------------------------------------------


def test_overrides_take_the_place_of_dependencies_wherever_they_are(
    app: Flasgo, client: TestClient
) -> None:
    @app.get("/")
    async def handler(s: Session) -> list[str]:
        return [s]

    async def fake(dsn: Annotated[str, Query()] = "fake") -> str:
        return dsn

    assert client.get("/").json() == ["session on memory"]
    app.dependency_overrides[connection] = fake
    assert client.get("/").json() == ["session on fake"]
    assert client.get("/?dsn=other").json() == ["session on other"]

    @app.get("/later")
    async def later(dsn: Annotated[str, Depends(connection)]) -> list[str]:
        return [dsn]

    assert client.get("/later").json() == ["fake"]
    del app.dependency_overrides[connection]
    assert client.get("/later").json() == ["memory"]
    app.dependency_overrides.update({connection: fake})
    app.dependency_overrides.clear()
    assert client.get("/").json() == ["session on memory"]
    assert len(app.dependency_overrides) == 0


def test_an_override_that_cannot_be_bound_changes_nothing(app: Flasgo, client: TestClient) -> None:
    @app.get("/")
    async def handler(s: Session) -> list[str]:
        return [s]

    def unfit(thing: dict[str, int]) -> str:
        return str(thing)

    with pytest.raises(RouteError, match="unfit"):
        app.dependency_overrides[connection] = unfit
    with pytest.raises(ConfigurationError, match="functions"):
        app.dependency_overrides[connection] = "fake"  # ty: ignore[invalid-assignment]
    assert client.get("/").json() == ["session on memory"]


# --- For the whole route -------------------------------------------------------------------------


async def known_caller(x_key: Annotated[str, Header()]) -> str:
    journal.append(f"caller {x_key}")
    if x_key != "secret":
        abort(401)
    return x_key


def note(word: str) -> Callable[[], None]:
    return lambda: journal.append(word)


def test_a_route_may_depend_on_what_its_handler_does_not_need(
    app: Flasgo, client: TestClient
) -> None:
    @app.get("/", dependencies=[Depends(note("first")), Depends(known_caller), Depends(settings)])
    async def handler(config: Annotated[dict, Depends(settings)]) -> list[str]:
        return list(config)

    assert client.get("/").status_code == 422
    assert client.get("/", headers=[("x-key", "guess")]).status_code == 401
    journal.clear()
    assert client.get("/", headers=[("x-key", "secret")]).json() == ["dsn"]
    assert journal == ["first", "caller secret", "settings in worker"]
    told = app.openapi_spec()["paths"]["/"]["get"]["parameters"]
    assert [each["name"] for each in told] == ["x-key"]


def test_dependencies_of_blueprints_come_before_those_of_their_routes(
    app: Flasgo, client: TestClient
) -> None:
    outer = Blueprint("outer", "/outer", dependencies=[Depends(note("outer"))])
    inner = Blueprint("inner", "/inner", dependencies=[Depends(known_caller)])

    @inner.get("/", dependencies=[Depends(note("route"))])
    async def handler() -> str:
        journal.append("handler")
        return "x"

    @inner.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        journal.append("socket")

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    assert client.get("/outer/inner/", headers=[("x-key", "guess")]).status_code == 401
    assert client.get("/outer/inner/", headers=[("x-key", "secret")]).status_code == 200
    assert journal == ["outer", "caller guess", "outer", "caller secret", "route", "handler"]
    journal.clear()
    with (
        pytest.raises(WebSocketDeniedError),
        client.websocket_connect("/outer/inner/ws", headers={"x-key": "guess"}),
    ):
        pass
    assert journal == ["outer", "caller guess"]


def test_a_mounted_app_is_not_served_without_the_guard_of_its_blueprint(app: Flasgo) -> None:
    blueprint = Blueprint("guarded", "/guarded", dependencies=[Depends(known_caller)])
    blueprint.mount("/app", app)
    with pytest.raises(RouteError, match=r"/guarded/app.*dependencies.*policies"):
        Flasgo(plugins=[], discover=False).register_blueprint(blueprint)
    with pytest.raises(RouteError, match="dependencies"):
        app.mount("/app", app, dependencies=[Depends(known_caller)])


# --- Refused -----------------------------------------------------------------------------------


def first(x: Annotated[int, Depends(lambda: 1)]) -> int:
    return x


def chicken(egg: Annotated[int, Query()]) -> int:
    return egg


def egg(chicken: Annotated[int, Depends(chicken)]) -> int:
    return chicken


def test_a_cycle_is_refused_and_named(app: Flasgo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chicken.__annotations__, "egg", Annotated[int, Depends(egg)])

    async def handler(x: Annotated[int, Depends(egg)]) -> None: ...

    with pytest.raises(RouteError, match=r"cycle of dependencies: egg -> chicken -> egg") as caught:
        app.add_route("/", handler)
    assert "test_dependencies.py" in str(caught.value)


@pytest.mark.parametrize(
    ("dependency", "match"),
    [
        (Depends, "without a function"),
        (Depends("text"), "give Depends a function"),  # ty: ignore[invalid-argument-type]
        (Depends(lambda thing, /: thing), "positional-only"),
        (Depends(contextlib.contextmanager(cast("Any", opened))), "a generator will do"),
        (Depends(contextlib.asynccontextmanager(cast("Any", connection))), "a generator will do"),
    ],
)
def test_what_is_no_dependency_is_refused(app: Flasgo, dependency: Any, match: str) -> None:
    async def handler(x) -> None: ...

    handler.__annotations__["x"] = Annotated[int, dependency]
    with pytest.raises(RouteError, match=match) as caught:
        app.add_route("/", handler)
    assert "test_dependencies.py" in str(caught.value)
