"""The life of a request as one list: every hook and callback, in order (DESIGN 3, CORE-7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pluggy
import pytest
from flasgo import Flasgo, HTTPException, Policy, Request, Response, WebSocket, hookimpl

from tests.conftest import Connect, refusal


@dataclass(frozen=True)
class Marked(Policy):
    """A policy that the tracing plugins enforce."""


class Tracer:
    """Notes each hook; answers or raises where a test says so."""

    def __init__(self, name: str, trace: list[str], answers: dict[str, object]) -> None:
        self.name = name
        self.trace = trace
        self.answers = answers

    def note(self, hook: str) -> Any:
        self.trace.append(f"{self.name}.{hook}")
        answer = self.answers.get(f"{self.name}.{hook}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    @hookimpl
    def plugin_setup(self, registry: object) -> None:
        self.note("plugin_setup")

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.note("app_created")


class SyncTracer(Tracer):
    @hookimpl
    def request_started(self, request: Request) -> Response | None:
        return self.note("request_started")

    @hookimpl
    def authorize(self, request: Request) -> Response | None:
        return self.note("authorize")

    @hookimpl
    def ratelimit_check(self, request: Request) -> Response | None:
        return self.note("ratelimit_check")

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> Response | None:
        return self.note("response_finalize")

    @hookimpl
    def request_finished(
        self, request: Request, response: Response | None, error: Exception | None
    ) -> None:
        self.note("request_finished")


class AsyncTracer(Tracer):
    @hookimpl
    async def request_started(self, request: Request) -> Response | None:
        return self.note("request_started")

    @hookimpl
    async def authorize(self, request: Request) -> Response | None:
        return self.note("authorize")

    @hookimpl
    async def ratelimit_check(self, request: Request) -> Response | None:
        return self.note("ratelimit_check")

    @hookimpl
    async def response_finalize(self, request: Request, response: Response) -> Response | None:
        return self.note("response_finalize")

    @hookimpl
    async def request_finished(
        self, request: Request, response: Response | None, error: Exception | None
    ) -> None:
        self.note("request_finished")


class Traced:
    """An app with a sync plugin `a`, an async one `b`, and every kind of callback."""

    def __init__(self, make_app: Callable[..., Flasgo]) -> None:
        self.trace: list[str] = []
        self.answers: dict[str, object] = {}
        self.app = make_app(
            SyncTracer("a", self.trace, self.answers), AsyncTracer("b", self.trace, self.answers)
        )
        self.set_up_trace = list(self.trace)
        self.trace.clear()
        self._add_callbacks()
        self.app.add_route("/x", self.handler, ["GET", "POST"])
        self.app.add_route("/ws", self.talk, is_websocket=True)

    def _add_callbacks(self) -> None:
        note = self.trace.append

        @self.app.before_request
        def first() -> object:
            note("before_request.1")
            return self.answers.get("before_request")

        @self.app.before_request
        async def second() -> None:
            note("before_request.2")

        @self.app.after_request
        def outer(response: Response) -> None:
            note("after_request.1")

        @self.app.after_request
        async def inner(response: Response) -> None:
            note("after_request.2")

        @self.app.teardown_request
        def last() -> None:
            note("teardown_request.1")

        @self.app.teardown_request
        async def last_but_one() -> None:
            note("teardown_request.2")

        @self.app.errorhandler(418)
        def teapot() -> str:
            note("errorhandler")
            return "short and stout"

    async def handler(self) -> str:
        self.trace.append("handler")
        failure = self.answers.get("handler")
        if isinstance(failure, Exception):
            raise failure
        return "ok"

    async def talk(self, websocket: WebSocket) -> None:
        self.trace.append("handler")
        await websocket.accept()


@pytest.fixture
def traced(make_app: Callable[..., Flasgo]) -> Traced:
    return Traced(make_app)


STARTED = ["a.request_started", "b.request_started"]
BEFORE = ["before_request.1", "before_request.2"]
AUTHORIZE = ["a.authorize", "b.authorize"]
RATELIMIT = ["a.ratelimit_check", "b.ratelimit_check"]
AFTER = ["after_request.2", "after_request.1"]
FINALIZE = ["a.response_finalize", "b.response_finalize"]
END = [
    "teardown_request.2",
    "teardown_request.1",
    "a.request_finished",
    "b.request_finished",
]
ANSWERED = [*AFTER, *FINALIZE, *END]


def test_set_up_calls_every_plugin_once_and_in_order(traced: Traced) -> None:
    assert traced.set_up_trace == [
        "a.plugin_setup",
        "b.plugin_setup",
        "a.app_created",
        "b.app_created",
    ]


def test_a_request_that_passes(traced: Traced, connect: Connect) -> None:
    answer = connect(traced.app).get("/x")
    assert (answer.status_code, answer.text) == (200, "ok")
    assert traced.trace == [*STARTED, *BEFORE, *AUTHORIZE, *RATELIMIT, "handler", *ANSWERED]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("a.request_started", ["a.request_started"]),
        ("b.request_started", STARTED),
        ("before_request", [*STARTED, "before_request.1"]),
        ("a.authorize", [*STARTED, *BEFORE, "a.authorize"]),
        ("b.authorize", [*STARTED, *BEFORE, *AUTHORIZE]),
        ("a.ratelimit_check", [*STARTED, *BEFORE, *AUTHORIZE, "a.ratelimit_check"]),
        ("b.ratelimit_check", [*STARTED, *BEFORE, *AUTHORIZE, *RATELIMIT]),
    ],
)
def test_a_response_ends_the_request_at_its_stage(
    traced: Traced, connect: Connect, step: str, expected: list[str]
) -> None:
    traced.answers[step] = Response.text("denied", status_code=403)
    answer = connect(traced.app).get("/x")
    assert (answer.status_code, answer.text) == (403, "denied")
    assert traced.trace == [*expected, *ANSWERED]


@pytest.mark.parametrize("step", ["a.request_started", "b.authorize", "a.ratelimit_check"])
def test_an_exception_of_a_hook_passes_the_error_handlers(
    traced: Traced, connect: Connect, step: str
) -> None:
    traced.answers[step] = HTTPException(418)
    answer = connect(traced.app).get("/x")
    assert (answer.status_code, answer.text) == (418, "short and stout")
    assert traced.trace[-len(ANSWERED) - 1 :] == ["errorhandler", *ANSWERED]
    assert "handler" not in traced.trace


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/nowhere", "GET", 404),
        ("/x", "DELETE", 405),
        ("/x", "OPTIONS", 204),
        ("/x/", "GET", 308),
        ("/x%zz", "GET", 400),
    ],
)
def test_what_reaches_no_endpoint_is_neither_authorized_nor_counted(
    traced: Traced, connect: Connect, target: str, method: str, status: int
) -> None:
    answer = connect(traced.app).request(method, target)
    assert answer.status_code == status
    assert traced.trace == [*STARTED, *BEFORE, *ANSWERED]


@pytest.mark.parametrize(
    ("headers", "status"),
    [([("x", "y" * 70_000)], 431), ([("host", "a"), ("host", "b")], 400)],
)
def test_a_head_that_is_not_fit_to_be_looked_at_still_leaves_finalized(
    traced: Traced, connect: Connect, headers: list[tuple[str, str]], status: int
) -> None:
    answer = connect(traced.app).get("/x", headers=headers)
    assert answer.status_code == status
    assert traced.trace == ANSWERED


def test_a_handler_that_fails(traced: Traced, connect: Connect) -> None:
    traced.answers["handler"] = KeyError("secret")
    answer = connect(traced.app).get("/x")
    assert answer.status_code == 500
    assert traced.trace == [*STARTED, *BEFORE, *AUTHORIZE, *RATELIMIT, "handler", *ANSWERED]


def test_head_is_a_get_without_a_body(traced: Traced, connect: Connect) -> None:
    answer = connect(traced.app).head("/x")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")
    assert traced.trace == [*STARTED, *BEFORE, *AUTHORIZE, *RATELIMIT, "handler", *ANSWERED]


def test_a_websocket(traced: Traced, connect: Connect) -> None:
    with connect(traced.app).websocket_connect("/ws"):
        pass
    assert traced.trace == [*STARTED, *BEFORE, *AUTHORIZE, *RATELIMIT, "handler", *END]


def test_a_websocket_that_is_denied(traced: Traced, connect: Connect) -> None:
    traced.answers["a.authorize"] = Response.text("denied", status_code=403)
    assert refusal(connect(traced.app), "/ws").text == "denied"
    assert traced.trace == [*STARTED, *BEFORE, "a.authorize", *FINALIZE, *END]


def test_a_websocket_to_nowhere(traced: Traced, connect: Connect) -> None:
    assert refusal(connect(traced.app), "/nowhere").status_code == 404
    assert traced.trace == [*STARTED, *BEFORE, *FINALIZE, *END]


async def test_pluggy_is_never_called_while_a_request_runs(
    traced: Traced, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    original = pluggy.PluginManager._hookexec

    def counting(self: pluggy.PluginManager, hook_name: str, *args: Any) -> Any:
        calls.append(hook_name)
        return original(self, hook_name, *args)

    monkeypatch.setattr(pluggy.PluginManager, "_hookexec", counting)
    manager = traced.app.plugins.manager
    manager.add_hookcall_monitoring(lambda hook_name, *_: calls.append(hook_name), lambda *_: None)
    client = connect(traced.app)
    for target, method in (("/x", "GET"), ("/x", "PUT"), ("/nowhere", "GET")):
        client.request(method, target)
    with client.websocket_connect("/ws"):
        pass
    assert len(traced.trace) > 40
    assert calls == []
    # The counter does count: pluggy's own way of calling is seen.
    manager.hook.app_created(app=traced.app)
    assert "app_created" in calls
