"""What `flasgo check` says about the security settings of an app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from flasgo import Finding, hookimpl

from flasgo_security.csp import ContentSecurityPolicy
from flasgo_security.forwarded import TrustedProxies
from flasgo_security.quotas.ratelimit import RateLimit

if TYPE_CHECKING:
    from flasgo import Flasgo, Settings

__all__ = ["SecurityChecks"]

_SECURE_COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
_LOOPBACK = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
_UNSAFE_SCRIPTS = frozenset({"'unsafe-inline'", "'unsafe-eval'", "*", "data:"})


class SecurityChecks:
    """Judges the settings of this plugin."""

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> list[Finding]:
        """Return what weakens the app; most of it matters in production only."""
        findings = [*_always(app.settings)]
        if deploy:
            findings += _cookies(app.settings)
            findings += _headers(app.settings)
            findings += _origins(app.settings)
            findings += _limits(app)
            findings += _stores(app.settings)
        return findings


def _always(settings: Settings) -> Iterable[Finding]:
    if "*" in cast("set[str]", settings["ALLOWED_HOSTS"]):
        yield Finding(
            "security.W001",
            "warning",
            "ALLOWED_HOSTS contains '*': any Host header is believed.",
            "List the host names under which this app is reached.",
        )
    if not settings["CSRF_ENABLED"]:
        yield Finding(
            "security.W002",
            "warning",
            "CSRF_ENABLED is False: other sites can send requests in a visitor's name.",
            "Enable it, and mark endpoints that no browser authenticates to @csrf_exempt.",
        )
    if not settings["SESSION_COOKIE_HTTP_ONLY"]:
        yield Finding(
            "security.W003",
            "warning",
            "SESSION_COOKIE_HTTP_ONLY is False: scripts can read the session cookie.",
            "Set it to True.",
        )
    proxies = TrustedProxies(cast("set[str]", settings["TRUSTED_PROXIES"]))
    for network in proxies.networks:
        if network.prefixlen == 0:
            yield Finding(
                "security.E002",
                "error",
                f"TRUSTED_PROXIES contains {network}: everybody may claim to be anybody, so "
                "quotas, throttling and logs are worth nothing.",
                "List the addresses of the proxies in front of this app, and no others.",
            )


def _cookies(settings: Settings) -> Iterable[Finding]:
    for name in _SECURE_COOKIES:
        if not settings[name]:
            yield Finding(
                "security.E001",
                "error",
                f"{name} is False: the cookie travels over plain http too.",
                f"Set {name} to True and serve the app over https.",
            )
    if str(settings["SESSION_COOKIE_SAMESITE"]).capitalize() == "None":
        yield Finding(
            "security.W005",
            "warning",
            "SESSION_COOKIE_SAMESITE is 'None': requests that other sites cause carry the session.",
            "Use 'Lax', unless pages of other sites embed this app.",
        )


def _headers(settings: Settings) -> Iterable[Finding]:
    policy = ContentSecurityPolicy(
        cast("ContentSecurityPolicy | str | None", settings["CONTENT_SECURITY_POLICY"]) or ""
    )
    if not policy:
        yield Finding(
            "security.W004",
            "warning",
            "CONTENT_SECURITY_POLICY is off.",
            "Set a policy; the default is a good start.",
        )
    directives = policy.directives
    scripts = directives.get("script-src", directives.get("default-src", ()))
    unsafe = sorted(_UNSAFE_SCRIPTS.intersection(scripts))
    if unsafe:
        yield Finding(
            "security.W006",
            "warning",
            f"CONTENT_SECURITY_POLICY lets scripts run from {', '.join(unsafe)}: it stops little "
            "of what is injected into a page.",
            "Give inline scripts the nonce {{ csp_nonce }}, and list the others' origins.",
        )
    if not (settings["X_FRAME_OPTIONS"] or "frame-ancestors" in directives):
        yield Finding(
            "security.W007",
            "warning",
            "Any site may show this app in a frame and have visitors click into it (CWE-1021).",
            "Set X_FRAME_OPTIONS to 'DENY', or frame-ancestors in CONTENT_SECURITY_POLICY.",
        )
    if not settings["X_CONTENT_TYPE_OPTIONS"]:
        yield Finding(
            "security.W008",
            "warning",
            "X_CONTENT_TYPE_OPTIONS is off: browsers may run an upload as a script.",
            "Set it to 'nosniff', the default.",
        )
    if not settings["STRICT_TRANSPORT_SECURITY"]:
        yield Finding(
            "security.W009",
            "warning",
            "STRICT_TRANSPORT_SECURITY is off: the first request of a visit may go over http.",
            "Set it, to 'max-age=3600' at first; it is sent over https only.",
        )


def _origins(settings: Settings) -> Iterable[Finding]:
    for name in ("CSRF_TRUSTED_ORIGINS", "CORS_ORIGINS"):
        plain = sorted(
            origin
            for origin in cast("set[str]", settings[name])
            if origin.startswith("http://") and urlsplit(origin).hostname not in _LOOPBACK
        )
        if plain:
            yield Finding(
                "security.W010",
                "warning",
                f"{name} contains {', '.join(plain)}: whoever is on the line can speak in the "
                "name of an origin without TLS.",
                "Serve these sites over https, and list them so.",
            )
    if "*" in cast("set[str]", settings["CORS_ORIGINS"]):
        yield Finding(
            "security.I002",
            "info",
            "CORS_ORIGINS is '*': every site may read the answers that need no credentials.",
            "Right for public data; otherwise list the origins, or use @cors on single routes.",
        )
    if cast("set[str]", settings["ALLOWED_HOSTS"]) <= _LOOPBACK:
        yield Finding(
            "security.I003",
            "info",
            "ALLOWED_HOSTS names this machine only: requests for any other host are answered 400.",
            "Add the host names under which the app is reached.",
        )


def _limits(app: Flasgo) -> Iterable[Finding]:
    settings = app.settings
    if not settings["SECURITY_FAILURE_RATE_LIMIT"]:
        yield Finding(
            "security.I001",
            "info",
            "SECURITY_FAILURE_RATE_LIMIT is not set: clients may fail checks without end.",
            "Set it, for example to 100. Behind a proxy set TRUSTED_PROXIES too, or all clients "
            "count as one.",
        )
    counts = bool(settings["SECURITY_FAILURE_RATE_LIMIT"]) or _has_quotas(app)
    if counts and settings["CLIENT_IPV6_PREFIX"] == 128:
        yield Finding(
            "security.I007",
            "info",
            "Quotas and throttling count each IPv6 address for itself, and whoever has one address "
            "has 2**64 of them.",
            "Set CLIENT_IPV6_PREFIX to 64 where clients may come over IPv6.",
        )
    if settings["RATELIMIT_STORAGE_URI"]:
        if settings["RATELIMIT_STORAGE_FAILURE"] == "open":
            yield Finding(
                "security.I004",
                "info",
                "RATELIMIT_STORAGE_FAILURE is 'open': whoever brings the storage down is free of "
                "all quotas.",
                "Use 'closed' where a quota keeps guesses away, as on a log-in.",
            )
    elif _has_quotas(app):
        yield Finding(
            "security.I005",
            "info",
            "Quotas are counted in each process for itself: with several workers or hosts callers "
            "get several times as much.",
            "Set RATELIMIT_STORAGE_URI, such as to 'redis://host:6379/0'.",
        )


def _has_quotas(app: Flasgo) -> bool:
    return any(route.policy(RateLimit) is not None for route in app.routes)


def _stores(settings: Settings) -> Iterable[Finding]:
    for name in ("SESSION_STORE_URI", "RATELIMIT_STORAGE_URI"):
        uri = str(settings[name] or "").removeprefix("async+")
        scheme, _, location = uri.partition("://")
        # A list of hosts (cluster, sentinel) has no one host to look at: the first one tells.
        host = urlsplit(f"//{location.partition(',')[0]}").hostname
        if scheme in ("redis", "valkey", "memcached") and host not in _LOOPBACK:
            yield Finding(
                "security.I006",
                "info",
                f"{name} leads to another machine without TLS ({scheme}://...).",
                "Use rediss:// or valkeys://, unless the network between them is your own.",
            )
