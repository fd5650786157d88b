"""One WebSocket, seen from the server's side of ASGI."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal, NamedTuple

import httpx2

from .asgi import ASGIApp, Message, Scope
from .conversation import ERROR_EXTENSION, Conversation
from .errors import AppProtocolError, WebSocketClosedError, WebSocketDeniedError

__all__ = ["Handshake", "WebSocketExchange"]

_MESSAGES_AHEAD = 1000  # how many messages an app may send before the test has to read one
_LONGEST_REASON = 123  # bytes; RFC 6455, section 5.5
# Codes that stand for the absence of a close frame and cannot be sent (RFC 6455, section 7.4.1).
_NEVER_SENT = frozenset({1004, 1005, 1006, 1015})

_State = Literal["connecting", "accepted", "denying", "over"]


class Handshake(NamedTuple):
    """What the app accepted the connection with."""

    subprotocol: str | None
    headers: list[tuple[bytes, bytes]]


class _GoneError(OSError):
    """Raised in an app that sends although the client has left, as servers do (ASGI 2.4)."""


class WebSocketExchange(Conversation):
    """Plays the server for one WebSocket, and holds the app to the rules of RFC 6455.

    Args:
        app: The app.
        scope: The scope of the handshake.
        raise_app_errors: Raise what the app raised, in place of showing how it closed.
    """

    def __init__(self, app: ASGIApp, scope: Scope, *, raise_app_errors: bool) -> None:
        super().__init__(app, scope, raise_app_errors=raise_app_errors)
        self._state: _State = "connecting"
        self._handshake: Handshake | None = None
        self._denial: Message | None = None
        self._denial_body = b""
        self._close: tuple[int, str] | None = None
        self._to_app: deque[Message] = deque([{"type": "websocket.connect"}])
        self._to_test: deque[str | bytes] = deque()
        self._has_surfaced = False

    # What the test's side calls

    async def connect(self) -> Handshake:
        """Run the app until it accepts, or to its end where it denies.

        Raises:
            WebSocketDeniedError: If it denies.
            Exception: What the app raised.
            AppProtocolError: If it ends without doing either.
        """
        task = self.start()
        await self._until(lambda: self._state in ("accepted", "over") or task.done())
        if self._handshake is not None:
            return self._handshake
        # As for a request: once the test has the answer, teardowns and finishing hooks have run.
        self._to_app.append({"type": "websocket.disconnect", "code": 1006, "reason": ""})
        self._changed.set()
        await asyncio.wait((task,))
        self._surface()
        if self._state == "over":
            raise self._denied()
        raise AppProtocolError(f"{self.name}: the app ended without accepting the WebSocket.")

    async def receive(self) -> str | bytes:
        """Return the app's next message.

        Raises:
            WebSocketClosedError: If the app has closed, or ended.
            Exception: What the app raised.
        """
        task = self.start()
        await self._until(lambda: bool(self._to_test) or self._is_over or task.done())
        if self._to_test:
            self._changed.set()
            return self._to_test.popleft()
        self._surface()
        raise self._closed()

    async def send(self, data: str | bytes) -> None:
        """Hand a message to the app.

        Raises:
            WebSocketClosedError: If the connection is closed.
            Exception: What the app raised before it closed.
        """
        if self._is_over or self.start().done():
            self._surface()
            raise self._closed()
        key = "text" if isinstance(data, str) else "bytes"
        self._to_app.append({"type": "websocket.receive", key: data})
        self._changed.set()

    async def close(self, code: int, reason: str) -> None:
        """Close from the client's side; nothing happens where the app has closed already."""
        if not self._is_over:
            self._state = "over"
            self._close = (code, reason)
        if not self._left:
            self._left = True
            code, reason = self._close or (code, reason)
            self._to_app.append({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._changed.set()

    async def finish(self) -> None:
        """Wait for the app to end, and raise what it raised unless the test was told already."""
        await asyncio.wait((self.start(),))
        self._surface()

    # What the app calls

    async def _receive(self) -> Message:
        await self._until(lambda: bool(self._to_app))
        message = self._to_app[0]
        # A connection that is gone stays gone, however often the app asks.
        if message["type"] != "websocket.disconnect":
            self._to_app.popleft()
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._left:
            raise _GoneError("The client has disconnected.")
        if kind == "websocket.accept":
            self._take_accept(message)
        elif kind == "websocket.send":
            self._take_data(message)
        elif kind == "websocket.close":
            self._take_close(message)
        elif kind.startswith("websocket.http.response."):
            self._take_denial(message)
        else:
            raise AppProtocolError(f"{self.name}: the app sent an unknown message, {kind!r}.")
        self._changed.set()
        await self._until(lambda: len(self._to_test) < _MESSAGES_AHEAD or self._left)

    def _take_accept(self, message: Message) -> None:
        self._expect("connecting", message)
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol not in self._scope["subprotocols"]:
            raise AppProtocolError(
                f"{self.name}: the app accepted the subprotocol {subprotocol!r}, and the client "
                f"offered {self._scope['subprotocols']}: it would have to fail the connection."
            )
        headers = [(bytes(name), bytes(value)) for name, value in message.get("headers") or ()]
        self._handshake = Handshake(subprotocol, headers)
        self._state = "accepted"

    def _take_data(self, message: Message) -> None:
        self._expect("accepted", message)
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise AppProtocolError(f"{self.name}: websocket.send takes either text or bytes.")
        if not isinstance(text, str | None) or not isinstance(data, bytes | None):
            raise AppProtocolError(f"{self.name}: websocket.send takes text as str, bytes as bytes")
        self._to_test.append(text if text is not None else data or b"")

    def _take_close(self, message: Message) -> None:
        if self._is_over:
            raise AppProtocolError(f"{self.name}: the app closed the WebSocket twice.")
        code, reason = message.get("code", 1000), message.get("reason") or ""
        if code in _NEVER_SENT or not 1000 <= code < 5000:
            raise AppProtocolError(f"{self.name}: {code} is no close code that can be sent.")
        if len(reason.encode()) > _LONGEST_REASON:
            raise AppProtocolError(
                f"{self.name}: the reason to close is longer than {_LONGEST_REASON} bytes."
            )
        self._close = (code, reason)
        self._state = "over"

    def _take_denial(self, message: Message) -> None:
        if message["type"].endswith(".start"):
            self._expect("connecting", message)
            self._denial, self._state = message, "denying"
            return
        self._expect("denying", message)
        self._denial_body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            self._state = "over"

    def _expect(self, state: _State, message: Message) -> None:
        if self._state != state:
            raise AppProtocolError(
                f"{self.name}: the app sent {message['type']!r} while the WebSocket was "
                f"{self._state}; that belongs where it is {state}."
            )

    # Between the two

    @property
    def _is_over(self) -> bool:
        return self._state == "over"

    def _surface(self) -> None:
        error = self.app_error
        if error is None or self._has_surfaced or isinstance(error, _GoneError):
            return
        self._has_surfaced = True
        if self._raise_app_errors or isinstance(error, AppProtocolError):
            raise error

    def _closed(self) -> WebSocketClosedError:
        # An app that ends without closing leaves it to the server, which says "internal error".
        code, reason = self._close or (1011 if self.app_error else 1006, "")
        return WebSocketClosedError(self.name, code, reason)

    def _denied(self) -> WebSocketDeniedError:
        extensions = {} if self.app_error is None else {ERROR_EXTENSION: self.app_error}
        if self._denial is None:
            response = httpx2.Response(403, extensions=extensions)
            code, reason = self._close or (1006, "")
            return WebSocketDeniedError(self.name, response, code, reason)
        headers = [(bytes(name), bytes(value)) for name, value in self._denial.get("headers") or ()]
        response = httpx2.Response(
            self._denial["status"],
            headers=headers,
            content=self._denial_body,
            extensions=extensions,
        )
        return WebSocketDeniedError(self.name, response)
