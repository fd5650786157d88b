"""ASGI middleware, around a whole app or around the routes of a blueprint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from flasgo.asgi import ASGIApp, Message, Receive, Scope, Send
from flasgo.callables import full_name
from flasgo.errors import ConfigurationError
from flasgo.interop.relay import Handover
from flasgo.routing import Match

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.kernel.dispatch import Dispatcher
    from flasgo.kernel.pipeline import Pipeline
    from flasgo.requests.connection import Connection

__all__ = ["Entrance", "Layer", "MiddlewareStack", "current_match", "onward", "stacked"]

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


def stacked(layers: Sequence[Layer], core: ASGIApp) -> ASGIApp:
    """Put middleware around an app; the last one added is the outermost.

    Args:
        layers: The middleware, in the order in which it was added.
        core: The app.

    Raises:
        ConfigurationError: When one of them cannot be made; it is named.
    """
    app = core
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


class _Journey:
    """One request on its way through middleware.

    Attributes:
        match: The route that was found before; None before the app has looked.
        rest: The stacks that are still to be passed.
        first: The journey of which this one is a part.
        has_answered: Whether a response of ours has gone out to the middleware.
    """

    __slots__ = ("first", "has_answered", "match", "rest")

    def __init__(
        self,
        match: Match | None = None,
        rest: tuple[ASGIApp, ...] = (),
        first: _Journey | None = None,
    ) -> None:
        self.match = match
        self.rest = rest
        self.first = first or self
        self.has_answered = False

    async def through(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Call an app that will find this journey, whatever tasks it starts."""
        token = _current.set(self)
        try:
            await app(scope, receive, send)
        finally:
            _current.reset(token)

    def noting(self, send: Send) -> Send:
        """Return a `send` that takes note of our answers."""
        first = self.first

        async def note(message: Message) -> None:
            first.has_answered = True
            await send(message)

        return note

    def is_answered(self) -> bool:
        """Whether what arrives outside is an answer of ours."""
        return self.first.has_answered


_current: ContextVar[_Journey] = ContextVar("flasgo.journey")


class MiddlewareStack:
    """Takes the dispatcher's place where an app has middleware.

    Args:
        app: The app.
        layers: Its middleware, in the order in which it was added.

    Raises:
        ConfigurationError: When a middleware cannot be made.
    """

    def __init__(self, app: Flasgo, layers: Sequence[Layer]) -> None:
        self._app = app
        self._outermost = stacked(layers, self._core)

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        journey = _Journey()
        handovers = self._app._compile().handovers

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            await journey.through(self._outermost, scope, receive, send)

        await handovers.http_around(self._app, run, journey.is_answered, scope, receive, send)

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket connection."""
        journey = _Journey()
        handovers = self._app._compile().handovers

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            await journey.through(self._outermost, scope, receive, send)

        await handovers.websocket_around(self._app, run, journey.is_answered, scope, receive, send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol, through the middleware like any server's message."""
        has_arrived = False

        async def first_receive() -> Message:
            nonlocal has_arrived
            has_arrived = True
            return await receive()

        try:
            await self._outermost(scope, first_receive, send)
        except Exception:
            if has_arrived:
                raise
            _logger.warning(
                "A middleware does not let the lifespan pass; the app starts without it.",
                exc_info=True,
            )
            await self._app._serve_lifespan(scope, receive, send)

    async def _core(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on to the app; this is the innermost app of the stack."""
        if scope["type"] == "lifespan":
            await self._app._serve_lifespan(scope, receive, send)
            return
        journey = _current.get(None) or _Journey()
        dispatcher = self._app._compile()
        serve = dispatcher.http if scope["type"] == "http" else dispatcher.websocket
        await serve(scope, receive, journey.noting(send))


class Entrance:
    """The handler of routes that lie behind a blueprint's middleware.

    Args:
        stacks: The middleware of each blueprint, the outermost one's first.
        pipeline: What the request passes behind all of it.
    """

    def __init__(self, stacks: tuple[ASGIApp, ...], pipeline: Pipeline) -> None:
        self._stacks = stacks
        self.pipeline = pipeline
        self.spans_segments = pipeline.route.spans_segments

    async def __call__(self, connection: Connection) -> NoReturn:
        """Send a connection through the middleware.

        Raises:
            Handover: Always.
        """
        # The route is found already; behind the middleware nobody looks for another one.
        match = tuple.__new__(Match, (self, connection.path_params))
        journey = _Journey(match, self._stacks[1:])

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            await journey.through(self._stacks[0], scope, receive, send)

        raise Handover(run, connection.scope, is_ours=journey.is_answered, limits_body=False)


def onward(dispatcher_of: Callable[[], Dispatcher]) -> ASGIApp:
    """Return the innermost app of a blueprint's stack: the next stack, or the route.

    Args:
        dispatcher_of: Returns the dispatcher that serves what has passed all stacks.
    """

    async def go_on(scope: Scope, receive: Receive, send: Send) -> None:
        journey = _current.get()
        if journey.rest:
            inner = _Journey(journey.match, journey.rest[1:], journey.first)
            await inner.through(journey.rest[0], scope, receive, send)
            return
        dispatcher = dispatcher_of()
        serve = dispatcher.http if scope["type"] == "http" else dispatcher.websocket
        await serve(scope, receive, journey.noting(send))

    return go_on


def current_match(*_: object) -> Match | None:
    """Return the match of the request that has passed the middleware of its blueprints."""
    return _current.get().match
