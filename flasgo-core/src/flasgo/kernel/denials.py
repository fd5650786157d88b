"""The log `flasgo.denials`: which plugin has refused a request, and why."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flasgo.errors import HTTPException

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Pipeline, Step
    from flasgo.requests.connection import Connection
    from flasgo.responses.response import Response

__all__ = ["note_denial"]

_logger = logging.getLogger("flasgo.denials")

_LONGEST_TEXT = 256
# Whatever these hooks answer, the caller does not reach the endpoint.
_DENYING = frozenset({"authorize", "ratelimit_check"})


def note_denial(
    connection: Connection, pipeline: Pipeline, gate: Step | None, answer: Response | HTTPException
) -> None:
    """Log that a gate has refused a request: one record at INFO, without the query.

    Args:
        connection: The request or WebSocket connection.
        pipeline: Its pipeline, which knows whose gate it is.
        gate: The gate.
        answer: What it has answered or raised.
    """
    if not _logger.isEnabledFor(logging.INFO):
        return
    owner = None if gate is None else pipeline.owners.get(gate)
    plugin, hook = owner or ("app", "before_request")
    status = answer.status_code
    if hook not in _DENYING and status < 400:
        return
    said = answer.detail if isinstance(answer, HTTPException) else "it answered"
    policy = next(
        (s.reason for s in pipeline.stages if (s.plugin, s.stage) == (plugin, hook) and s.reason),
        "",
    )
    reason = _loggable(f"{said} [{policy}]" if policy else said)
    method = _loggable(connection.scope.get("method", "WEBSOCKET"))
    path = _loggable(connection.path)
    _logger.info(
        "Denied %s %s: %d by %s in %s: %s",
        method,
        path,
        status,
        f"plugin {plugin}" if owner else "the app",
        hook,
        reason,
        extra={
            "plugin": plugin,
            "hook": hook,
            "status": status,
            "reason": reason,
            "method": method,
            "path": path,
        },
    )


def _loggable(text: str) -> str:
    # SECURITY: what a client wrote must not start a line of its own in the log (CWE-117).
    return ascii(text[:_LONGEST_TEXT])[1:-1]
