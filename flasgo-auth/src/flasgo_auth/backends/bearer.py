"""Bearer tokens in the `Authorization` header (RFC 6750, section 2.1)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from flasgo import Connection, Flasgo
from flasgo.plugin import is_async

from flasgo_auth.backends.authorization import check_realm, read_authorization
from flasgo_auth.backends.backend import AuthBackend
from flasgo_auth.backends.static_keys import StaticKeys
from flasgo_auth.users import User
from flasgo_auth.workers import check_function, runner

__all__ = [
    "MAX_TOKEN_BYTES",
    "BearerTokenBackend",
    "TokenValidator",
    "bearer_challenge",
    "bearer_token_backend",
    "check_token_scheme",
    "checked_token_url",
    "extract_bearer_token",
    "password_flow",
]

MAX_TOKEN_BYTES = 8192
"""The longest bearer token that is looked at, in bytes."""

TokenValidator: TypeAlias = Callable[[str], User | Awaitable[User | None] | None]
"""A function `(token) -> User | None`, sync or async."""

_MAX_HEADER_BYTES = MAX_TOKEN_BYTES + 64
_BEARER = "Bearer"


@lru_cache(maxsize=64)
def _pattern(scheme: str) -> re.Pattern[bytes]:
    # SECURITY: each class of characters ends where the next begins, so matching is linear.
    return re.compile(rb"(?i:%b) +([A-Za-z0-9._~+/-]+=*)" % re.escape(scheme.encode("ascii")))


def check_token_scheme(scheme: object) -> str:
    """Return a scheme unchanged when it can carry a token.

    Args:
        scheme: Such as `Bearer` or `Token` (RFC 9110, section 11.1).

    Raises:
        ValueError: When it is no scheme, or one that browsers use by themselves.
    """
    if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
        raise ValueError(
            f"{scheme!r} is not a scheme for Authorization; write one such as 'Token'."
        )
    if scheme.lower() in _OF_BROWSERS:
        raise ValueError(
            f"The scheme {scheme!r} does not carry a token, and browsers send it by themselves; "
            "choose one such as 'Bearer' or 'Token'."
        )
    return scheme


_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OF_BROWSERS = frozenset({"basic", "digest", "negotiate", "ntlm"})


def extract_bearer_token(
    request: Connection | str | bytes | None, *, scheme: str = _BEARER
) -> str | None:
    """Return the bearer token that a request carries, or that the value of its header holds.

    The scheme is read in any case. Only the `Authorization` header is looked at: a token in the
    query would end in logs (RFC 6750, section 5.3).

    Args:
        request: The request or WebSocket connection; or the value of an `Authorization` header.
        scheme: The scheme before the token.

    Returns:
        The token, or None when there is not exactly one `Authorization` header, when its scheme
        is another one, or when the token is malformed or longer than `MAX_TOKEN_BYTES`.
    """
    if isinstance(request, str):
        value = request.encode("ascii", "replace").strip(b" \t")
    elif request is None or isinstance(request, bytes):
        value = None if request is None else request.strip(b" \t")
    else:
        value = read_authorization(request)
    if value is None or len(value) > _MAX_HEADER_BYTES:
        return None
    found = _pattern(scheme).fullmatch(value)
    if found is None or len(found[1]) > MAX_TOKEN_BYTES:
        return None
    return found[1].decode("ascii")


def bearer_challenge(challenge: str, authorization: bytes | None, *, forbidden: bool) -> str:
    """Return a challenge with the error code of RFC 6750, section 3.1.

    Args:
        challenge: The scheme and the realm.
        authorization: What the request said.
        forbidden: Whether the token was right and a permission is missing.
    """
    if forbidden:
        return f'{challenge}, error="insufficient_scope"'
    scheme = challenge.partition(" ")[0].lower().encode("ascii")
    if (authorization or b"").partition(b" ")[0].lower() == scheme:
        return f'{challenge}, error="invalid_token"'
    return challenge


class BearerTokenBackend(AuthBackend):
    """Recognises users by their bearer token.

    Args:
        validate: Takes the token, returns its user or None; or a mapping of tokens to users.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.
        token_url: Where tokens are given for a name and a password; None when they are not.
        scheme: The scheme before the token.

    Raises:
        TypeError: When `validate` is neither a function nor a mapping.
        ValueError: When the scheme is none for tokens, or the realm is empty, or has quotes,
            backslashes or control characters.
    """

    def __init__(
        self,
        validate: TokenValidator | Mapping[str, User],
        *,
        realm: str,
        blocking: bool,
        token_url: str | None = None,
        scheme: str = _BEARER,
    ) -> None:
        self._token_url = checked_token_url("bearer_token_backend", token_url)
        if isinstance(validate, Mapping):
            validate, blocking = StaticKeys(validate), False
        check_function(validate, "bearer_token_backend", "(token) -> User | None")
        self._scheme = check_token_scheme(scheme)
        self._challenge = f'{scheme} realm="{check_realm(realm)}"'
        self._validate = runner(validate, blocking=blocking)
        self.is_immediate = not is_async(validate)

    # Credentials are read on the loop, so that a request without a token starts no thread.
    async def authenticate(self, request: Connection) -> User | None:
        """Return the user of the request's token, or None."""
        token = extract_bearer_token(request, scheme=self._scheme)
        return None if token is None else await self._validate(request, token)

    def has_credentials(self, request: Connection) -> bool:
        """Return whether there is a bearer token."""
        return extract_bearer_token(request, scheme=self._scheme) is not None

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return the challenge, with the error code of RFC 6750, section 3.1."""
        return bearer_challenge(self._challenge, read_authorization(request), forbidden=forbidden)

    def openapi_scheme(self, app: Flasgo) -> dict[str, object]:
        """Return the HTTP scheme, or the password flow where there is a token URL."""
        if self._token_url is None:
            return {"type": "http", "scheme": self._scheme.lower()}
        return password_flow(self._token_url)


def password_flow(token_url: str) -> dict[str, object]:
    """Return the OpenAPI scheme for tokens that are given for a name and a password.

    Args:
        token_url: Where they are given.
    """
    return {"type": "oauth2", "flows": {"password": {"tokenUrl": token_url, "scopes": {}}}}


def checked_token_url(function: str, url: str | None) -> str | None:
    """Return the URL at which tokens are given.

    Args:
        function: What was given the URL, for the error message.
        url: The URL or path, or None.

    Raises:
        ValueError: When it is neither.
    """
    if url is not None and (not isinstance(url, str) or not url or not url.isprintable()):
        raise ValueError(
            f"{function}(token_url=...) takes a URL or a path such as '/token', got {url!r}."
        )
    return url


def bearer_token_backend(
    validate: TokenValidator | Mapping[str, User],
    *,
    realm: str = "api",
    blocking: bool = True,
    token_url: str | None = None,
    scheme: str = _BEARER,
) -> BearerTokenBackend:
    """Return a backend that recognises users by bearer tokens.

    In `validate`, look up a hash of the token, or compare in constant time with
    `secrets_match`: comparing the token itself can tell by its timing how much of a guess was
    right (CWE-208). A mapping is compared in constant time already.

    Args:
        validate: Takes the token, returns its user or None; `def` or `async def`. An exception
            ends the request with a 500. Or a mapping of tokens to users.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread. Pass False
            for a function that only computes.
        token_url: Where tokens are given for a name and a password, such as `/token`: a route of
            the app's own that takes the form fields `username` and `password` and answers
            `{"access_token": "...", "token_type": "bearer"}` (RFC 6749, section 4.3). Swagger UI
            shows a form for them then.
        scheme: The scheme before the token, where clients send `Authorization: Token abc`. Those
            that browsers use by themselves, such as `Basic`, are refused. SECURITY: only for
            `Bearer` an unsafe request needs no CSRF token.

    Returns:
        The backend, for `app.register_auth_backend("bearer", ...)`.

    Raises:
        TypeError: When `validate` is neither a function nor a mapping of tokens to users.
        ValueError: When the scheme, the realm or a token is malformed.
    """
    return BearerTokenBackend(
        validate, realm=realm, blocking=blocking, token_url=token_url, scheme=scheme
    )
