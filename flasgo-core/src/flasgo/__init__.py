"""Flasgo: an async-first web framework with secure defaults, built as a plugin platform."""

from __future__ import annotations

from flasgo._bundle import exported_names, load_name
from flasgo.app import Flasgo
from flasgo.checks import Finding
from flasgo.connection import Connection
from flasgo.errors import (
    BuildError,
    ClientDisconnect,
    ConfigurationError,
    FlasgoError,
    HookError,
    HTTPException,
    OptionError,
    PluginError,
    RouteError,
    SettingError,
    UnenforcedPolicyError,
    abort,
)
from flasgo.forms import FormData, UploadedFile
from flasgo.globals import context_proxy, current_request, g, request
from flasgo.headers import HeaderBlock, Headers, MutableHeaders
from flasgo.hooks import hookimpl, hookspec
from flasgo.multidict import MultiDict, State
from flasgo.plugins import PluginInfo
from flasgo.policies import Policy, attach_policy, has_policy
from flasgo.registry import Registry
from flasgo.request import Request
from flasgo.response import (
    Response,
    StreamingResponse,
    TemplateRenderer,
    is_safe_redirect_target,
    jsonify,
    redirect,
)
from flasgo.routing import Converter, Route
from flasgo.settings import Settings
from flasgo.websocket import WebSocket, WebSocketDisconnect

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "ClientDisconnect",
    "ConfigurationError",
    "Connection",
    "Converter",
    "Finding",
    "Flasgo",
    "FlasgoError",
    "FormData",
    "HTTPException",
    "HeaderBlock",
    "Headers",
    "HookError",
    "MultiDict",
    "MutableHeaders",
    "OptionError",
    "PluginError",
    "PluginInfo",
    "Policy",
    "Registry",
    "Request",
    "Response",
    "Route",
    "RouteError",
    "SettingError",
    "Settings",
    "State",
    "StreamingResponse",
    "TemplateRenderer",
    "UnenforcedPolicyError",
    "UploadedFile",
    "WebSocket",
    "WebSocketDisconnect",
    "abort",
    "attach_policy",
    "context_proxy",
    "current_request",
    "g",
    "has_policy",
    "hookimpl",
    "hookspec",
    "is_safe_redirect_target",
    "jsonify",
    "redirect",
    "request",
]


def __getattr__(name: str) -> object:
    value = load_name(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *exported_names()})
