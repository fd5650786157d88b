"""What the `flasgo.security` log is told about denied requests."""

from __future__ import annotations

import logging

from flasgo import Connection

from flasgo_auth.users import UserId

__all__ = ["report"]

logger = logging.getLogger("flasgo.security")

_MAX_TEXT = 200


def report(
    kind: str, request: Connection, *, reason: str, backends: str, user: UserId | None = None
) -> None:
    """Log one denial, with its facts as attributes of the log record.

    SECURITY: headers, query and cookies stay out, since they carry credentials (CWE-532).

    Args:
        kind: `auth.unauthenticated`, `auth.forbidden` or `auth.conflict`.
        request: The denied request.
        reason: The permission that was missing, or what else went wrong.
        backends: The names of the backends that were asked.
        user: The id of the user, where there is one.
    """
    method = "WEBSOCKET" if request.scope["type"] == "websocket" else request.scope["method"]
    path = _one_line(request.path)
    logger.warning(
        "%s: %s %s from %s: %s",
        kind,
        method,
        path,
        request.client_ip or "an unknown address",
        reason,
        extra={
            "kind": kind,
            "client": request.client_ip,
            "method": method,
            "path": path,
            "endpoint": request.route.endpoint if request.route is not None else None,
            "backends": backends,
            "reason": reason,
            "user": None if user is None else _one_line(str(user)),
        },
    )


def _one_line(text: str) -> str:
    # SECURITY: what a client wrote must not start a line of its own in the log (CWE-117).
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:_MAX_TEXT])
