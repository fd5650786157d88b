"""Names of a module that are imported the first time they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


def lazy_names(
    module: str, homes: Mapping[str, str], *, package: str | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a module that imports names on first use.

    ```python
    if not TYPE_CHECKING:
        __getattr__, __dir__ = lazy_names(__name__, {"jwt_backend": "backends.jwt"})
    ```

    Hide the two from type checkers, for which a module with `__getattr__` has every name, and
    import the names under `TYPE_CHECKING`. A name must not be that of a submodule too: an import
    of the submodule would hide it.

    Args:
        module: The module's name, `__name__`.
        homes: Where each name is defined: modules, relative to the package.
        package: The package that the homes are relative to; the module itself when left out.
    """
    parent = package or module

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        value = getattr(import_module(f"{parent}.{homes[name]}"), name)
        setattr(sys.modules[module], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return load, names
