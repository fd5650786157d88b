"""The life of a request: match, gates, handler, finalize, send, finish."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

from flasgo.asgi import Receive, Scope, Send
from flasgo.errors import ClientDisconnect, HTTPException
from flasgo.http.headers import read_head
from flasgo.interop.middleware import ThroughMiddleware
from flasgo.interop.relay import AppResponse
from flasgo.kernel.background import BackgroundTasks
from flasgo.kernel.context import active_request
from flasgo.kernel.denials import note_denial
from flasgo.kernel.error_handling import log_error, note_error
from flasgo.kernel.pipeline import Pipeline, Step
from flasgo.requests.connection import Connection
from flasgo.requests.lingering import LingeringSend
from flasgo.requests.request import Request
from flasgo.requests.target import path_fault, routed_path, sent_twin
from flasgo.responses.response import Response, redirect
from flasgo.responses.results import claimed, coerce_again, coerce_response
from flasgo.routing import routed_host
from flasgo.websocket import LONGEST_REASON, WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.http.headers import RawHeader
    from flasgo.interop.relay import Finish
    from flasgo.kernel.callbacks import Callback
    from flasgo.routing import Router

__all__ = ["Dispatcher", "Found", "raise_head_fault"]

_logger = logging.getLogger("flasgo.app")
# Answers to a body that was not read to its end.
_ENDS_CONNECTION = frozenset({408, 413})
# What RFC 3986, section 3.4 allows in a query, and "%": what is escaped stays as it was sent.
_QUERY_SAFE = "%/?:@!$&'()*+,;=-._~"
# The headers that tell where the body ends, and whether the client sends it at all.
_FRAMING = frozenset({b"content-length", b"expect", b"transfer-encoding"})

# Headers that tell of a content, besides all that begin with `content-`.
_OF_CONTENT = frozenset({b"accept-ranges", b"etag", b"last-modified", b"location"})

Found = tuple[Pipeline, dict[str, object] | None]
"""The pipeline of a connection, and the parameters of its path."""
_Unfinished = tuple[list["RawHeader"], Step | None, object, Exception | None]


class Dispatcher:
    """Serves requests with pipelines that are compiled already.

    Args:
        app: The app.
        router: Finds the route for a method and path.

    Attributes:
        unmatched: The pipeline of requests that reach no endpoint.
        refused: The pipeline of requests whose head is not fit to be looked at.
    """

    unmatched: Pipeline
    refused: Pipeline

    def __init__(self, app: Flasgo, router: Router) -> None:
        self._app = app
        self._router = router
        # PERF: without routes bound to hosts, the Host header is not looked at.
        self._match = _match_nothing if router.has_hosts else router.match
        self._has_hosts = router.has_hosts
        self._max_head = app.settings.MAX_REQUEST_HEAD_BYTES
        self._debug = app.debug

    # --- HTTP -------------------------------------------------------------------------------

    # PERF: not async itself, so that each request pays for one coroutine and not for two.
    def http(
        self, scope: Scope, receive: Receive, send: Send, found: Found | None = None
    ) -> Awaitable[None]:
        """Find the pipeline of one HTTP request and return what answers it, to be awaited.

        Args:
            scope: The ASGI scope.
            receive: The ASGI receive callable.
            send: The ASGI send callable.
            found: The pipeline, where it is known already.
        """
        path = routed_path(scope) if scope.get("root_path") else scope["path"]
        raw_path = scope.get("raw_path")
        if found is not None:
            pipeline, params = found
        else:
            match = self._match(scope["method"], path)
            if match is None and self._has_hosts:
                match = self._router.match_on(_host_of(scope), scope["method"], path)
            if match is None:
                pipeline, params = self.unmatched, None
            else:
                route, params = match
                pipeline = route.pipeline
                # PERF: a path without escapes, the usual case, needs no second look.
                if (raw_path is None or b"%" in raw_path or not raw_path.isascii()) and path_fault(
                    scope, route
                ):
                    pipeline = self.unmatched
        try:
            sent_path = raw_path or path.encode(errors="surrogatepass")
            query = scope.get("query_string") or b""
            head = read_head(scope["headers"], self._max_head, sent_path, query)
        except HTTPException as exc:
            scope, head, pipeline = self._refuse(exc, scope, found)
        if b"transfer-encoding" in head:
            # SECURITY: uvicorn with httptools adds the trailers that still come to its list.
            scope = {**scope, "headers": list(scope["headers"])}
        request = Request(self._app, scope, receive, head)
        request.route = pipeline.route
        request._path_params = params
        return self._answer(request, pipeline, send)

    # PERF: one coroutine, however long: each one on this path is paid for by every request. What
    # needs no await is a function that is called.
    async def _answer(  # noqa: C901 - see above
        self, request: Request, pipeline: Pipeline, send: Send
    ) -> None:
        """Answer one request: gates and handler, finalize, send, finish."""
        method = request.scope["method"]
        token = active_request.set(request)
        response: Response | None = None
        needs_end = True
        try:
            try:
                if pipeline.gates:
                    response = _pass_gates(request, pipeline)
                if pipeline.late_gates and response is None:
                    response = await self._pass_late_gates(request, pipeline)
                if response is None:
                    result = await pipeline.call(request)
                    response = coerce_response(result, pipeline.route.handler)
                if response.is_streaming:
                    await response._prepare(request)
            except Exception as exc:
                response = await self._recover(request, pipeline, exc, response)
            if response.is_streaming and isinstance(response, AppResponse):
                await self._relay(request, pipeline, send, response)
                return
            if pipeline.after or request._after_this:
                response = await self._after(request, pipeline, response)
            left = _pass_finalizers(request, pipeline, response)
            if left is not None:
                response = await self._finalize_rest(request, pipeline, response, *left)
            # PERF: a GET, which has no body as a rule, is asked only where reading one has failed.
            if (method != "GET" or request._has_leftovers) and request._has_unread_body():
                send = LingeringSend(send, request)
            if response.is_streaming:
                await response._emit(send, head_only=method == "HEAD", closed=request._wait_closed)
            else:
                needs_end = response.background is not None
                body = response._complete(head_only=method == "HEAD")
                status, raw = response._status, response._raw
                await send({"type": "http.response.start", "status": status, "headers": raw})
                await send({"type": "http.response.body", "body": body})
        except ClientDisconnect:
            _logger.debug("The client left during %s %r.", method, request.path)
        except Exception as exc:
            # A body that fails while it is sent: the server must cut the connection.
            note_error(request, exc)
            raise
        finally:
            try:
                if needs_end or pipeline.finished or pipeline.teardown or request._has_leftovers:
                    await self._finish(request, pipeline, response)
            finally:
                active_request.reset(token)

    async def _relay(
        self, request: Request, pipeline: Pipeline, send: Send, answer: AppResponse
    ) -> None:
        """Have another app answer; what it raises before its head is answered as usual."""
        if answer.limits_body and request._has_unread_body():
            send = LingeringSend(send, request)
        try:
            await answer.serve_http(request, send, self._finisher(request, pipeline, answer))
        except Exception as exc:
            if answer.begun is None:
                response = await self._recover(request, pipeline, exc)
                response = await self._finisher(request, pipeline, answer)(response)
                answer.begun = response
                await response._emit(send, head_only=request.method == "HEAD")
            elif not answer.has_ended or isinstance(exc, ClientDisconnect):
                raise
            else:
                note_error(request, exc)

    # --- WebSocket --------------------------------------------------------------------------

    async def websocket(
        self, scope: Scope, receive: Receive, send: Send, found: Found | None = None
    ) -> None:
        """Serve one WebSocket connection; see `http`."""
        path = routed_path(scope) if scope.get("root_path") else scope["path"]
        pipeline, params = found or self._find_websocket(scope, path)
        sent_path = scope.get("raw_path") or path.encode(errors="surrogatepass")
        query = scope.get("query_string") or b""
        try:
            head = read_head(scope["headers"], self._max_head, sent_path, query)
        except HTTPException as exc:
            scope, head, pipeline = self._refuse(exc, scope, found)
        websocket = WebSocket(self._app, scope, receive, send, head)
        websocket.route = pipeline.route
        websocket._path_params = params
        token = active_request.set(websocket)
        response: Response | None = None
        try:
            response = await self._pass_gates(websocket, pipeline)
            if response is None:
                result = await pipeline.call(websocket)
                if isinstance(result, Response) and not websocket.is_accepted:
                    response = result
            if isinstance(response, AppResponse):
                finish = self._finisher(websocket, pipeline, response)
                await response.serve_websocket(websocket, finish)
            elif response is not None:
                await self._prepare(websocket, response)
                response = await self._deny(websocket, pipeline, response)
            else:
                await websocket.close()
        except Exception as exc:
            response = await self._end_in_error(websocket, pipeline, exc, response) or response
        finally:
            try:
                await self._finish(websocket, pipeline, response)
            finally:
                active_request.reset(token)

    def _find_websocket(self, scope: Scope, path: str) -> Found:
        match = self._router.match_websocket(path, _host_of(scope) if self._has_hosts else "")
        if match is None or path_fault(scope, match.route):
            return self.unmatched, None
        return match.route.pipeline, match.params

    async def _end_in_error(
        self,
        websocket: WebSocket,
        pipeline: Pipeline,
        error: Exception,
        response: Response | None,
    ) -> Response | None:
        """End a connection with what was raised: an HTTP answer before accept, else a close."""
        if isinstance(error, WebSocketDisconnect) and websocket.is_closed:
            return None  # else it tells of another connection, and this one is open
        if not websocket.is_accepted and not websocket.is_closed:
            answer = await self._recover(websocket, pipeline, error, response)
            if isinstance(response, AppResponse):
                answer = await self._finisher(websocket, pipeline, response)(answer)
                await websocket._refuse(answer)
                response.begun = answer
                return None
            return await self._deny(websocket, pipeline, answer)
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

    # --- What HTTP and WebSocket share ------------------------------------------------------

    def _refuse(
        self, error: HTTPException, scope: Scope, found: Found | None
    ) -> tuple[Scope, dict[bytes, bytes], Pipeline]:
        """Return scope, head and pipeline of a connection whose headers are not to be looked at.

        Middleware around the app still sees them.
        """
        framing = {name: value for name, value in scope["headers"] if name in _FRAMING}
        pipeline = self.refused
        if found is not None and isinstance(found[0].call, ThroughMiddleware):
            pipeline = found[0]
        bare = {
            **scope,
            "headers": [],
            "flasgo.head_fault": error,
            "flasgo.refused_scope": scope,
        }
        return bare, framing, pipeline

    async def _pass_gates(self, connection: Connection, pipeline: Pipeline) -> Response | None:
        """Run all that comes before the handler; return the answer of what ends the request."""
        response = _pass_gates(connection, pipeline)
        if response is None and pipeline.late_gates:
            response = await self._pass_late_gates(connection, pipeline)
        return response

    async def _pass_late_gates(self, connection: Connection, pipeline: Pipeline) -> Response | None:
        """Run the gates from the first one on that is a coroutine function."""
        gate = None
        try:
            for gate, is_async in pipeline.late_gates:
                early = await gate(connection) if is_async else gate(connection)
                if early is not None:
                    return _early_answer(connection, pipeline, gate, early)
        except HTTPException as denial:
            note_denial(connection, pipeline, gate, denial)
            raise
        except ClientDisconnect:
            raise
        except Exception as exc:
            raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
        return None

    async def _recover(
        self,
        connection: Connection,
        pipeline: Pipeline,
        error: Exception,
        response: Response | None = None,
    ) -> Response:
        """Return the answer for what was raised before the first byte.

        The tasks of the request are forgotten when its handler was not left with a response; those
        of a response that is not sent are kept, for it may be them that clean up.

        Raises:
            ClientDisconnect: When that was raised; no client waits for an answer.
        """
        if isinstance(error, ClientDisconnect):
            raise error
        tasks = connection.peek("background")
        if response is not None:
            await self._drop(connection, response)
        elif isinstance(tasks, BackgroundTasks):
            tasks.clear()
        answer = await pipeline.errors.respond(connection, error, debug=self._debug)
        if isinstance(error, HTTPException) and _leaves_body(connection, error):
            _end_connection(connection, answer)
        return answer

    async def _prepare(self, connection: Connection, response: Response) -> None:
        """Let a streamed response begin; one that cannot is dropped."""
        if response.is_streaming:
            try:
                await response._prepare(connection)
            except BaseException:
                await self._drop(connection, response)
                raise

    async def _drop(
        self, connection: Connection, response: Response, successor: Response | None = None
    ) -> None:
        """Let go of a response: its tasks are kept; a body that was not sent is closed."""
        if response is successor or response._is_over:
            return
        response._is_over = True
        tasks = response.background
        if tasks is not None and (successor is None or successor.background is not tasks):
            connection.background.extend(tasks)
        if response.is_streaming and not response._sent:
            await response._close()

    def _finisher(self, connection: Connection, pipeline: Pipeline, answer: AppResponse) -> Finish:
        """Return what takes an answer of another app through the hooks before its first byte.

        What middleware answers by itself has not been to `request_started` yet.
        """

        async def finish(response: Response) -> Response:
            way = pipeline
            if pipeline.unasked is not None and not answer.is_finished():
                way = answer.pipeline = pipeline.unasked
                try:
                    early = await self._pass_gates(connection, way)
                except Exception as exc:
                    early = await self._recover(connection, way, exc)
                if early is not None:
                    await self._drop(connection, response, early)
                    response = early
            return await self._finish_head(connection, way, response)

        return finish

    async def _finish_head(
        self, connection: Connection, pipeline: Pipeline, response: Response
    ) -> Response:
        """Pass a response through all that sees it before its first byte."""
        if pipeline.after or connection._after_this:
            response = await self._after(connection, pipeline, response)
        return await self._finalize(connection, pipeline, response)

    async def _after(self, request: Connection, pipeline: Pipeline, response: Response) -> Response:
        """Run what `after_this_request` was given, then the `after_request` callbacks.

        One that fails turns the answer into a 500.
        """
        for callback in _callbacks_after(request, pipeline):
            try:
                result = await callback(request, response)
                if result is not None:
                    other = coerce_again(result, response, callback)
                    await self._prepare(request, other)
                    await self._drop(request, response, other)
                    response = other
            except Exception as exc:
                response = await self._recover(request, pipeline, exc, response)
        return response

    async def _finalize(
        self, connection: Connection, pipeline: Pipeline, response: Response
    ) -> Response:
        """Give every plugin the response before it leaves."""
        left = _pass_finalizers(connection, pipeline, response)
        if left is None:
            return response
        return await self._finalize_rest(connection, pipeline, response, *left)

    async def _finalize_rest(
        self,
        request: Connection,
        pipeline: Pipeline,
        response: Response,
        given: list[RawHeader],
        step: Step | None = None,
        other: object = None,
        error: Exception | None = None,
    ) -> Response:
        """Go on where `_pass_finalizers` has stopped."""
        if error is not None:
            return await self._finalize_error(request, pipeline, response, given, step, error)
        try:
            if other is not None:
                response = await self._replace(request, response, other)
                pipeline = _behind(pipeline, step)
                given = response._raw[:]
            for step, is_async in pipeline.late_finalizers:
                other = step(request, response)
                if is_async:
                    other = await other
                if other is not None and other is not response:
                    response = await self._replace(request, response, other)
                    given = response._raw[:]
        except Exception as exc:
            return await self._finalize_error(request, pipeline, response, given, step, exc)
        return response

    async def _replace(self, request: Connection, response: Response, other: object) -> Response:
        """Return what a finalizer has put in the place of a response."""
        successor = _checked_early(other)
        await self._prepare(request, successor)
        await self._drop(request, response, successor)
        return successor

    async def _finalize_error(
        self,
        request: Connection,
        pipeline: Pipeline,
        response: Response,
        given: list[RawHeader],
        failed: Step | None,
        error: Exception,
    ) -> Response:
        """Answer for what a finalizer raised, with those behind it.

        Those before it have seen the response already: what they have put into its head is kept.
        """
        answer = await self._answer_for(request, pipeline, failed, error)
        added = [pair for pair in response._raw if pair not in given]
        _add_kept(answer, added)
        await self._drop(request, response, answer)
        rest = _behind(pipeline, failed)
        if not rest.late_finalizers:
            return answer
        answer = await self._finalize(request, rest, answer)
        _add_kept(answer, added)
        return answer

    async def _answer_for(
        self, request: Connection, pipeline: Pipeline, step: Step | None, error: Exception
    ) -> Response:
        """Return the answer for what a finalizer raised."""
        if isinstance(error, ClientDisconnect):
            raise error
        if isinstance(error, HTTPException):
            return await pipeline.errors.respond(request, error, debug=self._debug)
        error = pipeline.attributed(step, error)
        note_error(request, error)
        return await pipeline.errors.default(request, error)

    async def _finish(
        self, connection: Connection, pipeline: Pipeline, response: Response | None
    ) -> None:
        """Run what comes after the last byte, all of it, whatever becomes of each; log what fails.

        Raises:
            BaseException: What has cancelled one of the steps, once all have run.
        """
        if isinstance(response, AppResponse):
            pipeline, response = response.pipeline or pipeline, response.begun
        error = connection.scope.get("flasgo.exception")
        interruption: BaseException | None = None
        for step, is_async, *arguments in (
            *((step, True, connection, error) for step in pipeline.teardown),
            *((step, other, connection, response, error) for step, other in pipeline.finished),
        ):
            stopped = await self._attempt(connection, pipeline, step, is_async, *arguments)
            interruption = stopped or interruption
        stopped = await self._attempt(connection, pipeline, self._end, True, connection, response)
        connection._close()
        if connection._thread is not None:
            connection._thread.give_back()
        interruption = stopped or interruption
        if interruption is not None:
            raise interruption

    async def _attempt(
        self, connection: Connection, pipeline: Pipeline, step: Step, is_async: bool, *args: object
    ) -> BaseException | None:
        """Run a step whose failure changes nothing; return what has cancelled it, if anything."""
        try:
            result = step(*args)
            if is_async:
                await result
        except Exception as exc:
            log_error(connection, pipeline.attributed(step, exc))
        except BaseException as exc:
            return exc
        return None

    async def _end(self, connection: Connection, response: Response | None) -> None:
        """Let go of the response, and run the background tasks."""
        try:
            if response is not None:
                await self._drop(connection, response)
        finally:
            tasks = connection.peek("background")
            if isinstance(tasks, BackgroundTasks) and tasks:
                await self._app._background.run(tasks)

    # --- Requests that reach no endpoint ----------------------------------------------------

    async def answer_unmatched(self, request: Connection) -> Response:
        """Answer a request that no route takes: redirect, OPTIONS, 405, 404 or 400."""
        scope = request.scope
        path, method = request.path, scope.get("method", "GET")
        host = routed_host(request.raw_header(b"host")) if self._has_hosts else ""
        raw_path = scope.get("raw_path")
        # PERF: a path without escapes has no fault.
        if raw_path is None or b"%" in raw_path or not raw_path.isascii():
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
        return redirect(sent_twin(scope, target) + (f"?{query}" if query else ""), 308)


def raise_head_fault(connection: Connection) -> NoReturn:
    """Refuse a connection whose headers are not fit to be looked at; the handler of such.

    Args:
        connection: The connection, without its headers.

    Raises:
        HTTPException: Always.
    """
    raise connection.scope["flasgo.head_fault"]


def _pass_gates(connection: Connection, pipeline: Pipeline) -> Response | None:
    """Run the gates that need no await; return the answer of the one that ends the request."""
    gate = None
    try:
        for gate in pipeline.gates:
            early = gate(connection)
            if early is not None:
                return _early_answer(connection, pipeline, gate, early)
    except HTTPException as denial:
        note_denial(connection, pipeline, gate, denial)
        raise
    except ClientDisconnect:
        raise
    except Exception as exc:
        raise pipeline.attributed(gate, exc)  # noqa: B904 - it sets the cause
    return None


def _pass_finalizers(
    connection: Connection, pipeline: Pipeline, response: Response
) -> _Unfinished | None:
    """Give a response to the finalizers that need no await.

    Returns:
        None when all have seen it, and there are no others; else what `_finalize_rest` takes: the
        headers that it had before, the step that stopped, what it returned, what it raised.
    """
    connection._is_finalizing = True
    given = response._raw[:]
    step = None
    try:
        for step in pipeline.finalizers:
            other = step(connection, response)
            if other is not None and other is not response:
                return given, step, other, None
    except Exception as exc:
        return given, step, None, exc
    return (given, None, None, None) if pipeline.late_finalizers else None


def _behind(pipeline: Pipeline, step: Step | None) -> Pipeline:
    """Return a pipeline of which only the finalizers behind a step are left."""
    steps = [*((each, False) for each in pipeline.finalizers), *pipeline.late_finalizers]
    position = next(i for i, (each, _) in enumerate(steps) if each is step)
    rest = copy.copy(pipeline)
    rest.finalizers, rest.late_finalizers = (), tuple(steps[position + 1 :])
    return rest


def _leaves_body(connection: Connection, error: HTTPException) -> bool:
    """Whether part of the body is still to come, or has not the length it should have."""
    if error.status_code in _ENDS_CONNECTION:
        return True
    if not isinstance(connection, Request):
        return False
    if "flasgo.head_fault" in connection.scope:
        return connection._has_unread_body()
    return connection._reader is not None and connection._reader.failure is not None


def _end_connection(request: Connection, response: Response) -> None:
    """Have the server close the connection, rather than wait for the rest of a body.

    SECURITY: whatever comes after a body that was not read to its end is not read as a request.
    From HTTP/2 on there is no such header, and no need: a stream ends alone (RFC 9113, 8.2.2).
    """
    if isinstance(request, Request):
        request._has_leftovers = True
    if request.scope.get("http_version", "1.1").startswith("1"):
        response.headers["connection"] = "close"


def _add_kept(answer: Response, added: list[RawHeader]) -> None:
    """Add to an answer what finalizers have put into the head of the one before it.

    Its own headers stay, and what describes the content of the other one is left out.
    """
    names = {name for name, _ in answer._raw if name != b"set-cookie"}
    for pair in added:
        name = pair[0]
        is_there = name in names or pair in answer._raw
        of_content = name.startswith(b"content-") and not name.startswith(b"content-security-")
        if not is_there and name not in _OF_CONTENT and not of_content:
            answer._raw.append(pair)


def _callbacks_after(connection: Connection, pipeline: Pipeline) -> Iterator[Callback]:
    """Iterate over what sees the response: what the request asked for comes first, as in Flask."""
    own = connection._after_this
    while own:
        yield own.pop(0)
    yield from pipeline.after
    own = connection._after_this
    while own:
        yield own.pop(0)


def _reason(error: Exception) -> str:
    """Return what a close frame can hold of an error's detail (RFC 6455, section 5.5)."""
    detail = str(getattr(error, "detail", "")).encode(errors="ignore")
    return detail[:LONGEST_REASON].decode(errors="ignore")


def _match_nothing(method: str, path: str) -> None:
    """Stand in for the router's quick match where hosts have to be looked at."""
    return


def _host_of(scope: Scope) -> str:
    return routed_host(next((value for name, value in scope["headers"] if name == b"host"), None))


def _early_answer(
    connection: Connection, pipeline: Pipeline, gate: Step, value: object
) -> Response:
    """Return what a gate answered; an object that a plugin keeps is copied for the request."""
    response = _checked_early(value)
    note_denial(connection, pipeline, gate, response)
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
