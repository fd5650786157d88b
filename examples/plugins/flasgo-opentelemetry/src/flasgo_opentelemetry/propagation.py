"""The context of a trace in headers: read from requests, written for requests to others."""

from __future__ import annotations

from collections.abc import Iterable

from flasgo import Connection
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter

__all__ = ["context_of", "trace_headers"]

_LONGEST = 8192
"""The most characters of such headers that are read (W3C Baggage, section 3.3.2)."""


class _Headers(Getter[Connection]):
    """Reads the headers of a request."""

    def get(self, carrier: Connection, key: str) -> list[str] | None:
        """Return the values of a header, or None; nothing where they are too long."""
        values = carrier.headers.getlist(key)
        if not values or sum(map(len, values)) > _LONGEST:
            return None
        # SECURITY: one that has come twice is none: who reads the first, and who the last?
        if key == "traceparent" and len(values) > 1:
            return None
        return values

    def keys(self, carrier: Connection) -> list[str]:
        """Return the names of the headers."""
        return list(carrier.headers)


_HEADERS = _Headers()


def context_of(request: Connection) -> Context:
    """Return the context that a request brings: its trace, if it is part of one.

    Args:
        request: The request.
    """
    return propagate.extract(request, context=Context(), getter=_HEADERS)


def trace_headers(headers: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """Return headers for a request to another service, which makes it part of this trace.

    `await client.get(url, headers=trace_headers())`. HTTP clients that are instrumented for
    OpenTelemetry need no such thing.

    Args:
        headers: Further headers to have in it.
    """
    carrier = dict(headers)
    propagate.inject(carrier)
    return carrier
