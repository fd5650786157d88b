"""A request and its answer on a connection: what uvicorn's cycles share, in fewer steps.

An answer whose body comes in one piece leaves in one write: its head waits for the first part of
the body, as ASGI has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from flasgo.asgi import ASGIApp, Message, Scope

__all__ = ["MOST_JOINED", "AnswerCycle", "unexpected"]

MOST_JOINED = 65536
"""A longer body, in bytes, is written beside its head; joining them would copy it."""

_serving_logger = logging.getLogger("flasgo.serving")
_TYPE = (b"content-type", b"text/plain; charset=utf-8")
_CLOSE = (b"connection", b"close")
_PHRASES = {500: b"Internal Server Error", 503: b"Service Unavailable"}


class AnswerCycle:
    """One request, its body as it comes in, and its answer.

    Subclasses encode: `send` writes what the app sends, `flush` a head that waits.

    Args:
        scope: The ASGI scope.
        transport: The connection.
        flow: uvicorn's flow control of the connection.
        access_logger: Gets a record of each request, or is None.
        default_headers: What the server adds to every answer.
        waits_for_continue: Whether the client waits before it sends the body.
        keep_alive: Whether the client keeps the connection.
        on_response: Called once the answer is complete.
        ended: Called with this cycle when the app has returned.
    """

    __slots__ = (
        "_arrived",
        "_waiting",
        "access_logger",
        "body",
        "chunked_encoding",
        "default_headers",
        "disconnected",
        "ended",
        "expected_content_length",
        "flow",
        "held",
        "keep_alive",
        "more_body",
        "on_response",
        "response_complete",
        "response_started",
        "scope",
        "task",
        "transport",
        "waiting_for_100_continue",
    )

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: Any,
        access_logger: logging.Logger | None,
        default_headers: list[tuple[bytes, bytes]],
        waits_for_continue: bool,
        keep_alive: bool,
        on_response: Callable[[], None],
        ended: Callable[[AnswerCycle], None],
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.access_logger = access_logger
        self.default_headers = default_headers
        self.on_response = on_response
        self.ended = ended
        self.task: asyncio.Task[None] | None = None
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = waits_for_continue
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        # How the body is framed, where the subclass does that itself.
        self.chunked_encoding: bool | None = None
        self.expected_content_length = 0
        # A head that waits for the body.
        self.held: bytes = b""
        # PERF: an asyncio.Event is only made where the app waits.
        self._arrived = False
        self._waiting: asyncio.Event | None = None

    says_length = True
    """Whether uvicorn's own 500 has a length."""

    # --- what uvicorn's protocols call an event ---------------------------------------------------

    @property
    def message_event(self) -> AnswerCycle:
        """What is set when part of the body has come, or the client has gone."""
        return self

    def set(self) -> None:
        """Wake the app where it waits for the client."""
        self._arrived = True
        if self._waiting is not None:
            self._waiting.set()

    # --- the app ----------------------------------------------------------------------------------

    async def run_asgi(self, app: ASGIApp) -> None:
        """Have the app answer; answer in its place where it fails to.

        Args:
            app: The app.
        """
        try:
            result: object = await app(self.scope, self.receive, self.send)
            if result is not None or not self.response_complete:
                await self._mend(result)
        except BaseException as error:  # noqa: BLE001 - as uvicorn has it: logged, and answered
            await self._fail(error)
        finally:
            self.ended(self)

    async def _mend(self, result: object) -> None:
        if result is not None:
            _server_logger().error("ASGI callable should return None, but returned '%s'.", result)
            self._cut()
        elif self.disconnected:
            return
        elif not self.response_started:
            _server_logger().error("ASGI callable returned without starting response.")
            await self._send_plain(500)
        else:
            _server_logger().error("ASGI callable returned without completing response.")
            self._cut()

    async def _fail(self, error: BaseException) -> None:
        status = 500
        if isinstance(error, asyncio.CancelledError) and self._is_cut_short():
            status = 503
            _serving_logger.warning(
                "%s %s was cut: it took longer than a shut-down waits (--grace).",
                self.scope["method"],
                self.scope["path"],
            )
        else:
            _server_logger().error("Exception in ASGI application\n", exc_info=error)
        if self.response_started:
            self._cut()
        else:
            await self._send_plain(status)

    def _is_cut_short(self) -> bool:
        """Whether it is the server that has cancelled the task of this request."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _cut(self) -> None:
        """End the connection, where the client can see how far the answer came."""
        self.flush()
        self.transport.close()

    async def _send_plain(self, status: int) -> None:
        phrase = _PHRASES[status]
        length = [(b"content-length", str(len(phrase)).encode())] if self.says_length else []
        headers = [_TYPE, *length, _CLOSE]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": phrase})

    def flush(self) -> None:
        """Write a head that waits for the body."""
        if self.held:
            held, self.held = self.held, b""
            self.transport.write(held)

    def log_access(self, status: int) -> None:
        """Log the request, as uvicorn does.

        Args:
            status: The status of its answer.
        """
        if self.access_logger is not None:
            scope = self.scope
            self.access_logger.info(
                '%s - "%s %s HTTP/%s" %d',
                get_client_addr(scope),  # ty: ignore[invalid-argument-type]
                scope["method"],
                get_path_with_query_string(scope),  # ty: ignore[invalid-argument-type]
                scope["http_version"],
                status,
            )

    # --- the ASGI interface -----------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Write what the app sends.

        Args:
            message: An ASGI message.

        Raises:
            RuntimeError: When it does not fit what came before it.
        """
        raise NotImplementedError

    def write_continue(self) -> None:
        """Tell the client to go on and send the body."""
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def receive(self) -> Message:
        """Return what has come of the body, waiting for it; or that the client has gone."""
        if self.held:
            # An app that asks for the body after its head may wait for a client that waits for it.
            self.flush()
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.write_continue()
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            if not self._arrived:
                if self._waiting is None:
                    self._waiting = asyncio.Event()
                await self._waiting.wait()
            self._arrived = False
            if self._waiting is not None:
                self._waiting.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}


def unexpected(expected: str | None, message: Message) -> RuntimeError:
    """Return the error for a message that does not fit, in uvicorn's words.

    Args:
        expected: The type that would fit; None after a complete answer.
        message: What the app has sent.
    """
    found = message["type"]
    if expected is None:
        text = f"Unexpected ASGI message '{found}' sent, after response already completed."
    else:
        text = f"Expected ASGI message '{expected}', but got '{found}'."
    return RuntimeError(text)


def _server_logger() -> logging.Logger:
    return logging.getLogger("uvicorn.error")
