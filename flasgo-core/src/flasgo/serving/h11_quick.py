"""The guarded protocol on h11 with cycles of our own: the same bytes as from uvicorn, in one write.

h11 checks and encodes every head itself, so header lines are not kept here.
"""

from __future__ import annotations

import asyncio
import logging
from types import FunctionType
from typing import Any

import h11
from uvicorn.protocols.http import h11_impl
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from flasgo.asgi import Message, Scope
from flasgo.serving.answer_cycle import MOST_JOINED, AnswerCycle, unexpected
from flasgo.serving.h11_guard import GuardedH11

__all__ = ["QuickH11"]


class _H11Cycle(AnswerCycle):
    """A request on a connection that h11 parses; takes the arguments of uvicorn's own cycle."""

    __slots__ = ("conn",)

    says_length = False

    def __init__(
        self,
        scope: Scope,
        conn: h11.Connection,
        transport: asyncio.Transport,
        flow: Any,
        logger: logging.Logger,
        access_logger: logging.Logger,
        access_log: bool,
        default_headers: list[tuple[bytes, bytes]],
        message_event: asyncio.Event,
        on_response: Any,
    ) -> None:
        super().__init__(
            scope,
            transport,
            flow,
            access_logger if access_log else None,
            default_headers,
            conn.they_are_waiting_for_100_continue,
            True,
            on_response,
            _forget,
        )
        self.conn = conn

    async def send(self, message: Message) -> None:
        """Write what the app sends; see `AnswerCycle.send`."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            if message["type"] != "http.response.start":
                raise unexpected("http.response.start", message)
            self.response_started = True
            self.waiting_for_100_continue = False
            self._begin(message)
        elif not self.response_complete:
            if message["type"] != "http.response.body":
                raise unexpected("http.response.body", message)
            self._go_on(message)
        else:
            raise unexpected(None, message)

    def _begin(self, message: Message) -> None:
        status = message["status"]
        headers = self.default_headers + list(message.get("headers", []))
        if CLOSE_HEADER in self.scope["headers"] and CLOSE_HEADER not in headers:
            headers = [*headers, CLOSE_HEADER]
        self.log_access(status)
        reason = STATUS_PHRASES[status]
        head = self.conn.send(h11.Response(status_code=status, headers=headers, reason=reason))
        if head is None:
            return
        # A head without a length is that of a stream, which may begin long before its first part.
        bodiless = self.scope["method"] == "HEAD" or status in (204, 304)
        if bodiless or any(name.lower() == b"content-length" for name, _ in headers):
            self.held = head
        else:
            self.transport.write(head)

    def _go_on(self, message: Message) -> None:
        body = b"" if self.scope["method"] == "HEAD" else message.get("body", b"")
        is_last = not message.get("more_body", False)
        content = self.conn.send(h11.Data(data=body)) or b""
        end = b""
        try:
            if is_last:
                self.response_complete = True
                self.set()
                end = self.conn.send(h11.EndOfMessage()) or b""
        finally:
            if len(content) > MOST_JOINED:
                self.flush()
                self.transport.write(content)
                self.transport.write(end)
            else:
                content, self.held = self.held + content + end, b""
                self.transport.write(content)
        if is_last:
            if self.conn.our_state is h11.MUST_CLOSE or not self.keep_alive:
                self.conn.send(h11.ConnectionClosed())
                self.transport.close()
            self.on_response()

    def write_continue(self) -> None:
        """Tell the client to go on; h11 has to know of it."""
        go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
        self.transport.write(self.conn.send(go_on) or b"")


def _forget(cycle: AnswerCycle) -> None:
    cycle.on_response = _do_nothing


def _do_nothing() -> None:
    return


# uvicorn's own code, with our class where it names the class of its cycles.
_handle_events = FunctionType(
    H11Protocol.handle_events.__code__,
    {**vars(h11_impl), "RequestResponseCycle": _H11Cycle},
    "handle_events",
)


class QuickH11(GuardedH11):
    """An HTTP connection that is parsed by h11, answered in one write where that goes."""

    def handle_events(self) -> None:
        """Read what the parser has found."""
        _handle_events(self)
