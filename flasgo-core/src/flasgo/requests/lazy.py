"""Attributes that are computed the first time they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

__all__ = ["lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - reads as a decorator, like `property`
    """Compute an attribute on first use and keep the value in the instance.

    It defines no `__set__`, so the stored value hides the descriptor: every later read is a
    plain attribute look-up, and the attribute may be assigned. There is no lock: two threads that
    race compute twice and one value stays.

    Args:
        compute: Called with the instance.
    """

    # `Any`: the instance's class differs for every use of the decorator.
    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = getattr(compute, "__name__", "")
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    if TYPE_CHECKING:
        # Says that the attribute may be assigned; at run time this method must not exist.
        def __set__(self, instance: object, value: T) -> None: ...

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        try:
            value = self._compute(instance)
        except AttributeError as error:
            # Left alone, Python would take it for "no such attribute" and go on to __getattr__.
            raise RuntimeError(
                f"Computing {owner.__name__}.{self._name} failed: {error}"
            ) from error
        instance.__dict__[self._name] = value
        return value
