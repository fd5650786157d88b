"""Modules that are imported when they are first used.

PERF: asyncio brings thirty modules with it, sockets and TLS among them. Under a server it is there
already; commands that serve nothing, and apps that are only put together, do without.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["lazy_import"]


# Any: what the module has.
def lazy_import(name: str, namespace: dict[str, Any]) -> Any:
    """Return a module, or what stands for it until something of it is used.

    Args:
        name: The module's name, without a dot.
        namespace: The `globals()` of the caller, where the module then takes the place of the
            stand-in, so that nothing is paid afterwards.
    """
    return sys.modules.get(name) or _StandIn(name, namespace)


class _StandIn:
    __slots__ = ("_name", "_namespace")

    def __init__(self, name: str, namespace: dict[str, Any]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_namespace", namespace)

    def _import(self) -> Any:
        module = importlib.import_module(self._name)
        if self._namespace.get(self._name) is self:
            self._namespace[self._name] = module
        return module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._import(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._import(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._import(), name)
