"""The bundle's plugins by name: lazy re-exports, install hints and static types.

The one file of flasgo-core that names plugins. Nothing here is imported from them until a
developer asks for a name, and nothing in the core behaves differently for these plugins.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypedDict

__all__ = [
    "BLUEPRINT_METHODS",
    "BLUEPRINT_OPTIONS",
    "MODEL_FAMILIES",
    "PLUGINS",
    "AppMembers",
    "AppOptions",
    "BlueprintMembers",
    "BlueprintOptions",
    "RequestMembers",
    "SettingMembers",
    "exported_names",
    "how_to_get",
    "is_installed",
    "load_name",
    "missing_app_member",
    "missing_blueprint_part",
    "missing_request_attribute",
    "missing_role",
    "owner_of_option",
    "owner_of_setting",
    "owners_of",
]

# --- Written by flasgo-core/write_bundle.py: what is edited here by hand gets lost ------------

PLUGINS: Mapping[str, str] = {
    "auth": "flasgo-auth",
    "security": "flasgo-security",
    "static": "flasgo-static",
    "templates": "flasgo-templates",
    "testing": "flasgo-testing",
}

"""Plugin names and their distributions."""

_EXPORTS: Mapping[str, tuple[str, ...]] = {
    "flasgo_auth": (
        "ANONYMOUS",
        "AllOf",
        "AllowAny",
        "AnyOf",
        "ApiKeyBackend",
        "ApiKeyValidator",
        "Argon2",
        "AuthBackend",
        "AuthFunction",
        "AuthPolicy",
        "BasicAuthBackend",
        "BasicCredentials",
        "BasicValidator",
        "BearerTokenBackend",
        "Check",
        "Claims",
        "ClaimsLoader",
        "HasScope",
        "InvalidTokenError",
        "IsAuthenticated",
        "JwtBackend",
        "JwtVerifier",
        "MAX_API_KEY_BYTES",
        "MAX_PASSWORD_BYTES",
        "MAX_TOKEN_BYTES",
        "Not",
        "PasswordCheck",
        "PasswordScheme",
        "Permission",
        "PermissionLike",
        "RecentLogin",
        "SESSION_KEY",
        "Scrypt",
        "SessionBackend",
        "TokenValidator",
        "User",
        "UserId",
        "UserLoader",
        "api_key_backend",
        "authorize",
        "basic_auth_backend",
        "bearer_token_backend",
        "check_password_hash",
        "current_user",
        "extract_basic_credentials",
        "extract_bearer_token",
        "generate_password_hash",
        "hash_password",
        "jwt_backend",
        "login",
        "logout",
        "needs_rehash",
        "report_failed_login",
        "safe_next",
        "secrets_match",
        "session_backend",
        "verify_password",
        "write_login",
    ),
    "flasgo_security": (
        "ContentSecurityPolicy",
        "Cors",
        "Csp",
        "CsrfExempt",
        "ExpiredTokenError",
        "OutboundTarget",
        "QuotaStatus",
        "RateLimit",
        "RateLimitExempt",
        "SSRFConfig",
        "SSRFGuard",
        "SSRFViolation",
        "SecurityEvent",
        "Session",
        "SessionStore",
        "SignedTokenError",
        "StoreDownError",
        "TimedSigner",
        "cors",
        "csp",
        "csrf_exempt",
        "csrf_input",
        "csrf_token",
        "flash",
        "get_flashed_messages",
        "rate_limit",
        "rate_limit_exempt",
        "ratelimit",
        "ratelimit_exempt",
        "security_event",
        "session",
    ),
    "flasgo_static": (
        "StaticFiles",
        "StaticFolder",
        "send_file",
        "send_from_directory",
        "static_handler",
    ),
    "flasgo_templates": (
        "AppTemplates",
        "JinjaTemplates",
        "Markup",
        "MissingTemplateError",
        "RefusedTemplateError",
        "TemplateOptions",
        "UndefinedVariableError",
        "escape",
        "render_template",
        "render_template_async",
        "render_template_string",
    ),
    "flasgo_testing": (
        "AppCliRunner",
        "AppProtocolError",
        "AppTimeoutError",
        "AsyncWebSocketSession",
        "HookCall",
        "HookRecorder",
        "LifespanError",
        "TestClient",
        "WebSocketClosedError",
        "WebSocketDeniedError",
        "WebSocketSession",
    ),
}

_APP_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": ("authenticate", "authorize", "password_threads", "register_auth_backend"),
    "flasgo-security": (
        "aresolve_outbound_url",
        "cors",
        "csp",
        "csrf_exempt",
        "outbound_transport",
        "quota",
        "rate_limit",
        "rate_limit_exempt",
        "ratelimit",
        "ratelimit_exempt",
        "resolve_outbound_url",
        "revoke_session",
        "security_event",
        "session_cookie_name",
        "signer",
        "ssrf_guard",
    ),
    "flasgo-static": ("configure_static", "static_url"),
    "flasgo-templates": (
        "configure_templates",
        "context_processor",
        "render_template",
        "render_template_async",
        "template_filter",
        "template_global",
        "template_test",
        "templates",
    ),
    "flasgo-testing": ("test_cli_runner", "test_client", "test_request_context"),
}

_REQUEST_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": ("user",),
    "flasgo-security": (
        "client_key",
        "csp_nonce",
        "csrf_token",
        "host",
        "peer_ip",
        "rate_limit",
        "security_events",
        "session",
    ),
}

_ROLES: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": ("require_login",),
    "flasgo-security": ("trusted_host", "trusted_peer"),
}

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "flasgo-static": ("static_folder",),
}

BLUEPRINT_METHODS: Mapping[str, tuple[str, ...]] = {
    "flasgo-templates": (
        "app_context_processor",
        "app_template_filter",
        "app_template_global",
        "app_template_test",
        "context_processor",
    ),
}

BLUEPRINT_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "flasgo-static": ("static_folder", "static_url_path"),
    "flasgo-templates": ("template_folder",),
}

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": (
        "DEFAULT_PERMISSIONS",
        "DEFAULT_PERMISSIONS_EXEMPT",
        "LOGIN_URL",
        "PASSWORD_THREADS",
    ),
    "flasgo-security": (
        "ALLOWED_HOSTS",
        "CACHE_CONTROL",
        "CLIENT_IPV6_PREFIX",
        "CONTENT_SECURITY_POLICY",
        "CONTENT_SECURITY_POLICY_REPORT_ONLY",
        "CORS_CREDENTIALS",
        "CORS_EXPOSE_HEADERS",
        "CORS_HEADERS",
        "CORS_MAX_AGE_SECONDS",
        "CORS_METHODS",
        "CORS_ORIGINS",
        "CORS_ORIGIN_FUNC",
        "CORS_PRIVATE_NETWORK",
        "CROSS_ORIGIN_OPENER_POLICY",
        "CSRF_COOKIE_HTTP_ONLY",
        "CSRF_COOKIE_NAME",
        "CSRF_COOKIE_PARTITIONED",
        "CSRF_COOKIE_SAMESITE",
        "CSRF_COOKIE_SECURE",
        "CSRF_ENABLED",
        "CSRF_FIELD_NAME",
        "CSRF_HEADER_NAME",
        "CSRF_TRUSTED_ORIGINS",
        "HTTPS_REDIRECT",
        "HTTPS_REDIRECT_EXEMPT",
        "PERMISSIONS_POLICY",
        "RATELIMIT_DEFAULT",
        "RATELIMIT_DEFAULT_EXEMPT",
        "RATELIMIT_ENABLED",
        "RATELIMIT_MAX_KEYS",
        "RATELIMIT_STORAGE_FAILURE",
        "RATELIMIT_STORAGE_PREFIX",
        "RATELIMIT_STORAGE_TIMEOUT_SECONDS",
        "RATELIMIT_STORAGE_URI",
        "REFERRER_POLICY",
        "SECURITY_FAILURE_RATE_LIMIT",
        "SECURITY_FAILURE_WINDOW_SECONDS",
        "SESSION_COOKIE_DOMAIN",
        "SESSION_COOKIE_HTTP_ONLY",
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_PARTITIONED",
        "SESSION_COOKIE_PATH",
        "SESSION_COOKIE_SAMESITE",
        "SESSION_COOKIE_SECURE",
        "SESSION_LIFETIME_SECONDS",
        "SESSION_PERMANENT",
        "SESSION_REFRESH_SECONDS",
        "SESSION_STORE_PREFIX",
        "SESSION_STORE_TIMEOUT_SECONDS",
        "SESSION_STORE_URI",
        "SSRF_ALLOWED_HOSTS",
        "SSRF_ALLOWED_NETWORKS",
        "SSRF_ALLOWED_PORTS",
        "SSRF_ALLOWED_SCHEMES",
        "SSRF_ALLOW_CREDENTIALS",
        "SSRF_ALLOW_UNRESOLVED",
        "SSRF_FORBIDDEN_NETWORKS",
        "SSRF_RESOLVE_TIMEOUT_SECONDS",
        "STRICT_TRANSPORT_SECURITY",
        "TRUSTED_PROXIES",
        "TRUSTED_PROXY_HEADERS",
        "WEBSOCKET_ORIGIN_CHECK",
        "X_CONTENT_TYPE_OPTIONS",
        "X_FRAME_OPTIONS",
    ),
    "flasgo-static": ("STATIC_CACHE_MAX_AGE", "STATIC_URL_PATH"),
    "flasgo-templates": (
        "MAX_TEMPLATE_BYTES",
        "TEMPLATE_AUTO_RELOAD",
        "TEMPLATE_BYTECODE_DIRECTORY",
        "TEMPLATE_CACHE_SIZE",
    ),
}

if TYPE_CHECKING:
    from flasgo_auth import (
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
        Argon2 as Argon2,
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
        HasScope as HasScope,
        InvalidTokenError as InvalidTokenError,
        IsAuthenticated as IsAuthenticated,
        JwtBackend as JwtBackend,
        JwtVerifier as JwtVerifier,
        Not as Not,
        PasswordCheck as PasswordCheck,
        PasswordScheme as PasswordScheme,
        Permission as Permission,
        PermissionLike as PermissionLike,
        RecentLogin as RecentLogin,
        Scrypt as Scrypt,
        SessionBackend as SessionBackend,
        TokenValidator as TokenValidator,
        User as User,
        UserId as UserId,
        UserLoader as UserLoader,
        api_key_backend as api_key_backend,
        authorize as authorize,
        basic_auth_backend as basic_auth_backend,
        bearer_token_backend as bearer_token_backend,
        check_password_hash as check_password_hash,
        current_user as current_user,
        extract_basic_credentials as extract_basic_credentials,
        extract_bearer_token as extract_bearer_token,
        generate_password_hash as generate_password_hash,
        hash_password as hash_password,
        jwt_backend as jwt_backend,
        login as login,
        logout as logout,
        members as auth,
        needs_rehash as needs_rehash,
        report_failed_login as report_failed_login,
        safe_next as safe_next,
        secrets_match as secrets_match,
        session_backend as session_backend,
        verify_password as verify_password,
        write_login as write_login,
    )
    from flasgo_security import (
        ContentSecurityPolicy as ContentSecurityPolicy,
        Cors as Cors,
        Csp as Csp,
        CsrfExempt as CsrfExempt,
        ExpiredTokenError as ExpiredTokenError,
        OutboundTarget as OutboundTarget,
        QuotaStatus as QuotaStatus,
        RateLimit as RateLimit,
        RateLimitExempt as RateLimitExempt,
        SecurityEvent as SecurityEvent,
        Session as Session,
        SessionStore as SessionStore,
        SignedTokenError as SignedTokenError,
        SSRFConfig as SSRFConfig,
        SSRFGuard as SSRFGuard,
        SSRFViolation as SSRFViolation,
        StoreDownError as StoreDownError,
        TimedSigner as TimedSigner,
        cors as cors,
        csp as csp,
        csrf_exempt as csrf_exempt,
        csrf_input as csrf_input,
        csrf_token as csrf_token,
        flash as flash,
        get_flashed_messages as get_flashed_messages,
        members as security,
        rate_limit as rate_limit,
        rate_limit_exempt as rate_limit_exempt,
        ratelimit as ratelimit,
        ratelimit_exempt as ratelimit_exempt,
        security_event as security_event,
        session as session,
    )
    from flasgo_static import (
        StaticFiles as StaticFiles,
        StaticFolder as StaticFolder,
        members as static,
        send_file as send_file,
        send_from_directory as send_from_directory,
        static_handler as static_handler,
    )
    from flasgo_templates import (
        AppTemplates as AppTemplates,
        JinjaTemplates as JinjaTemplates,
        Markup as Markup,
        MissingTemplateError as MissingTemplateError,
        RefusedTemplateError as RefusedTemplateError,
        TemplateOptions as TemplateOptions,
        UndefinedVariableError as UndefinedVariableError,
        escape as escape,
        members as templates,
        render_template as render_template,
        render_template_async as render_template_async,
        render_template_string as render_template_string,
    )
    from flasgo_testing import (
        AppCliRunner as AppCliRunner,
        AppProtocolError as AppProtocolError,
        AppTimeoutError as AppTimeoutError,
        AsyncWebSocketSession as AsyncWebSocketSession,
        HookCall as HookCall,
        HookRecorder as HookRecorder,
        LifespanError as LifespanError,
        TestClient as TestClient,
        WebSocketClosedError as WebSocketClosedError,
        WebSocketDeniedError as WebSocketDeniedError,
        WebSocketSession as WebSocketSession,
        members as testing,
    )

    class AppMembers(
        auth.AppMembers,
        security.AppMembers,
        static.AppMembers,
        templates.AppMembers,
        testing.AppMembers,
    ):
        """What the plugins add to `Flasgo`, for type checkers."""

    class BlueprintMembers(templates.BlueprintMembers):
        """What the plugins add to `Blueprint`, for type checkers."""

    class RequestMembers(auth.RequestMembers, security.RequestMembers):
        """What the plugins add to requests, for type checkers."""

    class AppOptions(static.AppOptions, total=False):
        """Keywords of `Flasgo` that the plugins add, for type checkers."""

    class BlueprintOptions(static.BlueprintOptions, templates.BlueprintOptions, total=False):
        """Keywords of `Blueprint` that the plugins add, for type checkers."""

    class SettingMembers:
        """The settings of the core and the bundle, for type checkers."""

        ACCESS_LOG: bool
        ACCESS_LOG_QUERY: bool
        ALLOWED_HOSTS: set[str]
        API_DESCRIPTION: str
        API_TITLE: str
        API_VERSION: str
        BACKGROUND_TASK_GRACE_SECONDS: float
        CACHE_CONTROL: str | None
        CLIENT_IPV6_PREFIX: int
        CONTENT_SECURITY_POLICY: ContentSecurityPolicy | dict[str, str | list[str]] | str | None
        CONTENT_SECURITY_POLICY_REPORT_ONLY: (
            ContentSecurityPolicy | dict[str, str | list[str]] | str | None
        )
        CORS_CREDENTIALS: bool
        CORS_EXPOSE_HEADERS: set[str]
        CORS_HEADERS: set[str]
        CORS_MAX_AGE_SECONDS: int
        CORS_METHODS: set[str] | None
        CORS_ORIGINS: set[str]
        CORS_ORIGIN_FUNC: object
        CORS_PRIVATE_NETWORK: bool
        CROSS_ORIGIN_OPENER_POLICY: str | None
        CSRF_COOKIE_HTTP_ONLY: bool
        CSRF_COOKIE_NAME: str | None
        CSRF_COOKIE_PARTITIONED: bool
        CSRF_COOKIE_SAMESITE: str
        CSRF_COOKIE_SECURE: bool
        CSRF_ENABLED: bool
        CSRF_FIELD_NAME: str
        CSRF_HEADER_NAME: str
        CSRF_TRUSTED_ORIGINS: set[str]
        DEBUG: bool
        DEFAULT_PERMISSIONS: list[object]
        DEFAULT_PERMISSIONS_EXEMPT: set[str]
        DISABLED_PLUGINS: set[str]
        DOCS_AUTH_BACKEND: str | None
        DOCS_PATH: str
        ENABLE_DOCS: bool
        HEALTH_PATH: str | None
        HEALTH_TIMEOUT_SECONDS: float
        HTTPS_REDIRECT: bool
        HTTPS_REDIRECT_EXEMPT: set[str]
        LOGIN_URL: str | None
        LOG_FORMAT: Literal["text", "json"] | None
        MAX_FORM_FIELDS: int
        MAX_FORM_FIELD_BYTES: int
        MAX_FORM_FILES: int
        MAX_FORM_HEADER_BYTES: int
        MAX_REQUEST_BODY_BYTES: int
        MAX_REQUEST_HEAD_BYTES: int
        MAX_TEMPLATE_BYTES: int
        MAX_UPLOAD_MEMORY_BYTES: int
        OPENAPI_PATH: str
        OPTIONAL_PLUGINS: set[str]
        PASSWORD_THREADS: int
        PERMISSIONS_POLICY: str | None
        PLUGINS: set[str] | None
        RATELIMIT_DEFAULT: list[str]
        RATELIMIT_DEFAULT_EXEMPT: set[str]
        RATELIMIT_ENABLED: bool
        RATELIMIT_MAX_KEYS: int
        RATELIMIT_STORAGE_FAILURE: str
        RATELIMIT_STORAGE_PREFIX: str
        RATELIMIT_STORAGE_TIMEOUT_SECONDS: float
        RATELIMIT_STORAGE_URI: str | None
        READY_PATH: str | None
        REFERRER_POLICY: str | None
        REQUEST_ID_HEADER: str | None
        REQUEST_READ_TIMEOUT_SECONDS: float
        SECRET_KEY: str
        SECRET_KEY_FALLBACKS: list[str]
        SECURITY_FAILURE_RATE_LIMIT: int | None
        SECURITY_FAILURE_WINDOW_SECONDS: float
        SERVER_NAME: str | None
        SESSION_COOKIE_DOMAIN: str | None
        SESSION_COOKIE_HTTP_ONLY: bool
        SESSION_COOKIE_NAME: str | None
        SESSION_COOKIE_PARTITIONED: bool
        SESSION_COOKIE_PATH: str
        SESSION_COOKIE_SAMESITE: str
        SESSION_COOKIE_SECURE: bool
        SESSION_LIFETIME_SECONDS: int
        SESSION_PERMANENT: bool
        SESSION_REFRESH_SECONDS: int | None
        SESSION_STORE_PREFIX: str
        SESSION_STORE_TIMEOUT_SECONDS: float
        SESSION_STORE_URI: str | None
        SSRF_ALLOWED_HOSTS: set[str] | None
        SSRF_ALLOWED_NETWORKS: set[str]
        SSRF_ALLOWED_PORTS: set[int] | None
        SSRF_ALLOWED_SCHEMES: set[str]
        SSRF_ALLOW_CREDENTIALS: bool
        SSRF_ALLOW_UNRESOLVED: bool
        SSRF_FORBIDDEN_NETWORKS: set[str]
        SSRF_RESOLVE_TIMEOUT_SECONDS: float
        STATIC_CACHE_MAX_AGE: int | None
        STATIC_URL_PATH: str
        STRICT_TRANSPORT_SECURITY: str | None
        SYNC_WORKERS: int
        TEMPLATE_AUTO_RELOAD: bool | None
        TEMPLATE_BYTECODE_DIRECTORY: str | None
        TEMPLATE_CACHE_SIZE: int
        TRACE_HOOKS: bool
        TRAILING_SLASH: Literal["strict", "redirect", "ignore"]
        TRUSTED_PROXIES: set[str]
        TRUSTED_PROXY_HEADERS: set[str] | None
        WEBSOCKET_MAX_MESSAGES_PER_SECOND: float | None
        WEBSOCKET_MAX_MESSAGE_BYTES: int
        WEBSOCKET_ORIGIN_CHECK: bool
        X_CONTENT_TYPE_OPTIONS: str | None
        X_FRAME_OPTIONS: str | None


# --- Written until here -----------------------------------------------------------------------

if not TYPE_CHECKING:

    class AppMembers:
        """Empty at run time: the methods come from the plugins that are active."""

    class RequestMembers:
        """Empty at run time: the attributes come from the plugins that are active."""

    class BlueprintMembers:
        """Empty at run time: blueprints take the names down for the plugins of their apps."""

    class AppOptions(TypedDict):
        """Empty at run time: active plugins declare the options."""

    class BlueprintOptions(TypedDict):
        """Empty at run time: blueprints take the names down for the plugins of their apps."""

    class SettingMembers:
        """Empty at run time: the values are in the instance."""

        __slots__ = ()


MODEL_FAMILIES: Mapping[str, str] = {"pydantic": "flasgo-pydantic"}
"""Families of models that are not msgspec's, and the distributions that adapt them."""

_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}


def exported_names() -> tuple[str, ...]:
    """Return the names that `flasgo` re-exports from the bundle's plugins."""
    return tuple(_MODULE_OF)


def load_name(name: str) -> object:
    """Return a name of one of the bundle's plugins.

    Args:
        name: What was asked of the module `flasgo`.

    Raises:
        AttributeError: When no plugin of the bundle has the name.
        ImportError: When the plugin that has it is not installed; the install command is named.
    """
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'flasgo' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as exc:
        if exc.name != module:
            raise
        distribution = module.replace("_", "-")
        raise ImportError(
            f"{name} is part of {distribution}, which is not installed. "
            f"Install it with `pip install {distribution}`.",
            name=module,
        ) from None


def missing_app_member(name: str) -> str | None:
    """Return how to get `app.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_APP_MEMBERS, name, f"app.{name} is")


def missing_blueprint_part(name: str) -> str | None:
    """Return how to get a keyword or decorator of blueprints that a plugin of the bundle brings."""
    table = BLUEPRINT_OPTIONS if name in _names_in(BLUEPRINT_OPTIONS) else BLUEPRINT_METHODS
    subject = f"{name}= is" if table is BLUEPRINT_OPTIONS else f"@blueprint.{name} is"
    return _advice(table, name, subject)


def missing_request_attribute(name: str) -> str | None:
    """Return how to get `request.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_REQUEST_ATTRIBUTES, name, f"request.{name} is")


def missing_role(name: str) -> str | None:
    """Return how to have a role taken, when a plugin of the bundle takes it."""
    return _advice(_ROLES, name, f"The role {name} is")


def owners_of(name: str) -> frozenset[str]:
    """Return the distributions of the bundle that declare a setting, option or blueprint's part."""
    tables = (_SETTINGS, _OPTIONS, BLUEPRINT_OPTIONS, BLUEPRINT_METHODS)
    return frozenset(d for table in tables for d, names in table.items() if name in names)


def _names_in(table: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for names in table.values() for name in names)


def owner_of_option(name: str) -> str | None:
    """Return how to get a keyword of `Flasgo(...)`, when a plugin of the bundle declares it."""
    return _advice(_OPTIONS, name, f"{name}= is")


def owner_of_setting(name: str) -> str | None:
    """Return the distribution that declares a setting, when it is one of the bundle's."""
    return next((owner for owner, names in _SETTINGS.items() if name in names), None)


def is_installed(distribution: str) -> bool:
    """Whether a distribution is installed, active or not."""
    from importlib.metadata import PackageNotFoundError, version  # PERF: thirty modules

    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def how_to_get(distribution: str) -> str:
    """Return what to do about a distribution whose plugin is missed: install it, or enable it."""
    if is_installed(distribution):
        return (
            "which is installed but switched off: see PLUGINS, DISABLED_PLUGINS and the arguments "
            "of Flasgo()"
        )
    return f"which is not installed. Install it with `pip install {distribution}`"


def _advice(table: Mapping[str, tuple[str, ...]], name: str, subject: str) -> str | None:
    for distribution, names in table.items():
        if name in names:
            return f"{subject} part of {distribution}, {how_to_get(distribution)}."
    return None
