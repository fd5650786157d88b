"""Cross-site request forgery: requests with effects must come from the app's own pages."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from flasgo import HTTPException, Policy, WebSocket, attach_policy, hookimpl
from flasgo.plugin import PolicyScope

from flasgo_security.cookie_options import CookieOptions
from flasgo_security.events import security_event
from flasgo_security.origins import TrustedOrigins, parse_origin, referer_origin
from flasgo_security.sent_heads import head_has_left
from flasgo_security.signing import PurposeSigner

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Route, Settings

    from flasgo_security.sessions.session import Session

__all__ = ["CsrfExempt", "CsrfGuard", "CsrfTokens", "csrf_exempt", "mask", "unmask"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)

# RFC 9110, section 9.2.1. Everything else can have effects, unknown methods too.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_LONGEST_TOKEN = 128
_LONGEST_MASKED = 512
_FOR_PROGRAMS = (
    " Clients other than browsers have no such cookie: put @csrf_exempt on the endpoints that only "
    "they call, or let them send `Authorization: Bearer ...` and no session cookie."
)
"""For developers, under DEBUG."""
# What browsers say of a request by the site's own pages, or typed in by the user
# (Fetch Metadata, section 2.3). Scripts cannot set the header.
_OWN_PAGE = frozenset({b"same-origin", b"none"})


@dataclass(frozen=True)
class CsrfExempt(Policy):
    """An endpoint that takes unsafe requests from anywhere."""

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        return "csrf_exempt"


def csrf_exempt(handler: _H) -> _H:
    """Let an endpoint take unsafe requests from anywhere: webhooks, APIs without cookies.

    SECURITY: use it only where the browser sends nothing that authenticates by itself (cookies,
    Basic credentials, client certificates), or where the handler verifies a signature.

    Args:
        handler: The endpoint's handler; or a blueprint or an app, for all of its routes.

    Raises:
        TypeError: When it is none of these.
    """
    if not (callable(handler) or isinstance(handler, PolicyScope)):
        raise TypeError(
            f"csrf_exempt decorates a handler, a blueprint or an app, got {handler!r}: write "
            "@csrf_exempt."
        )
    return attach_policy(handler, CsrfExempt())


def mask(token: str) -> str:
    """Return a token in a spelling that differs each time.

    SECURITY: a page that repeats both a secret and something of the visitor's choice, and is
    compressed, gives the secret away by its length (BREACH, CVE-2013-3587).

    Args:
        token: A token as the cookie holds it.
    """
    text = token.encode("ascii")
    pad = secrets.token_bytes(len(text))
    return urlsafe_b64encode(pad + _xor(pad, text)).rstrip(b"=").decode("ascii")


def unmask(text: str) -> str:
    """Return the token behind what `mask` made of it; other text as it is.

    Args:
        text: What a client sent.
    """
    # Tokens have a dot in the middle, which masked ones never have.
    if "." in text or len(text) > _LONGEST_MASKED:
        return text
    try:
        mixed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        half = len(mixed) // 2
        return _xor(mixed[:half], mixed[half:]).decode("ascii")
    except ValueError:
        return text


def _xor(pad: bytes, text: bytes) -> bytes:
    mixed = int.from_bytes(pad) ^ int.from_bytes(text)
    return mixed.to_bytes(max(len(pad), len(text)))


class CsrfTokens:
    """Makes and verifies tokens: 128 random bits, signed together with the session they are for.

    Args:
        signer: Signs them.
    """

    def __init__(self, signer: PurposeSigner) -> None:
        self._signer = signer

    def make(self, binding: str) -> str:
        """Return a new token.

        Args:
            binding: What identifies the session, `""` for none.
        """
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._signer.signature(f'{nonce}.{binding}')}"

    def is_valid(self, token: str, binding: str) -> bool:
        """Whether a token was made here for this session.

        Args:
            token: What a client sent.
            binding: What identifies the session, `""` for none.
        """
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return False
        nonce, _, signature = token.partition(".")
        return self._signer.is_signature(f"{nonce}.{binding}", signature)


def _can_have_effects(route: Route) -> bool:
    if route.is_websocket or route.policy(CsrfExempt) is not None:
        return False
    return not route.methods <= SAFE_METHODS


def _is_guarded_websocket(route: Route) -> bool:
    return route.is_websocket and route.policy(CsrfExempt) is None


class CsrfGuard:
    """Refuses unsafe requests that another site may have caused, and hands out tokens.

    An unsafe request passes when the browser says that a page of this origin sent it
    (`Sec-Fetch-Site`). Otherwise it must not come from an untrusted origin, and must repeat the
    token of the cookie in a header or form field, which other sites cannot read.
    """

    def __init__(self) -> None:
        self._cookie = CookieOptions("csrf")
        self._trusted = TrustedOrigins(())

    def declare(self, registry: Registry) -> None:
        """Declare the settings, attributes and policies of this concern."""
        registry.setting(
            "CSRF_ENABLED",
            bool,
            default=True,
            help="Refuse unsafe requests that other sites may have caused. False only for APIs "
            "that no browser authenticates to by itself.",
        )
        registry.setting(
            "WEBSOCKET_ORIGIN_CHECK",
            bool,
            default=True,
            help="Refuse WebSocket handshakes from pages of other origins than this app's own and "
            "CSRF_TRUSTED_ORIGINS (CWE-1385). It does not depend on CSRF_ENABLED.",
        )
        CookieOptions.declare(registry, "CSRF", "csrf", http_only=False)
        registry.setting(
            "CSRF_HEADER_NAME",
            str,
            default="X-CSRF-Token",
            help="Request header that carries the token.",
            check=_check_header_name,
        )
        registry.setting(
            "CSRF_FIELD_NAME",
            str,
            default="csrf_token",
            help="Form field that carries the token.",
        )
        registry.setting(
            "CSRF_TRUSTED_ORIGINS",
            set[str],
            default=set(),
            help="Other origins whose pages may send unsafe requests (with the token) and open "
            "WebSockets: 'https://app.example.com', 'https://*.example.com'.",
            check=_check_origins,
        )
        registry.request_attribute("csrf_token", self.token_for)
        registry.enforces(CsrfExempt)

    def configure(self, settings: Settings, *, session_cookie: str) -> None:
        """Read the settings.

        Args:
            settings: The app's settings.
            session_cookie: The name of the session cookie.
        """
        self._session_cookie = session_cookie
        self._cookie = CookieOptions.read(settings, "CSRF", "csrf")
        self._header = cast("str", settings["CSRF_HEADER_NAME"])
        self._advice = _FOR_PROGRAMS if settings.DEBUG else ""
        self._raw_header = self._header.lower().encode("ascii")
        self.field_name = cast("str", settings["CSRF_FIELD_NAME"])
        self._trusted = TrustedOrigins(cast("set[str]", settings["CSRF_TRUSTED_ORIGINS"]))
        self._tokens = CsrfTokens(PurposeSigner.from_settings("csrf", settings))

    # --- Handing out tokens -----------------------------------------------------------------

    def token_for(self, request: Request) -> str:
        """Return the token for forms and scripts of a page; the value of `request.csrf_token`.

        Asking for it makes the response set the cookie, if the client does not have it yet. The
        value is spelt differently for each request; the cookie keeps the token itself.

        Raises:
            RuntimeError: When the cookie can no longer be set.
        """
        is_websocket = isinstance(request, WebSocket)  # its accept() sets no cookie
        if not is_websocket and head_has_left(request):
            raise RuntimeError(
                "request.csrf_token was first asked for after the response's headers had been "
                "sent, so the cookie that belongs to it can no longer be set. Ask for it before "
                "the stream begins: token = request.csrf_token in the handler, not in the "
                "generator."
            )
        binding = request.session.binding
        token = self._sent_token(request)
        if token is None or not self._tokens.is_valid(token, binding):
            if is_websocket:
                raise RuntimeError(
                    "websocket.csrf_token needs the cookie of a page: a WebSocket can set none. "
                    "Show the token on the page that opens the WebSocket."
                )
            token = self._tokens.make(binding)
        return mask(token)

    def _sent_token(self, request: Request) -> str | None:
        """Return the token of the cookie, unchecked."""
        sent = request.cookies.get(self._cookie.name)
        return None if sent is None else unmask(sent)

    def commit(self, session: Session, request: Request, response: Response) -> None:
        """Set the cookie when a token was asked for, or the session got another identity.

        Args:
            session: The session of the request, which was asked for.
            request: The request.
            response: The response that takes the cookie.
        """
        shown: str | None = request.__dict__.get("csrf_token")
        # PERF: the usual request asks for no token, and its session stays what it is.
        if shown is None and not session.has_new_binding:
            return
        token = None if shown is None else unmask(shown)
        present = self._sent_token(request)
        if token is None and present is None:
            return
        if token is None or not self._tokens.is_valid(token, session.binding):
            # The visitor has logged in or out: the old token is worthless from now on.
            token = self._tokens.make(session.binding)
        if token != present:
            self._cookie.set(response, token)

    # --- Checking requests ------------------------------------------------------------------

    @hookimpl(when=_can_have_effects)
    async def request_started(self, request: Request) -> None:
        """Refuse an unsafe request that another site may have caused."""
        if request.method in SAFE_METHODS:
            return
        site = request.raw_header(b"sec-fetch-site")
        if site in _OWN_PAGE:
            return
        self._check_origin(request, is_cross_site=site == b"cross-site")
        if not self._has_bearer_token_alone(request):
            await self._check_token(request)

    def _has_bearer_token_alone(self, request: Request) -> bool:
        """Whether a bearer token is all that the request can be recognised by.

        SECURITY: no browser adds a bearer token by itself, as it does cookies and Basic
        credentials, and no page of another site can add one but where CORS lets it. Beside a
        session cookie it proves nothing: any text does for a token, and the handler may go by
        the session (CWE-352).
        """
        authorization = request.raw_header(b"authorization")
        if authorization is None or not authorization.lower().startswith(b"bearer "):
            return False
        if request.raw_header(b"cookie") is None:
            return True
        return request.cookies.get(self._session_cookie) is None

    def _check_origin(self, request: Request, *, is_cross_site: bool) -> None:
        """Refuse what a page of an untrusted origin has sent, token or not."""
        origin = _origin_of(request)
        if origin is None:
            if is_cross_site:
                self._refuse(
                    request,
                    "cross-site without an origin",
                    "This request was caused by another site. Send it from a page of this site.",
                )
            return
        own = _own_origin(request)
        if origin == "" or not (origin == own or self._trusted.allows(origin)):
            self._refuse(
                request,
                f"origin {origin or 'null'} is neither {own} nor in CSRF_TRUSTED_ORIGINS",
                "This request comes from a page of another origin. Send it from a page of this "
                "site; the operator lists further origins in CSRF_TRUSTED_ORIGINS.",
            )

    async def _check_token(self, request: Request) -> None:
        """Refuse a request that does not repeat the token of its cookie."""
        cookie = self._sent_token(request)
        # SECURITY: nothing of the body is read for a client without a valid cookie.
        if cookie is None:
            self._refuse_token(request, "no token cookie")
        if not self._tokens.is_valid(cookie, request.session.binding):
            self._refuse_token(request, "the token cookie is forged, or of another session")
        header = request.raw_header(self._raw_header)
        token = header if header is not None else await self._field(request)
        if token is None:
            self._refuse_token(request, "the token is missing")
        sent = unmask(token.decode("latin-1")).encode("utf-8")
        if not hmac.compare_digest(sent, cookie.encode("ascii")):
            self._refuse_token(request, "the token is not the one of the cookie")

    async def _field(self, request: Request) -> bytes | None:
        """Return the token of a submitted form."""
        if request.content_type not in _FORM_TYPES:
            return None
        refusal = HTTPException(
            400,
            f"Send the CSRF token in the header {self._header}, or as the first field of the form, "
            "before its files.",
        )
        value = await request.form_field(self.field_name, streaming=refusal)
        return None if value is None else value.encode("utf-8", "replace")

    def _refuse_token(self, request: Request, reason: str) -> NoReturn:
        self._refuse(
            request,
            reason,
            f"The CSRF token is missing or wrong. Load a page of this site that sets the cookie "
            f"{self._cookie.name!r}, then repeat the cookie's value in the header "
            f"{self._header} or the form field {self.field_name!r}.{self._advice}",
        )

    def _refuse(self, request: Request, reason: str, detail: str) -> NoReturn:
        security_event("csrf", request, f"CSRF: {reason}")
        raise HTTPException(403, detail, error="csrf_failed")

    # --- WebSockets -------------------------------------------------------------------------

    def check_websocket(self, websocket: Request) -> None:
        """Refuse a WebSocket handshake from a page of an untrusted origin (CWE-1385).

        Browsers send cookies along and let any page open WebSockets; other clients send no
        Origin.
        """
        if websocket.raw_header(b"sec-fetch-site") == b"same-origin":
            return
        if websocket.raw_header(b"origin") is not None:
            self._check_origin(websocket, is_cross_site=False)


class WebSocketOriginGuard:
    """Applies the origin check to WebSocket handshakes.

    Args:
        csrf: Knows the trusted origins.
    """

    def __init__(self, csrf: CsrfGuard) -> None:
        self._csrf = csrf

    @hookimpl(when=_is_guarded_websocket)
    def request_started(self, request: Request) -> None:
        """Refuse the handshake of an untrusted origin."""
        self._csrf.check_websocket(request)


def _origin_of(request: Request) -> str | None:
    """Return the origin of the page that sent a request.

    `""` when the browser hides it (`null`) or it is malformed, None when there is no word of it.
    """
    origin = request.raw_header(b"origin")
    if origin is not None:
        return parse_origin(origin.decode("latin-1")) or ""
    referer = request.raw_header(b"referer")
    if referer:
        return referer_origin(referer.decode("latin-1")) or ""
    return None


def _own_origin(request: Request) -> str | None:
    """Return the origin under which the client reached this app; the host is checked by now."""
    host = (request.raw_header(b"host") or b"").decode("latin-1")
    return parse_origin(f"{'https' if request.is_secure else 'http'}://{host}")


def _check_origins(value: object) -> str | None:
    try:
        TrustedOrigins(cast("set[str]", value))
    except ValueError as error:
        return str(error)
    return None


def _check_header_name(value: object) -> str | None:
    name = str(value)
    if name and all(char.isascii() and (char.isalnum() or char == "-") for char in name):
        return None
    return "write letters, digits and hyphens, such as 'X-CSRF-Token'"
