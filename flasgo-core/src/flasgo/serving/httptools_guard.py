"""uvicorn's protocol on httptools, guarded."""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from flasgo.serving.guard import MALFORMED, TOO_LARGE, ConnectionGuard
from flasgo.serving.request_target import BadTargetError, absolute_target, hosts_replaced

__all__ = ["GuardedHttpTools"]


class _NoCycle:
    """Stands in for the cycle of a request whose head is parsed again."""

    response_complete = True


class GuardedHttpTools(ConnectionGuard, HttpToolsProtocol):
    """An HTTP connection that is parsed by httptools."""

    parser: Any  # uvicorn has None here once the connection is lost; nothing is parsed then
    cycle: Any
    headers: Any

    _must_parse_again = False

    def data_received(self, data: bytes) -> None:
        # PERF: nearly every head comes in one piece and makes a new cycle; that costs two tests
        # here and no timer.
        before = self.cycle
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._take_upgrade(data, upgrade.args[0])
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)
            return
        if self.cycle is before:
            self._watch(len(data))
        elif self.cycle.scope is not self.scope:
            self._watch(0)
        elif self._head_timer is not None:
            self._stop_timer()

    def on_headers_complete(self) -> None:
        """Start the request, with its headers as they are now."""
        self._loose_bytes = self._body_bytes = 0
        if self._trailers.count:
            self._trailers.reset()
        # SECURITY: a fragment is none of a request target; it would hide from rules of a proxy
        # that compare whole paths.
        target = self.url
        if target[:1] != b"/" or b"#" in target:
            self._read_target()
        if self.parser.should_upgrade() and self._is_upgrade():
            return
        self._begin_cycle()
        # SECURITY: the scope keeps the list of headers; what the parser finds from here on goes
        # elsewhere.
        self.headers = self._trailers

    def _begin_cycle(self) -> None:
        HttpToolsProtocol.on_headers_complete(self)

    def on_body(self, body: bytes) -> None:
        """Count and pass on a piece of the body."""
        self._body_bytes += len(body)
        HttpToolsProtocol.on_body(self, body)

    def handle_websocket_upgrade(self) -> None:
        """Let the protocol for WebSockets take over."""
        if self._may_hand_over():
            HttpToolsProtocol.handle_websocket_upgrade(self)
            self._check_handshake()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        # httptools takes no address of more than 64 KiB, and calls it malformed.
        is_large = self._trailers.is_too_large or len(getattr(self, "url", b"")) > self._head_limit
        self._refuse(TOO_LARGE if is_large else MALFORMED)

    def _is_reading_head(self) -> bool:
        # The parser begins a scope with the first byte of a head; its end makes a cycle.
        return self.scope is None or self.cycle is None or self.cycle.scope is not self.scope

    def _has_begun_head(self) -> bool:
        return self._is_reading_head() and (self.scope is not None or self._loose_bytes > 0)

    def _has_queued_requests(self) -> bool:
        return bool(self.pipeline)

    def _read_target(self) -> None:
        self.url, authority = absolute_target(self.url, self.parser.get_method())
        if authority is not None:
            is_old = self.parser.get_http_version() == "1.0"
            self.headers[:] = hosts_replaced(self.headers, authority, may_lack_host=is_old)

    # --- requests that offer another protocol ----------------------------------------------------

    def _is_upgrade(self) -> bool:
        """Look at a request for which httptools has set its mind on another protocol."""
        if self.parser.get_method() == b"CONNECT":
            raise BadTargetError("CONNECT is not served here.")
        if not self._should_upgrade():
            # SECURITY: an offer that is not taken up leaves an ordinary request, body included.
            # httptools would take its body for the next request (CWE-444).
            self._must_parse_again = True
            self._cycle_before = self.cycle
            self.cycle = _NoCycle()
            return True
        HttpToolsProtocol.on_headers_complete(self)
        return True

    def _take_upgrade(self, data: bytes, offset: int) -> None:
        """Go on behind a head that offers another protocol, which ends at this offset."""
        rest = memoryview(data)[offset:]
        while self._must_parse_again:
            self._must_parse_again = False
            self.cycle = self._cycle_before
            headers = self.headers
            version = self.parser.get_http_version().encode()
            lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
            lines += [b"%s: %s" % field for field in _without_upgrade(headers)]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))
            self.scope["headers"][:] = headers
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            else:
                return
        self.handle_websocket_upgrade()


def _without_upgrade(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers without the offer of another protocol."""
    kept = []
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join([option for option in options if option.lower() != b"upgrade"])
        if name != b"upgrade":
            kept.append((name, value))
    return kept
