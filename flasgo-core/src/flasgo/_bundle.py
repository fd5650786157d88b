"""The bundle's plugins by name: lazy re-exports, install hints and static types.

The one file of flasgo-core that names plugins. Nothing here is imported from them until a
developer asks for a name, and nothing in the core behaves differently for these plugins.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

__all__ = [
    "PLUGINS",
    "AppMembers",
    "RequestMembers",
    "exported_names",
    "load_name",
    "missing_app_member",
    "missing_request_attribute",
    "owner_of_option",
    "owner_of_setting",
]

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
        "AuthBackend",
        "AuthPolicy",
        "HasScope",
        "IsAuthenticated",
        "Not",
        "Permission",
        "User",
        "authorize",
        "bearer_token_backend",
        "current_user",
        "extract_bearer_token",
    ),
    "flasgo_security": (
        "ContentSecurityPolicy",
        "RateLimit",
        "Session",
        "csp",
        "csrf_exempt",
        "csrf_input",
        "csrf_token",
        "rate_limit",
        "security_event",
        "session",
    ),
    "flasgo_static": (),
    "flasgo_templates": (
        "JinjaTemplates",
        "MissingTemplateError",
        "RefusedTemplateError",
        "render_template",
    ),
    "flasgo_testing": (
        "AppProtocolError",
        "AppTimeoutError",
        "LifespanError",
        "TestClient",
    ),
}

_APP_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": (
        "authorize",
        "register_auth_backend",
    ),
    "flasgo-security": (
        "csp",
        "csrf_exempt",
        "ratelimit",
        "security_event",
    ),
    "flasgo-static": ("configure_static",),
    "flasgo-templates": (
        "configure_templates",
        "context_processor",
        "render_template",
        "template_filter",
        "template_global",
        "template_test",
        "templates",
    ),
    "flasgo-testing": ("test_client",),
}

_REQUEST_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "flasgo-auth": ("user",),
    "flasgo-security": (
        "csp_nonce",
        "csrf_token",
        "host",
        "rate_limit",
        "security_events",
        "session",
    ),
}

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "flasgo-static": ("static_folder",),
}

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "flasgo-security": (
        "ALLOWED_HOSTS",
        "CACHE_CONTROL",
        "CONTENT_SECURITY_POLICY",
        "CONTENT_SECURITY_POLICY_REPORT_ONLY",
        "CROSS_ORIGIN_OPENER_POLICY",
        "CSRF_COOKIE_HTTP_ONLY",
        "CSRF_COOKIE_NAME",
        "CSRF_COOKIE_SAMESITE",
        "CSRF_COOKIE_SECURE",
        "CSRF_ENABLED",
        "CSRF_FIELD_NAME",
        "CSRF_HEADER_NAME",
        "CSRF_TRUSTED_ORIGINS",
        "PERMISSIONS_POLICY",
        "RATELIMIT_MAX_KEYS",
        "REFERRER_POLICY",
        "SECURITY_FAILURE_RATE_LIMIT",
        "SECURITY_FAILURE_WINDOW_SECONDS",
        "SESSION_COOKIE_DOMAIN",
        "SESSION_COOKIE_HTTP_ONLY",
        "SESSION_COOKIE_NAME",
        "SESSION_COOKIE_PATH",
        "SESSION_COOKIE_SAMESITE",
        "SESSION_COOKIE_SECURE",
        "SESSION_LIFETIME_SECONDS",
        "STRICT_TRANSPORT_SECURITY",
        "X_CONTENT_TYPE_OPTIONS",
        "X_FRAME_OPTIONS",
    ),
    "flasgo-static": (
        "STATIC_CACHE_MAX_AGE",
        "STATIC_URL_PATH",
    ),
    "flasgo-templates": (
        "MAX_TEMPLATE_BYTES",
        "TEMPLATE_AUTO_RELOAD",
        "TEMPLATE_BYTECODE_DIRECTORY",
        "TEMPLATE_CACHE_SIZE",
    ),
}

_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

if TYPE_CHECKING:
    from flasgo_auth import ANONYMOUS as ANONYMOUS
    from flasgo_auth import AllOf as AllOf
    from flasgo_auth import AllowAny as AllowAny
    from flasgo_auth import AnyOf as AnyOf
    from flasgo_auth import AuthBackend as AuthBackend
    from flasgo_auth import AuthPolicy as AuthPolicy
    from flasgo_auth import HasScope as HasScope
    from flasgo_auth import IsAuthenticated as IsAuthenticated
    from flasgo_auth import Not as Not
    from flasgo_auth import Permission as Permission
    from flasgo_auth import User as User
    from flasgo_auth import authorize as authorize
    from flasgo_auth import bearer_token_backend as bearer_token_backend
    from flasgo_auth import current_user as current_user
    from flasgo_auth import extract_bearer_token as extract_bearer_token
    from flasgo_auth import members as auth
    from flasgo_security import ContentSecurityPolicy as ContentSecurityPolicy
    from flasgo_security import RateLimit as RateLimit
    from flasgo_security import Session as Session
    from flasgo_security import csp as csp
    from flasgo_security import csrf_exempt as csrf_exempt
    from flasgo_security import csrf_input as csrf_input
    from flasgo_security import csrf_token as csrf_token
    from flasgo_security import members as security
    from flasgo_security import rate_limit as rate_limit
    from flasgo_security import security_event as security_event
    from flasgo_security import session as session
    from flasgo_static import members as static
    from flasgo_templates import JinjaTemplates as JinjaTemplates
    from flasgo_templates import MissingTemplateError as MissingTemplateError
    from flasgo_templates import RefusedTemplateError as RefusedTemplateError
    from flasgo_templates import members as templates
    from flasgo_templates import render_template as render_template
    from flasgo_testing import AppProtocolError as AppProtocolError
    from flasgo_testing import AppTimeoutError as AppTimeoutError
    from flasgo_testing import LifespanError as LifespanError
    from flasgo_testing import TestClient as TestClient
    from flasgo_testing import members as testing

    class AppMembers(
        auth.AppMembers,
        security.AppMembers,
        static.AppMembers,
        templates.AppMembers,
        testing.AppMembers,
    ):
        """What the bundle's plugins add to `Flasgo`, for editors and type checkers."""

    class RequestMembers(auth.RequestMembers, security.RequestMembers):
        """What the bundle's plugins add to requests, for editors and type checkers."""

else:

    class AppMembers:
        """Empty at run time: the methods come from the plugins that are active."""

    class RequestMembers:
        """Empty at run time: the attributes come from the plugins that are active."""


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
            f"Install it with: pip install {distribution}",
            name=module,
        ) from None


def missing_app_member(name: str) -> str | None:
    """Return how to get `app.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_APP_MEMBERS, name, f"app.{name} is")


def missing_request_attribute(name: str) -> str | None:
    """Return how to get `request.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_REQUEST_ATTRIBUTES, name, f"request.{name} is")


def owner_of_option(name: str) -> str | None:
    """Return how to get a keyword of `Flasgo(...)`, when a plugin of the bundle declares it."""
    return _advice(_OPTIONS, name, f"{name}= is")


def owner_of_setting(name: str) -> str | None:
    """Return the distribution that declares a setting, when it is one of the bundle's."""
    return next((owner for owner, names in _SETTINGS.items() if name in names), None)


def _advice(table: Mapping[str, tuple[str, ...]], name: str, subject: str) -> str | None:
    for distribution, names in table.items():
        if name in names:
            return (
                f"{subject} part of {distribution}, which is not installed or not active. "
                f"Install it with: pip install {distribution}"
            )
    return None
