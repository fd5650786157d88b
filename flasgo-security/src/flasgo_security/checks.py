"""What `flasgo check` says about the security settings of an app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from flasgo import Finding, hookimpl

from flasgo_security.csp import ContentSecurityPolicy
from flasgo_security.forwarded import TrustedProxies
from flasgo_security.quotas.ratelimit import has_quota

if TYPE_CHECKING:
    from flasgo import Flasgo, Settings
    from flasgo.plugin import ReportTable

    from flasgo_security.headers import HeaderGuard
    from flasgo_security.sessions.guard import SessionGuard

__all__ = ["SecurityChecks"]

_SECURE_COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
_LOOPBACK = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
_UNSAFE_SCRIPTS = frozenset({"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:", "http:"})
_SHOWN_ROUTES = 3


class SecurityChecks:
    """Judges the settings of this plugin, and what became of them.

    Args:
        headers: Knows the policies that are sent.
        sessions: Knows the name of the session cookie.
    """

    def __init__(self, headers: HeaderGuard, sessions: SessionGuard) -> None:
        self._headers = headers
        self._sessions = sessions

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> list[Finding]:
        """Return what weakens the app; most of it matters in production only."""
        findings = [*_always(app.settings), *_exempt_endpoints(app)]
        if deploy:
            findings += _cookies(app.settings, self._sessions.cookie_name)
            findings += _headers(app.settings, self._headers.policy)
            findings += self._policies_of_routes(app)
            findings += _origins(app.settings)
            findings += _limits(app)
            findings += _stores(app.settings)
            findings += _outbound(app.settings)
        # PERF: a served app needs neither this nor the report.
        from flasgo_security.reasons import explained

        return list(explained(findings))

    @hookimpl
    def report_tables(self, app: Flasgo) -> Iterable[ReportTable]:
        """Show headers, quotas and the endpoints without CSRF check."""
        from flasgo_security.report import security_tables

        return security_tables(app, self._headers)

    def _policies_of_routes(self, app: Flasgo) -> Iterable[Finding]:
        policies = [(route, self._headers.policy_of(route)) for route in app.routes]
        weak = [route for route, policy in policies if not policy or unsafe_scripts(policy)]
        is_own_fault = bool(self._headers.policy) and not unsafe_scripts(self._headers.policy)
        if weak and is_own_fault:
            shown = ", ".join(repr(route.path) for route in weak[:_SHOWN_ROUTES])
            more = f" and {len(weak) - _SHOWN_ROUTES} more" if len(weak) > _SHOWN_ROUTES else ""
            yield Finding(
                "security.W011",
                "warning",
                f"The @csp of {shown}{more} lets scripts run that the app's own policy keeps out.",
                "Give inline scripts the nonce {{ csp_nonce }}, and list the others' origins.",
                routes=tuple(weak),
            )


def unsafe_scripts(policy: ContentSecurityPolicy) -> list[str]:
    """Return by which sources a policy lets nearly any script run (CSP 3, section 6.7).

    Args:
        policy: The policy; an empty one, which is judged elsewhere, gives none.
    """
    if not policy:
        return []
    if not policy.restricts("script-src"):
        return ["anywhere: it has neither script-src nor default-src"]
    sources = {source.lower() for source in policy.sources_of("script-src")}
    unsafe = sources & _UNSAFE_SCRIPTS
    if any(source.startswith(("'nonce-", "'sha")) for source in sources):
        unsafe.discard("'unsafe-inline'")  # browsers ignore it then; it is there for old ones
        if "'strict-dynamic'" in sources:
            unsafe &= {"'unsafe-eval'"}
    return sorted(unsafe)


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
    if not settings["WEBSOCKET_ORIGIN_CHECK"]:
        yield Finding(
            "security.W013",
            "warning",
            "WEBSOCKET_ORIGIN_CHECK is False: pages of other sites can open WebSockets with a "
            "visitor's cookies (CWE-1385).",
            "Enable it, and list further origins in CSRF_TRUSTED_ORIGINS.",
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


def _exempt_endpoints(app: Flasgo) -> Iterable[Finding]:
    if not app.settings["RATELIMIT_DEFAULT"]:
        return
    exempt = cast("set[str]", app.settings["RATELIMIT_DEFAULT_EXEMPT"])
    unknown = sorted(exempt - {route.endpoint for route in app.routes} - {"static"})
    if unknown:
        yield Finding(
            "security.W014",
            "warning",
            f"RATELIMIT_DEFAULT_EXEMPT names endpoints that do not exist: {', '.join(unknown)}.",
            "Correct the names; `flasgo routes` lists them.",
        )


def _cookies(settings: Settings, session_cookie: str) -> Iterable[Finding]:
    for name in _SECURE_COOKIES:
        if not settings[name]:
            yield Finding(
                "security.E001",
                "error",
                f"{name} is False: the cookie travels over plain http too.",
                f"Set {name} to True and serve the app over https.",
                setting=name,
            )
    if str(settings["SESSION_COOKIE_SAMESITE"]).capitalize() == "None":
        yield Finding(
            "security.W005",
            "warning",
            "SESSION_COOKIE_SAMESITE is 'None': requests that other sites cause carry the session.",
            "Use 'Lax', unless pages of other sites embed this app.",
        )
    if settings["SESSION_COOKIE_SECURE"] and not session_cookie.lower().startswith("__host-"):
        yield Finding(
            "security.I007",
            "info",
            f"The session cookie {session_cookie!r} has no prefix '__Host-': other hosts of the "
            "domain can plant one that they have made here (CWE-565, CWE-384).",
            "Leave SESSION_COOKIE_NAME, SESSION_COOKIE_DOMAIN and SESSION_COOKIE_PATH as they are, "
            "unless several hosts have to share sessions.",
        )


def _headers(settings: Settings, policy: ContentSecurityPolicy) -> Iterable[Finding]:
    if not policy:
        yield Finding(
            "security.W004",
            "warning",
            "CONTENT_SECURITY_POLICY is off.",
            "Set a policy; the default is a good start.",
        )
    unsafe = unsafe_scripts(policy)
    if unsafe:
        yield Finding(
            "security.W006",
            "warning",
            "CONTENT_SECURITY_POLICY, with what plugins add to it, lets scripts run from "
            f"{', '.join(unsafe)}. It stops little of what is injected into a page.",
            "Give inline scripts the nonce {{ csp_nonce }}, and list the others' origins.",
        )
    if not (settings["X_FRAME_OPTIONS"] or "frame-ancestors" in policy.directives):
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
                f"{name} contains {', '.join(plain)}: an attacker on the network can act in the "
                "name of an origin without TLS.",
                "Serve these sites over https, and list them so.",
                setting=name,
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
    if settings["TRUSTED_PROXIES"] and settings["TRUSTED_PROXY_HEADERS"] is None:
        yield Finding(
            "security.I008",
            "info",
            "TRUSTED_PROXY_HEADERS is not set: X-Forwarded-Proto, X-Forwarded-Prefix and Forwarded "
            "are believed also where the proxies pass on what the client has sent (CWE-348).",
            "Name the headers that your proxies set or remove, such as {'x-forwarded-for', "
            "'x-forwarded-proto'}.",
        )
    if not settings["RATELIMIT_ENABLED"] and _has_quotas(app):
        yield Finding(
            "security.W015",
            "warning",
            "RATELIMIT_ENABLED is False: no quota is counted.",
            "Set it to True, the default.",
        )
    counts = bool(settings["SECURITY_FAILURE_RATE_LIMIT"]) or _has_quotas(app)
    prefix = cast("int", settings["CLIENT_IPV6_PREFIX"])
    if counts and prefix > 64:
        yield Finding(
            "security.W012",
            "warning",
            f"CLIENT_IPV6_PREFIX is {prefix}: a client with one IPv6 network has 2**{prefix - 64} "
            "quotas (CWE-799).",
            "Set it to 64, the default, or less.",
        )
    if settings["RATELIMIT_STORAGE_URI"]:
        if settings["RATELIMIT_STORAGE_FAILURE"] == "open":
            yield Finding(
                "security.I004",
                "info",
                "RATELIMIT_STORAGE_FAILURE is 'open': while the storage is down "
                "requests are not counted.",
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
    return any(map(has_quota, app.routes))


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
                setting=name,
            )


def _outbound(settings: Settings) -> Iterable[Finding]:
    networks = sorted(cast("set[str]", settings["SSRF_ALLOWED_NETWORKS"]))
    if networks:
        yield Finding(
            "security.W016",
            "warning",
            f"SSRF_ALLOWED_NETWORKS contains {', '.join(networks)}: URLs from outside may lead "
            "into these networks (CWE-918).",
            "List single addresses (/32, /128) where that will do, and set SSRF_ALLOWED_HOSTS and "
            "SSRF_ALLOWED_PORTS.",
        )
    if settings["SSRF_ALLOW_UNRESOLVED"]:
        yield Finding(
            "security.W017",
            "warning",
            "SSRF_ALLOW_UNRESOLVED is True: a URL can be taken before anybody knows where it "
            "leads (CWE-367).",
            "Check it again before each connection, or connect through app.outbound_transport().",
        )
    if settings["SSRF_ALLOW_CREDENTIALS"]:
        yield Finding(
            "security.I009",
            "info",
            "SSRF_ALLOW_CREDENTIALS is True: URLs with passwords end in databases and logs "
            "(CWE-522).",
            "Ask for the password apart from the URL.",
        )
