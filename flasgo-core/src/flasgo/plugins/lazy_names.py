"""Names of a package that are imported the first time they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["lazy_names"]


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
