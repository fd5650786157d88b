"""uvicorn's HTTP protocol with the head guarded: slow ones are cut, endless ones refused.

uvicorn bounds neither the time nor (with httptools) the size of a request's head, so a client
that sends one header a minute would hold a connection for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from flasgo.settings import CORE_SETTINGS

__all__ = ["GuardedProtocol"]

_DEFAULTS = {spec.name: spec.default for spec in CORE_SETTINGS}
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


# Any: the base is whichever parser is installed, and uvicorn types neither its arguments.
class GuardedProtocol(AutoHTTPProtocol):
    """An HTTP connection whose next request head must be complete in time and in size.

    The bounds are the app's `REQUEST_READ_TIMEOUT_SECONDS` and `MAX_REQUEST_HEAD_BYTES`; bodies
    are bounded by the app itself, under any server.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = getattr(self.app, "settings", _DEFAULTS)
        self._head_seconds = settings["REQUEST_READ_TIMEOUT_SECONDS"]
        self._head_limit = settings["MAX_REQUEST_HEAD_BYTES"]
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # PERF: a request whose head comes in one piece, as nearly all do, costs two tests here;
        # the timer is for the others.
        super().data_received(data)
        cycle = self.cycle
        if self._is_upgraded or (cycle is not None and not cycle.response_complete):
            if self._head_timer is not None:
                self._stop_timer()
            return
        self._head_bytes += len(data)
        if self._head_timer is None:
            self._start_timer()
        if self._head_bytes > self._head_limit:
            self._refuse(_TOO_LARGE)

    def handle_websocket_upgrade(self, *args: Any) -> None:
        self._is_upgraded = True
        self._stop_timer()
        super().handle_websocket_upgrade(*args)

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._time_is_up)

    def _stop_timer(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _time_is_up(self) -> None:
        # A browser opens connections ahead of need: those that never spoke are closed in silence.
        self._refuse(_TOO_SLOW if self._head_bytes else b"")

    def _refuse(self, answer: bytes) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
