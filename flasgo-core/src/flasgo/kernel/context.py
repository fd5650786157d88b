"""Flask-style globals: proxies to the request that the current task or thread serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from flasgo.http.multidict import State
    from flasgo.requests.connection import Connection
    from flasgo.requests.request import Request

__all__ = ["ContextProxy", "context_proxy", "current_request", "g", "request"]

active_request: ContextVar[Connection] = ContextVar("flasgo.request")
"""Set by the dispatcher for the time of a request. WebSocket connections stand here too."""


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

    @property
    def __class__(self) -> type:
        try:
            return type(self.__get())
        except RuntimeError:
            # Whoever inspects a module that imports the proxy asks for its class: pytest, pydoc.
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

g = cast("State", context_proxy("g", lambda: current_request().g))
"""A namespace for the time of one request."""
