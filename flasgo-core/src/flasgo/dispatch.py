"""The life of a request: match, gates, handler, finalize, send, finish."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from flasgo.asgi import Receive, Scope, Send
from flasgo.callbacks import Callback
from flasgo.connection import Connection
from flasgo.context import active_request
from flasgo.error_handling import ErrorHandlers, hardened_response, log_error, note_error
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.headers import read_head
from flasgo.paths import path_fault
from flasgo.pipeline import Pipeline, Step
from flasgo.request import Request
from flasgo.response import Response, coerce_response, redirect
from flasgo.websocket import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Route, Router

__all__ = ["Dispatcher"]

_logger = logging.getLogger("flasgo.app")
# What RFC 3986, section 3.4 allows in a query, and "%": what is escaped stays as it was sent.
_QUERY_SAFE = "%/?:@!$&'()*+,;=-._~"


class Dispatcher:
    """Serves requests with pipelines that are compiled already.

    Args:
        app: The app.
        router: Finds the route for a method and path.
        errors: The app's error handlers.
        teardown: The app's `teardown_request` callbacks, in order.

    Attributes:
        unmatched: The pipeline of requests that reach no endpoint.
    """

    unmatched: Pipeline

    def __init__(
        self,
        app: Flasgo,
        router: Router,
        errors: ErrorHandlers,
        teardown: Sequence[Callback],
    ) -> None:
        self._app = app
        self._router = router
        self._match = router.match
        self._errors = errors
        self._teardown = tuple(teardown)
        self._max_head = app.settings.MAX_REQUEST_HEAD_BYTES
        self._debug = app.debug

    # --- HTTP -------------------------------------------------------------------------------

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        method = scope["method"]
        match = self._match(method, scope["path"])
        if match is None:
            pipeline, params = self.unmatched, None
        else:
            route, params = match
            raw_path = scope.get("raw_path")
            # PERF: a path without escapes, the usual case, needs no second look.
            if raw_path is None or b"%" in raw_path or not raw_path.isascii():
                pipeline = self._checked(scope, route)
            else:
                pipeline = route.pipeline
        try:
            head = read_head(scope["headers"], self._max_head)
        except HTTPException as exc:
            await self._refuse_head(exc, scope, receive, send)
            return
        request = Request(self._app, scope, receive, head)
        request.route = pipeline.route
        request._path_params = params
        token = active_request.set(request)
        response: Response | None = None
        try:
            try:
                response = await self._respond(request, pipeline)
                if response.is_streaming:
                    await response.prepare(request)
            except Exception as exc:
                response = await self._recover(request, exc)
            if pipeline.after:
                response = await self._after(request, pipeline, response)
            response = await self._finalize(request, pipeline, response)
            if response.is_streaming:
                await response.emit(send, head_only=method == "HEAD", closed=request.wait_closed)
            else:
                await response.emit(send, head_only=method == "HEAD")
        except ClientDisconnect:
            _logger.debug("The client left during %s %r.", method, request.path)
        except Exception as exc:
            # A body that fails while it is sent: the server must cut the connection.
            scope["flasgo.exception"] = exc
            raise
        finally:
            if pipeline.finished or self._teardown:
                await self._finish(request, pipeline, response)
            request.close()
            active_request.reset(token)

    async def _respond(self, request: Connection, pipeline: Pipeline) -> Response:
        """Pass the gates, then call the handler."""
        gate = None
        try:
            for gate in pipeline.gates:
                early = gate(request)
                if early is not None:
                    return _checked_early(early)
            for gate, is_async in pipeline.late_gates:
                early = await gate(request) if is_async else gate(request)
                if early is not None:
                    return _checked_early(early)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as exc:
            raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
        result = await pipeline.call(request)
        return coerce_response(result, pipeline.route.handler)

    async def _recover(self, request: Connection, error: Exception) -> Response:
        """Answer for what a gate or the handler raised."""
        if isinstance(error, ClientDisconnect):
            raise error
        return await self._errors.respond(request, error, debug=self._debug)

    async def _after(self, request: Connection, pipeline: Pipeline, response: Response) -> Response:
        """Run the app's `after_request` callbacks; one that fails turns the answer into a 500."""
        for callback in pipeline.after:
            try:
                result = await callback(request, response)
                if result is not None:
                    response = coerce_response(result, callback)
                    if response.is_streaming:
                        await response.prepare(request)
            except ClientDisconnect:
                raise
            except Exception as exc:
                response = await self._recover(request, exc)
        return response

    async def _finalize(
        self, request: Connection, pipeline: Pipeline, response: Response
    ) -> Response:
        """Give every plugin the response before it leaves."""
        finalizer = None
        try:
            for finalizer in pipeline.finalizers:
                other = finalizer(request, response)
                if other is not None:
                    response = _checked_early(other)
            for finalizer, is_async in pipeline.late_finalizers:
                other = finalizer(request, response)
                if is_async:
                    other = await other
                if other is not None:
                    response = _checked_early(other)
        except Exception as exc:
            return await self._finalize_hardened(request, pipeline, finalizer, exc)
        return response

    async def _finalize_hardened(
        self, request: Connection, pipeline: Pipeline, failed: Step | None, cause: Exception
    ) -> Response:
        """Finalize a plain 500 with the hooks that work, after one of them has failed."""
        error = pipeline.attributed(failed, cause)
        note_error(request, error)
        response = hardened_response(request)
        for finalizer in (*pipeline.finalizers, *(step for step, _ in pipeline.late_finalizers)):
            if finalizer is failed:
                continue
            try:
                other = finalizer(request, response)
                if inspect.isawaitable(other):
                    other = await other
                response = other if isinstance(other, Response) else response
            except Exception as exc:
                log_error(request, pipeline.attributed(finalizer, exc))
        return response

    async def _finish(
        self,
        request: Connection,
        pipeline: Pipeline,
        response: Response | None,
    ) -> None:
        """Run what comes after the last byte; nothing here can change the answer."""
        error = request.scope.get("flasgo.exception")
        for callback in self._teardown:
            try:
                await callback(request, error)
            except Exception as exc:
                log_error(request, exc)
        for step, is_async in pipeline.finished:
            try:
                result = step(request, response, error)
                if is_async:
                    await result
            except Exception as exc:
                log_error(request, pipeline.attributed(step, exc))

    # --- Requests that reach no endpoint ----------------------------------------------------

    def _checked(self, scope: Scope, route: Route) -> Pipeline:
        """Return the route's pipeline, unless the path was written to be misunderstood."""
        return self.unmatched if path_fault(scope, route) else route.pipeline

    async def answer_unmatched(self, request: Connection) -> Response:
        """Answer a request that no route takes: redirect, OPTIONS, 405, 404 or 400."""
        scope = request.scope
        path, method = scope["path"], scope.get("method", "GET")
        match = self._match(method, path)
        fault = path_fault(scope, match.route if match else None)
        if fault:
            raise fault
        is_http = scope["type"] == "http"
        allowed = self._router.allowed_methods(path) if is_http else ()
        if allowed:
            headers = {"allow": ", ".join(allowed)}
            if method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            raise HTTPException(405, f"Use one of: {headers['allow']}.", headers=headers)
        target = self._router.slash_redirect(method, path) if is_http else None
        if target is not None:
            query = quote(request.query_string, safe=_QUERY_SAFE)
            return redirect(request.root_path + target + (f"?{query}" if query else ""), 308)
        raise HTTPException(404, "Nothing is at this address; check the path.")

    async def _refuse_head(
        self, error: HTTPException, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request whose headers are not fit to be looked at."""
        request = Request(self._app, {**scope, "headers": []}, receive, {})
        request.route = self.unmatched.route
        token = active_request.set(request)
        response: Response | None = None
        try:
            response = await self._errors.respond(request, error, debug=False)
            response = await self._after(request, self.unmatched, response)
            response = await self._finalize(request, self.unmatched, response)
            await response.emit(send, head_only=scope["method"] == "HEAD")
        finally:
            await self._finish(request, self.unmatched, response)
            active_request.reset(token)

    # --- WebSocket --------------------------------------------------------------------------

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket connection."""
        match = self._router.match_websocket(scope["path"])
        fault = path_fault(scope, match.route) if match else None
        pipeline = match.route.pipeline if match and not fault else self.unmatched
        try:
            head = read_head(scope["headers"], self._max_head)
            websocket = WebSocket(self._app, scope, receive, send, head)
        except HTTPException:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        websocket.route = pipeline.route
        websocket._path_params = match.params if match else None
        token = active_request.set(websocket)
        try:
            await self._converse(websocket, pipeline)
        except Exception as exc:
            await self._end_in_error(websocket, pipeline, exc)
        finally:
            await self._finish(websocket, pipeline, None)
            active_request.reset(token)

    async def _converse(self, websocket: WebSocket, pipeline: Pipeline) -> None:
        gate = None
        try:
            for gate, is_async in (
                *((gate, False) for gate in pipeline.gates),
                *pipeline.late_gates,
            ):
                denial = gate(websocket)
                if is_async:
                    denial = await denial
                if denial is not None:
                    await self._deny(websocket, pipeline, _checked_early(denial))
                    return
        except HTTPException:
            raise
        except Exception as exc:
            raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
        await pipeline.call(websocket)
        await websocket.close()

    async def _end_in_error(
        self, websocket: WebSocket, pipeline: Pipeline, error: Exception
    ) -> None:
        if isinstance(error, WebSocketDisconnect):
            return
        if websocket.is_accepted or websocket.is_closed:
            note_error(websocket, error)
            await websocket.close(1011)
            return
        response = await self._recover(websocket, error)
        await self._deny(websocket, pipeline, response)

    async def _deny(self, websocket: WebSocket, pipeline: Pipeline, response: Response) -> None:
        """Refuse the handshake: with the HTTP answer where the server can send one, else 403."""
        response = await self._finalize(websocket, pipeline, response)
        await websocket.refuse(response)


def _checked_early(value: object) -> Response:
    """Return what a hook answered, if it is what hooks may answer."""
    if isinstance(value, Response):
        return value
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("it returned a coroutine; declare the hook with `async def`")
    raise TypeError(
        f"it returned {type(value).__name__}; a request hook returns a Response or None"
    )
