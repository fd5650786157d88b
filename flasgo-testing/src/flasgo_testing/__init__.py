"""Test client and pytest fixtures for Flasgo.

Names are loaded on first use: importing this package (or the pytest plugin in it) brings in neither
the HTTP client library nor Flasgo itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import TestClient
    from .errors import AppProtocolError, AppTimeoutError, LifespanError
    from .plugin import TestingPlugin

__all__ = [
    "AppProtocolError",
    "AppTimeoutError",
    "LifespanError",
    "TestClient",
    "TestingPlugin",
]

_HOMES = {
    "AppProtocolError": "errors",
    "AppTimeoutError": "errors",
    "LifespanError": "errors",
    "TestClient": "client",
    "TestingPlugin": "plugin",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
