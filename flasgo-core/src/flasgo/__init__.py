"""Flasgo: an async-first web framework with secure defaults, built as a plugin platform."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from flasgo._bundle import exported_names, load_name
from flasgo.app import Flasgo
from flasgo.binding import Body, Cookie, Depends, Form, Header, Path, Query
from flasgo.binding.views import MethodView, View
from flasgo.blueprints import Blueprint
from flasgo.errors import (
    BuildError,
    ClientDisconnect,
    ConfigurationError,
    FlasgoError,
    HookError,
    HTTPException,
    MissingKeyError,
    OptionError,
    PluginError,
    RouteError,
    SettingError,
    UnenforcedPolicyError,
    abort,
)
from flasgo.http.headers import HeaderBlock, Headers, MutableHeaders
from flasgo.http.multidict import MultiDict, State
from flasgo.interop.wsgi import wsgi
from flasgo.kernel.background import BackgroundTasks
from flasgo.kernel.context import (
    context_proxy,
    current_app,
    current_request,
    g,
    has_app_context,
    has_request_context,
    request,
)
from flasgo.kernel.request_functions import (
    after_this_request,
    make_response,
    stream_with_context,
    url_for,
)
from flasgo.plugins.checks import Finding
from flasgo.plugins.hooks import hookimpl, hookspec
from flasgo.plugins.manager import PluginInfo
from flasgo.plugins.registry import Registry
from flasgo.requests.connection import Connection
from flasgo.requests.forms import FormData, UploadedFile
from flasgo.requests.request import Request
from flasgo.responses.eventsource import EventSourceResponse, ServerSentEvent
from flasgo.responses.file_response import FileResponse
from flasgo.responses.ndjson import NDJSONResponse
from flasgo.responses.response import (
    Response,
    StreamingResponse,
    TemplateRenderer,
    is_safe_redirect_target,
    jsonify,
    redirect,
)
from flasgo.routing import Converter, Route
from flasgo.routing.policies import Policy, attach_policy, has_policy
from flasgo.settings.own import OwnSettings
from flasgo.settings.settings import Settings
from flasgo.websocket import WebSocket, WebSocketDisconnect

# --- Written by flasgo-core/write_bundle.py: what is edited here by hand gets lost ------------

if TYPE_CHECKING:
    from flasgo._bundle import (
        ANONYMOUS as ANONYMOUS,
        MAX_API_KEY_BYTES as MAX_API_KEY_BYTES,
        MAX_PASSWORD_BYTES as MAX_PASSWORD_BYTES,
        MAX_TOKEN_BYTES as MAX_TOKEN_BYTES,
        SESSION_KEY as SESSION_KEY,
        AllOf as AllOf,
        AllowAny as AllowAny,
        AnyOf as AnyOf,
        ApiKeyBackend as ApiKeyBackend,
        ApiKeyValidator as ApiKeyValidator,
        AppCliRunner as AppCliRunner,
        AppProtocolError as AppProtocolError,
        AppTemplates as AppTemplates,
        AppTimeoutError as AppTimeoutError,
        Argon2 as Argon2,
        AsyncWebSocketSession as AsyncWebSocketSession,
        AuthBackend as AuthBackend,
        AuthFunction as AuthFunction,
        AuthPolicy as AuthPolicy,
        BasicAuthBackend as BasicAuthBackend,
        BasicCredentials as BasicCredentials,
        BasicValidator as BasicValidator,
        BearerTokenBackend as BearerTokenBackend,
        Check as Check,
        Claims as Claims,
        ClaimsLoader as ClaimsLoader,
        ContentSecurityPolicy as ContentSecurityPolicy,
        Cors as Cors,
        Csp as Csp,
        CsrfExempt as CsrfExempt,
        ExpiredTokenError as ExpiredTokenError,
        HasScope as HasScope,
        HookCall as HookCall,
        HookRecorder as HookRecorder,
        InvalidTokenError as InvalidTokenError,
        IsAuthenticated as IsAuthenticated,
        JinjaTemplates as JinjaTemplates,
        JwtBackend as JwtBackend,
        JwtVerifier as JwtVerifier,
        LifespanError as LifespanError,
        Markup as Markup,
        MissingTemplateError as MissingTemplateError,
        Not as Not,
        OutboundTarget as OutboundTarget,
        PasswordCheck as PasswordCheck,
        PasswordScheme as PasswordScheme,
        Permission as Permission,
        PermissionLike as PermissionLike,
        QuotaStatus as QuotaStatus,
        RateLimit as RateLimit,
        RateLimitExempt as RateLimitExempt,
        RecentLogin as RecentLogin,
        RefusedTemplateError as RefusedTemplateError,
        Scrypt as Scrypt,
        SecurityEvent as SecurityEvent,
        Session as Session,
        SessionBackend as SessionBackend,
        SessionStore as SessionStore,
        SignedTokenError as SignedTokenError,
        SSRFConfig as SSRFConfig,
        SSRFGuard as SSRFGuard,
        SSRFViolation as SSRFViolation,
        StaticFiles as StaticFiles,
        StaticFolder as StaticFolder,
        StoreDownError as StoreDownError,
        TemplateOptions as TemplateOptions,
        TestClient as TestClient,
        TimedSigner as TimedSigner,
        TokenValidator as TokenValidator,
        UndefinedVariableError as UndefinedVariableError,
        User as User,
        UserId as UserId,
        UserLoader as UserLoader,
        WebSocketClosedError as WebSocketClosedError,
        WebSocketDeniedError as WebSocketDeniedError,
        WebSocketSession as WebSocketSession,
        api_key_backend as api_key_backend,
        authorize as authorize,
        basic_auth_backend as basic_auth_backend,
        bearer_token_backend as bearer_token_backend,
        check_password_hash as check_password_hash,
        cors as cors,
        csp as csp,
        csrf_exempt as csrf_exempt,
        csrf_input as csrf_input,
        csrf_token as csrf_token,
        current_user as current_user,
        escape as escape,
        extract_basic_credentials as extract_basic_credentials,
        extract_bearer_token as extract_bearer_token,
        flash as flash,
        generate_password_hash as generate_password_hash,
        get_flashed_messages as get_flashed_messages,
        hash_password as hash_password,
        jwt_backend as jwt_backend,
        login as login,
        logout as logout,
        needs_rehash as needs_rehash,
        rate_limit as rate_limit,
        rate_limit_exempt as rate_limit_exempt,
        ratelimit as ratelimit,
        ratelimit_exempt as ratelimit_exempt,
        render_template as render_template,
        render_template_async as render_template_async,
        render_template_string as render_template_string,
        report_failed_login as report_failed_login,
        safe_next as safe_next,
        secrets_match as secrets_match,
        security_event as security_event,
        send_file as send_file,
        send_from_directory as send_from_directory,
        session as session,
        session_backend as session_backend,
        static_handler as static_handler,
        verify_password as verify_password,
        write_login as write_login,
    )


# --- Written until here -----------------------------------------------------------------------

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
    "MethodView",
    "MissingKeyError",
    "MultiDict",
    "MutableHeaders",
    "NDJSONResponse",
    "OptionError",
    "OwnSettings",
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
    "View",
    "WebSocket",
    "WebSocketDisconnect",
    "abort",
    "after_this_request",
    "attach_policy",
    "context_proxy",
    "current_app",
    "current_request",
    "g",
    "has_app_context",
    "has_policy",
    "has_request_context",
    "hookimpl",
    "hookspec",
    "is_safe_redirect_target",
    "jsonify",
    "make_response",
    "redirect",
    "request",
    "stream_with_context",
    "url_for",
    "wsgi",
]


if not TYPE_CHECKING:
    # Hidden from type checkers, for which a module with __getattr__ has every name.
    def __getattr__(name: str) -> object:
        try:
            value = load_name(name)
        except AttributeError:
            from flasgo.advice.names_elsewhere import missing_name

            raise missing_name(name, sys._getframe(1), __dir__()) from None
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *exported_names()})
