"""What other ASGI apps send on our behalf: mounted apps and middleware."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from flasgo.asgi import ASGIApp, Message, Receive, Scope, Send
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import RawHeader, checked_raw
from flasgo.responses.response import Closed, Response

if TYPE_CHECKING:
    from flasgo.requests.request import Request

__all__ = ["BodyReplay", "Handover", "Relay", "RelayedResponse", "forget_handover"]

_logger = logging.getLogger("flasgo.app")

# SECURITY: an app that sends and a server that takes it never need to wait, and would keep the
# event loop to themselves (CWE-400).
_SENT_IN_A_ROW = 16

Finish = Callable[[Response], Awaitable[Response]]
"""Takes a response through the hooks that every response passes before its first byte."""


class Handover(Exception):
    """Raised in place of a handler, where another ASGI app is to answer.

    Attributes:
        app: The app.
        scope: The scope for it.
        is_ours: Tells whether what it sends is a response of ours that has passed the hooks.
        limits_body: Whether the limits for request bodies are still to be enforced.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        *,
        is_ours: Callable[[], bool] | None = None,
        limits_body: bool = True,
    ) -> None:
        super().__init__()
        self.app = app
        self.scope = scope
        self.is_ours = is_ours
        self.limits_body = limits_body


def forget_handover(error: BaseException) -> None:
    """Take the handover out of an error's context: a traceback would tell of it at length.

    Args:
        error: What was raised while another app answered.
    """
    seen = error
    while seen.__context__ is not None and not isinstance(seen.__context__, Handover):
        seen = seen.__context__
    seen.__context__ = None


class RelayedResponse(Response):
    """The head of a response whose body comes from another app.

    Hooks see its status and headers and may change both.

    Args:
        message: The `http.response.start` message.

    Raises:
        ValueError: When a header is not fit to be sent.
    """

    is_streaming = True

    def __init__(self, message: Message) -> None:
        super().__init__(None, message["status"])
        self._raw = checked_raw(message.get("headers") or ())

    @property
    def raw_headers(self) -> list[RawHeader]:
        """The headers as they go out."""
        return self._raw

    @property
    def body(self) -> bytes:
        """Always empty: the other app sends it later."""
        return b""

    @body.setter
    def body(self, content: str | bytes) -> None:
        raise TypeError("A mounted app's response has no body to replace; return another Response.")

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Refuse: the relay sends it."""
        raise RuntimeError(f"{self!r} is sent by the app that made it.")


class Relay:
    """Passes on what another app sends; its responses leave through our hooks.

    Args:
        send: The server's ASGI send callable.
        finish: Applied to the head of a response that the hooks have not seen yet.
        is_ours: Tells whether they have.
        prefix: What the types of response messages begin with, for WebSocket denials.

    Attributes:
        response: The response that was begun, or None.
        has_ended: Whether all of it has been sent.
        refusal: What ends the request instead of what the app answers, once it is set.
    """

    def __init__(
        self,
        send: Send,
        finish: Finish,
        is_ours: Callable[[], bool] | None = None,
        *,
        prefix: str = "",
    ) -> None:
        self._send = send
        self._finish = finish
        self._is_ours = is_ours
        self._start = f"{prefix}http.response.start"
        self._body = f"{prefix}http.response.body"
        self._is_replaced = False
        self._in_a_row = 0
        self.response: Response | None = None
        self.has_ended = False
        self.refusal: HTTPException | None = None
        self._loss: OSError | None = None

    async def send(self, message: Message) -> None:
        """Take a message from the app; this is its ASGI send callable."""
        try:
            await self._pass_on(message)
        except OSError as loss:  # how servers say that the client has gone
            self._loss = loss
            raise

    def tells_of_loss(self, error: BaseException) -> bool:
        """Whether what the app raised is only its word for a client that has gone.

        Args:
            error: What it raised.
        """
        seen: BaseException | None = error
        while seen is not None and seen is not self._loss:
            seen = seen.__cause__ or seen.__context__
        return seen is not None

    async def _pass_on(self, message: Message) -> None:
        kind = message["type"]
        if kind == self._start:
            await self._begin(message)
        elif not self._is_replaced and self.refusal is None:
            if kind == self._body and not message.get("more_body", False):
                self.has_ended = True
            await self._take_turns()
            await self._send(message)

    async def _take_turns(self) -> None:
        self._in_a_row += 1
        if self._in_a_row == _SENT_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)

    async def _begin(self, message: Message) -> None:
        if self.refusal is not None:
            return
        if self.response is not None:
            raise RuntimeError("The app has begun its response twice.")
        relayed = RelayedResponse(message)
        if self._is_ours is not None and self._is_ours():
            self.response = relayed
            await self._send(message)
            return
        response = await self._finish(relayed)
        self.response = response
        if response is relayed:
            head = {"status": relayed.status_code, "headers": relayed.raw_headers}
            await self._send({**message, **head})
        else:
            # A hook answers instead; what the app still sends is dropped.
            self._is_replaced = self.has_ended = True
            await response._emit(self._send_as)

    async def _send_as(self, message: Message) -> None:
        prefix = self._start.removesuffix("http.response.start")
        await self._send({**message, "type": prefix + message["type"]})


class BodyReplay:
    """The ASGI receive callable of a mounted app: our limits hold for what it reads.

    A body that a hook has read already is handed out again.

    Args:
        request: The request.
        receive: The server's ASGI receive callable.
        relay: Learns when the body must be refused, whatever the app makes of it.
    """

    def __init__(self, request: Request, receive: Receive, relay: Relay) -> None:
        self._request = request
        self._receive = receive
        self._relay = relay
        self._is_done = False
        self.has_left = False

    async def __call__(self) -> Message:
        if self._is_done:
            message = await self._receive()
            self.has_left = self.has_left or message["type"] == "http.disconnect"
            return message
        try:
            chunk, self._is_done = await self._request._read_piece("the mounted app")
        except HTTPException as refusal:
            if self._relay.response is None:
                self._relay.refusal = refusal
            raise
        except ClientDisconnect:
            self._is_done = self.has_left = True
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": not self._is_done}
