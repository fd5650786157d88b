"""Mappings for what a client may send more than once, and namespaces for apps and requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from flasgo.errors import MissingKeyError, did_you_mean

__all__ = ["MultiDict", "State"]


_T = TypeVar("_T")
_D = TypeVar("_D")


class MultiDict(Mapping[str, str]):
    """An immutable mapping in which a name may have several values.

    As a mapping it shows each name once, with its first value; `getlist` and `multi_items`
    show all of them, in the order received.

    A name that is not there is a `MissingKeyError`: a KeyError that is answered with 400.

    Args:
        pairs: Names and values in the order received.
        kind: What a value is, for the error message.
    """

    __slots__ = ("_first", "_kind", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), *, kind: str = "value") -> None:
        self._kind = kind
        self._pairs = kept = list(pairs)
        first = dict(kept)
        if len(first) != len(kept):
            first = {}
            for name, value in kept:
                first.setdefault(name, value)
        self._first = first

    def __getitem__(self, name: str) -> str:
        try:
            return self._first[name]
        except KeyError:
            raise MissingKeyError(self._kind, name) from None

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    @overload
    def get(self, name: str, default: _D) -> str | _D: ...
    @overload
    def get(self, name: str, default: None = None, *, type: Callable[[str], _T]) -> _T | None: ...
    @overload
    def get(self, name: str, default: _D, type: Callable[[str], _T]) -> _T | _D: ...

    # PERF: Mapping's own makes an exception for each name that is absent.
    def get(  # ty: ignore[incompatible-method-override] - a name is a str
        self,
        name: str,
        default: object = None,
        type: Callable[[str], object] | None = None,  # noqa: A002 - as Werkzeug has it
    ) -> object:
        """Return the first value of `name`, or `default`.

        Args:
            name: The name.
            default: What is returned where there is no value.
            type: Converts the value, such as `int`. Where it raises ValueError or TypeError, the
                default is returned; a typed parameter of the handler answers 422 instead.
        """
        if type is None:
            return self._first.get(name, default)
        if name not in self._first:
            return default
        try:
            return type(self._first[name])
        except (ValueError, TypeError):
            return default

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __getattr__ has every attribute.
        def __getattr__(self, name: str) -> NoReturn:
            from flasgo.advice.names_elsewhere import no_attribute

            raise AttributeError(no_attribute("form", self, name), name=name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiDict):
            return self._pairs == other._pairs
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pairs!r})"

    @overload
    def getlist(self, name: str) -> list[str]: ...
    @overload
    def getlist(self, name: str, type: Callable[[str], _T]) -> list[_T]: ...

    def getlist(
        self,
        name: str,
        type: Callable[[str], object] | None = None,  # noqa: A002 - as Werkzeug has it
    ) -> list[Any]:
        """Return every value of `name` in the order received, or an empty list.

        Args:
            name: The name.
            type: Converts each value, such as `int`; those for which it raises ValueError or
                TypeError are left out.
        """
        values = [value for key, value in self._pairs if key == name]
        return values if type is None else list(_converted(values, type))

    def multi_items(self) -> list[tuple[str, str]]:
        """Return all names and values in the order received, repeated names included."""
        return list(self._pairs)


def _converted(values: Iterable[str], convert: Callable[[str], object]) -> Iterator[object]:
    for value in values:
        with suppress(ValueError, TypeError):
            yield convert(value)


class State:
    """A namespace for whatever an app wants to keep: `state.name = value`.

    Args:
        initial: Names and values to begin with; copied.
    """

    # Attribute values are the application's own business, hence `Any`.

    def __init__(self, initial: Mapping[str, Any] | None = None) -> None:
        if initial:
            self.__dict__.update(initial)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"Nothing named {name!r} has been stored in this {type(self).__name__} yet; assign it "
            f"before reading it, or use .get({name!r}).{did_you_mean(name, self.__dict__)}"
        )

    # `__getattr__` already types every name as Any; these two let checkers accept assignment.
    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name not in self.__dict__:
            self.__getattr__(name)
        object.__delattr__(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.__dict__)})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return what is stored as `name`, or `default`."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = None) -> Any:
        """Remove and return what is stored as `name`, or return `default`."""
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return what is stored as `name`, storing `default` first when there is nothing."""
        return self.__dict__.setdefault(name, default)
