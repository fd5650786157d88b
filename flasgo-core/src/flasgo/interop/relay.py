"""Responses that another ASGI app sends: a mounted one, or middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from flasgo.asgi import ASGIApp, Message, Scope, Send
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import RawHeader, checked_raw
from flasgo.lazy_import import lazy_import
from flasgo.responses.response import Closed, Response

if TYPE_CHECKING:
    import asyncio

    from flasgo.kernel.pipeline import Pipeline
    from flasgo.requests.connection import Connection
    from flasgo.requests.request import Request
    from flasgo.websocket import WebSocket
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["AppResponse", "RelayedResponse"]

# SECURITY: an app that sends and a server that takes it never need to wait, and would keep the
# event loop to themselves (CWE-400).
_SENT_IN_A_ROW = 16

Finish = Callable[[Response], Awaitable[Response]]
"""Takes a response through the hooks that every response passes before its first byte."""


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

    async def _close(self) -> None:
        """Do nothing: the app goes on, and what it sends is dropped."""

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Refuse: the relay sends it."""
        raise RuntimeError(f"{self!r} is sent by the app that made it.")


class AppResponse(Response):
    """The response of a connection that another ASGI app serves.

    The dispatcher has that app send it; the head that the app sends passes the hooks.

    Args:
        app: The app.
        scope: The scope for it.
        is_finished: Tells whether what the app sends has passed the hooks already.
        limits_body: Whether the limits for bodies and messages are still to be enforced.

    Attributes:
        begun: The response that the app has begun, or what a hook has put in its place.
        has_ended: Whether all of it has been sent.
        pipeline: What that response has passed, where that is not what the connection passes.
        is_finished: Tells whether what the app sends has passed the hooks already.
    """

    is_streaming = True

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        *,
        is_finished: Callable[[], bool] = lambda: False,
        limits_body: bool = True,
    ) -> None:
        super().__init__()
        self.app = app
        self.scope = scope
        self.limits_body = limits_body
        self.begun: Response | None = None
        self.has_ended = False
        self.pipeline: Pipeline | None = None
        self.is_finished = is_finished
        self._is_replaced = False
        self._prefix = ""  # of the types of response messages, for WebSocket denials
        self._in_a_row = 0
        self._refusal: HTTPException | None = None
        self._loss: OSError | None = None

    async def _prepare(self, request: Connection) -> None:
        """Do nothing: the app has not answered yet."""

    async def _close(self) -> None:
        """Do nothing: the app is not called."""

    async def serve_http(self, request: Request, send: Send, finish: Finish) -> None:
        """Have the app answer a request.

        Args:
            request: The request; it has passed the gates.
            send: The server's ASGI send callable.
            finish: Applied to the head of a response that the hooks have not seen yet.

        Raises:
            ClientDisconnect: When the client has gone.
            Exception: What the app raised, or why its answer is refused.
        """
        self._send, self._finish = send, finish
        replay = _BodyReplay(request, self) if self.limits_body else None
        try:
            await self.app(self.scope, replay or request._receive, self.send)
        except Exception as exc:
            if self.is_loss(exc):
                raise ClientDisconnect("The client left while another app answered.") from exc
            if self.begun is None and self._refusal is not None:
                raise self._refusal from exc
            raise
        if self._refusal is not None:
            raise self._refusal
        if self.begun is None and replay is not None and not replay.has_left:
            raise RuntimeError(f"The app mounted at {request.path!r} returned without answer.")

    async def serve_websocket(self, websocket: WebSocket, finish: Finish) -> None:
        """Have the app serve a WebSocket connection.

        Args:
            websocket: The connection; its handshake has passed the gates.
            finish: Applied to a refusal of the handshake that the hooks have not seen yet.

        Raises:
            Exception: What the app raised, unless that only tells that the client has gone.
        """

        async def receive() -> Message:
            return await websocket._next_message(is_bounded=self.limits_body)

        self._send, self._finish, self._prefix = websocket._pass_on, finish, "websocket."
        try:
            await self.app(self.scope, receive, self.send)
        except Exception as exc:
            if self.is_loss(exc):
                websocket.is_closed = True
            elif exc is not websocket.scope.get("flasgo.exception"):
                raise
            return
        if not websocket.is_closed:
            await websocket.close()

    async def send(self, message: Message) -> None:
        """Take a message from the app; this is its ASGI send callable."""
        try:
            await self._pass_on(message)
        except OSError as loss:  # how servers say that the client has gone
            self._loss = loss
            raise

    def is_loss(self, error: BaseException) -> bool:
        """Whether what the app raised only tells that the client has gone.

        Args:
            error: What it raised.
        """
        seen: BaseException | None = error
        while seen is not None and seen is not self._loss:
            seen = seen.__cause__ or seen.__context__
        return seen is not None

    def refuse(self, error: HTTPException) -> None:
        """Answer with an error instead of what the app answers, if it has not begun to.

        Args:
            error: Why.
        """
        if self.begun is None:
            self._refusal = error

    async def _pass_on(self, message: Message) -> None:
        kind = message["type"].removeprefix(self._prefix)
        if kind == "http.response.start":
            await self._begin(message)
        elif not self._is_replaced and self._refusal is None:
            self._in_a_row += 1
            if not self._in_a_row % _SENT_IN_A_ROW:
                await asyncio.sleep(0)
            await self._send(message)
            if kind == "http.response.body" and not message.get("more_body", False):
                self.has_ended = True

    async def _begin(self, message: Message) -> None:
        if self._refusal is not None:
            return
        if self.begun is not None:
            raise RuntimeError("The app has begun its response twice.")
        relayed = RelayedResponse(message)
        if self.is_finished():
            self.begun = relayed
            relayed._sent = True
            await self._send(message)
            return
        response = self.begun = await self._finish(relayed)
        if response is relayed:
            relayed._sent = True
            head_only = self.scope.get("method") == "HEAD"
            self._send = relayed._through(self._send, head_only=head_only)
            head = {"status": relayed.status_code, "headers": relayed.raw_headers}
            await self._send({**message, **head})
        else:
            # A hook answers instead; what the app still sends is dropped.
            self._is_replaced = self.has_ended = True
            await response._emit(self._send_as)

    async def _send_as(self, message: Message) -> None:
        await self._send({**message, "type": self._prefix + message["type"]})


class _BodyReplay:
    """The ASGI receive callable of a mounted app: our limits hold for what it reads.

    A body that a hook has read already is handed out again.

    Args:
        request: The request.
        answer: Learns when the body must be refused, whatever the app makes of it.

    Attributes:
        has_left: Whether the client has gone.
    """

    def __init__(self, request: Request, answer: AppResponse) -> None:
        self._request = request
        self._answer = answer
        self._is_done = False
        self.has_left = False

    async def __call__(self) -> Message:
        if self._is_done:
            message = await self._request._receive()
            self.has_left = self.has_left or message["type"] == "http.disconnect"
            return message
        try:
            chunk, self._is_done = await self._request._read_piece("the mounted app")
        except HTTPException as refusal:
            self._answer.refuse(refusal)
            raise
        except ClientDisconnect:
            self._is_done = self.has_left = True
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": not self._is_done}
