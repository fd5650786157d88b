"""Flask-style globals: proxies to the request that the current task or thread serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from flasgo.http.json import add_types
from flasgo.http.multidict import State

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.requests.connection import Connection
    from flasgo.requests.request import Request

__all__ = [
    "AppContext",
    "ContextProxy",
    "RequestContext",
    "context_proxy",
    "current_app",
    "current_request",
    "g",
    "has_app_context",
    "has_request_context",
    "request",
]

active_request: ContextVar[Connection] = ContextVar("flasgo.request")
"""Set by the dispatcher for the time of a request. WebSocket connections stand here too."""

_active_app: ContextVar[AppContext] = ContextVar("flasgo.app_context")


def _known_to_app(value: object) -> tuple[object] | None:
    """Return what JSON has in a value's place, as the plugins of the app at work have it."""
    connection = active_request.get(None)
    app = None if connection is None else connection.app
    return None if app is None else app._declarations.custom_types.encode(value)


add_types(_known_to_app)


def current_request() -> Request:
    """Return the request being served.

    Raises:
        RuntimeError: Outside of a request.
    """
    try:
        return cast("Request", active_request.get())
    except LookupError:
        raise RuntimeError(
            "There is no request here: flasgo's globals (request, g, session, current_user) work "
            "only while a request is being served. Pass what you need as an argument instead."
        ) from None


def has_request_context() -> bool:
    """Whether a request is being served here, so that `request` and `session` can be used."""
    return active_request.get(None) is not None


def has_app_context() -> bool:
    """Whether `current_app` and `g` can be used: in a request, or in `app.app_context()`."""
    return has_request_context() or _active_app.get(None) is not None


class AppContext:
    """Makes `current_app`, `g`, `url_for` and templates work outside of requests.

    ```python
    with app.app_context():
        print(render_template("mail/welcome.txt"))
    ```

    Each one has a `g` of its own. Inside of a request the request stays what they stand for, and
    its end is what functions of `teardown_appcontext` wait for.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self.app = app
        self.g = State()
        self._tokens: list[Token[AppContext]] = []

    def __enter__(self) -> Self:
        self._tokens.append(_active_app.set(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token = self._tokens.pop()
        try:
            if not has_request_context() and not self._tokens:
                _tear_down(self.app, error)
        finally:
            _active_app.reset(token)


class RequestContext:
    """Makes a request the current one for a `with` block, without serving it.

    Args:
        request: The request.

    Attributes:
        request: The same.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._tokens: list[Token[Connection]] = []

    def __enter__(self) -> Self:
        self._tokens.append(active_request.set(self.request))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token = self._tokens.pop()
        try:
            if not self._tokens:
                _tear_down(self.request.app, error)
        finally:
            active_request.reset(token)


def _tear_down(app: Flasgo, error: BaseException | None) -> None:
    """Call what ends a context outside of requests: all of it, whatever fails."""
    with ExitStack() as stack:
        for function in app._context_teardowns:
            stack.callback(function, error)


class ContextProxy:
    """Stands for an object that is looked up anew at each use.

    Args:
        name: The name to show outside of a request.
        getter: Returns the object; raises RuntimeError outside of a request.
    """

    __slots__ = ("_ContextProxy__get", "_ContextProxy__name")

    # Any: a proxy stands for objects of every type.
    __get: Callable[[], Any]
    __name: str

    def __init__(self, name: str, getter: Callable[[], Any]) -> None:
        object.__setattr__(self, "_ContextProxy__name", name)
        object.__setattr__(self, "_ContextProxy__get", getter)

    def _get_current_object(self) -> Any:
        """Return the object itself, to hand it to a thread or task that outlives the request.

        Raises:
            RuntimeError: Outside of a request.
        """
        return self.__get()

    @property
    def __class__(self) -> type:
        try:
            return type(self.__get())
        except RuntimeError:
            # Tools that inspect modules ask for the class of the proxy: pytest, pydoc.
            return ContextProxy

    def __getattr__(self, name: str) -> object:
        return getattr(self.__get(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__get(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__get(), name)

    def __getitem__(self, key: object) -> object:
        return self.__get()[key]

    def __setitem__(self, key: object, value: object) -> None:
        self.__get()[key] = value

    def __delitem__(self, key: object) -> None:
        del self.__get()[key]

    def __or__(self, other: object) -> object:
        return self.__get() | other

    def __ror__(self, other: object) -> object:
        return other | self.__get()

    def __contains__(self, key: object) -> bool:
        return key in self.__get()

    def __iter__(self) -> Iterator[object]:
        return iter(self.__get())

    def __len__(self) -> int:
        return len(self.__get())

    def __bool__(self) -> bool:
        return bool(self.__get())

    def __eq__(self, other: object) -> bool:
        return self.__get() == other

    def __hash__(self) -> int:
        return hash(self.__get())

    def __str__(self) -> str:
        return str(self.__get())

    def __dir__(self) -> list[str]:
        try:
            return dir(self.__get())
        except RuntimeError:
            return dir(ContextProxy)

    def __repr__(self) -> str:
        try:
            return repr(self.__get())
        except RuntimeError:
            return f"<flasgo.{self.__name} outside of a request>"


def context_proxy(name: str, getter: Callable[[], object]) -> ContextProxy:
    """Make a global that stands for something of the current request.

    Args:
        name: The name to show outside of a request.
        getter: Returns the object, usually from `current_request()`.
    """
    return ContextProxy(name, getter)


request = cast("Request", context_proxy("request", current_request))
"""The request being served."""


def _current_g() -> State:
    connection = active_request.get(None)
    if connection is not None:
        return connection.g
    return _app_context().g


def _current_app() -> Flasgo:
    connection = active_request.get(None)
    return _app_context().app if connection is None else connection.app


def _app_context() -> AppContext:
    try:
        return _active_app.get()
    except LookupError:
        raise RuntimeError(
            "There is no request here, and no app context: current_app and g work while a request "
            "is being served, and in `with app.app_context():`."
        ) from None


g = cast("State", context_proxy("g", _current_g))
"""A namespace for the time of one request, or of one `app.app_context()`."""

current_app: Flasgo = cast("Any", context_proxy("current_app", _current_app))
"""The app that serves the request, or whose `app_context()` this is."""
