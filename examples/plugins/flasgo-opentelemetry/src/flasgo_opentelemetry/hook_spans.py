"""A span for each call of a request hook, with the plugin that it belongs to."""

from __future__ import annotations

import dataclasses
import functools

from flasgo.plugin import REQUEST_HOOKS, Implementation
from opentelemetry import trace
from opentelemetry.trace import StatusCode, Tracer

__all__ = ["HookSpans"]


class HookSpans:
    """Puts spans around request hooks, for `app.plugins.wrap_calls`.

    Args:
        tracer: Makes the spans.
        own: The name of the plugin whose hooks make the spans of requests.
    """

    def __init__(self, tracer: Tracer, own: str) -> None:
        self._tracer = tracer
        self._own = own

    def traced(self, impl: Implementation) -> Implementation:
        """Return an implementation with a span; set-up hooks stay as they are.

        PERF: names and attributes are put together here, once for each implementation.
        """
        if impl.hook not in REQUEST_HOOKS or impl.plugin.partition(".")[0] == self._own:
            return impl
        name = f"{impl.plugin} {impl.hook}"
        attributes = {"flasgo.plugin": impl.plugin, "flasgo.hook": impl.hook}
        call, current = impl.call, trace.get_current_span
        opened = functools.partial(
            self._tracer.start_as_current_span,
            name,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )

        if impl.is_async:

            @functools.wraps(call)
            async def traced_async(*args: object) -> object:
                if not current().is_recording():
                    return await call(*args)
                with opened() as span:
                    try:
                        return await call(*args)
                    except Exception as error:
                        _note(span, error)
                        raise

            return dataclasses.replace(impl, call=traced_async)

        @functools.wraps(call)
        def traced(*args: object) -> object:
            if not current().is_recording():
                return call(*args)
            with opened() as span:
                try:
                    return call(*args)
                except Exception as error:
                    _note(span, error)
                    raise

        return dataclasses.replace(impl, call=traced)


def _note(span: trace.Span, error: Exception) -> None:
    """Note what a hook raised: a refusal of a client's request is no failure."""
    status: object = getattr(error, "status_code", None)
    if isinstance(status, int) and status < 500:
        span.set_attribute("http.response.status_code", status)
        return
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(StatusCode.ERROR)
