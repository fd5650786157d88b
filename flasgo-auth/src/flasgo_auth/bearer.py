"""Bearer tokens in the `Authorization` header (RFC 6750, section 2.1)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from flasgo import Connection

from flasgo_auth.backends import AuthBackend, check_challenge
from flasgo_auth.users import User
from flasgo_auth.workers import finish, is_async

__all__ = [
    "MAX_TOKEN_BYTES",
    "BearerTokenBackend",
    "TokenValidator",
    "bearer_token_backend",
    "extract_bearer_token",
]

MAX_TOKEN_BYTES = 8192
"""The longest bearer token that is looked at, in bytes."""

TokenValidator: TypeAlias = Callable[[str], User | Awaitable[User | None] | None]
"""A function `(token) -> User | None`, sync or async."""

# SECURITY: each class of characters ends where the next begins, so matching is linear.
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")
_PRESENTED = re.compile(rb"(?i:bearer)(?: |\Z)")
_REALM = re.compile(r"[ !#-\[\]-~]+")  # what a quoted-string holds without escapes
_MAX_HEADER_BYTES = MAX_TOKEN_BYTES + 64


def extract_bearer_token(request: Connection) -> str | None:
    """Return the bearer token that the request carries.

    The scheme is read in any case. Only the `Authorization` header is looked at: a token in the
    query would end in logs (RFC 6750, section 5.3).

    Args:
        request: The request or WebSocket connection.

    Returns:
        The token, or None when there is not exactly one `Authorization` header, when its scheme
        is another one, or when the token is malformed or longer than `MAX_TOKEN_BYTES`.
    """
    value = _authorization(request)
    if value is None or len(value) > _MAX_HEADER_BYTES:
        return None
    found = _BEARER.fullmatch(value)
    if found is None or len(found[1]) > MAX_TOKEN_BYTES:
        return None
    return found[1].decode("ascii")


def _authorization(request: Connection) -> bytes | None:
    value = request.raw_header(b"authorization")
    # SECURITY: which of two headers a proxy looked at cannot be known (aiohttp, CVE-2026-34525).
    if value is None or len(request.headers.getlist("authorization")) != 1:
        return None
    return value.strip(b" \t")


class BearerTokenBackend(AuthBackend):
    """Recognises users by their bearer token.

    Args:
        validate: Takes the token, returns its user or None.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.

    Raises:
        TypeError: When `validate` is not a function.
        ValueError: When the realm is empty, or has quotes, backslashes or control characters.
    """

    def __init__(self, validate: TokenValidator, *, realm: str, blocking: bool) -> None:
        if isinstance(validate, type) or not callable(validate):
            raise TypeError(
                f"bearer_token_backend takes a function (token) -> User | None, got {validate!r}."
            )
        if not _REALM.fullmatch(realm):
            raise ValueError(
                f"{realm!r} cannot be a realm; use printable ASCII without quotes and backslashes."
            )
        self._validate = validate
        self._challenge = check_challenge(f'Bearer realm="{realm}"')
        self._validates_in_thread = blocking and not is_async(validate)

    # Credentials are read on the loop, so that a request without a token starts no thread.
    async def authenticate(self, request: Connection) -> User | None:
        """Return the user of the request's token, or None."""
        token = extract_bearer_token(request)
        if token is None:
            return None
        if self._validates_in_thread:
            answer = await request.app.threads.run(self._validate, token)
        else:
            answer = self._validate(token)
        return await finish(answer)

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return the challenge, with the error code of RFC 6750, section 3.1."""
        if forbidden:
            return f'{self._challenge}, error="insufficient_scope"'
        if _PRESENTED.match(_authorization(request) or b""):
            return f'{self._challenge}, error="invalid_token"'
        return self._challenge


def bearer_token_backend(
    validate: TokenValidator, *, realm: str = "api", blocking: bool = True
) -> BearerTokenBackend:
    """Return a backend that recognises users by bearer tokens.

    In `validate`, look up a hash of the token, or compare in constant time with
    `hmac.compare_digest`: comparing the token itself can tell by its timing how much of a guess
    was right (CWE-208).

    Args:
        validate: Takes the token, returns its user or None; `def` or `async def`. An exception
            ends the request with a 500.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread. Pass False
            for a function that only computes.

    Returns:
        The backend, for `app.register_auth_backend("bearer", ...)`.

    Raises:
        TypeError: When `validate` is not a function.
        ValueError: When the realm is malformed.
    """
    return BearerTokenBackend(validate, realm=realm, blocking=blocking)
