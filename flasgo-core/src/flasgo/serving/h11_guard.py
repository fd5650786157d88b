"""uvicorn's protocol on h11, guarded."""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from flasgo.serving.guard import MALFORMED, TOO_LARGE, ConnectionGuard, TooLargeError
from flasgo.serving.request_target import BadTargetError, absolute_target, hosts_replaced

__all__ = ["GuardedH11"]


class _GuardedConnection(h11.Connection):
    """h11's side of the connection: tells the protocol what it finds.

    Args:
        protocol: The protocol that reads from it.
        limit: How many bytes a head, a chunk's head or all trailers may have.
    """

    def __init__(self, protocol: GuardedH11, limit: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=limit)
        self._protocol = protocol
        self._has_failed_in_head = False
        self.error_status = 400

    @property
    def is_reading_head(self) -> bool:
        """Whether the next thing to come is a head, or it has failed in one."""
        return self.their_state is h11.IDLE or self._has_failed_in_head

    # Any: h11 returns events and two markers.
    def next_event(self) -> Any:
        """Return the next event, with a target in origin form.

        Raises:
            h11.RemoteProtocolError: When the client does not keep to HTTP, or to a bound.
        """
        was_in_head = self.their_state is h11.IDLE
        try:
            event = super().next_event()
            if isinstance(event, h11.Data):
                self._protocol.count_body(len(event.data))
            elif isinstance(event, h11.Request):
                return self._protocol.begin_request(event)
            elif isinstance(event, h11.EndOfMessage):
                self._protocol.count_trailers(event.headers)
        except (TooLargeError, BadTargetError, h11.ProtocolError) as error:
            self._has_failed_in_head = was_in_head
            if isinstance(error, TooLargeError):
                self.error_status = 431
            elif isinstance(error, h11.RemoteProtocolError):
                self.error_status = error.error_status_hint
                raise
            raise h11.RemoteProtocolError(str(error), self.error_status) from error
        return event


class GuardedH11(ConnectionGuard, H11Protocol):
    """An HTTP connection that is parsed by h11."""

    # Any: these are uvicorn's own arguments, passed on untouched.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: _GuardedConnection = _GuardedConnection(self, self._head_limit)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        H11Protocol.data_received(self, data)
        if self.cycle is before:
            # What comes in while an answer is under way waits in the buffer, and reading stops.
            self._watch(0 if self.conn.their_state is h11.DONE else len(data))
        elif self._head_timer is not None:
            self._stop_timer()

    def begin_request(self, event: h11.Request) -> h11.Request:
        """Begin to count anew, and return the request with a target in origin form.

        Args:
            event: The request as it came.

        Raises:
            BadTargetError: When its target has a form that is not served here.
            h11.RemoteProtocolError: When it says in two ways where its body ends.
        """
        self._loose_bytes = self._body_bytes = 0
        self._trailers.reset()
        # SECURITY: a proxy may go by the other one, and see another request behind the body (RFC
        # 9112, section 6.1; CWE-444). httptools refuses it too.
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in event.headers}:
            raise h11.RemoteProtocolError("A body has a length or is chunked, not both.")
        if event.method == b"CONNECT":
            raise BadTargetError("CONNECT is not served here.")
        if event.target[:1] == b"/" and b"#" not in event.target:
            return event
        target, authority = absolute_target(event.target, event.method)
        headers = list(event.headers)
        if authority is not None:
            is_old = event.http_version == b"1.0"
            headers = hosts_replaced(headers, authority, may_lack_host=is_old)
        return h11.Request(
            method=event.method,
            headers=headers,
            target=target,
            http_version=event.http_version,
        )

    def count_body(self, size: int) -> None:
        """Count a piece of the body.

        Args:
            size: How many bytes it has.
        """
        self._body_bytes += size

    def count_trailers(self, fields: Any) -> None:
        """Count the fields after the body, which uvicorn drops.

        Args:
            fields: h11's list of them.

        Raises:
            TooLargeError: When they exceed the bound.
        """
        for field in fields:
            self._trailers.append(field)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Let the protocol for WebSockets take over.

        Args:
            event: The handshake.
        """
        if self._may_hand_over():
            H11Protocol.handle_websocket_upgrade(self, event)
            self._check_handshake()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        self._refuse(TOO_LARGE if self.conn.error_status == 431 else MALFORMED)

    def _is_reading_head(self) -> bool:
        return self.conn.is_reading_head

    def _has_begun_head(self) -> bool:
        return self.conn.is_reading_head and bool(self.conn.trailing_data[0])

    def _has_queued_requests(self) -> bool:
        return False  # the next request stays in the buffer until the answer is complete
