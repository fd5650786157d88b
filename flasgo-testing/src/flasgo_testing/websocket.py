"""WebSocket sessions of the test client, for plain and for awaited tests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2

from .errors import WebSocketDeniedError

if TYPE_CHECKING:
    from .transport import AppTransport
    from .websocket_exchange import Handshake, WebSocketExchange

__all__ = ["AsyncWebSocketSession", "WebSocketSession"]

T = TypeVar("T")
_Step = Callable[[], Coroutine[None, None, T]]

_SILENT = "sent no message"
_STAYS = "did not end after the client had left"


class _Session:
    """What both kinds of session know about their connection.

    Attributes:
        subprotocol: The one that the app chose, or None.
        headers: The headers that the app accepted the handshake with.
    """

    subprotocol: str | None
    headers: httpx2.Headers

    def __init__(
        self,
        transport: AppTransport,
        exchange: WebSocketExchange,
        request: httpx2.Request,
        seconds: float | None,
    ) -> None:
        self._transport = transport
        self._exchange = exchange
        self._request = request
        self._seconds = seconds
        self.subprotocol = None
        self.headers = httpx2.Headers()

    def _opened(self, handshake: Handshake) -> httpx2.Response:
        self.subprotocol, raw = handshake
        response = httpx2.Response(101, headers=raw, request=self._request)
        self.headers = response.headers
        return response

    def _refused(self, error: WebSocketDeniedError) -> httpx2.Response:
        error.response.request = self._request
        return error.response

    def _bound(self, timeout: float | None) -> float | None:
        return self._seconds if timeout is None else timeout


class WebSocketSession(_Session):
    """An open WebSocket, from `with client.websocket_connect(url) as websocket`.

    Every wait is bounded by the client's timeout, or by the one of the call.
    """

    def connect(self) -> httpx2.Response:
        """Open the connection; the client does this when the block is entered."""
        try:
            return self._opened(self._take(self._exchange.connect, self._seconds, ends_app=True))
        except WebSocketDeniedError as error:
            self._refused(error)
            raise

    def receive(self, timeout: float | None = None) -> str | bytes:
        """Return the app's next message, text as str and binary as bytes.

        Args:
            timeout: Seconds to wait; the client's timeout when left out.

        Raises:
            WebSocketClosedError: When the app has closed the connection.
            AppTimeoutError: When no message came in time; the connection stays open.
            Exception: What the app raised, unless `raise_server_exceptions=False`.
        """
        return self._take(self._exchange.receive, self._bound(timeout), missed=_SILENT)

    def receive_text(self, timeout: float | None = None) -> str:
        """Return the app's next message, which has to be text. Raises like `receive`."""
        return _text(self.receive(timeout))

    def receive_bytes(self, timeout: float | None = None) -> bytes:
        """Return the app's next message, which has to be binary. Raises like `receive`."""
        return _bytes(self.receive(timeout))

    def receive_json(self, timeout: float | None = None) -> Any:
        """Return the app's next message, decoded from JSON. Raises like `receive`."""
        return json.loads(self.receive(timeout))

    def send(self, data: str | bytes) -> None:
        """Send a message: str as text, bytes as binary.

        Raises:
            WebSocketClosedError: When the connection is closed.
        """
        _check(data, (str, bytes))
        self._take(lambda: self._exchange.send(data), self._seconds)

    def send_text(self, data: str) -> None:
        """Send a text message. Raises like `send`."""
        _check(data, (str,))
        self.send(data)

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message. Raises like `send`."""
        _check(data, (bytes,))
        self.send(data)

    def send_json(self, data: object) -> None:
        """Send a value as a text message of JSON. Raises like `send`."""
        self.send(json.dumps(data))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; the app gets the code and the reason.

        Args:
            code: The close code (RFC 6455, section 7.4).
            reason: Text for the app.
        """
        self._take(lambda: self._exchange.close(code, reason), self._seconds)

    def finish(self) -> None:
        """Close, and wait for the app to end; the client does this when the block is left.

        Raises:
            AppTimeoutError: When it does not end in time; it is cancelled then.
            Exception: What the app raised, unless `raise_server_exceptions=False`.
        """
        self.close()
        self._take(self._exchange.finish, self._seconds, missed=_STAYS, ends_app=True)

    def _take(
        self,
        step: _Step[T],
        seconds: float | None,
        *,
        missed: str = "was not answered",
        ends_app: bool = False,
    ) -> T:
        return self._transport.take(self._exchange, seconds, step, missed=missed, ends_app=ends_app)


class AsyncWebSocketSession(_Session):
    """The same for `async with client.awebsocket_connect(url) as websocket`."""

    async def connect(self) -> httpx2.Response:
        """Open the connection; the client does this when the block is entered."""
        try:
            handshake = await self._take(self._exchange.connect, self._seconds, ends_app=True)
        except WebSocketDeniedError as error:
            self._refused(error)
            raise
        return self._opened(handshake)

    async def receive(self, timeout: float | None = None) -> str | bytes:  # noqa: ASYNC109
        """Return the app's next message; see `WebSocketSession.receive`."""
        return await self._take(self._exchange.receive, self._bound(timeout), missed=_SILENT)

    async def receive_text(self, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """Return the app's next message, which has to be text."""
        return _text(await self.receive(timeout))

    async def receive_bytes(self, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return the app's next message, which has to be binary."""
        return _bytes(await self.receive(timeout))

    async def receive_json(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Return the app's next message, decoded from JSON."""
        return json.loads(await self.receive(timeout))

    async def send(self, data: str | bytes) -> None:
        """Send a message: str as text, bytes as binary."""
        _check(data, (str, bytes))
        await self._take(lambda: self._exchange.send(data), self._seconds)

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        _check(data, (str,))
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        _check(data, (bytes,))
        await self.send(data)

    async def send_json(self, data: object) -> None:
        """Send a value as a text message of JSON."""
        await self.send(json.dumps(data))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; the app gets the code and the reason."""
        await self._take(lambda: self._exchange.close(code, reason), self._seconds)

    async def finish(self) -> None:
        """Close, and wait for the app to end; see `WebSocketSession.finish`."""
        await self.close()
        await self._take(self._exchange.finish, self._seconds, missed=_STAYS, ends_app=True)

    def _take(
        self,
        step: _Step[T],
        seconds: float | None,
        *,
        missed: str = "was not answered",
        ends_app: bool = False,
    ) -> Awaitable[T]:
        return self._transport.atake(
            self._exchange, seconds, step, missed=missed, ends_app=ends_app
        )


def _check(data: object, kinds: tuple[type, ...]) -> None:
    if not isinstance(data, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"This message has to be {names}, got {type(data).__name__}: {data!r}.")


def _text(data: str | bytes) -> str:
    if isinstance(data, str):
        return data
    raise TypeError(f"The app sent a binary message, {data[:80]!r}: read it with receive_bytes().")


def _bytes(data: str | bytes) -> bytes:
    if isinstance(data, bytes):
        return data
    raise TypeError(f"The app sent a text message, {data[:80]!r}: read it with receive_text().")
