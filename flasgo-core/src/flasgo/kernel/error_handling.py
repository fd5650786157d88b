"""Turns what went wrong into a response: error handlers, then `error_response` hooks, then text."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flasgo.advice.missing_await import note_missing_await
from flasgo.advice.thread_bound import note_thread_bound
from flasgo.errors import (
    ConfigurationError,
    HookError,
    HTTPException,
    reason_phrase,
    type_name,
)
from flasgo.kernel.callbacks import Callback
from flasgo.responses.response import Response
from flasgo.responses.results import claimed, coerce_response, gives_status

if TYPE_CHECKING:
    from flasgo.plugins.implementation import Implementation
    from flasgo.requests.connection import Connection

__all__ = [
    "ErrorAnswers",
    "ErrorHandlers",
    "check_error_key",
    "hardened_response",
    "log_error",
    "note_error",
]

_logger = logging.getLogger("flasgo.app")

# On a redirect to the login page, `Retry-After` would ask browsers to wait before they follow it
# (RFC 9110, section 10.2.3); the others are about what was refused.
_FOR_ERRORS = frozenset({"allow", "content-range", "retry-after", "www-authenticate"})


def check_error_key(key: object) -> None:
    """Check what `errorhandler` was given.

    Args:
        key: A status code from 400 to 599, or an exception class.

    Raises:
        ConfigurationError: When it is neither.
    """
    if isinstance(key, int) and not isinstance(key, bool) and 400 <= key <= 599:
        return
    if isinstance(key, type) and issubclass(key, Exception):
        return
    raise ConfigurationError(
        f"errorhandler was given {key!r}; give a status code from 400 to 599 or a "
        "subclass of Exception."
    )


class ErrorHandlers:
    """The error handlers of an app or a blueprint, found by status or most specific class.

    Args:
        outer: The handlers to ask where these have none: those of what is around the blueprint.
    """

    def __init__(self, outer: ErrorHandlers | None = None) -> None:
        self._by_status: dict[int, Callback] = {}
        self._by_type: dict[type, Callback] = {}
        self._chain: tuple[ErrorHandlers, ...] = (self, *(outer._chain if outer else ()))

    def add(self, key: int | type[Exception], handler: Callback) -> None:
        """Register a handler.

        Args:
            key: A status code from 400 to 599, or an exception class.
            handler: Takes the request and the exception.

        Raises:
            ConfigurationError: When the key is neither.
        """
        check_error_key(key)
        if isinstance(key, int):
            self._by_status[int(key)] = handler
        else:
            self._by_type[key] = handler

    def find(self, error: Exception) -> Callback | None:
        """Return the handler for an exception, or None.

        The status of an HTTPException comes before classes, and the nearest base class wins. In
        both steps the innermost blueprint comes first and the app last.
        """
        if isinstance(error, HTTPException):
            for handlers in self._chain:
                if error.status_code in handlers._by_status:
                    return handlers._by_status[error.status_code]
        for handlers in self._chain:
            if not handlers._by_type:
                continue
            for kind in type(error).__mro__:
                if kind in handlers._by_type:
                    return handlers._by_type[kind]
        return None

    def last_resort(self) -> Callback | None:
        """Return the handler for 500, which takes what no handler of a class takes."""
        return next((h._by_status[500] for h in self._chain if 500 in h._by_status), None)

    def expects(self, error: Exception) -> bool:
        """Whether a handler is there for this class of errors, and not for whatever goes wrong."""
        if isinstance(error, HookError):
            return False
        kinds = [kind for kind in type(error).__mro__ if kind is not Exception]
        return any(kind in handlers._by_type for handlers in self._chain for kind in kinds)


class ErrorAnswers:
    """What answers for the errors of one endpoint: error handlers, then `error_response` hooks.

    Args:
        handlers: The error handlers of the app and of the endpoint's blueprints.
        hooks: The implementations of `error_response`, in the order in which they are asked.

    Attributes:
        handlers: The error handlers.
    """

    def __init__(self, handlers: ErrorHandlers, hooks: Iterable[Implementation] = ()) -> None:
        self.handlers = handlers
        self._hooks = tuple(hooks)
        # PERF: the only hook, as a rule that of the error pages, is called without a coroutine.
        is_one = len(self._hooks) == 1 and not self._hooks[0].is_async
        self._only = self._hooks[0] if is_one else None
        self._at_address: Callable[[Connection], ErrorHandlers] | None = None

    def choose_by_address(self, choose: Callable[[Connection], ErrorHandlers]) -> None:
        """Have a request that reaches no endpoint find its handlers by where it was sent to.

        Args:
            choose: Returns the handlers of the innermost blueprint there, or the app's.
        """
        self._at_address = choose

    def _handlers_for(self, connection: Connection) -> ErrorHandlers:
        return self.handlers if self._at_address is None else self._at_address(connection)

    async def respond(self, connection: Connection, error: Exception, *, debug: bool) -> Response:
        """Return the answer for an exception; never raises one.

        Args:
            connection: The request.
            error: What was raised.
            debug: Whether an unexpected error goes past the app's handler for 500, so that the
                debug page shows it.
        """
        handlers = self._handlers_for(connection)
        aborted = isinstance(error, HTTPException) and error.response is not None
        handler = _answer_of_abort if aborted else handlers.find(error)
        if not isinstance(error, HTTPException):
            if not handlers.expects(error):
                note_error(connection, error)
            # A page that says sorry would hide from the developer what there is to mend.
            if handler is None and not debug:
                handler = handlers.last_resort()
        if handler is not None:
            try:
                return await _handled(connection, error, handler)
            except Exception as second:
                note_error(connection, second)
                error = second if not isinstance(second, HTTPException) else HTTPException(500)
        if self._only is not None:
            response = self._ask(self._only, connection, error)
            if response.is_streaming:
                await response._prepare(connection)
            return response
        return await self.default(connection, error)

    def _ask(self, hook: Implementation, connection: Connection, error: Exception) -> Response:
        """Return the answer of the only hook."""
        try:
            answer = hook.call(connection, error)
            if answer is not None:
                return claimed(_checked(answer))
        except HTTPException as raised:
            if raised.response is not None:
                return claimed(raised.response)
            error = raised
        except Exception as failure:
            error = _attributed(hook, failure)
            note_error(connection, error)
        return hardened_response(error)

    async def default(self, connection: Connection, error: Exception) -> Response:
        """Return the answer of the plugins, or a line of text; never raises an exception.

        A hook that fails is not asked again; the hooks after it answer for its failure.

        Args:
            connection: The request.
            error: What was raised.
        """
        for impl in self._hooks:
            try:
                answer = impl.call(connection, error)
                if impl.is_async:
                    answer = await answer
                if answer is None:
                    continue
                response = claimed(_checked(answer))
                if response.is_streaming:
                    await response._prepare(connection)
                return response
            except HTTPException as raised:
                if raised.response is not None:
                    return claimed(raised.response)
                error = raised
            except Exception as failure:
                error = _attributed(impl, failure)
                note_error(connection, error)
        return hardened_response(error)


def _checked(answer: object) -> Response:
    if isinstance(answer, Response):
        return answer
    if inspect.iscoroutine(answer):
        answer.close()
        raise TypeError("it returned a coroutine; declare the hook with `async def`")
    raise TypeError(f"it returned {type_name(answer)}; error_response returns a Response or None")


def _attributed(impl: Implementation, failure: Exception) -> HookError:
    error = HookError(
        f"Plugin {impl.plugin!r} failed in {impl.hook}: {type(failure).__name__}: {failure}",
        plugin=impl.plugin,
        hook=impl.hook,
    )
    error.__cause__ = failure
    return error


async def _answer_of_abort(connection: Connection, error: Exception) -> object:
    return getattr(error, "response", None)


async def _handled(connection: Connection, error: Exception, handler: Callback) -> Response:
    """Answer with the app's handler; a bare value keeps the status of the error.

    The error's headers come along, save those that make no sense on an answer that is not an error.
    """
    result = await handler(connection, error)
    response = coerce_response(result, handler)
    if response.is_streaming:
        await response._prepare(connection)
    if response.status_code in {200, 204} and not gives_status(result, handler):
        response.status_code = error.status_code if isinstance(error, HTTPException) else 500
    if isinstance(error, HTTPException) and error.headers:
        is_error = response.status_code >= 400
        for name, value in error.headers.items():
            if is_error or name.lower() not in _FOR_ERRORS:
                response.headers.setdefault(name, value)
    return response


def hardened_response(error: Exception) -> Response:
    """Return a line of text for an error that no handler and no hook has answered.

    SECURITY: it tells what an HTTPException was to tell the client, and nothing of another error.

    Args:
        error: What was raised.
    """
    if not isinstance(error, HTTPException):
        error = HTTPException(500, "The server failed to answer this request.")
    phrase = reason_phrase(error.status_code) or "Error"
    line = f"{error.status_code} {phrase}: {error.detail}\n"
    try:
        response = Response.text(line, error.status_code, error.headers)
    except (ValueError, TypeError):  # such as a header of the exception with a line break in it
        return hardened_response(HTTPException(500, "The server failed to answer this request."))
    response.headers["x-content-type-options"] = "nosniff"
    return response


def note_error(connection: Connection, error: Exception) -> None:
    """Log an unexpected exception, once, and leave it in the scope.

    Test clients and servers find in `scope["flasgo.exception"]` what a 500 stands for.
    """
    if connection.scope.get("flasgo.exception") is error:
        return
    connection.scope["flasgo.exception"] = error
    log_error(connection, error)


def log_error(connection: Connection, error: BaseException) -> None:
    """Log an unhandled exception with its traceback; the path is quoted (CWE-117)."""
    note_missing_await(error)
    note_thread_bound(error)
    identifier = getattr(connection, "id", None)
    suffix = "" if identifier is None else f" (request {identifier})"
    _logger.error("Error on %s %r%s", _verb(connection), connection.path, suffix, exc_info=error)


def _verb(connection: Connection) -> str:
    return connection.scope.get("method", "WEBSOCKET")
