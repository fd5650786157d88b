"""The decorators that register handlers, for everything that takes routes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from inspect import get_annotations
from typing import TYPE_CHECKING, ClassVar, TypeVar, Unpack

from flasgo.binding.views import DEFAULT_METHODS, view_of
from flasgo.errors import RouteError, did_you_mean
from flasgo.kernel.callbacks import Callbacks, check_callback
from flasgo.kernel.error_handling import check_error_key
from flasgo.routing.operation import EndpointOptions, RouteOptions, SharedOptions
from flasgo.routing.policies import PolicyScope

if TYPE_CHECKING:
    from flasgo.routing import Route

__all__ = ["RouteOptions", "RouteScope"]

_F = TypeVar("_F", bound=Callable[..., object])


class RouteScope(PolicyScope):
    """Takes routes, and what is to be called around their requests: an app or a blueprint."""

    _callbacks: Callbacks
    _shared: SharedOptions
    # Attributes that the framework alone replaces.
    _fixed: ClassVar[frozenset[str]] = frozenset()

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __setattr__ has every attribute.
        def __setattr__(self, name: str, value: object) -> None:
            # `app.secret_key = ...` would be kept, and nothing would ever read it.
            if not (name.startswith("_") or self._may_have(name)):
                advice = self._advice_for_own(name)
                message = f"{self._kind()} has no attribute {name!r} to assign.{advice}"
                raise AttributeError(message, name=name, obj=None)
            if name in self._fixed and type(value) is not type(self.__dict__.get(name, value)):
                raise AttributeError(self._read_only(name), name=name, obj=None)
            try:
                object.__setattr__(self, name, value)
            except AttributeError:  # a property
                raise AttributeError(self._read_only(name), name=name, obj=None) from None

    def _may_have(self, name: str) -> bool:
        """Whether an attribute may be assigned: one that is declared, or one of a subclass."""
        kinds = type(self).__mro__
        if any(name in vars(kind) for kind in kinds):
            return True
        # Those of subclasses are not evaluated: they may name what only type checkers import.
        ours = (kind for kind in kinds if kind.__module__.startswith("flasgo."))
        if any(name in get_annotations(kind) for kind in ours):
            return True
        return self._kind() != type(self).__name__ and not self._setting_hint(name)

    def _kind(self) -> str:
        """Return the name of the class of Flasgo's own that this is, or derives from."""
        kinds = type(self).__mro__
        return next(kind.__name__ for kind in kinds if kind.__module__.startswith("flasgo."))

    def _read_only(self, name: str) -> str:
        return f"{self._kind()}.{name} is read-only.{self._setting_hint(name)}"

    def _advice_for_own(self, name: str) -> str:
        return self._hint(name) or " A subclass may have attributes of its own."

    def _unknown(self, name: str) -> str:
        """Return the message for an attribute that is not there."""
        return f"{self._kind()} has no attribute {name!r}.{self._hint(name)}"

    def _hint(self, name: str) -> str:
        """Return what to do about an attribute that is not there, with its leading space."""
        from flasgo.advice.names_elsewhere import advice

        meant = advice("app" if self._kind() == "Flasgo" else "blueprint", name)
        public = [known for known in dir(self) if not known.startswith("_")]
        return self._setting_hint(name) or (f" {meant}" if meant else did_you_mean(name, public))

    def _setting_hint(self, name: str) -> str:
        return ""

    @abstractmethod
    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = DEFAULT_METHODS,
        *,
        is_websocket: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route.

        Args:
            path: The rule, such as `/users/<int:id>`.
            handler: An `async def` function, or a `def` function to run in a worker thread; or a
                `MethodView`, whose methods become a route each.
            methods: The HTTP methods it answers; HEAD comes with GET, OPTIONS by itself.
            is_websocket: Whether it takes WebSocket connections; it has no methods then.
            options: See `RouteOptions`.

        Returns:
            The route; the first one of a view.

        Raises:
            RouteError: When the rule is malformed, the route exists already, or the handler's
                parameters cannot be bound.
        """

    def route(
        self, path: str, methods: Iterable[str] = DEFAULT_METHODS, **options: Unpack[RouteOptions]
    ) -> Callable[[_F], _F]:
        """Register the decorated function; the arguments are those of `add_route`."""
        _check_path(path)

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
        _check_path(path)

        def register(handler: _F) -> _F:
            self.add_route(path, handler, is_websocket=True, **options)
            return handler

        return register

    # --- Callbacks --------------------------------------------------------------------------

    def before_request(self, function: _F) -> _F:
        """Register a function to call before the handler; what it returns ends the request.

        The app's functions run before a blueprint's, an outer blueprint's before an inner one's.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the request, or
                nothing. None lets the request go on.
        """
        self._take_callback("before_request", self._callbacks.before, function)
        return function

    def after_request(self, function: _F) -> _F:
        """Register a function to call with every response: errors and denials too.

        The last one registered runs first; a blueprint's run before those of what is around it.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the response, or
                the request and the response, and returns a response or None to keep it.
        """
        self._take_callback("after_request", self._callbacks.after, function)
        return function

    def teardown_request(self, function: _F) -> _F:
        """Register a function to call when the request is over.

        The last one registered runs first; a blueprint's run before those of what is around it.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the exception that
                ended the request or None, or the request and the exception, or nothing.
        """
        self._take_callback("teardown_request", self._callbacks.teardown, function)
        return function

    def errorhandler(self, key: int | type[Exception]) -> Callable[[_F], _F]:
        """Register the decorated function to answer errors of one kind.

        A bare value keeps the error's status; a tuple or Response gives its own.

        Args:
            key: A status code from 400 to 599, or an exception class; the handler of the most
                specific class answers, a blueprint's before the app's.

        Raises:
            ConfigurationError: When the key is neither.
        """
        check_error_key(key)

        def register(function: _F) -> _F:
            check_callback("errorhandler", function)
            self._callbacks.errors.append((key, function))
            self._recompile()
            return function

        return register

    # --- Flask's spellings ------------------------------------------------------------------

    def register_error_handler(
        self, key: int | type[Exception], function: Callable[..., object]
    ) -> None:
        """Register a function to answer errors of one kind; see `errorhandler`."""
        self.errorhandler(key)(function)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., object] | None = None,
        *,
        methods: Iterable[str] | None = None,
        **options: Unpack[EndpointOptions],
    ) -> None:
        """Register a route as Flask spells it; see `add_route`.

        Args:
            rule: The rule, such as `/users/<int:id>`.
            endpoint: The name for `url_for`; the function's name when left out.
            view_func: The handler. An app takes a rule of a route that is there without one: the
                endpoint is a further name of that route then.
            methods: The HTTP methods; those of the handler's attribute `methods` when left out,
                else GET.
            options: See `RouteOptions`.

        Raises:
            RouteError: When there is no handler, or as `add_route` does.
        """
        if view_func is None:
            self._name_route(rule, endpoint)
            return
        named: RouteOptions = {**options}
        if endpoint is not None:
            named["endpoint"] = endpoint
        if view_of(view_func) is None:
            methods = methods or getattr(view_func, "methods", None)
        self.add_route(rule, view_func, methods or DEFAULT_METHODS, **named)

    def _name_route(self, rule: str, endpoint: str | None) -> None:
        """Give a route that is there another name."""
        raise RouteError(
            f"add_url_rule({rule!r}, endpoint={endpoint!r}) was given no view_func; the handler is "
            "registered together with its rule."
        )

    def _take_callback(
        self,
        kind: str,
        taken: list[Callable[..., object]],
        function: Callable[..., object],
    ) -> None:
        check_callback(kind, function)
        taken.append(function)
        self._recompile()


def _check_path(path: object) -> None:
    """Refuse a decorator without its parentheses, which would register nothing."""
    if callable(path):
        name = getattr(path, "__name__", path)
        raise RouteError(
            f"{name!r} was decorated without a path; write @app.get('/path'), with parentheses."
        )
