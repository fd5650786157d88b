"""Which spans a request has, how they hang together, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from flasgo import (
    BackgroundTasks,
    Flasgo,
    HTTPException,
    PluginError,
    StreamingResponse,
    WebSocket,
    hookimpl,
)
from flasgo_opentelemetry import OpenTelemetryPlugin, trace_headers
from flasgo_testing import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


class SlowPlugin:
    """Has hooks of both kinds, which fail for some paths."""

    name = "slow"

    @hookimpl
    async def authorize(self, request: Any) -> None:
        await asyncio.sleep(0)
        if request.path == "/closed":
            raise HTTPException(403)

    @hookimpl
    def response_finalize(self, request: Any) -> None:
        if request.path == "/broken-hook":
            raise RuntimeError("broken")


class Traced:
    """An app, its client, and the spans that are over."""

    def __init__(self, *, sampler: Any = None, **settings: Any) -> None:
        self._spans = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler)
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.app = Flasgo(
            plugins=[OpenTelemetryPlugin, SlowPlugin],
            discover=False,
            settings=settings,
            tracer_provider=provider,
        )
        add_routes(self.app)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._spans.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def tree(self) -> dict[str, str | None]:
        """Return the name of each span's parent; None for a root."""
        names = {span.context.span_id: span.name for span in self.spans if span.context}
        return {
            span.name: None if span.parent is None else names.get(span.parent.span_id, "remote")
            for span in self.spans
        }


def add_routes(app: Flasgo) -> None:
    @app.get("/users/<int:number>")
    def user(number: int) -> dict[str, str]:
        return trace_headers([("x", "y")])  # in a worker thread

    @app.get("/failing")
    async def failing() -> None:
        raise ValueError("hunter2")

    for path in ("/closed", "/broken-hook"):
        app.add_route(path, lambda: "never", endpoint=path.strip("/"))

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield trace_headers()["traceparent"]

        return StreamingResponse(parts())

    @app.get("/tasks")
    async def tasks(tasks: BackgroundTasks) -> str:
        async def broken() -> None:
            raise ValueError("broken")

        tasks.add(broken)
        return "ok"

    @app.websocket("/live/<room>")
    async def live(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        await websocket.send_text(trace_headers()["traceparent"])
        await websocket.close(4000)


@pytest.fixture
def traced() -> Traced:
    return Traced()


def test_a_request_has_a_span_with_those_of_hooks_and_handler(traced: Traced) -> None:
    traced.client.get("/users/7?token=hunter2")
    name = "GET /users/<int:number>"
    assert traced.tree() == {
        name: None,
        "slow authorize": name,
        "handler tests.test_traces.add_routes.<locals>.user": name,
        "slow response_finalize": name,
    }
    span = traced.named(name)
    assert span.kind is SpanKind.SERVER
    assert span.status.status_code is StatusCode.UNSET
    told = dict(span.attributes or {})
    expected = {
        "http.request.method": "GET",
        "http.route": "/users/<int:number>",
        "url.path": "/users/7",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "server.address": "localhost",
    }
    assert {key: told.get(key) for key in expected} == expected
    assert "hunter2" not in str(told)
    hook = traced.named("slow authorize").attributes
    assert hook == {"flasgo.plugin": "slow", "flasgo.hook": "authorize"}


def test_a_trace_goes_on_here_and_elsewhere(traced: Traced) -> None:
    sent = traced.client.get("/users/7", headers=TRACEPARENT).json()
    span = traced.named("GET /users/<int:number>")
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert sent["x"] == "y"
    _, trace_id, span_id, _ = sent["traceparent"].split("-")
    handler = traced.named("handler tests.test_traces.add_routes.<locals>.user").context
    assert handler is not None
    assert (trace_id, span_id) == (TRACE, f"{handler.span_id:016x}")


def test_strangers_can_be_kept_from_choosing_traces() -> None:
    traced = Traced(OPENTELEMETRY_CONTINUE_TRACES=False)
    traced.client.get("/users/7", headers=TRACEPARENT)
    span = traced.named("GET /users/<int:number>")
    assert span.parent is None
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", "junk")],
        [("traceparent", f"00-{'0' * 32}-{SPAN}-01")],
        [*TRACEPARENT.items(), *TRACEPARENT.items()],
        [("traceparent", f"00-{TRACE}-{SPAN}-01" + "x" * 9000)],
    ],
)
def test_a_malformed_traceparent_begins_a_trace(
    traced: Traced, headers: list[tuple[str, str]]
) -> None:
    assert traced.client.get("/users/7", headers=headers).status_code == 200
    assert traced.named("GET /users/<int:number>").parent is None


def test_clients_are_told_the_trace_where_that_is_on(traced: Traced) -> None:
    assert "traceresponse" not in traced.client.get("/users/7").headers
    telling = Traced(OPENTELEMETRY_TRACERESPONSE=True)
    told = telling.client.get("/users/7", headers=TRACEPARENT).headers["traceresponse"]
    context = telling.named("GET /users/<int:number>").context
    assert context is not None
    assert told == f"00-{TRACE}-{context.span_id:016x}-01"


def test_clients_cannot_choose_names(traced: Traced) -> None:
    for number in range(5):
        traced.client.get(f"/missing-{number}")
        traced.client.request(f"MADEUP{number}", f"/users/{number}")
    names = {span.name for span in traced.spans if span.kind is SpanKind.SERVER}
    assert names == {"GET", "HTTP"}


def test_errors(traced: Traced) -> None:
    assert traced.client.get("/failing").status_code == 500
    for name in ("GET /failing", "handler tests.test_traces.add_routes.<locals>.failing"):
        span = traced.named(name)
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "builtins.ValueError"
        assert span.events[0].name == "exception"
    assert traced.client.get("/teapot").status_code == 418
    assert traced.named("GET /teapot").status.status_code is StatusCode.UNSET
    assert traced.client.get("/closed").status_code == 403
    assert traced.named("GET /closed").status.status_code is StatusCode.UNSET
    hook = [span for span in traced.spans if span.name == "slow authorize"][-1]
    assert hook.status.status_code is StatusCode.UNSET
    assert (hook.attributes or {})["http.response.status_code"] == 403
    assert traced.client.get("/broken-hook").status_code == 500
    hook = [span for span in traced.spans if span.name == "slow response_finalize"][-1]
    assert (hook.attributes or {})["error.type"] == "RuntimeError"


def test_messages_of_exceptions_can_be_left_out() -> None:
    traced = Traced(OPENTELEMETRY_RECORD_EXCEPTIONS=False)
    traced.client.get("/failing")
    assert "hunter2" not in "".join(span.to_json() for span in traced.spans)
    assert (traced.named("GET /failing").attributes or {})["error.type"] == "builtins.ValueError"


def test_streams_are_within_the_span(traced: Traced) -> None:
    told = traced.client.get("/stream").text
    context = traced.named("GET /stream").context
    assert context is not None
    assert told.split("-")[1] == f"{context.trace_id:032x}"


def test_background_tasks(traced: Traced) -> None:
    traced.client.get("/tasks")
    name = "task tests.test_traces.add_routes.<locals>.tasks.<locals>.broken"
    assert traced.tree()[name] == "GET /tasks"
    assert traced.named(name).status.status_code is StatusCode.ERROR


def test_websockets(traced: Traced) -> None:
    with traced.client.websocket_connect("/live/tea", headers=TRACEPARENT) as websocket:
        assert websocket.receive_text().split("-")[1] == TRACE
    span = traced.named("WEBSOCKET /live/<room>")
    told = span.attributes or {}
    assert (told["http.response.status_code"], told["websocket.close_code"]) == (101, 4000)
    assert [event.name for event in span.events] == ["accepted"]


def test_excluded_paths() -> None:
    traced = Traced(OPENTELEMETRY_EXCLUDED_PATHS={"/teapot", "/users/*"})
    for path in ("/teapot", "/users/7", "/users/8", "/missing"):
        traced.client.get(path)
    assert [span.name for span in traced.spans if span.kind is SpanKind.SERVER] == ["GET"]
    assert not [span for span in traced.spans if span.name.startswith("handler")]


def test_hook_spans_can_be_left_out() -> None:
    traced = Traced(OPENTELEMETRY_HOOK_SPANS=False)
    traced.client.get("/teapot")
    assert not [span for span in traced.spans if span.name.startswith("slow")]


def test_what_is_not_sampled_has_no_inner_spans() -> None:
    traced = Traced(sampler=ALWAYS_OFF)
    assert traced.client.get("/users/7").status_code == 200
    assert traced.spans == ()


def test_requests_do_not_share_a_context(traced: Traced) -> None:
    for _ in range(3):
        traced.client.get("/teapot")
    ids = {span.context.trace_id for span in traced.spans if span.context}
    assert len(ids) == 3
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_mounted_app_is_within_the_span_of_the_app_around_it() -> None:
    inner, outer = Traced(), Traced()
    outer.app.mount("/inner", inner.app)
    outer.client.get("/inner/teapot", headers=TRACEPARENT)
    span = inner.named("GET /teapot")
    assert span.kind is SpanKind.INTERNAL
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE


def test_without_a_provider_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    plugin = OpenTelemetryPlugin()
    app = Flasgo(plugins=[plugin, SlowPlugin], discover=False)
    plain = Flasgo(plugins=[SlowPlugin], discover=False)
    for hook in ("request_started", "authorize", "wrap_handler", "request_finished"):
        mine, theirs = (each.plugins.implementations(hook) for each in (app, plain))
        assert [impl.plugin for impl in mine] == [impl.plugin for impl in theirs]
        assert [impl.call.__qualname__ for impl in mine] == [
            impl.call.__qualname__ for impl in theirs
        ]
    (finding,) = plugin.check_app(app, deploy=False)
    assert finding.code == "opentelemetry.I001"


def test_misuse_is_named() -> None:
    with pytest.raises(PluginError, match=r"tracer_provider=...\) was given 5"):
        Flasgo(plugins=[OpenTelemetryPlugin], discover=False, tracer_provider=5)
    with pytest.raises(Exception, match="'healthz' is no path"):
        Traced(OPENTELEMETRY_EXCLUDED_PATHS={"healthz"})
