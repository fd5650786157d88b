"""Requests that another ASGI app answers: below a mount, or through middleware."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flasgo.asgi import ASGIApp, Message, Receive, Scope, Send
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import read_head
from flasgo.interop.relay import BodyReplay, Handover, Relay, forget_handover
from flasgo.kernel.context import active_request
from flasgo.kernel.error_handling import note_error
from flasgo.requests.lingering import LingeringSend
from flasgo.requests.request import Request
from flasgo.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from flasgo.app import Flasgo
    from flasgo.kernel.dispatch import Dispatcher
    from flasgo.kernel.pipeline import Pipeline
    from flasgo.responses.response import Response

__all__ = ["Handovers"]

_logger = logging.getLogger("flasgo.app")


class Handovers:
    """Lets other apps answer, and sees to it that what they send leaves like our own answers.

    Args:
        dispatcher: Knows the hooks that every response passes.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    # --- HTTP -------------------------------------------------------------------------------

    async def http(
        self, handover: Handover, request: Request, pipeline: Pipeline, send: Send
    ) -> Response | None:
        """Have a request answered.

        Args:
            handover: Who answers.
            request: The request; it has passed the gates.
            pipeline: Its pipeline.
            send: The server's ASGI send callable.

        Returns:
            The response, or None when there was nobody to answer any more.

        Raises:
            Exception: What happened after the first byte: the server must cut the connection.
        """

        async def finish(response: Response) -> Response:
            return await self._dispatcher.finish_head(request, pipeline, response)

        if handover.limits_body and request._has_unread_body():
            send = LingeringSend(send, request)
        relay = Relay(send, finish, handover.is_ours)
        replay = BodyReplay(request, request._receive, relay)
        receive = replay if handover.limits_body else request._receive
        try:
            await handover.app(handover.scope, receive, relay.send)
            if relay.refusal is not None:
                raise relay.refusal
            if relay.response is None and not replay.has_left and handover.is_ours is None:
                raise RuntimeError(f"The app mounted at {request.path!r} returned without answer.")
        except ClientDisconnect:
            _logger.debug("The client left during %s %r.", request.method, request.path)
        except Exception as exc:
            forget_handover(exc)
            if relay.tells_of_loss(exc):
                _logger.debug("The client left during %s %r.", request.method, request.path)
                return relay.response
            if relay.response is None:
                return await self._answer(request, pipeline, relay.refusal or exc, send)
            if exc is not request.scope.get("flasgo.exception"):
                note_error(request, exc)
            if not relay.has_ended:
                raise
        return relay.response

    async def _answer(
        self, request: Request, pipeline: Pipeline, error: Exception, send: Send
    ) -> Response | None:
        """Answer for what an app raised before it had sent anything."""
        try:
            response = await self._dispatcher.recover(request, pipeline, error)
            response = await self._dispatcher.finish_head(request, pipeline, response)
            await response._emit(send, head_only=request.method == "HEAD")
        except ClientDisconnect:
            return None
        return response

    async def http_around(
        self,
        app: Flasgo,
        stack: ASGIApp,
        is_ours: Callable[[], bool],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send a request through the app's middleware.

        Args:
            app: The app.
            stack: The middleware, with the app at its end.
            is_ours: Tells whether the app has answered.
            scope: The ASGI scope.
            receive: The ASGI receive callable.
            send: The ASGI send callable.
        """
        unmatched = self._dispatcher.unmatched
        request = Request(app, *_readable(scope, receive, app))
        request.route = unmatched.route
        token = active_request.set(request)
        try:
            handover = Handover(stack, scope, is_ours=is_ours, limits_body=False)
            await self.http(handover, request, unmatched, send)
        finally:
            if request._has_leftovers:  # of callbacks that saw what the middleware answered
                await self._dispatcher.clear_up(request)
            active_request.reset(token)

    # --- WebSocket --------------------------------------------------------------------------

    async def websocket(
        self, handover: Handover, websocket: WebSocket, pipeline: Pipeline
    ) -> Response | None:
        """Have a WebSocket connection served.

        Args:
            handover: Who serves it.
            websocket: The connection; its handshake has passed the gates.
            pipeline: Its pipeline.

        Returns:
            The refusal of the handshake, or None.
        """

        async def finish(response: Response) -> Response:
            return await self._dispatcher.finish_head(websocket, pipeline, response)

        async def receive() -> Message:
            return await websocket._next_message(is_bounded=handover.limits_body)

        relay = Relay(websocket._pass_on, finish, handover.is_ours, prefix="websocket.")
        try:
            await handover.app(handover.scope, receive, relay.send)
        except Exception as exc:  # noqa: BLE001 - whatever the app raises becomes a close
            forget_handover(exc)
            if exc is websocket.scope.get("flasgo.exception"):
                return relay.response
            if relay.tells_of_loss(exc):
                websocket.is_closed = True
                return relay.response
            return await self._dispatcher.end_in_error(websocket, pipeline, exc) or relay.response
        if not websocket.is_closed:
            await websocket.close()
        return relay.response

    async def websocket_around(
        self,
        app: Flasgo,
        stack: ASGIApp,
        is_ours: Callable[[], bool],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Send a WebSocket connection through the app's middleware; see `http_around`."""
        unmatched = self._dispatcher.unmatched
        readable, _, head = _readable(scope, receive, app)
        websocket = WebSocket(app, readable, receive, send, head)
        websocket.route = unmatched.route
        token = active_request.set(websocket)
        try:
            handover = Handover(stack, scope, is_ours=is_ours, limits_body=False)
            await self.websocket(handover, websocket, unmatched)
        finally:
            active_request.reset(token)


def _readable(
    scope: Scope, receive: Receive, app: Flasgo
) -> tuple[Scope, Receive, dict[bytes, bytes]]:
    """Return a scope whose headers can be looked at; the app refuses the others by itself."""
    try:
        return scope, receive, read_head(scope["headers"], app.settings.MAX_REQUEST_HEAD_BYTES)
    except HTTPException:
        return {**scope, "headers": []}, receive, {}
