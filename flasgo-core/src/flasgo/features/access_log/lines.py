"""What is logged of each request."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from flasgo.plugins.hooks import hookimpl

if TYPE_CHECKING:
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response

__all__ = ["AccessLines"]

_logger = logging.getLogger("flasgo.access")

_STARTED = "access_log.started"


class AccessLines:
    """Notes when a request begins, and logs it when it has ended.

    The record's message is for people; its attributes `status`, `duration_ms`, `client` and
    `target` are for formatters. Paths are quoted, so that a client cannot write lines (CWE-117).

    Args:
        with_query: Whether query strings are logged.
    """

    def __init__(self, *, with_query: bool) -> None:
        self._with_query = with_query

    @hookimpl(tryfirst=True)
    def request_started(self, request: Connection) -> None:
        """Note the time."""
        request.__dict__[_STARTED] = perf_counter()

    @hookimpl(trylast=True)
    def request_finished(
        self, request: Connection, response: Response | None, error: BaseException | None
    ) -> None:
        """Log the request."""
        started = request.__dict__.get(_STARTED)
        duration = None if started is None else round((perf_counter() - started) * 1000, 2)
        status = None if response is None else response.status_code
        method = request.scope.get("method", "WEBSOCKET")
        target = request.path
        if self._with_query and request.query_string:
            target += f"?{request.query_string.decode('latin-1')}"
        _logger.info(
            "%s %r %s in %s ms",
            method,
            target,
            status or "-",
            "-" if duration is None else duration,
            extra={
                "status": status,
                "duration_ms": duration,
                "client": request.client_ip,
                "target": target,
            },
        )
