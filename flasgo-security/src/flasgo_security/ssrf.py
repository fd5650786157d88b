"""Outbound requests on somebody else's word: settings, methods of the app, security events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from flasgo import current_request
from flasgo.plugin import lazy

from flasgo_security.events import loggable, security_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from flasgo import Registry, Settings

    from flasgo_security.outbound import OutboundTarget, Resolver, SSRFGuard, SSRFViolation
    from flasgo_security.outbound.transport import SSRFTransport

__all__ = ["OutboundConcern"]

logger = logging.getLogger("flasgo.security")


class OutboundConcern:
    """Gives the app a guard against SSRF (CWE-918), made from its settings.

    PERF: the guard, and what it needs, is imported when the first URL is to be checked.

    Args:
        resolver: Looks host names up; None asks the system.
    """

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._resolver = resolver
        self._values: dict[str, Any] = {}

    @lazy
    def guard(self) -> SSRFGuard:
        """The guard, with the app's settings."""
        from flasgo_security.outbound.config import SSRFConfig
        from flasgo_security.outbound.guard import SSRFGuard

        resolving = {"resolver": self._resolver} if self._resolver else {}
        return SSRFGuard(SSRFConfig(**self._values), on_violation=_report, **resolving)

    def declare(self, registry: Registry) -> None:
        """Declare the settings and methods of this concern."""
        registry.setting(
            "SSRF_ALLOWED_SCHEMES",
            set[str],
            default={"http", "https"},
            help="Schemes that outbound URLs may have: 'https', 'http', 'wss', 'ws'.",
            check=_checked_as("allowed_schemes"),
        )
        registry.setting(
            "SSRF_ALLOWED_HOSTS",
            set[str] | None,
            default=None,
            help="Hosts that outbound URLs may lead to, '*.example.com' for subdomains; None "
            "allows any public host. A host on the list is held to its addresses all the same.",
            check=_checked_as("allowed_hosts"),
        )
        registry.setting(
            "SSRF_ALLOWED_PORTS",
            set[int] | None,
            default=None,
            help="Ports that outbound URLs may have, such as {80, 443}; None allows any.",
            check=_checked_as("allowed_ports"),
        )
        registry.setting(
            "SSRF_ALLOWED_NETWORKS",
            set[str],
            default=set(),
            help="Networks that may be reached although they are not globally reachable, such as "
            "'10.1.0.0/16'. A cloud's metadata service needs its very address.",
            check=_checked_as("allowed_networks"),
        )
        registry.setting(
            "SSRF_FORBIDDEN_NETWORKS",
            set[str],
            default=set(),
            help="Networks that must not be reached although they are globally reachable, such as "
            "your own public addresses.",
            check=_checked_as("forbidden_networks"),
        )
        registry.setting(
            "SSRF_RESOLVE_TIMEOUT_SECONDS",
            float,
            default=5.0,
            help="How long the name of an outbound host may take to resolve, in seconds.",
            check=_checked_as("resolve_timeout"),
        )
        registry.setting(
            "SSRF_ALLOW_UNRESOLVED",
            bool,
            default=False,
            help="Take outbound URLs whose host does not resolve yet, for later: the target has no "
            "`addresses` then, and the URL has to be checked again before connecting.",
        )
        registry.setting(
            "SSRF_ALLOW_CREDENTIALS",
            bool,
            default=False,
            help="Take outbound URLs with a user name and a password: they are taken out of the "
            "URL, and `target.authorization` is what to send.",
        )
        registry.app_method("resolve_outbound_url", self.resolve)
        registry.app_method("aresolve_outbound_url", self.aresolve)
        registry.app_method("outbound_transport", self.transport)
        registry.app_property("ssrf_guard", self.current_guard)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        values = cast("dict[str, Any]", settings)
        self._values = {
            "allowed_schemes": frozenset(values["SSRF_ALLOWED_SCHEMES"]),
            "allowed_hosts": _frozen(values["SSRF_ALLOWED_HOSTS"]),
            "allowed_ports": _frozen(values["SSRF_ALLOWED_PORTS"]),
            "allowed_networks": frozenset(values["SSRF_ALLOWED_NETWORKS"]),
            "forbidden_networks": frozenset(values["SSRF_FORBIDDEN_NETWORKS"]),
            "resolve_timeout": values["SSRF_RESOLVE_TIMEOUT_SECONDS"],
            "allow_unresolved": values["SSRF_ALLOW_UNRESOLVED"],
            "allow_credentials": values["SSRF_ALLOW_CREDENTIALS"],
        }

    def current_guard(self) -> SSRFGuard:
        """Return the guard with the app's settings; the `ssrf_guard` of the app."""
        return self.guard

    def resolve(self, url: str) -> OutboundTarget:
        """Return where to connect for a URL; the `resolve_outbound_url` of the app."""
        return self.guard.resolve(url)

    async def aresolve(self, url: str) -> OutboundTarget:
        """Return where to connect for a URL; the `aresolve_outbound_url` of the app."""
        return await self.guard.aresolve(url)

    # Any: passed on untouched.
    def transport(self, **options: Any) -> SSRFTransport:
        """Return a transport for httpx2; the `outbound_transport` of the app."""
        from flasgo_security.outbound.transport import SSRFTransport  # its httpx2 is an extra

        return SSRFTransport(self.guard, **options)


def _frozen(values: set[Any] | None) -> frozenset[Any] | None:
    return None if values is None else frozenset(values)


def _checked_as(field: str) -> Callable[[object], str | None]:
    """Return a check for a setting that becomes one field of the configuration."""

    # Any: the field's type; what does not fit is what the check is about.
    def check(value: Any) -> str | None:
        from flasgo_security.outbound.config import SSRFConfig

        try:
            SSRFConfig(**{field: value})
        except ValueError as error:
            return str(error)
        return None

    return check


def _report(violation: SSRFViolation) -> None:
    """Log a refused URL as a security event of the request that brought it, if there is one."""
    reason = str(violation)
    if violation.reason == "unresolved":
        # A resolver that fails is no attack, and must not count against the client.
        logger.info("An outbound host could not be resolved: %s", loggable(reason))
        return
    try:
        request = current_request()
    except RuntimeError:
        reason = loggable(reason)
        extra = {"event": "ssrf", "reason": reason, "client_ip": "", "method": "", "path": ""}
        logger.warning("Security event ssrf: %s", reason, extra=extra)
        return
    security_event("ssrf", request, reason)
