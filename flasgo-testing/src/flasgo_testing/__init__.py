"""Test client, pytest fixtures and plugin conformance kit for Flasgo.

Names are loaded on first use: importing this package (or the pytest plugin in it) brings in neither
the HTTP client library nor Flasgo itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import conformance
    from .cli_runner import AppCliRunner
    from .client import TestClient
    from .errors import (
        AppProtocolError,
        AppTimeoutError,
        LifespanError,
        WebSocketClosedError,
        WebSocketDeniedError,
    )
    from .plugin import TestingPlugin
    from .recording import HookCall, HookRecorder
    from .websocket import AsyncWebSocketSession, WebSocketSession

__all__ = [
    "AppCliRunner",
    "AppProtocolError",
    "AppTimeoutError",
    "AsyncWebSocketSession",
    "HookCall",
    "HookRecorder",
    "LifespanError",
    "TestClient",
    "TestingPlugin",
    "WebSocketClosedError",
    "WebSocketDeniedError",
    "WebSocketSession",
    "conformance",
]

_HOMES = {
    "AppProtocolError": "errors",
    "AppTimeoutError": "errors",
    "AsyncWebSocketSession": "websocket",
    "HookCall": "recording",
    "HookRecorder": "recording",
    "LifespanError": "errors",
    "AppCliRunner": "cli_runner",
    "TestClient": "client",
    "TestingPlugin": "plugin",
    "WebSocketClosedError": "errors",
    "WebSocketDeniedError": "errors",
    "WebSocketSession": "websocket",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    def __getattr__(name: str) -> object:
        if name == "conformance":
            return import_module(f"{__name__}.conformance")
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
