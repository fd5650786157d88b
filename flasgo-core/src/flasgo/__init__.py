"""Flasgo: an async-first web framework with secure defaults, built as a plugin platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo._bundle import exported_names, load_name
from flasgo.app import Flasgo
from flasgo.background import BackgroundTasks
from flasgo.binding import Body, Cookie, Depends, Form, Header, Path, Query
from flasgo.blueprints import Blueprint
from flasgo.checks import Finding
from flasgo.connection import Connection
from flasgo.context import context_proxy, current_request, g
from flasgo.context import request as _request_proxy
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
from flasgo.eventsource import EventSourceResponse, ServerSentEvent
from flasgo.file_response import FileResponse
from flasgo.forms import FormData, UploadedFile
from flasgo.headers import HeaderBlock, Headers, MutableHeaders
from flasgo.hooks import hookimpl, hookspec
from flasgo.multidict import MultiDict, State
from flasgo.ndjson import NDJSONResponse
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

if TYPE_CHECKING:
    from flasgo._bundle import (
        ANONYMOUS as ANONYMOUS,
    )
    from flasgo._bundle import (
        AllOf as AllOf,
    )
    from flasgo._bundle import (
        AllowAny as AllowAny,
    )
    from flasgo._bundle import (
        AnyOf as AnyOf,
    )
    from flasgo._bundle import (
        AppProtocolError as AppProtocolError,
    )
    from flasgo._bundle import (
        AppTimeoutError as AppTimeoutError,
    )
    from flasgo._bundle import (
        AuthBackend as AuthBackend,
    )
    from flasgo._bundle import (
        AuthPolicy as AuthPolicy,
    )
    from flasgo._bundle import (
        ContentSecurityPolicy as ContentSecurityPolicy,
    )
    from flasgo._bundle import (
        HasScope as HasScope,
    )
    from flasgo._bundle import (
        IsAuthenticated as IsAuthenticated,
    )
    from flasgo._bundle import (
        JinjaTemplates as JinjaTemplates,
    )
    from flasgo._bundle import (
        LifespanError as LifespanError,
    )
    from flasgo._bundle import (
        MissingTemplateError as MissingTemplateError,
    )
    from flasgo._bundle import (
        Not as Not,
    )
    from flasgo._bundle import (
        Permission as Permission,
    )
    from flasgo._bundle import (
        RateLimit as RateLimit,
    )
    from flasgo._bundle import (
        RefusedTemplateError as RefusedTemplateError,
    )
    from flasgo._bundle import (
        Session as Session,
    )
    from flasgo._bundle import (
        TestClient as TestClient,
    )
    from flasgo._bundle import (
        User as User,
    )
    from flasgo._bundle import (
        authorize as authorize,
    )
    from flasgo._bundle import (
        bearer_token_backend as bearer_token_backend,
    )
    from flasgo._bundle import (
        csp as csp,
    )
    from flasgo._bundle import (
        csrf_exempt as csrf_exempt,
    )
    from flasgo._bundle import (
        csrf_input as csrf_input,
    )
    from flasgo._bundle import (
        csrf_token as csrf_token,
    )
    from flasgo._bundle import (
        current_user as current_user,
    )
    from flasgo._bundle import (
        extract_bearer_token as extract_bearer_token,
    )
    from flasgo._bundle import (
        rate_limit as rate_limit,
    )
    from flasgo._bundle import (
        render_template as render_template,
    )
    from flasgo._bundle import (
        security_event as security_event,
    )
    from flasgo._bundle import (
        session as session,
    )

# Importing the module flasgo.request binds this name too, so it is bound again after all imports.
request = _request_proxy

__version__ = "0.1.0"

__all__ = [
    "BackgroundTasks",
    "Blueprint",
    "Body",
    "BuildError",
    "ClientDisconnect",
    "ConfigurationError",
    "Connection",
    "Converter",
    "Cookie",
    "Depends",
    "EventSourceResponse",
    "FileResponse",
    "Finding",
    "Flasgo",
    "FlasgoError",
    "Form",
    "FormData",
    "HTTPException",
    "Header",
    "HeaderBlock",
    "Headers",
    "HookError",
    "MultiDict",
    "MutableHeaders",
    "NDJSONResponse",
    "OptionError",
    "Path",
    "PluginError",
    "PluginInfo",
    "Policy",
    "Query",
    "Registry",
    "Request",
    "Response",
    "Route",
    "RouteError",
    "ServerSentEvent",
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
