"""The security plugin: declares what its concerns bring, and hands them the settings."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from flasgo import attach_policy, hookimpl
from flasgo.plugin import Plugin

from flasgo_security import hookspecs
from flasgo_security.checks import SecurityChecks
from flasgo_security.cors import CorsGuard, CorsHooks
from flasgo_security.csrf import CsrfGuard, WebSocketOriginGuard, csrf_exempt
from flasgo_security.events import RefusedHeads
from flasgo_security.forwarded import ForwardedGuard
from flasgo_security.headers import Csp, HeaderGuard, RouteCspGuard, csp
from flasgo_security.hosts import HostGuard
from flasgo_security.https_redirect import HttpsGuard
from flasgo_security.openapi import OpenApiDescription
from flasgo_security.quotas.quotas import Quotas
from flasgo_security.quotas.ratelimit import RateLimitGuard, default_policies
from flasgo_security.quotas.throttle import FailureThrottle
from flasgo_security.sessions.cookie_writers import CookieWriter, StoredCookieWriter
from flasgo_security.sessions.guard import SessionGuard
from flasgo_security.ssrf import OutboundConcern
from flasgo_security.templating import TemplateHelpers
from flasgo_security.tokens import SignerConcern

if TYPE_CHECKING:
    from flasgo import Flasgo, Registry

    from flasgo_security.outbound import Resolver

__all__ = ["SecurityPlugin"]


class SecurityPlugin(Plugin):
    """Hosts, CORS, CSRF, sessions, headers, quotas, outbound requests: one component each.

    Args:
        clock: Seconds from a clock that never goes back, for throttling and rate limits.
        wall_clock: Seconds since the epoch, for the expiry of sessions.
        resolver: Looks up the hosts of outbound URLs; None asks the system.
    """

    name = "security"

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        resolver: Resolver | None = None,
    ) -> None:
        self._clock = clock
        self.forwarded = ForwardedGuard()
        self.throttle = FailureThrottle(clock)
        self.hosts = HostGuard()
        self.https = HttpsGuard()
        self.cors = CorsGuard()
        self.headers = HeaderGuard()
        self.sessions = SessionGuard(wall_clock)
        self.csrf = CsrfGuard()
        self.ratelimit = RateLimitGuard(clock)
        self.outbound = OutboundConcern(resolver)
        self.signers = SignerConcern(wall_clock)
        self._stores: dict[str, Callable[[], Awaitable[object]]] = {}

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare settings, methods, attributes, policies and hooks."""
        registry.hookspecs(hookspecs)
        for concern in (
            self.forwarded,
            self.throttle,
            self.hosts,
            self.https,
            self.cors,
            self.headers,
            self.sessions,
            self.csrf,
            self.ratelimit,
            self.outbound,
            self.signers,
        ):
            concern.declare(registry)
        registry.enforces(Csp)
        registry.app_method("csrf_exempt", csrf_exempt)
        registry.app_method("csp", csp)
        registry.request_attribute("client_key", lambda request: self.ratelimit.client_key(request))
        registry.app_property("quota", self._quota)
        registry.component("hosts", self.hosts)
        registry.component("heads", RefusedHeads())
        registry.component("csp", RouteCspGuard(self.headers))
        registry.component("headers", self.headers)
        registry.component("templating", TemplateHelpers(self.csrf))
        registry.component("checks", SecurityChecks(self.headers, self.sessions))
        registry.component("openapi", OpenApiDescription())
        self._registry = registry

    def _quota(self) -> Quotas:
        """Return what resets quotas: `await app.quota.reset(key)`."""
        return Quotas(self.ratelimit)

    @hookimpl(tryfirst=True)
    def app_created(self, app: Flasgo) -> None:
        """Hand the settings to the concerns, before other plugins use them.

        PERF: what is switched off is in no pipeline, so it costs no request anything.
        """
        settings = app.settings
        self.forwarded.configure(settings)
        self.hosts.configure(settings)
        self.https.configure(settings)
        self.cors.configure(app)
        self.headers.configure(app)
        self.sessions.configure(settings, caching=self.headers.caching)
        self.csrf.configure(settings, session_cookie=self.sessions.cookie_name)
        self.outbound.configure(settings)
        self.signers.configure(settings)
        component = self._registry.component
        if self.forwarded.is_active:
            component("forwarded", self.forwarded)
        if settings["HTTPS_REDIRECT"]:
            component("https", self.https)
        component("cors", CorsHooks(self.cors))
        if settings["CSRF_ENABLED"]:
            component("csrf", self.csrf)
        if settings["WEBSOCKET_ORIGIN_CHECK"]:
            component("websockets", WebSocketOriginGuard(self.csrf))
        self._add_sessions()
        self._add_quotas(app)
        if self._stores:
            from flasgo_security.stores.readiness import StoreReadiness

            component("readiness", StoreReadiness(self._stores))

    def _add_sessions(self) -> None:
        stored = self.sessions.stored
        if stored is None:
            self._registry.component("cookies", CookieWriter(self.sessions, self.csrf))
        else:
            self._stores["SESSION_STORE_URI"] = stored.ping
            self._registry.component("sessions", stored)
            self._registry.component("cookies", StoredCookieWriter(stored, self.csrf))

    def _add_quotas(self, app: Flasgo) -> None:
        settings = app.settings
        uri = cast("str | None", settings["RATELIMIT_STORAGE_URI"])
        if uri and not uri.removeprefix("async+").startswith("memory://"):
            self._share_quotas(app, uri)
        self.ratelimit.configure(settings)
        for policy in default_policies(settings):
            attach_policy(app, policy)
        self.throttle.configure(settings)
        if settings["RATELIMIT_ENABLED"]:
            self._registry.component("ratelimit", self.ratelimit)
        if self.throttle.is_active:
            self._registry.component("throttle", self.throttle)

    def _share_quotas(self, app: Flasgo, uri: str) -> None:
        # PERF: an app that counts in memory does not pay for importing these.
        from flasgo_security.quotas.shared import SharedQuotas
        from flasgo_security.quotas.shared_ratelimit import SharedRateLimitGuard
        from flasgo_security.quotas.shared_throttle import SharedFailureThrottle

        settings = app.settings
        quotas = SharedQuotas(
            uri,
            cast("float", settings["RATELIMIT_STORAGE_TIMEOUT_SECONDS"]),
            cast("str", settings["RATELIMIT_STORAGE_PREFIX"]),
        )
        self._stores["RATELIMIT_STORAGE_URI"] = quotas.ping
        is_open = settings["RATELIMIT_STORAGE_FAILURE"] == "open"
        self.ratelimit = SharedRateLimitGuard(app, quotas, is_open=is_open)
        self.throttle = SharedFailureThrottle(quotas, self._clock)
