"""uvicorn's HTTP protocol with the head guarded: slow ones are cut, endless ones refused.

uvicorn bounds neither the time nor (with httptools) the size of a request's head, so a client
that sends one header a minute would hold a connection for ever.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from flasgo.settings.settings import CORE_SETTINGS

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as AutoHTTPProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["GuardedProtocol"]

_DEFAULTS = {spec.name: spec.default for spec in CORE_SETTINGS}
# How much of a head that is too large is thrown away, and for how long, before the connection ends.
_MOST_DISCARDED = 16 * 1024 * 1024
_DISCARDING_SECONDS = 1.0
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class GuardedProtocol(AutoHTTPProtocol):
    """An HTTP connection whose next request head must be complete in time and in size.

    The bounds are the app's `REQUEST_READ_TIMEOUT_SECONDS` and `MAX_REQUEST_HEAD_BYTES`; bodies
    are bounded by the app itself, under any server.
    """

    # Any: these are uvicorn's own arguments, passed on untouched.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = getattr(self.app, "settings", _DEFAULTS)
        self._head_seconds = settings["REQUEST_READ_TIMEOUT_SECONDS"]
        self._head_limit = settings["MAX_REQUEST_HEAD_BYTES"]
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def shutdown(self) -> None:
        """Begin the end of the connection: the server stops, and waits for requests under way."""
        super().shutdown()
        # Those that would never end are ended; once for each connection, which does no harm.
        end_streams = getattr(self.app, "end_streams", None)
        if end_streams is not None:
            end_streams()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # PERF: nearly every head comes in one piece and makes a new cycle; that costs two tests
        # here and no timer. The base is called by name, which is quicker than super().
        before = self.cycle
        AutoHTTPProtocol.data_received(self, data)
        if self.cycle is before or "method" not in self.scope:
            self._watch_head(len(data))
        elif self._head_timer is not None:
            self._stop_timer()

    def send_400_response(self, msg: str) -> None:
        # httptools takes no address of more than 64 KiB, and calls it malformed.
        if len(getattr(self, "url", b"")) > self._head_limit:
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def handle_websocket_upgrade(self, *args: Any) -> None:
        self._is_upgraded = True
        self._stop_timer()
        super().handle_websocket_upgrade(*args)

    def _watch_head(self, received: int) -> None:
        is_reading = self._is_reading_head()
        if self._is_upgraded or (self._is_in_flight() and not is_reading):
            self._stop_timer()
        elif self._head_timer is None:
            # The chunk in which a head begins is not counted: it may end the last body as well.
            self._start_timer()
        elif is_reading:
            self._head_bytes += received
            if self._head_bytes > self._head_limit:
                self._refuse(_TOO_LARGE)

    def _is_reading_head(self) -> bool:
        # The parser begins a scope with the first byte of a head and adds the method at its end.
        return self.scope is None or "method" not in self.scope

    def _is_in_flight(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._time_is_up)

    def _stop_timer(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _time_is_up(self) -> None:
        # A browser opens connections ahead of need: those that never spoke are closed in silence.
        has_begun = self._head_bytes or (self.scope is not None and self._is_reading_head())
        self._refuse(_TOO_SLOW if has_begun else b"")

    def _refuse(self, answer: bytes) -> None:
        self._stop_timer()
        transport = self.transport
        if transport.is_closing():
            return
        if self._is_in_flight():
            transport.close()
            return
        transport.write(answer)
        if answer is _TOO_LARGE:
            _Discarding(self, transport)
        else:
            transport.close()


class _Discarding(asyncio.Protocol):
    """Takes over a connection that has been answered, until the client has stopped sending.

    Closing it at once would reset it, and the reset overtake the answer (RFC 9112, section 9.6).

    Args:
        before: The protocol that answered.
        transport: The connection.
    """

    def __init__(self, before: GuardedProtocol, transport: asyncio.Transport) -> None:
        self._before = before
        self._transport = transport
        self._left = _MOST_DISCARDED
        transport.set_protocol(self)
        if transport.can_write_eof():  # TLS cannot, and has no need: its end comes with the close
            transport.write_eof()
        self._timer = before.loop.call_later(_DISCARDING_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._before.connection_lost(exc)
