"""The end of a WebSocket whose client is still sending what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

try:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
except ImportError:  # without websockets, uvicorn takes wsproto or refuses handshakes
    WebSocketsSansIOProtocol = None

__all__ = ["websocket_protocol"]

if TYPE_CHECKING:
    _Base = Any
else:
    _Base = WebSocketsSansIOProtocol or object

# A client that pauses longer than this (seconds) has nothing more on its way.
_PAUSE = 0.25
_MOST_SECONDS = 2.0
_MOST_BYTES = 16 * 1024 * 1024


class _LingeringWebSocket(_Base):
    """uvicorn's protocol, which reads on for a moment when it has refused what a client sends.

    A connection that is closed while bytes come in is reset, and the reset overtakes the close
    frame: a browser whose message was too large learns 1006 in place of 1009.

    SECURITY: bounded in bytes and in time; what comes is thrown away.
    """

    _left = 0
    _deadline = 0.0

    async def run_asgi(self) -> None:
        """Call the app; a denial that it has sent is an answer, and not an error in the log."""
        app = self.app

        async def noting_denial(*args: Any) -> object:
            try:
                return await app(*args)
            finally:
                if self.initial_response is not None and self.close_sent:
                    self.handshake_complete = True

        self.app = noting_denial
        await super().run_asgi()

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, or throw it away after the end."""
        if not self._deadline:
            super().data_received(data)
            return
        self._left -= len(data)
        self._wait()

    def handle_parser_exception(self) -> None:
        """Send the close frame, and close when the client has stopped sending."""
        sent = self.conn.close_sent
        if sent is None or self.transport.is_closing():
            super().handle_parser_exception()
            return
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._left = _MOST_BYTES
        self._deadline = self.loop.time() + _MOST_SECONDS
        self._wait()

    def _wait(self) -> None:
        """Close after a pause; at once when the client has had enough time and bytes.

        While there is a timer, the end of the app does not close the connection.
        """
        if self.close_timer is not None:
            self.close_timer.cancel()
        seconds = min(_PAUSE, self._deadline - self.loop.time())
        if self._left < 0 or seconds <= 0:
            seconds = 0.0
        self.close_timer = self.loop.call_later(seconds, self.transport.close)


def websocket_protocol() -> Any:
    """Return what uvicorn is to use for WebSockets."""
    if WebSocketsSansIOProtocol is None or AutoWebSocketsProtocol is not WebSocketsSansIOProtocol:
        return "auto"
    return _LingeringWebSocket
