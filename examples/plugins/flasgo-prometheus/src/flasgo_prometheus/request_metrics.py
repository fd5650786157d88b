"""What is measured of requests, with label values that clients cannot choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from flasgo import Connection, Response, WebSocket
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["RequestMetrics"]

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_LABELS = ("method", "route", "status")

_LabelValues = tuple[str, str, str]
_Recorders = tuple[Callable[[], None], Callable[[float], None]]


class RequestMetrics:
    """Counts requests, measures their durations, and knows how many are in progress.

    Args:
        registry: Where the metrics are registered.
        buckets: The upper bounds of the histogram's buckets, in seconds.
    """

    def __init__(self, registry: CollectorRegistry, buckets: Sequence[float]) -> None:
        self._total = Counter(
            "flasgo_requests", "Requests that are over.", _LABELS, registry=registry
        )
        self._duration = Histogram(
            "flasgo_request_duration_seconds",
            "From the first hook to the last byte.",
            _LABELS,
            buckets=buckets,
            registry=registry,
        )
        self._in_progress = Gauge(
            "flasgo_requests_in_progress",
            "Requests that are being served.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._recorders: dict[_LabelValues, _Recorders] = {}
        # One for each app: a mounted app may get the scope of the app around it.
        self._key = f"flasgo_prometheus.started.{id(self)}"

    def begin(self, connection: Connection) -> None:
        """Note that a request has arrived."""
        connection.scope[self._key] = perf_counter()
        self._in_progress.inc()

    def end(self, connection: Connection, response: Response | None) -> None:
        """Note that a request is over.

        One that never began, because its headers were refused, is counted and has no duration.
        """
        route = connection.route
        rule = route.path if route is not None else "(unmatched)"
        labels = (_method(connection), rule, _status(connection, response))
        count, observe = self._recorders.get(labels) or self._recorders_for(labels)
        count()
        started = connection.scope.pop(self._key, None)
        if started is not None:
            self._in_progress.dec()
            observe(perf_counter() - started)

    def _recorders_for(self, labels: _LabelValues) -> _Recorders:
        """Return what counts and measures requests with these labels, and keep it.

        PERF: looking labels up costs prometheus-client more than counting does.
        """
        total, duration = self._total.labels(*labels), self._duration.labels(*labels)
        self._recorders[labels] = recorders = (total.inc, duration.observe)
        return recorders


def _method(connection: Connection) -> str:
    """Return the method, `OTHER` for one that a client has made up: labels must stay few."""
    method: str = connection.scope.get("method", "WEBSOCKET")
    if method in _METHODS or connection.scope["type"] == "websocket":
        return method
    route = connection.route
    return method if route is not None and method in route.methods else "OTHER"


def _status(connection: Connection, response: Response | None) -> str:
    """Return the status, `none` where the client left before there was one."""
    if response is not None:
        return str(response.status_code)
    is_accepted = isinstance(connection, WebSocket) and connection.is_accepted
    return "101" if is_accepted else "none"
