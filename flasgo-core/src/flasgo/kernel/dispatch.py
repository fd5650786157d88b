"""The life of a request: match, gates, handler, finalize, send, finish."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING
from urllib.parse import quote

from flasgo.asgi import Receive, Scope, Send
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import read_head
from flasgo.interop.handovers import Handovers
from flasgo.interop.middleware import current_match
from flasgo.interop.relay import Handover
from flasgo.kernel.background import BackgroundTasks
from flasgo.kernel.context import active_request
from flasgo.kernel.error_handling import default_response, log_error, note_error
from flasgo.kernel.pipeline import Pipeline, Step
from flasgo.requests.connection import Connection
from flasgo.requests.lingering import LingeringSend
from flasgo.requests.request import Request
from flasgo.requests.target import path_fault, routed_path
from flasgo.responses.response import Response, claimed, coerce_again, coerce_response, redirect
from flasgo.routing import routed_host
from flasgo.websocket import LONGEST_REASON, WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Route, Router

__all__ = ["Dispatcher", "InnerDispatcher"]

_logger = logging.getLogger("flasgo.app")
# Answers to a body that was not read to its end.
_ENDS_CONNECTION = frozenset({408, 413})
# What RFC 3986, section 3.4 allows in a query, and "%": what is escaped stays as it was sent.
_QUERY_SAFE = "%/?:@!$&'()*+,;=-._~"


class Dispatcher:
    """Serves requests with pipelines that are compiled already.

    Args:
        app: The app.
        router: Finds the route for a method and path.

    Attributes:
        unmatched: The pipeline of requests that reach no endpoint.
        inner: Serves what has passed the middleware of blueprints; not there without any.
        handovers: Lets other apps answer.
    """

    unmatched: Pipeline
    inner: Dispatcher

    def __init__(self, app: Flasgo, router: Router) -> None:
        self._app = app
        self._router = router
        # PERF: without routes bound to hosts, the Host header is not looked at.
        self._match = _match_nothing if router.has_hosts else router.match
        self._has_hosts = router.has_hosts
        self._find_websocket = router.match_websocket
        self.handovers = Handovers(self)
        self._max_head = app.settings.MAX_REQUEST_HEAD_BYTES
        self._debug = app.debug

    # --- HTTP -------------------------------------------------------------------------------

    # PERF: not async itself, so that each request pays for one coroutine and not for two.
    def http(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Find the pipeline of one HTTP request and return what answers it, to be awaited."""
        path = routed_path(scope) if scope.get("root_path") else scope["path"]
        raw_path = scope.get("raw_path")
        match = self._match(scope["method"], path)
        if match is None and self._has_hosts:
            match = self._router.match_on(_host_of(scope), scope["method"], path)
        if match is None:
            pipeline, params = self.unmatched, None
        else:
            route, params = match
            # PERF: a path without escapes, the usual case, needs no second look.
            if raw_path is None or b"%" in raw_path or not raw_path.isascii():
                pipeline = self._checked(scope, route)
            else:
                pipeline = route.pipeline
        try:
            sent_path = raw_path or path.encode(errors="surrogatepass")
            query = scope.get("query_string") or b""
            head = read_head(scope["headers"], self._max_head, sent_path, query)
        except HTTPException as exc:
            return self._refuse_head(exc, scope, receive, send)
        request = Request(self._app, scope, receive, head)
        request.route = pipeline.route
        request._path_params = params
        return self._answer(request, pipeline, send)

    # PERF: one function, however long: each call on this path is paid for by every request.
    async def _answer(self, request: Request, pipeline: Pipeline, send: Send) -> None:
        """Answer one request: gates and handler, finalize, send, finish."""
        method = request.scope["method"]
        token = active_request.set(request)
        response: Response | None = None
        try:
            try:
                response = await self._respond(request, pipeline)
                if response.is_streaming:
                    await response._prepare(request)
            except Exception as exc:
                response = await self.recover(request, pipeline, exc)
            if pipeline.after:
                response = await self._after(request, pipeline, response)
            response = await self._finalize(request, pipeline, response)
            if response.background is not None:
                request.background.extend(response.background)
            # PERF: a GET, which has no body as a rule, is asked only where reading one has failed.
            if (method != "GET" or request._has_leftovers) and request._has_unread_body():
                send = LingeringSend(send, request)
            if response.is_streaming:
                await response._emit(send, head_only=method == "HEAD", closed=request._wait_closed)
            else:
                await response._emit(send, head_only=method == "HEAD")
        except ClientDisconnect:
            _logger.debug("The client left during %s %r.", method, request.path)
        except Handover as handover:
            response = await self.handovers.http(handover, request, pipeline, send)
        except Exception as exc:
            # A body that fails while it is sent: the server must cut the connection.
            note_error(request, exc)
            raise
        finally:
            if pipeline.finished or pipeline.teardown:
                await self._finish(request, pipeline, response)
            if request._has_leftovers:
                await self.clear_up(request)
            active_request.reset(token)

    async def clear_up(self, request: Request) -> None:
        """Do what was left for after the response, then close the uploaded files.

        Args:
            request: The request.
        """
        tasks = request.background
        try:
            if tasks:
                await self._app._background.run(tasks)
        finally:
            request._close()

    async def _respond(self, request: Connection, pipeline: Pipeline) -> Response:
        """Pass the gates, then call the handler."""
        gate = None
        try:
            for gate in pipeline.gates:
                early = gate(request)
                if early is not None:
                    return _early_answer(pipeline, gate, early)
            for gate, is_async in pipeline.late_gates:
                early = await gate(request) if is_async else gate(request)
                if early is not None:
                    return _early_answer(pipeline, gate, early)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as exc:
            raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
        result = await pipeline.call(request)
        return coerce_response(result, pipeline.route.handler)

    async def recover(self, request: Connection, pipeline: Pipeline, error: Exception) -> Response:
        """Answer for what a gate or the handler raised.

        Args:
            request: The request; its background tasks are forgotten.
            pipeline: Its pipeline.
            error: What was raised.

        Raises:
            ClientDisconnect: When that was raised; there is nobody to answer.
            Handover: When that was raised; another app is to answer.
        """
        if isinstance(error, (ClientDisconnect, Handover)):
            raise error
        tasks = request.peek("background")
        if isinstance(tasks, BackgroundTasks):
            tasks.clear()
        response = await pipeline.errors.respond(request, error, debug=self._debug)
        if isinstance(error, HTTPException) and _leaves_body(request, error):
            _end_connection(request, response)
        return response

    async def finish_head(
        self, request: Connection, pipeline: Pipeline, response: Response
    ) -> Response:
        """Pass a response through all that sees it before its first byte.

        Args:
            request: The request.
            pipeline: Its pipeline.
            response: The response; the result may be another one.
        """
        if pipeline.after:
            response = await self._after(request, pipeline, response)
        return await self._finalize(request, pipeline, response)

    async def _after(self, request: Connection, pipeline: Pipeline, response: Response) -> Response:
        """Run the app's `after_request` callbacks; one that fails turns the answer into a 500."""
        for callback in pipeline.after:
            try:
                result = await callback(request, response)
                if result is not None:
                    response = coerce_again(result, response, callback)
                    if response.is_streaming:
                        await response._prepare(request)
            except ClientDisconnect:
                raise
            except Exception as exc:
                response = await self.recover(request, pipeline, exc)
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
        response = default_response(request, error, debug=self._debug)
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
        for callback in pipeline.teardown:
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
        path, method = request.path, scope.get("method", "GET")
        host = routed_host(request.raw_header(b"host")) if self._has_hosts else ""
        match = self._router.match_on(host, method, path)
        fault = path_fault(scope, match.route if match else None)
        if fault:
            raise fault
        is_http = scope["type"] == "http"
        allowed = self._router.allowed_methods(path, host) if is_http else ()
        if allowed:
            headers = {"allow": ", ".join(allowed)}
            if method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            raise HTTPException(405, f"Use one of: {headers['allow']}.", headers=headers)
        target = self._router.slash_twin(method, path, host) if is_http else None
        if target is None:
            raise HTTPException(404, "Nothing is at this address; check the path.")
        if method not in {"GET", "HEAD"}:
            form = "with" if target.endswith("/") else "without"
            raise HTTPException(
                404, f"Nothing is at this address; send the request {form} a slash at its end."
            )
        query = quote(request.query_string, safe=_QUERY_SAFE)
        return redirect(request.root_path + target + (f"?{query}" if query else ""), 308)

    async def _refuse_head(
        self, error: HTTPException, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request whose headers are not fit to be looked at."""
        request = Request(self._app, _without_head(scope, error), receive, {})
        request.route = self.unmatched.route
        token = active_request.set(request)
        response: Response | None = None
        try:
            response = await self.unmatched.errors.respond(request, error, debug=False)
            response = await self.finish_head(request, self.unmatched, response)
            # Nothing but its body is asked of the request as it came.
            sent = Request(self._app, scope, receive, dict(scope["headers"]))
            if sent._has_unread_body():
                _end_connection(sent, response)
                send = LingeringSend(send, sent)
            await response._emit(send, head_only=scope["method"] == "HEAD")
        finally:
            await self._finish(request, self.unmatched, response)
            active_request.reset(token)

    # --- WebSocket --------------------------------------------------------------------------

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket connection."""
        path = routed_path(scope) if scope.get("root_path") else scope["path"]
        match = self._find_websocket(path, _host_of(scope) if self._has_hosts else "")
        fault = path_fault(scope, match.route) if match else None
        pipeline = match.route.pipeline if match and not fault else self.unmatched
        try:
            head = read_head(
                scope["headers"],
                self._max_head,
                scope.get("raw_path") or path.encode(errors="surrogatepass"),
                scope.get("query_string") or b"",
            )
            websocket = WebSocket(self._app, scope, receive, send, head)
        except HTTPException as exc:
            await self._refuse_handshake(exc, scope, receive, send)
            return
        websocket.route = pipeline.route
        websocket._path_params = match.params if match else None
        token = active_request.set(websocket)
        response: Response | None = None
        try:
            response = await self._converse(websocket, pipeline)
        except Handover as handover:
            response = await self.handovers.websocket(handover, websocket, pipeline)
        except Exception as exc:
            response = await self.end_in_error(websocket, pipeline, exc)
        finally:
            websocket._end()
            await self._finish(websocket, pipeline, response)
            active_request.reset(token)

    async def _converse(self, websocket: WebSocket, pipeline: Pipeline) -> Response | None:
        """Pass the gates, then run the handler; return the answer where it is a refusal."""
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
                    return await self._deny(websocket, pipeline, _checked_early(denial))
        except HTTPException:
            raise
        except Exception as exc:
            raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
        result = await pipeline.call(websocket)
        if isinstance(result, Response) and not websocket.is_accepted:
            return await self._deny(websocket, pipeline, result)
        await websocket.close()
        return None

    async def end_in_error(
        self, websocket: WebSocket, pipeline: Pipeline, error: Exception
    ) -> Response | None:
        """End a connection with what was raised: an HTTP answer before accept, else a close.

        Args:
            websocket: The connection.
            pipeline: Its pipeline.
            error: What was raised.
        """
        if isinstance(error, WebSocketDisconnect) and websocket.is_closed:
            return None  # else it tells of another connection, and nobody has closed this one
        if not websocket.is_accepted and not websocket.is_closed:
            response = await self.recover(websocket, pipeline, error)
            return await self._deny(websocket, pipeline, response)
        is_refusal = isinstance(error, HTTPException) and error.status_code < 500
        if not is_refusal:
            note_error(websocket, error)
        try:
            await websocket.close(*((1008, _reason(error)) if is_refusal else (1011,)))
        except OSError:  # the client has gone
            _logger.debug("The client left %r before it could be closed.", websocket.path)
        return None

    async def _deny(self, websocket: WebSocket, pipeline: Pipeline, response: Response) -> Response:
        """Refuse the handshake: with the HTTP answer where the server can send one, else 403."""
        response = await self._finalize(websocket, pipeline, response)
        await websocket._refuse(response)
        return response

    async def _refuse_handshake(
        self, error: HTTPException, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Refuse a handshake whose headers are not fit to be looked at."""
        websocket = WebSocket(self._app, _without_head(scope, error), receive, send, {})
        websocket.route = self.unmatched.route
        token = active_request.set(websocket)
        response: Response | None = None
        try:
            response = await self.unmatched.errors.respond(websocket, error, debug=False)
            response = await self._deny(websocket, self.unmatched, response)
        finally:
            await self._finish(websocket, self.unmatched, response)
            active_request.reset(token)


def _without_head(scope: Scope, fault: HTTPException) -> Scope:
    """Return the scope of a request whose headers nobody is to look at, with the reason why."""
    return {**scope, "headers": [], "flasgo.head_fault": fault}


class InnerDispatcher(Dispatcher):
    """Serves requests whose route was found before they passed the middleware around it."""

    def __init__(self, app: Flasgo, router: Router) -> None:
        super().__init__(app, router)
        self._match = self._find_websocket = current_match
        self._has_hosts = False


def _leaves_body(request: Connection, error: HTTPException) -> bool:
    """Whether part of the body is still to come, or has not the length it should have."""
    if error.status_code in _ENDS_CONNECTION:
        return True
    reader = request._reader if isinstance(request, Request) else None
    return reader is not None and reader.failure is not None


def _end_connection(request: Connection, response: Response) -> None:
    """Have the server close the connection, rather than wait for the rest of a body.

    SECURITY: whatever comes after a body that was not read to its end is not read as a request.
    From HTTP/2 on there is no such header, and no need: a stream ends alone (RFC 9113, 8.2.2).
    """
    if isinstance(request, Request):
        request._has_leftovers = True
    if request.scope.get("http_version", "1.1").startswith("1"):
        response.headers["connection"] = "close"


def _reason(error: Exception) -> str:
    """Return what a close frame can hold of an error's detail (RFC 6455, section 5.5)."""
    detail = str(getattr(error, "detail", "")).encode(errors="ignore")
    return detail[:LONGEST_REASON].decode(errors="ignore")


def _match_nothing(method: str, path: str) -> None:
    """Stand in for the router's quick match where hosts have to be looked at."""
    return


def _host_of(scope: Scope) -> str:
    return routed_host(next((value for name, value in scope["headers"] if name == b"host"), None))


def _early_answer(pipeline: Pipeline, gate: Step, value: object) -> Response:
    """Return what a gate answered; an object that a plugin keeps is copied for the request."""
    response = _checked_early(value)
    # What the app's own callbacks return was claimed when it was coerced.
    return claimed(response) if gate in pipeline.owners else response


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
