"""Sends requests that came over plain http to the same address over https."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flasgo import HTTPException, hookimpl, redirect

from flasgo_security.hosts import parse_host

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Settings

__all__ = ["HttpsGuard"]


class HttpsGuard:
    """Answers plain http with a permanent redirect, and plain WebSockets with a refusal."""

    def __init__(self) -> None:
        self._exempt: frozenset[str] = frozenset()

    def declare(self, registry: Registry) -> None:
        """Declare the settings of this concern."""
        registry.setting(
            "HTTPS_REDIRECT",
            bool,
            default=False,
            help="Send plain http to https (308). Behind a proxy that ends TLS, set "
            "TRUSTED_PROXIES too, or the redirects go round in circles.",
        )
        registry.setting(
            "HTTPS_REDIRECT_EXEMPT",
            set[str],
            default=set(),
            help="Paths that are answered over plain http all the same, such as the health check "
            "of a load balancer: '/health'.",
            check=_check_paths,
        )

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._exempt = frozenset(cast("set[str]", settings["HTTPS_REDIRECT_EXEMPT"]))

    # SECURITY: after the host check, so that the redirect names a host of this app (CWE-601).
    @hookimpl(tryfirst=True, after=("security.hosts",))
    def request_started(self, request: Request) -> Response | None:
        """Redirect a request that came over plain http."""
        if request.is_secure or request.path in self._exempt:
            return None
        if request.scope["type"] == "websocket":
            raise HTTPException(403, "Open the WebSocket with wss:// instead of ws://.")
        host = parse_host((request.raw_header(b"host") or b"").decode("latin-1"))
        if host is None:  # checked by the host guard, which an app may have taken out
            raise HTTPException(400, "The Host header is missing or malformed.")
        # request.url has the path as it was routed, encoded again; the port is that of http.
        _, _, rest = request.url.partition("://")
        path = rest[rest.index("/") :] if "/" in rest else "/"
        return redirect(f"https://{host}{path}", 308)


def _check_paths(value: object) -> str | None:
    for path in sorted(cast("set[str]", value)):
        if not path.startswith("/"):
            return f"{path!r} is not a path; begin it with '/'"
    return None
