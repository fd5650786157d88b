"""The decorators that register handlers, for everything that takes routes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

from flasgo.policies import Policy

if TYPE_CHECKING:
    from flasgo.routing import Route

__all__ = ["Registrar", "RouteOptions"]

_F = TypeVar("_F", bound=Callable[..., object])


class RouteOptions(TypedDict, total=False):
    """What every route can be given.

    Attributes:
        endpoint: The name for `url_for`; the function's name when left out.
        blocking: False runs a quick `def` handler on the event loop.
        max_body: The largest request body in bytes; the setting decides when left out.
        policies: Policies for this route alone.
    """

    endpoint: str | None
    blocking: bool
    max_body: int | None
    policies: Iterable[Policy]


class Registrar:
    """Takes routes: one decorator for each HTTP method, and one for WebSockets."""

    @abstractmethod
    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = ("GET",),
        *,
        is_websocket: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route.

        Args:
            path: The rule, such as `/users/<int:id>`.
            handler: An `async def` function, or a `def` function to run in a worker thread.
            methods: The HTTP methods it answers; HEAD comes with GET, OPTIONS by itself.
            is_websocket: Whether it takes WebSocket connections; it has no methods then.
            options: See `RouteOptions`.

        Returns:
            The route.

        Raises:
            RouteError: When the rule is malformed, the route exists already, or the handler's
                parameters cannot be bound.
        """

    def route(
        self, path: str, methods: Iterable[str] = ("GET",), **options: Unpack[RouteOptions]
    ) -> Callable[[_F], _F]:
        """Register the decorated function; the arguments are those of `add_route`."""

        def register(handler: _F) -> _F:
            self.add_route(path, handler, methods, **options)
            return handler

        return register

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for GET and HEAD."""
        return self.route(path, ("GET",), **options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for POST."""
        return self.route(path, ("POST",), **options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for PUT."""
        return self.route(path, ("PUT",), **options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for PATCH."""
        return self.route(path, ("PATCH",), **options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for DELETE."""
        return self.route(path, ("DELETE",), **options)

    def head(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated function for HEAD alone."""
        return self.route(path, ("HEAD",), **options)

    def websocket(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[_F], _F]:
        """Register the decorated `async def` function for WebSocket connections."""

        def register(handler: _F) -> _F:
            self.add_route(path, handler, is_websocket=True, **options)
            return handler

        return register
