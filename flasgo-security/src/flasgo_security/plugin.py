"""The security plugin: declares what its concerns bring, and hands them the settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from flasgo import hookimpl

from flasgo_security import hookspecs
from flasgo_security.caching import PrivateCaching
from flasgo_security.checks import SecurityChecks
from flasgo_security.cookies import CookieWriter
from flasgo_security.csrf import CsrfGuard, WebSocketOriginGuard, csrf_exempt
from flasgo_security.headers import Csp, HeaderGuard, RouteCspGuard, csp
from flasgo_security.hosts import HostGuard
from flasgo_security.ratelimit import RateLimitGuard
from flasgo_security.sessions import SessionGuard
from flasgo_security.templating import TemplateHelpers
from flasgo_security.throttle import FailureThrottle

if TYPE_CHECKING:
    from flasgo import Flasgo, Registry

__all__ = ["SecurityPlugin"]


class SecurityPlugin:
    """Hosts, CSRF, sessions, headers, throttling and rate limits: one component each.

    Args:
        clock: Seconds from a clock that never goes back, for throttling and rate limits.
        wall_clock: Seconds since the epoch, for the expiry of sessions.
    """

    name = "security"

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.throttle = FailureThrottle(clock)
        self.hosts = HostGuard()
        self.headers = HeaderGuard()
        self.sessions = SessionGuard(wall_clock)
        self.csrf = CsrfGuard()
        self.ratelimit = RateLimitGuard(clock)

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare settings, methods, attributes, policies and hooks."""
        registry.hookspecs(hookspecs)
        for concern in (
            self.throttle,
            self.hosts,
            self.headers,
            self.sessions,
            self.csrf,
            self.ratelimit,
        ):
            concern.declare(registry)
        registry.enforces(Csp)
        registry.app_method("csrf_exempt", csrf_exempt)
        registry.app_method("csp", csp)
        registry.component("hosts", self.hosts)
        registry.component("cookies", CookieWriter(self.sessions, self.csrf))
        registry.component("ratelimit", self.ratelimit)
        registry.component("csp", RouteCspGuard(self.headers))
        registry.component("headers", self.headers)
        registry.component("templating", TemplateHelpers(self.csrf))
        registry.component("checks", SecurityChecks())
        self._registry = registry

    @hookimpl(tryfirst=True)
    def app_created(self, app: Flasgo) -> None:
        """Hand the settings to the concerns, before other plugins use them."""
        settings = app.settings
        self.throttle.configure(settings)
        self.hosts.configure(settings)
        self.headers.configure(app)
        self.sessions.configure(settings, caching=PrivateCaching(self.headers.cache_control))
        self.csrf.configure(settings)
        self.ratelimit.configure(settings)
        # PERF: what is switched off is in no pipeline.
        if self.throttle.is_active:
            self._registry.component("throttle", self.throttle)
        if settings["CSRF_ENABLED"]:
            self._registry.component("csrf", self.csrf)
            self._registry.component("websockets", WebSocketOriginGuard(self.csrf))
