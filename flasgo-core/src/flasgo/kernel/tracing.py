"""Traces of requests: every step with its plugin, its decision, its time and the headers it set.

Where an app is not traced, nothing here is imported and its pipelines have no part of it. A traced
app has pipelines whose steps are wrapped when they are compiled.
"""

from __future__ import annotations

import copy
import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field, structs

from flasgo.callables import full_name
from flasgo.errors import HTTPException
from flasgo.responses.response import Response

if TYPE_CHECKING:
    from flasgo.kernel.error_handling import ErrorAnswers
    from flasgo.kernel.pipeline import Pipeline
    from flasgo.requests.connection import Connection

__all__ = ["HeaderChange", "Trace", "TraceStep", "trace_of", "traced"]

_logger = logging.getLogger("flasgo.trace")

_KEY = "flasgo.trace"
_MOST_TIMINGS = 40
"""The most entries of a `Server-Timing` header: servers and proxies bound the size of a head."""

# Headers as a response holds them.
_Pairs = Sequence[tuple[bytes, bytes]]


class HeaderChange(Struct, frozen=True):
    """What a step did to one header of the response.

    Attributes:
        name: The header's name, in lower case.
        change: `set`, `changed` or `removed`.
    """

    name: str
    change: Literal["set", "changed", "removed"]


class TraceStep(Struct, frozen=True):
    """One step of one request.

    Attributes:
        stage: The hook's name, `before_request`, `handler`, `error`, `after_request` or `teardown`.
        plugin: The plugin, or `app` for the app's own code.
        callable: The callable's qualified name.
        decision: What came of it, such as `passed`, `answered 403` or `raised ValueError`.
        microseconds: How long it took, waiting included.
        headers: What it did to the headers of the response.
    """

    stage: str
    plugin: str
    callable: str
    decision: str
    microseconds: float
    headers: tuple[HeaderChange, ...] = ()


class Trace(Struct):
    """The steps of one request, in the order in which they ended."""

    steps: list[TraceStep] = field(default_factory=list)
    seen: _Pairs = ()
    """The headers of the response as the last step left them."""

    def add(
        self, step: _Step, started: int, decision: str, response: Response | None = None
    ) -> None:
        """Note that a step has ended.

        Args:
            step: The step.
            started: When it began, in nanoseconds.
            decision: What came of it.
            response: The response as it is after the step, where there is one.
        """
        took = (perf_counter_ns() - started) / 1000
        changes: tuple[HeaderChange, ...] = ()
        if response is not None:
            pairs = _pairs(response)
            changes = tuple(_changes(self.seen, pairs))
            self.seen = pairs
        self.steps.append(
            TraceStep(step.stage, step.plugin, step.name, decision, round(took, 1), changes)
        )


class _Step(Struct, frozen=True):
    """Which step a wrapper stands for."""

    stage: str
    plugin: str
    name: str


def trace_of(connection: Connection) -> Trace:
    """Return the trace of a request.

    Args:
        connection: The request.
    """
    found = connection.scope.get(_KEY)
    if found is None:
        found = connection.scope[_KEY] = Trace()
    return found


def traced(pipeline: Pipeline, *, server_timing: bool, log: bool) -> Pipeline:
    """Return a pipeline whose steps leave a trace.

    Args:
        pipeline: The pipeline.
        server_timing: Whether answers get a `Server-Timing` header.
        log: Whether each request is logged with its steps (logger `flasgo.trace`).
    """
    result = copy.copy(pipeline)
    result.owners = owners = dict(pipeline.owners)

    def wrap(step: Callable[..., Any], is_async: bool, stage: str) -> Callable[..., Any]:
        plugin, hook = pipeline.owners.get(step, ("app", stage))
        described = _Step(hook, plugin, full_name(getattr(step, "__wrapped__", step)))
        wrapped = _wrapped(step, is_async, described)
        if step in pipeline.owners:
            owners[wrapped] = pipeline.owners[step]
        return wrapped

    def wrap_all(
        steps: Iterable[tuple[Callable[..., Any], bool]], stage: str
    ) -> tuple[tuple[Callable[..., Any], bool], ...]:
        return tuple((wrap(step, is_async, stage), is_async) for step, is_async in steps)

    result.gates = tuple(wrap(gate, False, "before_request") for gate in pipeline.gates)
    result.late_gates = wrap_all(pipeline.late_gates, "before_request")
    result.started = wrap_all(pipeline.started, "request_started")
    handler = _Step("handler", "app", full_name(pipeline.route.handler))
    result.call = _wrapped(pipeline.call, True, handler)
    result.after = tuple(wrap(step, True, "after_request") for step in pipeline.after)
    result.teardown = tuple(wrap(step, True, "teardown") for step in pipeline.teardown)
    result.finalizers = tuple(wrap(s, False, "response_finalize") for s in pipeline.finalizers)
    result.late_finalizers = wrap_all(pipeline.late_finalizers, "response_finalize")
    result.finished = wrap_all(pipeline.finished, "request_finished")
    result.errors = _traced_errors(pipeline.errors)
    if server_timing:
        result.late_finalizers = (*result.late_finalizers, (_add_server_timing, False))
    if log:
        result.finished = (*result.finished, (_log, False))
    return result


def _wrapped(step: Callable[..., Any], is_async: bool, described: _Step) -> Callable[..., Any]:
    """Return a step that notes its time and decision; gates and handlers get one argument."""

    async def call_async(connection: Connection, *rest: Any) -> Any:
        _catch_up(connection, rest)
        started = perf_counter_ns()
        try:
            result = await step(connection, *rest)
        except BaseException as error:
            trace_of(connection).add(described, started, _raised(error))
            raise
        _note(connection, described, started, result, rest)
        return result

    def call(connection: Connection, *rest: Any) -> Any:
        _catch_up(connection, rest)
        started = perf_counter_ns()
        try:
            result = step(connection, *rest)
        except BaseException as error:
            trace_of(connection).add(described, started, _raised(error))
            raise
        _note(connection, described, started, result, rest)
        return result

    chosen = call_async if is_async else call
    setattr(chosen, "__wrapped__", getattr(step, "__wrapped__", step))  # noqa: B010 - untyped
    return chosen


def _raised(error: BaseException) -> str:
    status = f" {error.status_code}" if isinstance(error, HTTPException) else ""
    return f"raised {type(error).__name__}{status}"


def _catch_up(connection: Connection, rest: tuple[Any, ...]) -> None:
    """Note headers that a response had already: those of what made it."""
    response = next((each for each in rest if isinstance(each, Response)), None)
    trace = trace_of(connection)
    if response is None or not trace.steps:
        return
    pairs = _pairs(response)
    changes = tuple(_changes(trace.seen, pairs))
    if changes:
        last = trace.steps[-1]
        trace.steps[-1] = structs.replace(last, headers=(*last.headers, *changes))
        trace.seen = pairs


def _note(
    connection: Connection, step: _Step, started: int, result: object, rest: tuple[Any, ...]
) -> None:
    response = next((each for each in (result, *rest) if isinstance(each, Response)), None)
    if isinstance(result, Response):
        decision = f"answered {result.status_code}"
    elif step.stage == "handler":
        decision = f"returned {type(result).__name__}"
    else:
        decision = "passed"
    trace_of(connection).add(step, started, decision, response)


def _traced_errors(errors: ErrorAnswers) -> ErrorAnswers:
    """Return error answers that note who answered."""
    result = copy.copy(errors)
    result._hooks = tuple(
        dataclasses.replace(
            impl,
            call=_wrapped(impl.call, impl.is_async, _Step(impl.hook, impl.plugin, impl.label)),
        )
        for impl in errors._hooks
    )
    respond = result.respond

    async def traced_respond(connection: Connection, error: Exception, *, debug: bool) -> Response:
        started = perf_counter_ns()
        response = await respond(connection, error, debug=debug)
        step = _Step("error", "app", type(error).__name__)
        trace_of(connection).add(step, started, f"answered {response.status_code}", response)
        return response

    result.respond = traced_respond  # a copy of its own
    return result


def _pairs(response: Response) -> _Pairs:
    return tuple(response.headers.raw)


def _changes(before: _Pairs, after: _Pairs) -> Iterable[HeaderChange]:
    """Yield what differs between two lists of headers, name by name."""
    old, new = _by_name(before), _by_name(after)
    for name in (*new, *(name for name in old if name not in new)):
        if name not in old:
            yield HeaderChange(name, "set")
        elif name not in new:
            yield HeaderChange(name, "removed")
        elif old[name] != new[name]:
            yield HeaderChange(name, "changed")


def _by_name(pairs: _Pairs) -> dict[str, list[bytes]]:
    values: dict[str, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name.decode("latin-1").lower(), []).append(value)
    return values


def _add_server_timing(connection: Connection, response: Response) -> None:
    """Add the times so far, in milliseconds, as browsers show them (W3C Server Timing)."""
    times: dict[str, float] = {}
    for step in trace_of(connection).steps:
        name = step.stage if step.plugin == "app" else f"{step.plugin}.{step.stage}"
        times[name] = times.get(name, 0.0) + step.microseconds
    entries = [f"{name};dur={time / 1000:.3f}" for name, time in times.items()]
    response.headers.add("server-timing", ", ".join(entries[:_MOST_TIMINGS]))


def _log(connection: Connection, response: Response | None, error: BaseException | None) -> None:
    """Log the steps of a request; text of clients is quoted (CWE-117)."""
    steps = [
        f"{step.stage} {step.plugin} {step.decision} {step.microseconds:.0f} us"
        for step in trace_of(connection).steps
    ]
    status = response.status_code if response is not None else "-"
    method = connection.scope.get("method", "WEBSOCKET")
    _logger.info("%s %r %s: %s", method, connection.path, status, "; ".join(steps))
