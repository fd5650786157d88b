"""What is computed, or imported, the first time somebody asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

__all__ = ["lazy", "lazy_names"]

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


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package that imports names on first use.

    ```python
    __getattr__, __dir__ = lazy_names(__name__, {"jwt_backend": "backends.jwt"})
    ```

    A name must not be that of a submodule too: whoever imports the submodule would hide it.

    Args:
        package: The package's name.
        homes: Where each name is defined: modules, relative to the package.
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return load, names
