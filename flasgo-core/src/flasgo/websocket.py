"""WebSocket connections."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from flasgo.asgi import Message, Receive, Scope, Send
from flasgo.errors import FlasgoError, type_name
from flasgo.http.headers import checked_raw, encode_header
from flasgo.http.json import decode as decode_json, encode as encode_json
from flasgo.lazy_import import lazy_import
from flasgo.requests.connection import Connection

if TYPE_CHECKING:
    import asyncio

    from flasgo.app import Flasgo
    from flasgo.responses.response import Response
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["LONGEST_REASON", "WebSocket", "WebSocketDisconnect"]

_logger = logging.getLogger("flasgo.app")

# RFC 6455, section 7.4, and the IANA registry: what an endpoint may send. 1005, 1006 and 1015
# only ever stand for a close frame without a code, or for none at all.
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
LONGEST_REASON = 123
"""The bytes of a close reason: a control frame holds 125, and the code takes two."""

# A handler that sends this often without receiving is not in a conversation.
_LONGEST_SPEECH = 4
_LISTENING = float("inf")  # while it receives, there is no need to look out
_MOST_AHEAD = 8
# SECURITY: a handler that sends and a server that takes it never need to wait. They would keep the
# event loop to themselves, and the app would not learn that the client has left (CWE-400).
_SENT_IN_A_ROW = 16

_INVALID_DATA, _POLICY_VIOLATION, _TOO_BIG = 1007, 1008, 1009

_KINDS = "send_text is for str, send_bytes for bytes, send_json for anything else"


class WebSocketDisconnect(FlasgoError):
    """Raised when a WebSocket is used after it was closed, by the client or for breaking a rule.

    A handler need not catch it.

    Attributes:
        code: The close code (RFC 6455, section 7.4).
        reason: What was given as reason.
    """

    def __init__(self, code: int = 1005, reason: str = "") -> None:
        super().__init__(f"The WebSocket was closed with code {code}. {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocket(Connection):
    """A WebSocket connection. What applies to a request's head applies to its handshake.

    Messages are bounded in size and number: by the route's `max_message_bytes` and
    `max_messages_per_second`, else by the settings. A client that breaks a bound is closed with
    1009 or 1008, and the next `receive` raises WebSocketDisconnect.

    Args:
        app: The app.
        scope: The ASGI scope.
        receive: The ASGI receive callable.
        send: The ASGI send callable.
        head: The first value of each header, by lower-case name.
    """

    is_accepted: bool
    is_closed: bool

    def __init__(
        self, app: Flasgo, scope: Scope, receive: Receive, send: Send, head: dict[bytes, bytes]
    ) -> None:
        super().__init__(app, scope, receive, head)
        self._send = send
        self._connected = False
        self._max_bytes = 0  # not known before the first message
        self._sent = 0
        self._sent_when_heard: float = 0  # what `_sent` was at the last receive
        self._lookout: _Lookout | None = None
        self._budget: _Budget | None = None
        self._on_accept: Callable[[WebSocket], Awaitable[None]] | None = None
        self._own_code: int | None = None  # what we have closed it with
        self._ending: tuple[int, str] | None = None  # close code and reason, once they are known
        self.is_accepted = False
        self.is_closed = False

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, in its order of preference."""
        return list(self.scope.get("subprotocols") or ())

    # --- Opening ----------------------------------------------------------------------------

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Accept the handshake.

        Args:
            subprotocol: One of those that the client offers; None chooses none.
            headers: Extra headers of the handshake's answer.

        Raises:
            RuntimeError: When the connection was accepted or closed before.
            ValueError: When the client does not offer the subprotocol, or a header is not fit to
                be sent.
            WebSocketDisconnect: When the client has gone.
        """
        if self.is_accepted or self.is_closed:
            raise RuntimeError("This WebSocket is accepted or closed already; accept it once.")
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(
                f"The client does not offer the subprotocol {subprotocol!r}, and would fail the "
                f"connection. It offers: {', '.join(self.subprotocols) or 'none'}."
            )
        encoded = [encode_header(name, value) for name, value in headers]
        await self._connect()
        self._find_bounds()
        # Set first: whatever comes of the sending, a second answer would be an error.
        self.is_accepted = True
        await self._emit(
            {"type": "websocket.accept", "subprotocol": subprotocol, "headers": encoded}
        )
        if self._on_accept is not None:
            await self._on_accept(self)

    async def _connect(self) -> None:
        """Take the server's announcement of the handshake, once."""
        if self._connected:
            return
        self._connected = True
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise self._gone(message)

    def _code_at_end(self, unknown: int) -> int:
        """Return the close code with which the connection has ended."""
        if self._ending is not None:
            return self._ending[0]
        return unknown if self._own_code is None else self._own_code

    def _gone(self, message: Message) -> WebSocketDisconnect:
        self.is_closed = True
        self._ending = (message.get("code") or 1005, message.get("reason") or "")
        return WebSocketDisconnect(*self._ending)

    # --- Receiving --------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnect: When the connection is closed: by the client, or because the
                message broke a bound.
            RuntimeError: When the connection is not accepted.
        """
        if not self.is_accepted:
            raise RuntimeError("Accept this WebSocket first: await websocket.accept().")
        if self.is_closed:
            raise WebSocketDisconnect(*self._ending or (1006, "It was closed before this receive."))
        self._sent_when_heard = _LISTENING
        try:
            if self._lookout is None:
                message = await self._receive()
            else:
                message = await self._lookout.next()
        finally:
            self._sent_when_heard = self._sent
        if message["type"] == "websocket.disconnect":
            raise self._gone(message)
        data = _data_of(message)
        # PERF: what is short enough in any encoding needs no closer look.
        if self._budget is not None or len(data) * 4 > self._max_bytes:
            await self._hold_to_bounds(data)
        return data

    async def _hold_to_bounds(self, data: str | bytes) -> None:
        if not self._max_bytes:
            self._find_bounds()
        if _size_above(data, self._max_bytes):
            await self._break_off(_TOO_BIG, f"A message has at most {self._max_bytes} bytes.")
        if self._budget is not None and not self._budget.take():
            await self._break_off(_POLICY_VIOLATION, "Too many messages; send fewer per second.")

    def _find_bounds(self) -> None:
        settings, route = self.app.settings, self.route
        own_bytes = None if route is None else route.max_message_bytes
        own_rate = None if route is None else route.max_messages_per_second
        rate = settings.WEBSOCKET_MAX_MESSAGES_PER_SECOND if own_rate is None else own_rate
        self._max_bytes = own_bytes or settings.WEBSOCKET_MAX_MESSAGE_BYTES
        self._budget = None if rate is None else _Budget(rate)

    async def _break_off(self, code: int, reason: str) -> None:
        """Close the connection for what the client did; ends the handler as its leaving would."""
        await self.close(code, reason)
        self._ending = (code, reason)
        raise WebSocketDisconnect(code, reason)

    async def receive_text(self) -> str:
        """Return the next message as text; bytes are decoded as UTF-8.

        Raises:
            WebSocketDisconnect: As `receive`; with 1007 when bytes are not UTF-8.
        """
        data = await self.receive()
        if isinstance(data, str):
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            await self._break_off(_INVALID_DATA, "The message is not UTF-8.")
            raise

    async def receive_bytes(self) -> bytes:
        """Return the next message as bytes; text is encoded as UTF-8."""
        data = await self.receive()
        return data if isinstance(data, bytes) else data.encode()

    # `Any`: JSON is whatever the client sent.
    async def receive_json(self) -> Any:
        """Return the next message, decoded from JSON.

        To answer bad JSON rather than close the connection, decode what `receive` returns.

        Raises:
            WebSocketDisconnect: As `receive`; with 1007 when the message is not JSON.
        """
        data = await self.receive()
        try:
            return decode_json(data)
        except (ValueError, RecursionError):
            await self._break_off(_INVALID_DATA, "The message is not JSON.")
            raise

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over messages, text or bytes, until the connection is closed."""
        try:
            while True:
                yield await self.receive()
        except WebSocketDisconnect:
            return

    async def iter_text(self) -> AsyncIterator[str]:
        """Iterate over messages as text until the connection is closed."""
        try:
            while True:
                yield await self.receive_text()
        except WebSocketDisconnect:
            return

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over messages as bytes until the connection is closed."""
        try:
            while True:
                yield await self.receive_bytes()
        except WebSocketDisconnect:
            return

    # `Any`: as for `receive_json`.
    async def iter_json(self) -> AsyncIterator[Any]:
        """Iterate over messages, decoded from JSON, until the connection is closed."""
        try:
            while True:
                yield await self.receive_json()
        except WebSocketDisconnect:
            return

    # --- Sending ----------------------------------------------------------------------------

    async def send_text(self, data: str) -> None:
        """Send a text message; waits while the client reads too slowly.

        Raises:
            WebSocketDisconnect: When the connection is closed.
            TypeError: When `data` is not text.
        """
        if not isinstance(data, str):
            raise TypeError(f"send_text takes str, not {type_name(data)}; {_KINDS}.")
        await self._emit({"type": "websocket.send", "text": data})

    async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Send a binary message; waits while the client reads too slowly.

        Raises:
            WebSocketDisconnect: When the connection is closed.
            TypeError: When `data` is not bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"send_bytes takes bytes, not {type_name(data)}; {_KINDS}.")
        await self._emit({"type": "websocket.send", "bytes": bytes(data)})

    async def send_json(self, data: object) -> None:
        """Send a value as a text message of JSON.

        Raises:
            WebSocketDisconnect: When the connection is closed.
            TypeError: When something in the value cannot be encoded.
        """
        await self._emit({"type": "websocket.send", "text": encode_json(data).decode()})

    async def _emit(self, message: Message) -> None:
        if not self.is_accepted:
            raise RuntimeError("Accept this WebSocket first: await websocket.accept().")
        if self.is_closed:
            raise WebSocketDisconnect(*self._ending or (1006, "It was closed before this send."))
        self._sent += 1
        if self._sent - self._sent_when_heard > _LONGEST_SPEECH:
            await self._look_out()
        if not self._sent % _SENT_IN_A_ROW:
            await asyncio.sleep(0)
        try:
            await self._send(message)
        except OSError as exc:
            self.is_closed = True
            raise WebSocketDisconnect(1006) from exc

    async def _look_out(self) -> None:
        """Find out whether the client is still there while the handler only sends.

        Not every server says so when it is sent to; it always does when it is received from.
        """
        if self._lookout is None:
            self._lookout = _Lookout(self._receive, self._max_bytes)
        last = self._lookout.last
        if last is None:
            return
        if last["type"] == "websocket.disconnect":
            raise self._gone(last)
        if self._lookout.has_seen_too_much:
            await self._hold_to_bounds(_data_of(last))

    def _close(self) -> None:
        if self._lookout is not None:
            self._lookout.stop()

    # --- Closing ----------------------------------------------------------------------------

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, or refuse the handshake when it was not accepted yet.

        Does nothing when the connection is closed already, or the client has gone.

        Args:
            code: The close code (RFC 6455, section 7.4): 1000 to 1003, 1007 to 1014, or one of
                your own from 3000 to 4999.
            reason: At most 123 bytes of UTF-8 for the client.

        Raises:
            ValueError: When the code or the reason cannot be sent.
        """
        if code not in _CLOSE_CODES and not 3000 <= code <= 4999:
            raise ValueError(
                f"{code!r} is not a close code that can be sent; use 1000 to 1003, 1007 to 1014, "
                "or your own from 3000 to 4999."
            )
        if len(reason.encode()) > LONGEST_REASON:
            raise ValueError(f"A close reason has at most {LONGEST_REASON} bytes of UTF-8.")
        if self.is_closed:
            return
        try:
            await self._connect()
            self.is_closed = True
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
            self._own_code = code
        except (OSError, RuntimeError, WebSocketDisconnect):
            # Servers say in different ways that the client has gone.
            self.is_closed = True
            _logger.debug("The client left %r before it was closed.", self.path)

    async def _refuse(self, response: Response) -> None:
        """Refuse the handshake with an HTTP answer.

        Servers without the `websocket.http.response` extension of ASGI answer 403.

        Args:
            response: The answer.
        """
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.close(_POLICY_VIOLATION)
            return
        await self._connect()
        self.is_closed = True

        async def send(message: Message) -> None:
            await self._send({**message, "type": f"websocket.{message['type']}"})

        await response._emit(send)

    # --- On behalf of other apps ------------------------------------------------------------

    async def _next_message(self, *, is_bounded: bool = True) -> Message:
        """Return the next ASGI message, for an app that serves the connection in our place.

        Args:
            is_bounded: Whether messages are held to the bounds of the route.
        """
        message = await self._receive()
        kind = message["type"]
        if kind == "websocket.connect":
            self._connected = True
        elif kind == "websocket.disconnect":
            self._gone(message)
        elif is_bounded:
            try:
                await self._hold_to_bounds(_data_of(message))
            except WebSocketDisconnect as broken:
                return {"type": "websocket.disconnect", "code": broken.code}
        return message

    async def _pass_on(self, message: Message) -> None:
        """Send an ASGI message of an app that serves the connection in our place.

        Args:
            message: The message.

        Raises:
            OSError: When the connection is closed.
            ValueError: When a header of the handshake's answer is not fit to be sent.
        """
        kind = message["type"]
        if self.is_closed and kind in {"websocket.send", "websocket.close"}:
            raise OSError("The WebSocket is closed.")
        if kind == "websocket.accept":
            message = {**message, "headers": checked_raw(message.get("headers") or ())}
            self.is_accepted = True
        elif kind in {"websocket.close", "websocket.http.response.start"}:
            self.is_closed = True
        await self._send(message)


class _Lookout:
    """Receives ahead of a handler that only sends, up to a bound, to see the client leave.

    Args:
        receive: The ASGI receive callable.
        max_bytes: The size of a message behind which nothing more is received.

    Attributes:
        has_seen_too_much: Whether the last message is larger than that.
    """

    __slots__ = (
        "_arrived",
        "_has_room",
        "_max_bytes",
        "_messages",
        "_receive",
        "_task",
        "has_seen_too_much",
    )

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self.has_seen_too_much = False
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        message: Message = {"type": ""}
        try:
            while message["type"] != "websocket.disconnect" and not self.has_seen_too_much:
                message = await self._receive()
                self._messages.append(message)
                # What is kept here counts as well: the server lets through more than the app.
                self.has_seen_too_much = _size_above(_data_of(message), self._max_bytes)
                self._arrived.set()
                if len(self._messages) >= _MOST_AHEAD:
                    self._has_room.clear()
                    await self._has_room.wait()
        finally:
            self._arrived.set()

    @property
    def last(self) -> Message | None:
        """What has arrived last, if it was not received yet."""
        return self._messages[-1] if self._messages else None

    async def next(self) -> Message:
        """Return the next message."""
        while not self._messages:
            if self._task.done():
                self._task.result()  # the server's receive has failed: so does this one
            self._arrived.clear()
            await self._arrived.wait()
        self._has_room.set()
        message = self._messages[0]
        # The disconnect stays: nothing comes after it, and more than one may ask.
        return message if message["type"] == "websocket.disconnect" else self._messages.popleft()

    def stop(self) -> None:
        """Stop receiving."""
        self._task.cancel()


class _Budget:
    """How many messages a client may still send; refills with time, up to one second's worth.

    Args:
        rate: Messages per second.
    """

    __slots__ = ("_clock", "_left", "_most", "_rate", "_seen")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = self._left = max(1.0, rate)
        self._clock = asyncio.get_running_loop().time
        self._seen = self._clock()

    def take(self) -> bool:
        """Count a message; False when there is nothing left."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _data_of(message: Message) -> str | bytes:
    text = message.get("text")
    return text if text is not None else message.get("bytes") or b""


def _size_above(data: str | bytes, limit: int) -> bool:
    """Whether a message has more bytes than allowed; text counts in UTF-8, as it was sent."""
    if len(data) > limit:
        return True
    if isinstance(data, bytes) or len(data) * 4 <= limit or data.isascii():
        return False
    return len(data.encode(errors="surrogatepass")) > limit
