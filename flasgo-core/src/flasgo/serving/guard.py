"""Bounds for HTTP connections: heads in time and size, and what is neither head nor body.

uvicorn bounds neither the time nor (with httptools) the size of a request's head, so a client
that sends one header a minute would hold a connection for ever. With httptools it also takes the
trailers of a chunked body for headers, without a bound.
"""

from __future__ import annotations

import asyncio
from typing import Any

from flasgo.settings.settings import CORE_SETTINGS

__all__ = ["MALFORMED", "TOO_LARGE", "ConnectionGuard", "TooLargeError", "Trailers"]

_DEFAULTS = {spec.name: spec.default for spec in CORE_SETTINGS}
# How much of a request that is too large is thrown away, and for how long, before the connection
# ends.
_MOST_DISCARDED = 16 * 1024 * 1024
_DISCARDING_SECONDS = 1.0
# Chunks of one byte take five bytes more than their content; extensions add to that.
_FRAMING_PER_BODY_BYTE = 8

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)
MALFORMED = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 30\r\nconnection: close\r\n\r\nInvalid HTTP request received."
)


class TooLargeError(ValueError):
    """Raised inside a parser when trailers exceed their bound."""


class Trailers:
    """Takes the fields after a body, counts them, and keeps none.

    SECURITY: a field after the head is not a header (RFC 9110, section 6.5.1). A proxy in front has
    looked at the headers, not at these.

    Args:
        limit: How many bytes the fields of one request may have.
    """

    __slots__ = ("_left", "_limit", "count")

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit
        self.count = 0

    @property
    def is_too_large(self) -> bool:
        """Whether the bound has been exceeded."""
        return self._left < 0

    def append(self, field: tuple[bytes, bytes]) -> None:
        """Count a field, in place of the list of headers.

        Raises:
            TooLargeError: When all fields together exceed the bound.
        """
        self.count += 1
        self._left -= len(field[0]) + len(field[1])
        if self._left < 0:
            raise TooLargeError(f"The trailers are larger than {self._limit} bytes.")

    def reset(self) -> None:
        """Begin with the next request."""
        self.count = 0
        self._left = self._limit


class ConnectionGuard(asyncio.Protocol):
    """The part of a guarded HTTP connection that does not depend on the parser.

    Between two complete heads, a connection takes at most `MAX_REQUEST_HEAD_BYTES` that are no
    body: the next head, trailers, chunk sizes and extensions, blank lines. A head has to be
    complete within `REQUEST_READ_TIMEOUT_SECONDS`. Bodies are bounded by the app itself, under any
    server.
    """

    # What the protocols of uvicorn have.
    app: Any
    cycle: Any
    flow: Any
    loop: asyncio.AbstractEventLoop
    scope: Any
    transport: asyncio.Transport

    # Any: these are uvicorn's own arguments, passed on untouched.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = getattr(self.app, "settings", _DEFAULTS)
        self._head_seconds: float = settings["REQUEST_READ_TIMEOUT_SECONDS"]
        self._head_limit: int = settings["MAX_REQUEST_HEAD_BYTES"]
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_upgraded = False
        self._trailers = Trailers(self._head_limit)
        # Since the last complete head: bytes that are no body, less what framing may take.
        self._loose_bytes = 0
        # Bytes of the body in the segment that is being parsed.
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._start_timer()

    def shutdown(self) -> None:
        """Begin the end of the connection: the server stops, and waits for requests under way."""
        super().shutdown()  # ty: ignore[missing-attribute]
        # Those that would never end are ended; once for each connection, which does no harm.
        end_streams = getattr(self.app, "end_streams", None)
        if end_streams is not None:
            end_streams()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _may_hand_over(self) -> bool:
        """Prepare for the protocol for WebSockets to take over.

        Refuse what cannot be a handshake: one with a body, or of HTTP/1.0 (RFC 6455, 4.1).
        """
        self._is_upgraded = True
        self._stop_timer()
        has_body = any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.scope["headers"]
        )
        if has_body or self.scope["http_version"] == "1.0":
            self._refuse(MALFORMED)
            return False
        return True

    def _check_handshake(self) -> None:
        """Refuse a handshake that the protocol for WebSockets has not taken up.

        It leaves one that it cannot parse, such as one with more than 128 headers, without an
        answer, and the connection open.
        """
        protocol = self.transport.get_protocol()
        if not getattr(protocol, "handshake_initiated", True) and not self.transport.is_closing():
            self.transport.write(MALFORMED)
            self.transport.close()

    def _is_reading_head(self) -> bool:
        """Whether the next head is under way, or the first one has not begun."""
        raise NotImplementedError

    def _has_begun_head(self) -> bool:
        """Whether part of the next head has come."""
        raise NotImplementedError

    def _has_queued_requests(self) -> bool:
        """Whether requests wait for the answer to the one before."""
        raise NotImplementedError

    def _watch(self, received: int) -> None:
        """Look at a segment that did not complete a head.

        Args:
            received: Its size in bytes; 0 where part of it belongs to a head that is complete.
        """
        if self._is_upgraded or self.transport.is_closing():
            self._stop_timer()
            return
        credit = self._body_bytes * (1 + _FRAMING_PER_BODY_BYTE)
        self._body_bytes = 0
        self._loose_bytes = max(0, self._loose_bytes + received - credit)
        is_reading = self._is_reading_head()
        if self._loose_bytes > self._head_limit:
            self._refuse(TOO_LARGE if is_reading else MALFORMED)
        elif self._is_in_flight() and not is_reading:
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def _is_in_flight(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._time_is_up)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _time_is_up(self) -> None:
        # A browser opens connections ahead of need: those that never spoke are closed in silence.
        self._refuse(_TOO_SLOW if self._has_begun_head() else b"")

    def _refuse(self, answer: bytes) -> None:
        """End the connection, with an answer where the request being read can still have one."""
        self._stop_timer()
        transport = self.transport
        if transport.is_closing():
            return
        if not answer or not self._may_answer():
            transport.close()
            return
        if self._is_in_flight():
            # The app learns that the client has gone, and what it sends is not written.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        transport.write(answer)
        if answer is _TOO_SLOW:
            transport.close()
        else:
            self.flow.resume_reading()
            _Discarding(self, transport)

    def _may_answer(self) -> bool:
        """Whether nothing but the answer to the request being read would be next on the wire.

        SECURITY: an answer more than there are requests is taken for the answer to the next
        request by a proxy that keeps its connections (CWE-444).
        """
        cycle = self.cycle
        if self._is_reading_head() or cycle is None or cycle.scope is not self.scope:
            return not self._is_in_flight()
        return bool(
            cycle.more_body
            and not cycle.response_started
            and not cycle.disconnected
            and not self._has_queued_requests()
        )


class _Discarding(asyncio.Protocol):
    """Takes over a connection that has been answered, until the client has stopped sending.

    Closing it at once would reset it, and the reset overtake the answer (RFC 9112, section 9.6).

    Args:
        before: The protocol that answered.
        transport: The connection.
    """

    def __init__(self, before: ConnectionGuard, transport: asyncio.Transport) -> None:
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
