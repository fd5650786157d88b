"""Hardened response headers, on every response."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from flasgo import (
    ConfigurationError,
    FileResponse,
    HeaderBlock,
    Policy,
    attach_policy,
    has_policy,
    hookimpl,
)
from flasgo.plugin import PolicyScope

from flasgo_security.caching import PrivateCaching
from flasgo_security.csp import DEFAULT_POLICY, ContentSecurityPolicy, PolicyText, Sources
from flasgo_security.sent_heads import RESPONSE, head_has_left

if TYPE_CHECKING:
    from flasgo import Flasgo, Registry, Request, Response, Route, Settings

__all__ = ["Csp", "HeaderGuard", "RouteCspGuard", "csp", "csp_nonce"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)

_CSP = "Content-Security-Policy"
_CSP_REPORT_ONLY = "Content-Security-Policy-Report-Only"
_POLICY_HEADERS = frozenset(name.lower().encode() for name in (_CSP, _CSP_REPORT_ONLY))
_PolicySetting = ContentSecurityPolicy | dict[str, str | list[str]] | str | None

# Setting, header, default, what it is for.
_PLAIN_HEADERS = (
    ("X_FRAME_OPTIONS", "X-Frame-Options", "DENY", "Who may frame pages (old browsers)."),
    ("X_CONTENT_TYPE_OPTIONS", "X-Content-Type-Options", "nosniff", "Forbids type sniffing."),
    (
        "REFERRER_POLICY",
        "Referrer-Policy",
        "strict-origin-when-cross-origin",
        "What links to other sites tell about ours.",
    ),
    (
        "PERMISSIONS_POLICY",
        "Permissions-Policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), payment=(), usb=()",
        "Browser features that pages may use.",
    ),
    (
        "CROSS_ORIGIN_OPENER_POLICY",
        "Cross-Origin-Opener-Policy",
        "same-origin",
        "Which windows share a browsing context group with ours.",
    ),
    (
        "CACHE_CONTROL",
        "Cache-Control",
        "no-store",
        "Caching where a handler says nothing (CWE-524).",
    ),
)
_HSTS = "Strict-Transport-Security"
_SECURE_SCHEMES = ("https", "wss")


@dataclass(frozen=True)
class Csp(Policy):
    """A Content-Security-Policy of one endpoint's own.

    Attributes:
        base: What it starts from; None for the app's policy.
        changes: Directives and the sources that replace theirs.
    """

    base: ContentSecurityPolicy | None = None
    changes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def applied_to(self, policy: ContentSecurityPolicy) -> ContentSecurityPolicy:
        """Return the endpoint's policy, given the one that would hold without it."""
        if self.base is not None:
            policy = self.base
        for directive, sources in self.changes:
            policy = policy.replace(directive, *sources)
        return policy

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        words = [] if self.base is None else [str(self.base) or "none"]
        words += [" ".join((name, *sources)) for name, sources in self.changes]
        return f"csp ({'; '.join(words)})"


def csp(
    policy: ContentSecurityPolicy | Mapping[str, Sources] | str | None = None,
    /,
    **directives: Sources,
) -> Callable[[_H], _H]:
    """Give an endpoint a Content-Security-Policy of its own.

    ```python
    @app.get("/map")
    @csp(img_src=["'self'", "https://tiles.example.com"])
    async def map_page(): ...
    ```

    Args:
        policy: The whole policy; the app's when left out. `""` sends none.
        **directives: Directives, with `_` for `-`, whose sources replace those of the policy.

    Raises:
        ValueError: When a directive or a source is not valid.
        TypeError: When neither a policy nor a directive is given.
    """
    if callable(policy) or not (directives or policy is not None):
        raise TypeError('csp takes a policy or directives: @csp(img_src=["\'self\'", "data:"]).')
    changes = ContentSecurityPolicy(**directives).directives
    attached = Csp(
        base=None if policy is None else ContentSecurityPolicy(policy),
        changes=tuple(changes.items()),
    )
    return lambda handler: attach_policy(handler, attached)


def csp_nonce(request: Request) -> str:
    """Make the nonce of one request, 128 random bits; the value of `request.csp_nonce`.

    Raises:
        RuntimeError: When the policy has been sent already, without it.
    """
    if head_has_left(request):
        raise RuntimeError(
            "request.csp_nonce was first asked for after the response's headers had been sent, so "
            "no Content-Security-Policy carries it and browsers block what has it. Ask for it "
            "before the stream begins: nonce = request.csp_nonce in the handler, not in the "
            "generator; on a WebSocket, before accept()."
        )
    return secrets.token_urlsafe(16)


_has_own_policy = has_policy(Csp)


def _has_app_policy(route: Route) -> bool:
    return not _has_own_policy(route)


class HeaderGuard:
    """Fills the default headers into every response that does not have its own.

    Attributes:
        caching: Keeps responses out of shared caches.
    """

    def __init__(self) -> None:
        self._settings: dict[str, str] = {}
        self._hsts = ""
        self._configured = ContentSecurityPolicy()
        self._configured_report_only = ContentSecurityPolicy()
        self.caching = PrivateCaching("")
        self._rebuild({})

    @property
    def policy(self) -> ContentSecurityPolicy:
        """The app's policy, with what plugins contributed."""
        return self._policy

    def policy_of(self, route: Route | None) -> ContentSecurityPolicy:
        """Return the policy of an endpoint: the app's, or what its `@csp` makes of that."""
        policy = self._policy
        for own in reversed(() if route is None else route.policies_of(Csp)):
            policy = own.applied_to(policy)  # the outermost decorator has the last word
        return policy

    def listed(self) -> Iterator[tuple[str, str, str]]:
        """Yield each header, its value (empty where it is not sent), and when it is sent."""
        for _, header, _, purpose in _PLAIN_HEADERS:
            yield header, self._settings.get(header, ""), purpose
        yield _HSTS, self._hsts, "Over https only."
        yield _CSP, str(self._policy), "What pages may load and run."
        if self._report_only:
            yield _CSP_REPORT_ONLY, str(self._report_only), "Reported, not enforced."

    def declare(self, registry: Registry) -> None:
        """Declare the settings and attributes of this concern."""
        registry.setting(
            "CONTENT_SECURITY_POLICY",
            _PolicySetting,
            default=DEFAULT_POLICY,
            help="The Content-Security-Policy: a header value, a dict of directives, or a "
            "ContentSecurityPolicy. None or '' sends none.",
            check=_check_policy,
        )
        registry.setting(
            "CONTENT_SECURITY_POLICY_REPORT_ONLY",
            _PolicySetting,
            default=None,
            help="A second policy that browsers report on without enforcing it.",
            check=_check_policy,
        )
        registry.setting(
            "STRICT_TRANSPORT_SECURITY",
            str | None,
            default="max-age=31536000; includeSubDomains",
            help="Sent over https only. None or '' sends none.",
            check=_check_header,
        )
        for name, header, default, purpose in _PLAIN_HEADERS:
            registry.setting(
                name,
                str | None,
                default=default,
                help=f"{header}: {purpose} None or '' sends none.",
                check=_check_header,
            )
        registry.request_attribute("csp_nonce", csp_nonce)

    def configure(self, app: Flasgo) -> None:
        """Read the settings."""
        settings: Settings = app.settings
        self._settings = {
            header: str(settings[name]).strip()
            for name, header, _, _ in _PLAIN_HEADERS
            if settings[name]
        }
        self.caching = PrivateCaching(self._settings.get("Cache-Control", ""))
        self._hsts = str(settings["STRICT_TRANSPORT_SECURITY"] or "").strip()
        self._configured = _policy_of(settings["CONTENT_SECURITY_POLICY"])
        self._configured_report_only = _policy_of(settings["CONTENT_SECURITY_POLICY_REPORT_ONLY"])
        self._rebuild({})

    @hookimpl(trylast=True)
    def app_created(self, app: Flasgo) -> None:
        """Merge the sources that plugins contribute."""
        self._rebuild(_contributed(app))

    @hookimpl(trylast=True)
    def app_startup(self, app: Flasgo) -> None:
        """Merge once more: plugins may have been registered, or configured, since."""
        self._rebuild(_contributed(app))

    def _rebuild(self, contributed: Mapping[str, list[str]]) -> None:
        self._policy = _merged(self._configured, contributed)
        self._report_only = _merged(self._configured_report_only, contributed)
        self._texts = {
            header: PolicyText(policy)
            for header, policy in ((_CSP, self._policy), (_CSP_REPORT_ONLY, self._report_only))
            if policy
        }
        others = {**self._settings}
        self._blocks_without_policies = _blocks(others, self._hsts)
        if self._report_only:
            others[_CSP_REPORT_ONLY] = str(self._report_only)
        self._blocks_without_csp = _blocks(others, self._hsts)
        if self._policy:
            others[_CSP] = str(self._policy)
        self._blocks = _blocks(others, self._hsts)

    @hookimpl(trylast=True, when=_has_app_policy)
    def response_finalize(self, request: Request, response: Response) -> None:
        """Fill in the headers that the response does not have."""
        # PERF: one look for both, and no call: this is on the way of every response.
        known = request.__dict__
        known[RESPONSE] = response
        nonce = known.get("csp_nonce")
        if nonce is not None or response.status_code == 304:
            if self._leave_stored_policy(request, response, nonce):
                return
            if nonce is not None:
                self._set_policies(response, self._texts, str(nonce))
        # PERF: both blocks are checked and encoded already; the scope answers faster than
        # request.is_secure would.
        is_secure = request.scope.get("scheme") in _SECURE_SCHEMES
        if not response.fill_headers(self._blocks[is_secure]):
            self._keep_private(response)

    def finalize_with(self, text: PolicyText, request: Request, response: Response) -> None:
        """Fill in the headers, with another policy than the app's.

        Args:
            text: The policy; an empty one sends none.
            request: The request.
            response: The response.
        """
        request.__dict__[RESPONSE] = response
        texts = {**self._texts, _CSP: text}
        nonce = request.peek("csp_nonce")
        if self._leave_stored_policy(request, response, nonce):
            return
        self._set_policies(response, texts, None if nonce is None else str(nonce))
        if not response.fill_headers(self._blocks_without_csp[request.is_secure]):
            self._keep_private(response)

    def _leave_stored_policy(
        self, request: Request, response: Response, nonce: object | None
    ) -> bool:
        """Fill in everything but policies, where the client has a body with an earlier nonce.

        Its stored headers are replaced by those of a 304 (RFC 9111, sections 3.2 and 4.3.4), and
        of an answer to HEAD with the same validators (4.3.5). A policy with another nonce, or
        none, would have it block the scripts of the body it keeps. Files hold no nonce.

        Returns:
            Whether the response is one of these, and has its headers now.
        """
        headers = response.headers
        if response.status_code == 304:
            is_update = not isinstance(response, FileResponse)
        else:
            is_head = nonce is not None and request.method == "HEAD"
            is_update = is_head and ("etag" in headers or "last-modified" in headers)
        if is_update:
            headers.discard(_POLICY_HEADERS)
            if not response.fill_headers(self._blocks_without_policies[request.is_secure]):
                self._keep_private(response)
        return is_update

    def _keep_private(self, response: Response) -> None:
        """Keep a response that sets a cookie out of shared caches, whatever set it."""
        if response.sets_cookie:
            self.caching.apply(response)

    def _set_policies(
        self, response: Response, texts: Mapping[str, PolicyText], nonce: str | None
    ) -> None:
        """Set each policy that the response does not have of its own."""
        for header, text in texts.items():
            value = text.plain if nonce is None else text.with_nonce(nonce)
            if value:
                response.headers.setdefault(header, value)


class RouteCspGuard:
    """Sends the policies of endpoints that have their own.

    Args:
        headers: Knows the app's policy.
    """

    def __init__(self, headers: HeaderGuard) -> None:
        self._headers = headers
        # One entry per combination of decorators in the code.
        self._texts: dict[tuple[ContentSecurityPolicy, tuple[Csp, ...]], PolicyText] = {}

    @hookimpl(trylast=True, when=_has_own_policy)
    def response_finalize(self, request: Request, response: Response) -> None:
        """Fill in the headers, with the endpoint's own policy."""
        self._headers.finalize_with(self._text(request), request, response)

    def _text(self, request: Request) -> PolicyText:
        route = request.route
        policies = () if route is None else route.policies_of(Csp)
        key = (self._headers.policy, policies)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = PolicyText(self._headers.policy_of(route))
        return text


def _blocks(headers: Mapping[str, str], hsts: str) -> tuple[HeaderBlock, HeaderBlock]:
    """Return the headers for plain and for encrypted connections, in this order."""
    over_https = {**headers, _HSTS: hsts} if hsts else headers
    # PERF: most responses set no cookie and have none of these headers; the block tells.
    plain, secure = (HeaderBlock(each, watched=("set-cookie",)) for each in (headers, over_https))
    return plain, secure


def _policy_of(value: object) -> ContentSecurityPolicy:
    given = cast("ContentSecurityPolicy | dict[str, str | list[str]] | str | None", value)
    return ContentSecurityPolicy(given or "")


def _check_policy(value: object) -> str | None:
    try:
        _policy_of(value)
    except ValueError as error:
        return str(error)
    return None


def _check_header(value: object) -> str | None:
    try:
        HeaderBlock({"x-check": str(value or "")})
    except ValueError as error:
        return str(error)
    return None


def _contributed(app: Flasgo) -> dict[str, list[str]]:
    """Return the sources that the plugins' `csp_sources` hooks give, by directive."""
    merged: dict[str, list[str]] = {}
    for answer in app.plugins.call_all("csp_sources"):
        if answer is None:
            continue
        if not isinstance(answer, Mapping):
            raise ConfigurationError(
                f"A csp_sources hook returned {type(answer).__name__}; return a dict such as "
                "{'img-src': ['https://images.example.com']}, or None."
            )
        for directive, sources in ContentSecurityPolicy(answer).directives.items():
            merged.setdefault(directive, []).extend(sources)
    return merged


def _merged(
    policy: ContentSecurityPolicy, contributed: Mapping[str, list[str]]
) -> ContentSecurityPolicy:
    """Add sources to a policy; a policy that is switched off stays off."""
    if policy:
        for directive, sources in contributed.items():
            policy = policy.with_contributed(directive, *sources)
    return policy
