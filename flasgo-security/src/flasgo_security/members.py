"""Static types of what the plugin adds to `Flasgo` and `Request`; nothing here runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from flasgo.plugin import PolicyScope

if TYPE_CHECKING:
    import ssl

    import httpx2
    from flasgo import Request

    from flasgo_security.cors_origins import OriginFunc
    from flasgo_security.csp import ContentSecurityPolicy, Sources
    from flasgo_security.outbound import OutboundTarget, SSRFGuard
    from flasgo_security.outbound.transport import SSRFTransport
    from flasgo_security.quotas.client_keys import ClientKey
    from flasgo_security.quotas.policy import CostFunc, KeyFunc, LimitFunc, On
    from flasgo_security.quotas.quotas import Quotas
    from flasgo_security.quotas.ratelimit import QuotaStatus
    from flasgo_security.sessions.session import Session
    from flasgo_security.tokens import TimedSigner

__all__ = ["AppMembers", "RequestMembers"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)


class AppMembers:
    """What the plugin adds to `Flasgo`."""

    def ratelimit(
        self,
        requests: int | str | LimitFunc,
        per: float | None = None,
        *,
        scope: str | None = None,
        key_func: KeyFunc | None = None,
        methods: Iterable[str] | None = None,
        cost: int | CostFunc = 1,
        on: On = "request",
        shared: bool = False,
    ) -> Callable[[_H], _H]:
        """Limit how often one caller may use an endpoint; see `flasgo_security.rate_limit`."""
        raise NotImplementedError  # a declaration: the plugin contributes the method itself

    def ratelimit_exempt(self, handler: _H) -> _H:
        """Let no quota hold for an endpoint; see `flasgo_security.ratelimit_exempt`."""
        raise NotImplementedError

    rate_limit = ratelimit
    rate_limit_exempt = ratelimit_exempt

    quota: Quotas
    """The quotas of callers: `await app.quota.reset(key)` lets one begin anew."""

    def cors(
        self,
        *origins: str,
        methods: Iterable[str] | None = None,
        headers: Iterable[str] = ("content-type",),
        expose: Iterable[str] = (),
        credentials: bool = False,
        max_age: int = 600,
        private_network: bool = False,
        origin_func: OriginFunc | None = None,
    ) -> Callable[[_H], _H]:
        """Say which other sites may read an endpoint's answers; see `flasgo_security.cors`."""
        raise NotImplementedError

    def csrf_exempt(self, handler: _H) -> _H:
        """Let an endpoint take unsafe requests from anywhere; see `flasgo_security.csrf_exempt`."""
        raise NotImplementedError

    def csp(
        self,
        policy: ContentSecurityPolicy | Mapping[str, Sources] | str | None = None,
        /,
        **directives: Sources,
    ) -> Callable[[_H], _H]:
        """Give an endpoint its own Content-Security-Policy; see `flasgo_security.csp`."""
        raise NotImplementedError

    async def revoke_session(self, identifier: str) -> bool:
        """End a session that is kept on the server, by its `request.session.id`.

        Returns whether there was one. Without `SESSION_STORE_URI` a ConfigurationError.
        """
        raise NotImplementedError

    def signer(self, purpose: str) -> TimedSigner:
        """Return what signs and verifies timed tokens for one purpose, such as links in mails.

        Args:
            purpose: A name such as `"password-reset"`, different for everything that is signed.

        Raises:
            TypeError: When it is not text.
            ValueError: When it is empty, or longer than 200 characters.
        """
        raise NotImplementedError

    session_cookie_name: str
    """What the session cookie is called, its prefix included."""

    def security_event(self, kind: str, request: Request, reason: str) -> None:
        """Log and count a security failure; see `flasgo_security.security_event`."""
        raise NotImplementedError

    ssrf_guard: SSRFGuard
    """The guard made from the `SSRF_*` settings, for clients that take one."""

    def resolve_outbound_url(self, url: str) -> OutboundTarget:
        """Check where a URL leads (CWE-918), and return a target pinned to what was checked.

        Waits for the resolver: in async code, use `aresolve_outbound_url`.

        Args:
            url: An absolute URL, from anybody.

        Raises:
            SSRFViolation: When the server must not go there; left alone it is answered 400.
        """
        raise NotImplementedError

    async def aresolve_outbound_url(self, url: str) -> OutboundTarget:
        """Check where a URL leads without holding up the event loop; see the other."""
        raise NotImplementedError

    def outbound_transport(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        http2: bool = False,
        limits: httpx2.Limits | None = None,
    ) -> SSRFTransport:
        """Return a transport for httpx2 clients that checks each request and each redirect.

        Needs the extra `flasgo-security[httpx2]`; see `flasgo_security.outbound.transport`.
        """
        raise NotImplementedError


class RequestMembers:
    """What the plugin adds to `Request` and `WebSocket`."""

    host: str
    """The checked host under which the client reached the app, with its port if it has one."""

    peer_ip: str | None
    """The address of the direct peer: of a proxy, where `TRUSTED_PROXIES` speak for the client."""

    client_key: ClientKey | None
    """What quotas count the client under: its address, or its network of IPv6."""

    session: Session
    """The visitor's session, loaded when first asked for."""

    csrf_token: str
    """The CSRF token for forms and scripts; asking for it sets its cookie."""

    csp_nonce: str
    """The nonce for `<script nonce=...>`; asking for it puts it into the policy."""

    rate_limit: QuotaStatus | None
    """Where the caller stands with the route's quotas; None where it has none."""

    security_events: list[str]
    """The kinds of security events that this request has caused."""
