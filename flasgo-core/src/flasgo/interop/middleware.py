"""ASGI middleware, around a whole app or around the routes of a blueprint."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from flasgo.asgi import ASGIApp, Message, Receive, Scope, Send
from flasgo.callables import full_name
from flasgo.errors import ConfigurationError
from flasgo.interop.relay import AppResponse

if TYPE_CHECKING:
    from flasgo.kernel.dispatch import Dispatcher
    from flasgo.kernel.pipeline import Pipeline
    from flasgo.requests.connection import Connection

__all__ = ["Layer", "MiddlewareEntry", "ThroughMiddleware", "lifespan_through", "stacked"]

_logger = logging.getLogger("flasgo.app")


class Layer(NamedTuple):
    """A middleware that was added: what makes it, and with which options."""

    # Any: middleware of any origin, with options of its own.
    factory: Callable[..., Any]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its class."""
        return full_name(self.factory)

    @classmethod
    def checked(cls, factory: Callable[..., Any], options: dict[str, Any]) -> Layer:
        """Return a layer for what `add_middleware` was given.

        Args:
            factory: A class or function that takes an ASGI app and the options.
            options: The options.

        Raises:
            ConfigurationError: When it cannot be called.
        """
        if not callable(factory):
            raise ConfigurationError(
                f"add_middleware takes a class such as GZipMiddleware, not {factory!r}."
            )
        return cls(factory, options)


async def _no_passage(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(
        f"A middleware of a blueprint called the app for {scope.get('path')!r} in another context "
        "than that of the request, so the route cannot be found. Call it in the request's task, or "
        "in one that this task starts; or add the middleware to the app."
    )


def stacked(layers: Sequence[Layer], otherwise: ASGIApp = _no_passage) -> ASGIApp:
    """Put middleware into one another; the last one added is the outermost.

    The innermost app goes on with what the connection has still to pass.

    Args:
        layers: The middleware, in the order in which it was added.
        otherwise: Serves what comes through in a context of its own, and the lifespan.

    Raises:
        ConfigurationError: When one of them cannot be made; it is named.
    """

    async def innermost(scope: Scope, receive: Receive, send: Send) -> None:
        passage = None if scope["type"] == "lifespan" else _current.get(None)
        await (passage or otherwise)(scope, receive, send)

    app: ASGIApp = innermost
    for layer in layers:
        try:
            app = layer.factory(app, **layer.options)
        except Exception as exc:
            raise ConfigurationError(
                f"The middleware {layer.name} could not be made: {type(exc).__name__}: {exc}. "
                "It is called with an ASGI app and the options given to add_middleware: "
                f"{', '.join(layer.options) or 'none'}."
            ) from exc
    return app


class _Passage:
    """The way of one connection through stacks of middleware; an ASGI app.

    Args:
        stacks: The stacks that are still to be passed.
        target: What serves the connection behind them.
        first: The passage that this one continues.

    Attributes:
        is_answered: Whether a response of ours has gone out to the middleware.
    """

    __slots__ = ("_first", "_stacks", "_target", "is_answered")

    def __init__(
        self, stacks: tuple[ASGIApp, ...], target: ASGIApp, first: _Passage | None = None
    ) -> None:
        self._stacks = stacks
        self._target = target
        self._first = first or self
        self.is_answered = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the next stack, or arrive behind all of them."""
        if not self._stacks:
            await self._target(scope, receive, self._noting(send))
            return
        # Found again by the innermost app of the stack, whatever tasks the middleware starts.
        token = _current.set(_Passage(self._stacks[1:], self._target, self._first))
        try:
            await self._stacks[0](scope, receive, send)
        finally:
            _current.reset(token)

    def _noting(self, send: Send) -> Send:
        async def note(message: Message) -> None:
            self._first.is_answered = True
            await send(message)

        return note


_current: ContextVar[_Passage] = ContextVar("flasgo.passage")


class ThroughMiddleware:
    """What a pipeline calls where middleware is around its route, or around the app.

    Args:
        stacks: The stacks to pass, the outermost one first.
        dispatcher: Serves what has passed them.
        pipeline: What the connection then passes; None to find its route then.
    """

    def __init__(
        self, stacks: tuple[ASGIApp, ...], dispatcher: Dispatcher, pipeline: Pipeline | None = None
    ) -> None:
        self._stacks = stacks
        self._dispatcher = dispatcher
        self._pipeline = pipeline

    async def __call__(self, connection: Connection) -> AppResponse:
        """Return the response that the middleware will send."""
        pipeline = self._pipeline
        found = None if pipeline is None else (pipeline, connection.path_params)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            dispatcher = self._dispatcher
            go_on = dispatcher.http if scope["type"] == "http" else dispatcher.websocket
            await go_on(scope, receive, send, found)

        passage = _Passage(self._stacks, serve)
        return AppResponse(
            passage,
            # Middleware sees the head as it came, fit or not; the dispatcher behind it refuses.
            connection.scope.get("flasgo.refused_scope", connection.scope),
            is_finished=lambda: passage.is_answered,
            limits_body=False,
        )


class MiddlewareEntry:
    """Takes the dispatcher's place where an app has middleware.

    Args:
        dispatcher: The dispatcher.
        pipeline: Sends connections through the middleware.
    """

    def __init__(self, dispatcher: Dispatcher, pipeline: Pipeline) -> None:
        self._dispatcher = dispatcher
        self._found = (pipeline, None)

    def http(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one HTTP request."""
        return self._dispatcher.http(scope, receive, send, self._found)

    def websocket(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one WebSocket connection."""
        return self._dispatcher.websocket(scope, receive, send, self._found)


async def lifespan_through(
    stack: ASGIApp, serve: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Speak the lifespan protocol through an app's middleware, like any server's message.

    Args:
        stack: The middleware.
        serve: Speaks it for the app, where the middleware does not let it pass.
        scope: The ASGI scope.
        receive: The ASGI receive callable.
        send: The ASGI send callable.
    """
    has_arrived = False

    async def first_receive() -> Message:
        nonlocal has_arrived
        has_arrived = True
        return await receive()

    try:
        await stack(scope, first_receive, send)
    except Exception:
        if has_arrived:
            raise
        _logger.warning(
            "A middleware does not let the lifespan pass; the app starts without it.",
            exc_info=True,
        )
        await serve(scope, receive, send)
