"""Classes as handlers: one method answers each HTTP method, or `dispatch_request` all of them."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from flasgo.callables import is_async, signature_of
from flasgo.errors import RouteError
from flasgo.kernel.context import current_request
from flasgo.routing.policies import PolicyScope, policies_on

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["DEFAULT_METHODS", "BoundView", "MethodView", "View", "view_of"]

DEFAULT_METHODS: tuple[str, ...] = ("GET",)
"""What routes answer to that do not say; a view then says it."""

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
# `Any`: handlers take what they like.
_Handler = Callable[..., Any]


class View:
    """A class whose `dispatch_request` is a handler; each request has an instance of its own.

    ```python
    class Page(View):
        methods = ["GET", "POST"]

        async def dispatch_request(self, name: str) -> str:
            return name

    app.add_route("/pages/<name>", Page)
    ```

    Attributes:
        methods: The HTTP methods it answers.
        decorators: Decorators for its handlers; the last one is the outermost.
        init_every_request: False makes one instance for all requests, which must then keep
            nothing of a request.
    """

    methods: ClassVar[Iterable[str] | None] = None
    decorators: ClassVar[Iterable[Callable[..., Any]]] = ()
    init_every_request: ClassVar[bool] = True

    @classmethod
    def as_view(cls, name: str | None = None, *class_args: object, **class_options: object) -> Any:
        """Return the view for a route, with an endpoint name and arguments for the class.

        `Any`: it stands where a handler does.

        Args:
            name: The endpoint; the class's name when left out.
            class_args: Arguments for `__init__`.
            class_options: Keyword arguments for `__init__`.

        Raises:
            RouteError: When the class has no method that answers.
        """
        return BoundView(
            cls, name or cls.__name__, functools.partial(cls, *class_args, **class_options)
        )

    @classmethod
    def _answering(cls) -> dict[str, tuple[str, ...]]:
        """Return the names of the methods that answer, each with the HTTP methods it is for."""
        if not hasattr(cls, "dispatch_request"):
            return {}
        return {"dispatch_request": tuple(cls.methods or DEFAULT_METHODS)}


class MethodView(View):
    """A class with a method for each HTTP method: `get`, `post`, `put`, `patch`, `delete`...

    Each of them is a handler: parameters are bound, policies checked and the API described for
    each alone.

    ```python
    class Note(MethodView):
        async def get(self, number: int) -> str: ...

        @app.authorize()
        async def delete(self, number: int) -> None: ...

    app.add_route("/notes/<int:number>", Note)
    ```
    """

    @classmethod
    def _answering(cls) -> dict[str, tuple[str, ...]]:
        return {name: (name.upper(),) for name in _METHODS if hasattr(cls, name)}


class BoundView(PolicyScope):
    """A view with a name: what a route is given. Policies attached to it hold for all its methods.

    Args:
        view_class: The class.
        name: The endpoint.
        make: Makes an instance.

    Attributes:
        handlers: The handler for each set of HTTP methods.
        methods: The HTTP methods that the view answers.

    Raises:
        RouteError: When the class has no method that answers.
    """

    def __init__(self, view_class: type[View], name: str, make: Callable[[], View]) -> None:
        self.view_class = view_class
        self.__name__ = name
        self._apps: weakref.WeakSet[Flasgo] = weakref.WeakSet()
        self._make = make if view_class.init_every_request else _always(make())
        self.handlers: dict[tuple[str, ...], _Handler] = {
            methods: self._handler(getattr(view_class, attribute))
            for attribute, methods in view_class._answering().items()
        }
        self.methods = tuple(method for methods in self.handlers for method in methods)
        if not self.handlers:
            raise RouteError(
                f"The view {view_class.__qualname__} has no method that answers: define "
                f"{', '.join(_METHODS[:5])}... in a MethodView, or dispatch_request in a View."
            )

    def __repr__(self) -> str:
        return f"<view {self.__name__!r} of {self.view_class.__qualname__}>"

    def __call__(self, **arguments: object) -> object:
        """Answer the current request, where a function around the view calls it.

        Args:
            arguments: The parameters of the path.

        Raises:
            RuntimeError: When the view or a method of it carries a policy.
        """
        if self._held_policies or any(map(policies_on, self.handlers.values())):
            # SECURITY: the route is the other function's, so nothing would enforce the policies.
            raise RuntimeError(
                f"{self!r} carries policies, and the route has a function around it, so that no "
                "route has them. Name the function in `decorators` of the class instead."
            )
        method = current_request().method
        asked = "GET" if method == "HEAD" and "HEAD" not in self.methods else method
        found = next(h for methods, h in self.handlers.items() if asked in methods)
        return found(**arguments)

    def chosen(self, methods: Iterable[str]) -> Mapping[tuple[str, ...], _Handler]:
        """Return the handlers for some HTTP methods; all of them where a route names none.

        Args:
            methods: The HTTP methods of the route.

        Raises:
            RouteError: When the view does not answer one of them.
        """
        if methods is DEFAULT_METHODS:
            return self.handlers
        wanted = {method.upper() for method in methods}
        missing = sorted(wanted - {*self.methods})
        if missing:
            raise RouteError(f"{self!r} does not answer {missing[0]}: it has {self.methods}.")
        kept = {tuple(m for m in names if m in wanted): h for names, h in self.handlers.items()}
        return {names: handler for names, handler in kept.items() if names}

    def join(self, app: Flasgo) -> None:
        """Take note of an app that has a route for this view.

        Args:
            app: The app.
        """
        self._apps.add(app)

    def _recompile(self) -> None:
        for app in self._apps:
            app._recompile()

    def _handler(self, method: Any) -> _Handler:
        """Return the function that makes an instance and calls a method of it."""
        make = self._make
        if is_async(method):

            async def handler(*args: object, **kwargs: object) -> object:
                return await method(make(), *args, **kwargs)

        else:

            def handler(*args: object, **kwargs: object) -> object:
                return method(make(), *args, **kwargs)

        # `Any`: attributes of a function.
        made: Any = functools.update_wrapper(handler, method)
        signature = signature_of(method)
        made.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])
        for decorate in self.view_class.decorators:
            made = decorate(made)
        made.__name__ = self.__name__
        made._view = self
        return made


def view_of(handler: object) -> BoundView | None:
    """Return the view that a route is given, or None for other handlers.

    Args:
        handler: A view, or a subclass of View.
    """
    if inspect.isclass(handler) and issubclass(handler, View):
        return handler.as_view()
    return handler if isinstance(handler, BoundView) else None


def _always(instance: View) -> Callable[[], View]:
    return lambda: instance
