"""What happens between the handler and the last byte, and after it: nothing is lost (CORE-9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from flasgo import (
    BackgroundTasks,
    Blueprint,
    Depends,
    EventSourceResponse,
    FileResponse,
    Flasgo,
    HTTPException,
    NDJSONResponse,
    Request,
    Response,
    StreamingResponse,
    WebSocket,
    WebSocketDisconnect,
    abort,
    hookimpl,
)

from tests.asgi import Driver
from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]


def finalizer(function: Callable[..., Any], name: str) -> Any:
    """Return a plugin with one `response_finalize` hook."""
    return type("Finalizes", (), {"name": name, "response_finalize": hookimpl(function)})()


class Witness:
    """Notes what `request_started` and `request_finished` are called with."""

    name = "witness"

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def request_started(self, request: Request) -> None:
        self.seen.append("started")

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        self.seen.append(f"finalize {response.status_code}")

    @hookimpl
    def request_finished(self, request: Request, response: Response | None) -> None:
        self.seen.append(f"finished {response.status_code if response else None}")


# --- Background tasks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"range": "bytes=99-"}, 416), ({"range": "bytes=0-1"}, 206)]
)
def test_a_file_that_was_made_for_an_answer_is_removed_whatever_the_answer(
    make_app: MakeApp, connect: Connect, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    app = make_app()
    made = tmp_path / "report"
    made.write_text("report")
    app.add_route("/", lambda: FileResponse(made, background=made.unlink), endpoint="file")
    assert connect(app).get("/", headers=headers).status_code == status
    assert not made.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda task: Response("x", background=task),
        lambda task: StreamingResponse(iter(["x"]), background=task),
        lambda task: NDJSONResponse([1], background=task),
        lambda task: EventSourceResponse([1], background=task),
    ],
)
def test_a_function_is_a_background_task(
    make_app: MakeApp, connect: Connect, make: Callable[..., Response]
) -> None:
    app, done = make_app(), []

    @app.get("/")
    async def home() -> Response:
        return make(lambda: done.append(1))

    @app.get("/assigned")
    async def assigned() -> Response:
        response = make(None)
        response.background = lambda: done.append(2)  # ty: ignore[invalid-assignment]
        return response

    client = connect(app)
    client.get("/")
    client.get("/assigned")
    assert done == [1, 2]


def test_a_background_that_cannot_be_called_is_refused_where_it_is_given() -> None:
    with pytest.raises(TypeError, match="A background task is a function"):
        Response("x", background=3)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("where", ["after_request", "finalizer", "error in after", "both"])
def test_a_response_that_is_replaced_keeps_its_tasks_and_closes_its_stream(
    make_app: MakeApp, connect: Connect, where: str
) -> None:
    trace: list[str] = []

    async def parts() -> AsyncIterator[str]:
        try:
            yield "x"
        finally:
            trace.append("closed")

    def other(request: Request, response: Response) -> Response:
        if where == "error in after":
            raise ValueError
        background = response.background if where == "both" else None
        return Response("other", background=background)

    app = make_app(*([finalizer(other, "other")] if where in ("finalizer", "both") else []))
    if where in ("after_request", "error in after"):
        app.after_request(other)

    @app.get("/")
    async def home(request: Request) -> Response:
        request.background.add(trace.append, "of the request")
        return StreamingResponse(parts(), background=lambda: trace.append("of the response"))

    answer = connect(app).get("/")
    assert answer.text != "x"
    assert trace == ["closed", "of the request", "of the response"]


async def test_tasks_run_once_where_the_sending_fails(make_app: MakeApp) -> None:
    app, done = make_app(), []

    @app.get("/")
    async def home() -> Response:
        return Response("x", background=lambda: done.append(1))

    async def send(message: Any) -> None:
        raise OSError("gone")

    async def receive() -> Any:
        return {"type": "http.request"}

    with pytest.raises(OSError, match="gone"):
        await app(Driver(app).scope("/"), receive, send)
    assert done == [1]


def test_a_refused_handshake_keeps_the_tasks_of_its_answer(
    make_app: MakeApp, connect: Connect
) -> None:
    app, done = make_app(), []

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> Response:
        return Response("no", 403, background=lambda: done.append(1))

    with pytest.raises(Exception), connect(app).websocket_connect("/ws"):  # noqa: B017, PT011
        pass
    assert done == [1]


# --- What finalizers raise ---------------------------------------------------------------------


def test_a_finalizer_runs_once_where_a_later_one_fails(make_app: MakeApp, connect: Connect) -> None:
    runs: list[str] = []

    def first(request: Request, response: Response) -> None:
        runs.append(f"first {response.status_code}")
        response.headers["x-first"] = "yes"
        response.headers["content-language"] = "en"
        response.set_cookie("a", "1")

    def second(request: Request, response: Response) -> None:
        runs.append("second")
        raise ValueError

    async def third(request: Request, response: Response) -> None:
        runs.append(f"third {response.status_code}")
        response.headers["x-third"] = "yes"

    plugins = [finalizer(f, f"p{n}") for n, f in enumerate((first, second, third))]
    app = make_app(*plugins)
    app.add_route("/", lambda: Response("x", headers={"x-own": "1"}), endpoint="home")
    answer = connect(app).get("/")
    assert runs == ["first 200", "second", "third 500"]
    assert answer.status_code == 500
    assert (answer.headers["x-first"], answer.headers["x-third"]) == ("yes", "yes")
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/; HttpOnly; SameSite=Lax"]
    assert "x-own" not in answer.headers
    assert "content-language" not in answer.headers


@pytest.mark.parametrize("is_async", [False, True])
def test_an_http_error_in_a_finalizer_is_the_answer(
    make_app: MakeApp, connect: Connect, is_async: bool
) -> None:
    def conflict(request: Request, response: Response) -> None:
        raise HTTPException(409, "conflict at commit")

    async def waits(request: Request, response: Response) -> None:
        conflict(request, response)

    witness = Witness()
    app = make_app(finalizer(waits if is_async else conflict, "aa"), witness)
    app.add_route("/", lambda: "x", endpoint="home")
    client = connect(app)
    assert (client.get("/").status_code, client.get("/").json()["detail"]) == (
        409,
        "conflict at commit",
    )
    assert witness.seen[:3] == ["started", "finalize 409", "finished 409"]
    app.errorhandler(409)(lambda error: (f"mine: {error.detail}", 409))
    assert client.get("/").text == "mine: conflict at commit"


# --- What a producer raises before its first item ----------------------------------------------


async def asynchronous() -> AsyncIterator[str]:
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    abort(404, "not here")
    yield "x"


def ordinary() -> Iterator[str]:
    abort(404, "not here")
    yield "x"


class Iterating:
    """An async iterator that is no generator."""

    def __aiter__(self) -> Iterating:
        return self

    async def __anext__(self) -> str:
        return await anext(asynchronous())


KINDS: dict[str, Callable[[], object]] = {
    "async generator": asynchronous,
    "generator": ordinary,
    "streaming": lambda: StreamingResponse(asynchronous()),
    "streaming, threaded": lambda: StreamingResponse(ordinary()),
    "ndjson": lambda: NDJSONResponse(asynchronous()),
    "events": lambda: EventSourceResponse(asynchronous()),
    "events, threaded": lambda: EventSourceResponse(ordinary()),
    "iterator": Iterating,
    "tuple": lambda: (asynchronous(), 201),
}


RESPONSES = [kind for kind in KINDS if isinstance(KINDS[kind](), Response)]


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        *((kind, where) for kind in KINDS for where in ("handler", "after_request")),
        *((kind, "finalizer") for kind in RESPONSES),
    ],
)
def test_what_is_raised_before_the_first_item_is_answered(
    make_app: MakeApp, connect: Connect, kind: str, where: str
) -> None:
    witness = Witness()
    make = KINDS[kind]

    def finalize(request: Request, response: Response) -> object:
        return make()

    app = make_app(*([finalizer(finalize, "aa")] if where == "finalizer" else []), witness)
    if where == "after_request":
        app.after_request(lambda response: make() if response.status_code == 200 else None)

    @app.get("/")
    async def home() -> object:
        return make() if where == "handler" else "home"

    answer = connect(app).get("/")
    assert (answer.status_code, answer.json()["detail"]) == (404, "not here")
    assert witness.seen == ["started", "finalize 404", "finished 404"]


def test_an_item_that_cannot_be_sent_is_a_500_where_it_is_the_first(
    make_app: MakeApp, connect: Connect
) -> None:
    app = make_app()

    @app.get("/")
    async def home() -> AsyncIterator[object]:
        yield 7

    @app.get("/nothing")
    async def nothing() -> AsyncIterator[object]:
        for _ in ():
            yield ""

    client = connect(app)
    assert client.get("/").status_code == 500
    assert (client.get("/nothing").status_code, client.get("/nothing").content) == (200, b"")


async def test_a_producer_stays_in_one_task_and_context(make_app: MakeApp) -> None:
    app = make_app()
    tasks: list[object] = []

    async def events() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            tasks.append(await group.create_task(asyncio.sleep(0.001, "slept")))
            yield "one"
            tasks.append(asyncio.current_task())
            yield "two"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()

    @app.get("/")
    async def home() -> EventSourceResponse:
        tasks.append(asyncio.current_task())
        return EventSourceResponse(events())

    answer = await Driver(app)("/")
    assert answer.text == "data: one\n\ndata: two\n\n"
    first = tasks[0]
    assert tasks == [first, first, "slept", first]


async def test_an_event_stream_opens_within_a_second_and_goes_on(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flasgo.responses.eventsource._LONGEST_START", 0.05)
    app = make_app()
    go_on = asyncio.Event()
    sent: list[Any] = []

    async def events() -> AsyncIterator[str]:
        async with asyncio.timeout(30):
            await go_on.wait()
        yield "late"

    @app.get("/")
    async def home() -> EventSourceResponse:
        return EventSourceResponse(events())

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.start":
            go_on.set()

    async def receive() -> Any:
        await asyncio.sleep(3600)

    await asyncio.wait_for(app(Driver(app).scope("/"), receive, send), 10)
    assert sent[0]["status"] == 200
    assert sent[1]["body"] == b"data: late\n\n"


@pytest.mark.parametrize("opens", [False, True])
async def test_a_client_that_leaves_before_the_first_item_ends_the_producer(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, opens: bool
) -> None:
    monkeypatch.setattr("flasgo.responses.eventsource._LONGEST_START", 0.01)
    app = make_app()
    ended: list[str] = []
    leaves = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        try:
            await asyncio.Event().wait()
            yield ""
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("cancelled")
            raise
        finally:
            ended.append("closed")

    @app.get("/")
    async def home() -> Response:
        return EventSourceResponse(parts()) if opens else StreamingResponse(parts())

    async def send(message: Any) -> None:
        pass

    async def receive() -> Any:
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    leaves.set()
    await asyncio.wait_for(app(Driver(app).scope("/"), receive, send), 10)
    assert ended == ["cancelled", "closed"]


async def test_a_cancelled_request_ends_a_producer_that_has_not_begun_to_send(
    make_app: MakeApp,
) -> None:
    app = make_app()
    ended: list[str] = []
    waits = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        try:
            waits.set()
            await asyncio.Event().wait()
            yield ""
        finally:
            ended.append("closed")

    app.add_route("/", parts, endpoint="home")
    task = asyncio.create_task(Driver(app)("/"))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["closed"]


def test_head_does_not_start_a_producer(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    app.add_route("/", asynchronous, endpoint="home")
    assert connect(app).head("/").status_code == 200


# --- Cancellation after the last byte ----------------------------------------------------------


async def test_every_step_runs_although_one_is_cancelled(make_app: MakeApp) -> None:
    witness = Witness()
    app = make_app(witness)
    trace: list[str] = []
    waits = asyncio.Event()
    files: list[Any] = []

    async def database() -> AsyncIterator[int]:
        yield 1
        trace.append("dependency")

    app.teardown_request(lambda error: trace.append("registered first"))

    @app.teardown_request
    async def slow(error: object) -> None:
        waits.set()
        await asyncio.Event().wait()

    @app.post("/")
    async def upload(request: Request, db: Annotated[int, Depends(database)]) -> Response:
        files.extend((await request.form()).filelist("f"))
        return Response("x", background=lambda: trace.append("background"))

    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(len(body))}
    task = asyncio.create_task(Driver(app)("/", "POST", headers, body=body))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert trace == ["registered first", "dependency", "background"]
    assert witness.seen[-1] == "finished 200"
    with pytest.raises(RuntimeError, match="closed with its request"):
        await files[0].read()


# --- The close code of a WebSocket -------------------------------------------------------------


def test_the_close_code_of_a_client_is_told_every_time(make_app: MakeApp, connect: Connect) -> None:
    app, told = make_app(), []

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        for attempt in (
            websocket.receive,
            websocket.receive_text,
            lambda: websocket.send_text("x"),
            websocket.receive_json,
        ):
            with pytest.raises(WebSocketDisconnect) as caught:
                await attempt()
            told.append((caught.value.code, caught.value.reason))

    with connect(app).websocket_connect("/ws") as websocket:
        websocket.close(4001, "bye")
    assert told == [(4001, "bye")] * 4


# --- What middleware answers by itself ---------------------------------------------------------


class Answers:
    """Middleware that answers `/own`, fails at `/fails`, and lets everything else pass."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or not scope["path"].endswith(("/own", "/fails")):
            await self.app(scope, receive, send)
            return
        if scope["path"].endswith("/fails"):
            raise ValueError("of the middleware")
        prefix = "websocket." if scope["type"] == "websocket" else ""
        await send({"type": f"{prefix}http.response.start", "status": 418, "headers": []})
        await send({"type": f"{prefix}http.response.body", "body": b"own"})


@pytest.mark.parametrize("around", ["app", "blueprint"])
@pytest.mark.parametrize(("path", "status"), [("own", 418), ("fails", 500), ("home", 200)])
def test_its_own_answers_pass_the_hooks_of_every_request(
    make_app: MakeApp, connect: Connect, around: str, path: str, status: int
) -> None:
    witness = Witness()
    app = make_app(witness)
    blueprint = Blueprint("bp", "/bp")
    for name in ("own", "fails", "home"):
        blueprint.add_route(f"/{name}", lambda: "home", endpoint=name)
    (app if around == "app" else blueprint).add_middleware(Answers)
    app.register_blueprint(blueprint)
    done: list[int] = []
    app.after_request(lambda response: done.append(response.status_code))
    assert connect(app).get(f"/bp/{path}").status_code == status
    assert witness.seen == ["started", f"finalize {status}", f"finished {status}"]
    assert done == [status]


def test_a_gate_refuses_what_middleware_would_answer(make_app: MakeApp, connect: Connect) -> None:
    class Guard:
        name = "guard"

        @hookimpl
        def request_started(self, request: Request) -> None:
            raise HTTPException(400, "wrong host")

    app = make_app(Guard())
    app.add_middleware(Answers)
    answer = connect(app).get("/own")
    assert (answer.status_code, answer.json()["detail"]) == (400, "wrong host")


def test_tasks_of_callbacks_for_what_middleware_answers(
    make_app: MakeApp, connect: Connect
) -> None:
    app, done = make_app(), []
    app.add_middleware(Answers)

    @app.after_request
    def after(response: Response) -> Response:
        tasks = BackgroundTasks()
        tasks.add(done.append, response.status_code)
        return Response("mine", 200, background=tasks)

    assert connect(app).get("/own").text == "mine"
    assert done == [418]


async def test_background_tasks_come_last_as_the_docs_say(connect: Connect) -> None:
    order: list[str] = []

    class Finished:
        name = "finished"

        @hookimpl
        def request_finished(self, request: Any, response: Any, error: Any) -> None:
            order.append("request_finished")

    app = Flasgo(plugins=[Finished()], discover=False)

    async def dependency() -> Any:
        yield 1
        order.append("dependency")

    @app.teardown_request
    async def teardown() -> None:
        order.append("teardown_request")

    @app.get("/")
    async def home(tasks: BackgroundTasks, value: Any = Depends(dependency)) -> str:
        tasks.add(order.append, "background")
        return "x"

    with connect(app) as client:
        client.get("/")
    assert order == ["teardown_request", "dependency", "request_finished", "background"]
