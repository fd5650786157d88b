"""Tells whether the head of a response has left: what needs a header or cookie is too late then."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flasgo import Response, WebSocket

if TYPE_CHECKING:
    from flasgo import Request

__all__ = ["RESPONSE", "head_has_left", "leaving_head", "sent_response"]

RESPONSE = "security.response"
"""Where a request remembers the response that took its headers; a later one replaces it."""


def sent_response(request: Request) -> Response | None:
    """Return the response whose head has left; None before that, and for WebSockets."""
    response = cast("Response | None", request.peek(RESPONSE))
    return response if response is not None and response.is_sent else None


def head_has_left(request: Request) -> bool:
    """Whether headers and cookies come too late for a request or WebSocket connection."""
    if isinstance(request, WebSocket):
        return request.is_accepted
    return sent_response(request) is not None


def leaving_head(websocket: WebSocket) -> Callable[[], bool]:
    """Return a function that tells whether the handshake is over; it keeps nothing alive.

    Args:
        websocket: The connection.
    """
    reference = weakref.ref(websocket)

    def has_left() -> bool:
        found = reference()
        return found is None or found.is_accepted

    return has_left
