"""CORE-9: ASGI middleware around the app and around blueprints."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from flasgo import (
    Blueprint,
    ConfigurationError,
    Flasgo,
    HTTPException,
    Request,
    Response,
    RouteError,
    WebSocket,
    current_request,
)
from flasgo_testing import TestClient
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

from tests.conftest import refusal

from .conftest import Witness

colour: ContextVar[str] = ContextVar("colour", default="none")


class Tag:
    """Notes that it was passed, and marks the response."""

    def __init__(self, app: Any, name: str, trace: list[str] | None = None) -> None:
        self.app = app
        self.name = name
        self.trace = [] if trace is None else trace

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.trace.append(f"{self.name} {scope['type']}")

        async def marked(message: Any) -> None:
            if message["type"].endswith("http.response.start"):
                pair = (b"x-tag", self.name.encode())
                message = {**message, "headers": [*message["headers"], pair]}
            await send(message)

        await self.app(scope, receive, marked)


class Fails:
    """Raises before or after the app has answered."""

    def __init__(self, app: Any, *, when: str) -> None:
        self.app = app
        self.when = when

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if self.when == "before":
            raise ValueError("secret of the middleware")

        async def failing(message: Any) -> None:
            if self.when == "start":
                raise ValueError("secret of the middleware")
            await send(message)

        await self.app(scope, receive, failing)
        if self.when == "after":
            raise ValueError("too late")


class Answers:
    """Answers by itself."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"short and stout"})


def test_the_last_one_added_is_the_outermost(app: Flasgo, client: TestClient) -> None:
    trace: list[str] = []
    app.add_route("/", lambda: trace.append("handler") or "home")
    app.add_middleware(Tag, name="inner", trace=trace)
    app.add_middleware(Tag, name="outer", trace=trace)

    answer = client.get("/")

    assert trace == ["outer http", "inner http", "handler"]
    assert answer.headers.get_list("x-tag") == ["inner", "outer"]
    assert answer.headers["x-finalized"] == "200"


def test_it_is_made_once(app: Flasgo, client: TestClient) -> None:
    made: list[object] = []

    def factory(app: Any) -> Any:
        made.append(app)
        return app

    app.add_route("/", lambda: "home")
    app.add_middleware(factory)
    client.get("/")
    app.before_request(lambda: None)  # compiles anew
    client.get("/")

    assert len(made) == 1


def test_websockets_and_the_lifespan_pass_it(app: Flasgo) -> None:
    trace: list[str] = []
    app.add_middleware(Tag, name="all", trace=trace)

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    @app.lifespan
    async def around() -> Any:
        trace.append("started")
        yield
        trace.append("stopped")

    with TestClient(app) as client:
        with client.websocket_connect("/ws") as websocket:
            websocket.send_text("hello")
            assert websocket.receive_text() == "hello"
        missing = refusal(client, "/nothing")

    assert trace == ["all lifespan", "started", "all websocket", "all websocket", "stopped"]
    assert (missing.status_code, missing.headers["x-tag"]) == (404, "all")


def test_one_that_breaks_the_lifespan_does_not_keep_the_app_from_starting(
    app: Flasgo, caplog: pytest.LogCaptureFixture
) -> None:
    trace: list[str] = []

    class HttpOnly(Tag):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "http"
            await super().__call__(scope, receive, send)

    @app.lifespan
    async def around() -> Any:
        trace.append("started")
        yield

    app.add_middleware(HttpOnly, name="http")
    with TestClient(app):
        assert trace == ["started"]
    assert "does not let the lifespan pass" in caplog.text


# --- Errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "start"])
def test_an_error_before_the_first_byte_is_a_hardened_500(
    app: Flasgo, client: TestClient, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    app.add_route("/", lambda: "home")
    app.add_middleware(Fails, when=when)

    answer = client.get("/")

    assert answer.status_code == 500
    assert answer.headers["x-finalized"] == "500"
    assert "secret" not in answer.text
    assert "Error on GET '/'" in caplog.text
    assert "secret of the middleware" in caplog.text
    assert "Handover" not in caplog.text


def test_an_error_after_the_response_is_logged(
    app: Flasgo, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_route("/", lambda: "home")
    app.add_middleware(Fails, when="after")

    assert client.get("/").text == "home"
    assert "too late" in caplog.text


def test_error_handlers_take_it(app: Flasgo, client: TestClient) -> None:
    app.errorhandler(ValueError)(lambda error: ("handled", 503))
    app.add_middleware(Fails, when="before")

    answer = client.get("/")

    assert (answer.status_code, answer.text) == (503, "handled")


def test_an_error_refuses_the_handshake(app: Flasgo, client: TestClient) -> None:
    app.add_middleware(Fails, when="before")
    answer = refusal(client, "/ws")

    assert (answer.status_code, answer.headers["x-finalized"]) == (500, "500")


def test_a_response_of_its_own_passes_the_hooks(app: Flasgo, client: TestClient) -> None:
    app.add_middleware(Answers)
    answer = client.get("/")

    assert (answer.status_code, answer.text) == (418, "short and stout")
    assert answer.headers["x-finalized"] == "418"


def test_what_callbacks_promise_for_its_response_is_kept(app: Flasgo, client: TestClient) -> None:
    done: list[str] = []

    @app.after_request
    def later(request: Request, response: Response) -> None:
        request.background.add(done.append, request.path)

    app.add_middleware(Answers)
    client.get("/page")
    assert done == ["/page"]


def test_a_head_that_is_not_fit_to_be_looked_at(app: Flasgo, client: TestClient) -> None:
    app.add_route("/", lambda: "home")
    app.add_middleware(Tag, name="any")
    answer = client.get("/", headers={"x-long": "x" * 70_000})

    assert answer.status_code == 431
    assert answer.headers["x-tag"] == "any"


def test_what_cannot_be_made_stops_the_start_up(app: Flasgo) -> None:
    app.add_middleware(Tag, nmae="typo")

    with (
        pytest.raises(ConfigurationError, match=r"middleware .*Tag could not be made.*: nmae"),
        TestClient(app),
    ):
        pass


def test_what_is_no_middleware(app: Flasgo) -> None:
    with pytest.raises(ConfigurationError, match="takes a class such as"):
        app.add_middleware("gzip")  # ty: ignore[invalid-argument-type]


def test_too_late(app: Flasgo, client: TestClient) -> None:
    app.add_middleware(Tag, name="first")
    client.get("/")
    with pytest.raises(ConfigurationError, match="before the first request"):
        app.add_middleware(Tag, name="second")


# --- Context --------------------------------------------------------------------------------


class Colours:
    """Sets a context variable."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        token = colour.set("red")
        try:
            await self.app(scope, receive, send)
        finally:
            colour.reset(token)


class InATaskOfItsOwn(BaseHTTPMiddleware):
    """Starlette's base class runs the app in another task."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-base"] = "1"
        return response


@pytest.mark.parametrize("around", [[Colours], [Colours, InATaskOfItsOwn]])
def test_context_variables_survive(app: Flasgo, client: TestClient, around: list[Any]) -> None:
    def in_a_thread() -> list[str]:
        return [colour.get(), current_request().path]

    async def on_the_loop() -> list[str]:
        await asyncio.sleep(0)
        return [colour.get(), current_request().path]

    async def streamed() -> Any:
        yield colour.get()
        yield current_request().path

    app.add_route("/thread", in_a_thread)
    app.add_route("/loop", on_the_loop)
    app.add_route("/stream", streamed)
    for middleware in around:
        app.add_middleware(middleware)

    assert client.get("/thread").json() == ["red", "/thread"]
    assert client.get("/loop").json() == ["red", "/loop"]
    assert client.get("/stream").text == "red/stream"


def test_one_from_the_index(app: Flasgo, client: TestClient) -> None:
    seen: list[str | None] = []

    def handler() -> str:
        seen.append(correlation_id.get())
        return "home"

    app.add_route("/", handler)
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID")
    mine = uuid.uuid4().hex

    given = client.get("/", headers={"x-request-id": mine})
    made = client.get("/")

    assert given.headers["x-request-id"] == mine
    assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
    assert seen == [mine, made.headers["x-request-id"]]


def test_compression_of_whole_and_streamed_bodies(app: Flasgo, client: TestClient) -> None:
    async def streamed() -> Any:
        for _ in range(20):
            yield "abc" * 100

    app.add_route("/whole", lambda: "abc" * 1000)
    app.add_route("/streamed", streamed)
    app.add_middleware(GZipMiddleware, minimum_size=100)

    for path, text in (("/whole", "abc" * 1000), ("/streamed", "abc" * 2000)):
        answer = client.get(path, headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.text == text
        assert answer.headers["x-finalized"] == "200"


# --- Blueprints -----------------------------------------------------------------------------


def nested(trace: list[str]) -> Blueprint:
    outer, inner = Blueprint("outer", "/outer"), Blueprint("inner", "/inner")
    outer.add_middleware(Tag, name="outer 1", trace=trace)
    outer.add_middleware(Tag, name="outer 2", trace=trace)
    inner.add_middleware(Tag, name="inner", trace=trace)
    outer.before_request(lambda: trace.append("before"))

    @inner.get("/<int:number>")
    def show(request: Request, number: int) -> dict[str, object]:
        trace.append("handler")
        return {"number": number, "path": request.path}

    @inner.post("/body")
    async def body(request: Request) -> str:
        return (await request.body()).decode()

    @inner.websocket("/ws/<word>")
    async def ws(websocket: WebSocket, word: str) -> None:
        await websocket.accept()
        await websocket.send_text(word)

    outer.add_route("/fail", fail)
    outer.register_blueprint(inner)
    return outer


def fail() -> str:
    raise HTTPException(409)


def test_around_a_blueprint(app: Flasgo, client: TestClient, witness: Witness) -> None:
    trace: list[str] = []
    app.register_blueprint(nested(trace))
    app.add_route("/plain", lambda: "plain")

    answer = client.get("/outer/inner/7")

    assert answer.json() == {"number": 7, "path": "/outer/inner/7"}
    assert trace == ["outer 2 http", "outer 1 http", "inner http", "before", "handler"]
    assert answer.headers.get_list("x-tag") == ["inner", "outer 1", "outer 2"]
    assert answer.headers.get_list("x-finalized") == ["200"]
    assert witness.finished == [("/outer/inner/7", 200, None)]
    trace.clear()
    assert "x-tag" not in client.get("/plain").headers
    assert "x-tag" not in client.get("/outer/inner/nothing").headers
    assert trace == []


def test_errors_and_bodies_pass_a_blueprints_middleware(app: Flasgo, client: TestClient) -> None:
    app.register_blueprint(nested([]))

    assert client.post("/outer/inner/body", content=b"sent").text == "sent"
    answer = client.get("/outer/fail")
    assert (answer.status_code, answer.headers.get_list("x-tag")) == (409, ["outer 1", "outer 2"])


def test_websockets_pass_a_blueprints_middleware(app: Flasgo, client: TestClient) -> None:
    trace: list[str] = []
    app.register_blueprint(nested(trace))
    with client.websocket_connect("/outer/inner/ws/word") as websocket:
        assert websocket.receive_text() == "word"
    assert trace == ["outer 2 websocket", "outer 1 websocket", "inner websocket", "before"]


@pytest.mark.parametrize("middleware", [Fails, Answers])
def test_what_a_blueprints_middleware_answers_is_finalized(
    app: Flasgo, client: TestClient, middleware: Any
) -> None:
    options = {"when": "before"} if middleware is Fails else {}
    blueprint = Blueprint("bp", "/bp")
    blueprint.add_middleware(middleware, **options)
    blueprint.errorhandler(ValueError)(lambda error: ("handled by the blueprint", 503))
    blueprint.add_route("/", lambda: "home")
    app.register_blueprint(blueprint)

    answer = client.get("/bp/")

    expected = (503, "handled by the blueprint") if options else (418, "short and stout")
    assert (answer.status_code, answer.text) == expected
    assert answer.headers.get_list("x-finalized") == [str(expected[0])]


def test_what_is_added_after_a_refused_registration_is_there_the_next_time(
    app: Flasgo, client: TestClient
) -> None:
    app.add_route("/bp/", lambda: "app")
    blueprint = Blueprint("bp", "/bp")
    blueprint.add_route("/", lambda: "blueprint")
    blueprint.add_middleware(Tag, name="first")
    with pytest.raises(RouteError, match="matches the same paths"):
        app.register_blueprint(blueprint)

    blueprint.add_middleware(Tag, name="second")
    app.register_blueprint(blueprint, prefix="/other")

    assert client.get("/other/").headers.get_list("x-tag") == ["first", "second"]


def test_one_instance_serves_all_routes_of_a_blueprint(app: Flasgo, client: TestClient) -> None:
    made: list[object] = []

    class Counting(Tag):
        def __init__(self, app: Any) -> None:
            super().__init__(app, "counting")
            made.append(self)

    outer, inner = Blueprint("outer"), Blueprint("inner")
    outer.add_middleware(Counting)
    outer.add_route("/a", lambda: "a", endpoint="a")
    inner.add_route("/b", lambda: "b", endpoint="b")
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", prefix="/again")

    for path in ("/a", "/b", "/again/a", "/again/b"):
        assert client.get(path).headers.get_list("x-tag") == ["counting"]
    assert len(made) == 1


def test_middleware_of_app_and_blueprint_together_with_a_mount(
    app: Flasgo, client: TestClient, make_app: Callable[..., Flasgo]
) -> None:
    inner = make_app()
    inner.add_route("/x", lambda request: request.root_path)
    inner.add_middleware(Tag, name="mounted")
    blueprint = Blueprint("bp", "/bp")
    blueprint.add_middleware(Tag, name="blueprint")
    blueprint.mount("/in", inner)
    app.register_blueprint(blueprint)
    app.add_middleware(Tag, name="app")

    answer = client.get("/bp/in/x")

    assert answer.text == "/bp/in"
    assert answer.headers.get_list("x-tag") == ["mounted", "blueprint", "app"]
    assert answer.headers.get_list("x-finalized") == ["200"]


def test_streamed_responses_pass_a_blueprints_middleware(app: Flasgo) -> None:
    blueprint = Blueprint("bp")
    blueprint.add_middleware(Tag, name="bp")

    @blueprint.get("/parts")
    async def parts() -> Any:
        yield "one "
        yield "two"

    @blueprint.get("/cut")
    async def cut() -> Any:
        yield "one "
        raise ValueError("half way")

    app.register_blueprint(blueprint)

    assert TestClient(app).get("/parts").text == "one two"
    with pytest.raises(ValueError, match="half way"):
        TestClient(app).get("/cut")


def test_it_is_listed_with_the_steps(app: Flasgo) -> None:
    app.register_blueprint(nested([]))
    route = next(route for route in app.routes if route.endpoint == "outer.inner.show")
    stages = [stage.stage for stage in app.explain(route)]

    assert stages[:4] == ["middleware", "middleware", "middleware", "before_request"]


def test_without_middleware_the_dispatcher_serves(app: Flasgo) -> None:
    app.add_route("/", lambda: "home")
    assert app._make_ready() is app._compile()


async def test_an_early_answer_does_not_leak_into_the_next_request(
    app: Flasgo, client: TestClient
) -> None:
    @app.after_request
    def seen(response: Response) -> None:
        response.headers["x-path"] = current_request().path

    app.add_route("/<name>", lambda name: name)
    app.add_middleware(Tag, name="any")

    assert [client.get(f"/{name}").headers["x-path"] for name in "abc"] == ["/a", "/b", "/c"]
    with pytest.raises(RuntimeError, match="no request here"):
        current_request()


def test_a_response_of_the_app_passes_the_hooks_once(app: Flasgo, client: TestClient) -> None:
    trace: list[str] = []
    app.after_request(lambda response: trace.append(f"after {response.status_code}"))
    blueprint = Blueprint("bp", "/bp")
    blueprint.add_middleware(Tag, name="blueprint")
    blueprint.add_route("/", lambda: "home")
    app.register_blueprint(blueprint)
    app.add_middleware(Tag, name="app")

    client.get("/bp/")
    client.get("/nothing")

    assert trace == ["after 200", "after 404"]
