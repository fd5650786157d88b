"""The spans of requests, handlers and background tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextvars import Token

from flasgo import Connection, HTTPException, Response, Route, WebSocket, hookimpl
from flasgo.plugin import full_name
from opentelemetry import context as contexts, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from flasgo_opentelemetry.attributes import attributes_of, name_of
from flasgo_opentelemetry.propagation import context_of

__all__ = ["Tracing"]

Call = Callable[[Connection], Awaitable[object]]
_Open = tuple[Span, Token[Context]]


class Tracing:
    """The hooks of an app that is traced.

    Args:
        tracer: Makes the spans.
        excluded: Paths of requests that get none; `/static/*` is all that is below.
        continues_traces: Whether the trace that a request brings goes on here.
        tells_traces: Whether answers have the header `traceresponse`.
        records_exceptions: Whether spans have messages and tracebacks of exceptions.
    """

    def __init__(
        self,
        tracer: Tracer,
        excluded: Collection[str],
        *,
        continues_traces: bool,
        tells_traces: bool,
        records_exceptions: bool,
    ) -> None:
        self._tracer = tracer
        self._excluded = frozenset(path for path in excluded if not path.endswith("*"))
        self._excluded_below = tuple(path[:-1] for path in excluded if path.endswith("*"))
        self._continues_traces = continues_traces
        self._tells_traces = tells_traces
        self._records_exceptions = records_exceptions
        # One for each app: a mounted app may get the scope of the app around it.
        self._key = f"flasgo_opentelemetry.span.{id(self)}"
        self._task_key = f"flasgo_opentelemetry.task.{id(self)}"

    @hookimpl(tryfirst=True)
    def request_started(self, request: Connection) -> None:
        """Begin the span before other plugins do, so that theirs are within it."""
        if request.path in self._excluded or request.path.startswith(self._excluded_below or "\0"):
            return
        parent = contexts.get_current()
        links: list[Link] = []
        kind = SpanKind.INTERNAL
        # Within another app that is traced its span is the parent.
        if not trace.get_current_span(parent).get_span_context().is_valid:
            kind, brought = SpanKind.SERVER, context_of(request)
            remote = trace.get_current_span(brought).get_span_context()
            if self._continues_traces:
                parent = brought
            elif remote.is_valid:
                links.append(Link(remote))
        span = self._tracer.start_span(
            name_of(request), parent, kind, attributes_of(request), links
        )
        token = contexts.attach(trace.set_span_in_context(span, parent))
        request.scope[self._key] = span, token

    @hookimpl
    def wrap_handler(self, route: Route, call: Call) -> Call:
        """Have a span around each handler, the binding of its arguments included."""
        name, tracer = f"handler {full_name(route.handler)}", self._tracer
        attributes = {"code.function.name": full_name(route.handler)}

        async def traced(request: Connection) -> object:
            # PERF: a request that is excluded, or not sampled, has no further spans.
            if not trace.get_current_span().is_recording():
                return await call(request)
            with tracer.start_as_current_span(
                name, attributes=attributes, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return await call(request)
                except HTTPException as error:
                    if error.status_code >= 500:
                        self._fail(span, error)
                    raise
                except Exception as error:
                    self._fail(span, error)
                    raise

        return traced

    @hookimpl(trylast=True)
    def response_finalize(self, request: Connection, response: Response) -> None:
        """Tell the client the trace, where that is on (W3C Trace Context Level 2 draft)."""
        opened: _Open | None = request.scope.get(self._key) if self._tells_traces else None
        if opened is not None:
            told = opened[0].get_span_context()
            response.headers["traceresponse"] = (
                f"00-{told.trace_id:032x}-{told.span_id:016x}-{told.trace_flags:02x}"
            )

    @hookimpl
    def websocket_accepted(self, websocket: WebSocket) -> None:
        """Note the moment at which the connection was accepted."""
        opened: _Open | None = websocket.scope.get(self._key)
        if opened is not None:
            opened[0].add_event("accepted")

    @hookimpl
    def websocket_closed(self, websocket: WebSocket, code: int) -> None:
        """Note the code with which the connection was closed."""
        opened: _Open | None = websocket.scope.get(self._key)
        if opened is not None:
            opened[0].set_attribute("websocket.close_code", code)

    @hookimpl(trylast=True)
    def request_finished(
        self, request: Connection, response: Response | None, error: Exception | None
    ) -> None:
        """End the span, after other plugins have ended theirs."""
        opened: _Open | None = request.scope.get(self._key)
        if opened is None:
            return
        span, token = opened
        is_accepted = isinstance(request, WebSocket) and request.is_accepted
        status = response.status_code if response is not None else 101 if is_accepted else None
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if error is not None:
            self._fail(span, error)
        elif status is not None and status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(StatusCode.ERROR)
        contexts.detach(token)
        span.end()

    @hookimpl
    def background_task_started(self, request: Connection, task: str) -> None:
        """Begin the span of a task, within that of its request."""
        opened: _Open | None = request.scope.get(self._key)
        if opened is None or not opened[0].get_span_context().trace_flags.sampled:
            return
        parent = trace.set_span_in_context(opened[0])
        span = self._tracer.start_span(f"task {task}", parent)
        token = contexts.attach(trace.set_span_in_context(span, parent))
        request.scope[self._task_key] = span, token

    @hookimpl
    def background_task_finished(
        self, request: Connection, task: str, error: BaseException | None
    ) -> None:
        """End the span of a task."""
        opened: _Open | None = request.scope.pop(self._task_key, None)
        if opened is None:
            return
        span, token = opened
        if error is not None:
            self._fail(span, error)
        contexts.detach(token)
        span.end()

    def _fail(self, span: Span, error: BaseException) -> None:
        span.set_attribute("error.type", full_name(type(error)))
        span.set_status(Status(StatusCode.ERROR))
        if self._records_exceptions:
            span.record_exception(error)
