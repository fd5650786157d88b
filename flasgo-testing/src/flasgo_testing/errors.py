"""What a test is told when the app under test misbehaves."""

from __future__ import annotations

import httpx2

__all__ = ["AppProtocolError", "AppTimeoutError", "LifespanError"]


class AppTimeoutError(TimeoutError):
    """Raised when the app did not answer within the client's timeout.

    The message names the request (or lifespan phase), the bound and, where it can be seen, the line
    the app was waiting at.
    """


class AppProtocolError(httpx2.RemoteProtocolError):
    """Raised when the app's answer breaks HTTP or ASGI.

    For instance a body shorter than its `Content-Length`, or no response at all: a real server
    would have cut the connection, and a real client would have raised `RemoteProtocolError`.
    """


class LifespanError(RuntimeError):
    """Raised when start-up or shut-down failed and the app gave only a message, no exception."""
