"""What a test is told when the app under test misbehaves."""

from __future__ import annotations

import httpx2

__all__ = [
    "AppProtocolError",
    "AppTimeoutError",
    "LifespanError",
    "WebSocketClosedError",
    "WebSocketDeniedError",
]


class AppTimeoutError(TimeoutError):
    """Raised when the app did not answer within the client's timeout.

    The message names the request (or lifespan phase), the bound and, where it can be seen, the line
    the app was waiting at.
    """


class AppProtocolError(httpx2.RemoteProtocolError):
    """Raised when the app's answer breaks HTTP, WebSocket or ASGI.

    For instance a body shorter than its `Content-Length`, or no response at all: a real server
    would have cut the connection, and a real client would have raised `RemoteProtocolError`.
    """


class LifespanError(RuntimeError):
    """Raised when start-up or shut-down failed and the app gave only a message, no exception."""


class WebSocketDeniedError(Exception):
    """Raised when the app did not accept a WebSocket.

    Attributes:
        response: The HTTP answer that a real client would have got; 403 where the app only closed.
        code: The close code the app gave in place of an answer, or None.
        reason: The reason that came with the code.
    """

    def __init__(
        self, name: str, response: httpx2.Response, code: int | None = None, reason: str = ""
    ) -> None:
        text = reason or response.text[:200]
        super().__init__(
            f"{name} was denied with {response.status_code}"
            f"{f' (close code {code})' if code is not None else ''}{f': {text}' if text else '.'}"
        )
        self.response = response
        self.code = code
        self.reason = reason


class WebSocketClosedError(Exception):
    """Raised when a WebSocket is used that the app, or the test itself, has closed.

    Attributes:
        code: The close code (RFC 6455, section 7.4).
        reason: What was given as reason.
    """

    def __init__(self, name: str, code: int, reason: str = "") -> None:
        super().__init__(f"{name} was closed with code {code}{f': {reason}' if reason else '.'}")
        self.code = code
        self.reason = reason
