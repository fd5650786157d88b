"""Hooks that take note of WebSocket connections and background tasks (PLUG-11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Flasgo, HTTPException, Response, WebSocket, hookimpl
from flasgo_testing import WebSocketClosedError, WebSocketDeniedError

from tests.conftest import Connect


class Notes:
    """Keeps what it is told."""

    name = "notes"

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    @hookimpl
    def websocket_accepted(self, websocket: WebSocket) -> None:
        self.told.append(("accepted", websocket.path))

    @hookimpl
    async def websocket_closed(self, websocket: WebSocket, code: int) -> None:
        self.told.append(("closed", websocket.path, code))

    @hookimpl
    async def background_task_started(self, request: Any, task: str) -> None:
        self.told.append(("started", request.path, task.rpartition(".")[2]))

    @hookimpl
    def background_task_finished(self, task: str, error: BaseException | None) -> None:
        self.told.append(("finished", task.rpartition(".")[2], type(error).__name__))


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        if message == "end":
            await websocket.close(4001, "as asked")
        elif message == "fail":
            raise KeyError("x")
        else:
            await websocket.send_text(message)


async def denied(websocket: WebSocket) -> None:
    raise HTTPException(403)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def app(make_app: Callable[..., Flasgo], notes: Notes) -> Flasgo:
    app = make_app(notes)
    app.websocket("/echo")(echo)
    app.websocket("/denied")(denied)
    return app


@pytest.mark.parametrize(("message", "code"), [("end", 4001), ("fail", 1011), (None, 3000)])
def test_a_connection_is_noted_from_its_beginning_to_its_end(
    app: Flasgo, connect: Connect, notes: Notes, message: str | None, code: int
) -> None:
    with connect(app).websocket_connect("/echo") as session:
        assert notes.told == [("accepted", "/echo")]
        session.send_text("hi")
        assert session.receive_text() == "hi"
        if message is None:
            session.close(3000)
        else:
            session.send_text(message)
            with pytest.raises(WebSocketClosedError):
                session.receive_text()
    assert notes.told == [("accepted", "/echo"), ("closed", "/echo", code)]


def test_a_handshake_that_is_refused_is_no_connection(
    app: Flasgo, connect: Connect, notes: Notes
) -> None:
    with pytest.raises(WebSocketDeniedError), connect(app).websocket_connect("/denied"):
        pass
    assert notes.told == []


def work() -> None:
    """Do nothing."""


def fail() -> None:
    raise OSError("disk")


def test_background_tasks_are_noted(app: Flasgo, connect: Connect, notes: Notes) -> None:
    @app.get("/")
    async def home(request: Any) -> Response:
        for task in (work, fail, work):
            request.background.add(task)
        return Response("x")

    assert connect(app).get("/").text == "x"
    assert notes.told == [
        ("started", "/", "work"),
        ("finished", "work", "NoneType"),
        ("started", "/", "fail"),
        ("finished", "fail", "OSError"),
        ("started", "/", "work"),
        ("finished", "work", "NoneType"),
    ]


@pytest.mark.parametrize(
    "hook",
    [
        "websocket_accepted",
        "websocket_closed",
        "background_task_started",
        "background_task_finished",
    ],
)
def test_what_a_hook_raises_is_logged_with_its_plugin_and_changes_nothing(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    hook: str,
) -> None:
    def failing(self: object) -> None:
        raise LookupError("no")

    app = make_app(type("Odd", (), {"name": "odd", hook: hookimpl(failing)})())
    app.websocket("/echo")(echo)
    app.add_route("/", lambda: Response("x", background=work), endpoint="index")
    client = connect(app)
    assert client.get("/").text == "x"
    with client.websocket_connect("/echo") as session:
        session.send_text("hi")
        assert session.receive_text() == "hi"
    assert f"Plugin 'odd' failed in {hook}: LookupError: no" in caplog.text


def test_without_such_hooks_nothing_is_called(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    route = app.websocket("/echo")(echo) and app.routes[0]
    app._compile()
    assert (app._background.on_start, app._background.on_end) == (None, None)
    assert route.pipeline.gates == ()
