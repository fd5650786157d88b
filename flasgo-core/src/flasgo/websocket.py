"""WebSocket connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import msgspec

from flasgo.asgi import Message, Receive, Scope, Send
from flasgo.connection import Connection
from flasgo.errors import FlasgoError
from flasgo.headers import encode_header

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.response import Response

__all__ = ["WebSocket", "WebSocketDisconnect"]


class WebSocketDisconnect(FlasgoError):
    """Raised when a WebSocket is used after the client has closed it.

    Attributes:
        code: The close code (RFC 6455, section 7.4).
        reason: What the client gave as reason.
    """

    def __init__(self, code: int = 1005, reason: str = "") -> None:
        super().__init__(f"The WebSocket was closed with code {code}. {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket(Connection):
    """A WebSocket connection. What applies to a request's head applies to its handshake.

    Args:
        app: The app.
        scope: The ASGI scope.
        receive: The ASGI receive callable.
        send: The ASGI send callable.
        head: The first value of each header, by lower-case name.
    """

    method = "GET"

    is_accepted: bool
    is_closed: bool

    def __init__(
        self, app: Flasgo, scope: Scope, receive: Receive, send: Send, head: dict[bytes, bytes]
    ) -> None:
        super().__init__(app, scope, receive, head)
        self._send = send
        self._connected = False
        self.is_accepted = False
        self.is_closed = False

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Accept the handshake.

        Args:
            subprotocol: One of those that the client offers.
            headers: Extra headers of the handshake's answer.

        Raises:
            RuntimeError: When the connection was accepted or closed before.
        """
        if self.is_accepted or self.is_closed:
            raise RuntimeError("This WebSocket is accepted or closed already; accept it once.")
        await self._connect()
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": subprotocol,
                "headers": [encode_header(name, value) for name, value in headers],
            }
        )
        self.is_accepted = True

    async def _connect(self) -> None:
        if not self._connected:
            await self._receive()
            self._connected = True

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnect: When the client has closed the connection.
            RuntimeError: When the connection is not accepted.
        """
        if not self.is_accepted:
            raise RuntimeError("Accept this WebSocket first: await websocket.accept().")
        if self.is_closed:
            raise WebSocketDisconnect(1006, "It was closed before this receive.")
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self.is_closed = True
            raise WebSocketDisconnect(message.get("code") or 1005, message.get("reason") or "")
        text = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def receive_text(self) -> str:
        """Return the next message as text; bytes are decoded as UTF-8."""
        data = await self.receive()
        return data if isinstance(data, str) else data.decode()

    async def receive_bytes(self) -> bytes:
        """Return the next message as bytes; text is encoded as UTF-8."""
        data = await self.receive()
        return data if isinstance(data, bytes) else data.encode()

    async def receive_json(self) -> object:
        """Return the next message, decoded from JSON.

        Raises:
            ValueError: When it is not JSON.
        """
        return msgspec.json.decode(await self.receive())

    async def iter_text(self) -> AsyncIterator[str]:
        """Iterate over messages as text until the client closes the connection."""
        try:
            while True:
                yield await self.receive_text()
        except WebSocketDisconnect:
            return

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over messages as bytes until the client closes the connection."""
        try:
            while True:
                yield await self.receive_bytes()
        except WebSocketDisconnect:
            return

    async def iter_json(self) -> AsyncIterator[object]:
        """Iterate over messages, decoded from JSON, until the client closes the connection."""
        try:
            while True:
                yield await self.receive_json()
        except WebSocketDisconnect:
            return

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._emit({"type": "websocket.send", "text": data})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._emit({"type": "websocket.send", "bytes": data})

    async def send_json(self, data: object) -> None:
        """Send a value as a text message of JSON."""
        await self.send_text(msgspec.json.encode(data).decode())

    async def _emit(self, message: Message) -> None:
        if not self.is_accepted:
            raise RuntimeError("Accept this WebSocket first: await websocket.accept().")
        if self.is_closed:
            raise WebSocketDisconnect(1006, "It was closed before this send.")
        try:
            await self._send(message)
        except OSError as exc:
            self.is_closed = True
            raise WebSocketDisconnect(1006) from exc

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, or refuse the handshake when it was not accepted yet.

        Args:
            code: The close code (RFC 6455, section 7.4).
            reason: At most 123 bytes of UTF-8 for the client.
        """
        if self.is_closed:
            return
        self.is_closed = True
        await self._connect()
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def refuse(self, response: Response) -> None:
        """Refuse the handshake with an HTTP answer.

        Servers without the `websocket.http.response` extension of ASGI answer 403.

        Args:
            response: The answer.
        """
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.close(1008)
            return
        await self._connect()
        self.is_closed = True

        async def send(message: Message) -> None:
            await self._send({**message, "type": f"websocket.{message['type']}"})

        await response.emit(send)
