"""Security events: what was refused, to whom and why, in the log `flasgo.security`."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flasgo import Connection, HTTPException, hookimpl

if TYPE_CHECKING:
    from flasgo import Request, Response, Route

__all__ = [
    "EVENTS_ATTRIBUTE",
    "RefusedHeads",
    "SecurityEvent",
    "SecurityEvents",
    "event_fields",
    "loggable",
    "report_event",
    "security_event",
]

logger = logging.getLogger("flasgo.security")

EVENTS_ATTRIBUTE = "security_events"
"""The request attribute that lists the kinds of events a request has caused."""

_HOOK = "security_event_reported"
_LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that a request was refused for, or tried; see `security_event_reported`.

    Attributes:
        kind: A short stable name, such as `csrf`, `host`, `ratelimit` or `auth.forbidden`.
        reason: What was wrong, for the operator.
        request: The request or WebSocket connection.
        client_ip: The client's address, `unknown` without one.
        method: The method.
        path: The path, without the query.
    """

    kind: str
    reason: str
    request: Connection
    client_ip: str
    method: str
    path: str


class SecurityEvents(list[str]):
    """The kinds of events that a request has caused; the value of `request.security_events`.

    Args:
        request: The request.
    """

    def __init__(self, request: Connection) -> None:
        super().__init__()
        # The request holds the list: held in turn, it would stay until the garbage collector comes.
        self._request = weakref.ref(request)

    def tell(self, kind: str, reason: str) -> None:
        """Note an event that is logged elsewhere, and tell other plugins of it.

        Args:
            kind: A short stable name.
            reason: What was wrong, for the operator.
        """
        self.append(kind)
        request = self._request()
        if request is not None:
            report_event(kind, request, reason)


def report_event(kind: str, request: Connection, reason: str) -> None:
    """Tell other plugins of an event: the hook `security_event_reported`.

    Args:
        kind: A short stable name.
        request: The request or WebSocket connection.
        reason: What was wrong, for the operator.
    """
    plugins = request.app.plugins
    if not plugins.is_heard("security_event_reported"):
        return
    plugins.notify(
        "security_event_reported",
        SecurityEvent(
            kind,
            loggable(reason),
            request,
            loggable(request.client_ip or "unknown"),
            loggable(request.method),
            loggable(request.path),
        ),
    )


def security_event(kind: str, request: Request, reason: str) -> None:
    """Log a security failure and count it against the client.

    One warning goes to the logger `flasgo.security`, with the fields `event`, `reason`,
    `client_ip`, `method` and `path` for structured handlers. However many events a request
    causes, it counts once towards `SECURITY_FAILURE_RATE_LIMIT`.

    Args:
        kind: A short stable name, such as `"csrf"` or `"login_failed"`.
        request: The request or WebSocket connection that failed.
        reason: What was wrong, for the operator. SECURITY: never put a token, a password or a
            cookie's value here.
    """
    if logger.isEnabledFor(logging.WARNING):
        path = loggable(request.path)
        method = loggable(request.method)
        client_ip = loggable(request.client_ip or "unknown")
        reason = loggable(reason)
        logger.warning(
            "Security event %s: %s (%s %s from %s)",
            kind,
            reason,
            method,
            path,
            client_ip,
            extra=event_fields(kind, reason=reason, client_ip=client_ip, method=method, path=path),
        )
    # Without the security plugin in this app failures are not counted; they are logged.
    events = getattr(request, EVENTS_ATTRIBUTE, None)
    if events is not None:
        events.tell(kind, reason)


def event_fields(
    event: str, *, reason: str = "", client_ip: str = "", method: str = "", path: str = ""
) -> dict[str, str]:
    """Return the attributes that the log records of all events have, for formatters to name."""
    return {
        "event": event,
        "reason": reason,
        "client_ip": client_ip,
        "method": method,
        "path": path,
    }


def _reaches_nothing(route: Route) -> bool:
    return not (route.methods or route.is_websocket)


class RefusedHeads:
    """Tells of requests with two `Host`, `Authorization` or length headers (CWE-444).

    They are refused before any other hook could see them.
    """

    @hookimpl(when=_reaches_nothing, before=("security.throttle",))
    def response_finalize(self, request: Request, response: Response) -> None:
        """Log the event, for the throttle to count."""
        fault = request.scope.get("flasgo.head_fault")
        # Too large a head is no attack: cookies of other apps on the domain add up.
        if isinstance(fault, HTTPException) and fault.status_code == 400:
            security_event("head", request, fault.detail)


def loggable(text: str) -> str:
    """Return text from outside as one short line of printable ASCII (CWE-117)."""
    shown = ascii(text[: _LONGEST_TEXT + 1])[1:-1]
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 3] + "..."
