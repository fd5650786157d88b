"""Functions about the current request that handlers import from `flasgo`, as from Flask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flasgo.kernel.callbacks import as_callback, check_callback
from flasgo.kernel.context import active_request, current_app
from flasgo.responses.response import Response
from flasgo.responses.results import coerce_response
from flasgo.websocket import WebSocket

__all__ = ["after_this_request", "make_response", "stream_with_context", "url_for"]

_F = TypeVar("_F", bound=Callable[..., object])
_T = TypeVar("_T")


def url_for(
    endpoint: str,
    *,
    _external: bool = False,
    _anchor: str | None = None,
    _scheme: str | None = None,
    **params: object,
) -> str:
    """Return the URL of an endpoint of the current app; see `Flasgo.url_for`.

    Args:
        endpoint: The endpoint's name; `.show` is one of the blueprint that serves the request.
        _external: True gives an absolute URL.
        _anchor: What comes behind `#`.
        _scheme: The scheme of an absolute URL.
        params: The parameters of path and host; what these do not take goes into the query.

    Raises:
        BuildError: When the endpoint is unknown, or a parameter is missing or impossible.
        RuntimeError: Outside of a request and of `app.app_context()`; use `app.url_for` there.
    """
    return current_app.url_for(
        endpoint, _external=_external, _anchor=_anchor, _scheme=_scheme, **params
    )


def make_response(*parts: object) -> Response:
    """Return what a handler would be answered with, as a response that can be changed.

    Args:
        parts: Nothing for an empty response, or what a handler may return: a body; a body and a
            status or headers; or all three.

    Raises:
        TypeError: When a handler may not return it.
    """
    if not parts:
        return Response()
    result = parts[0] if len(parts) == 1 else parts
    return coerce_response(Response() if result is None else result, make_response)


def after_this_request(function: _F) -> _F:
    """Call a function with the response of the current request, and of this request alone.

    It runs before the functions of `after_request`, in the order of registration.

    Args:
        function: Takes the response, or the request and the response, and returns a response or
            None to keep it, as for `app.after_request`.

    Raises:
        ConfigurationError: When it asks for more arguments than there are.
        RuntimeError: Outside of a request, for WebSockets, and once the response is being sent.
    """
    connection = active_request.get(None)
    if connection is None:
        raise RuntimeError(
            "after_this_request works only while a request is being served; for every request, "
            "use app.after_request."
        )
    if isinstance(connection, WebSocket):
        raise RuntimeError("after_this_request is for HTTP: a WebSocket has no response to change.")
    if connection._is_finalizing:
        raise RuntimeError(
            "after_this_request comes too late: the response is being sent. Call it in the "
            "handler or a callback before it; what is to be done after sending goes into "
            "request.background."
        )
    check_callback("after_request", function)
    callback = as_callback("after_request", function, connection.app.threads)
    if connection._after_this is None:
        connection._after_this = []
    connection._after_this.append(callback)
    return function


def stream_with_context(generator_or_function: _T) -> _T:
    """Return what it was given: streams see the request here without being wrapped.

    Args:
        generator_or_function: A generator, or a generator function that is decorated.
    """
    return generator_or_function
