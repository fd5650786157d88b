"""HTTP Basic authentication (RFC 7617)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from flasgo import Connection, Flasgo
from flasgo.plugin import is_async

from flasgo_auth.backends.authorization import check_realm, read_authorization
from flasgo_auth.backends.backend import AuthBackend
from flasgo_auth.users import User
from flasgo_auth.workers import check_function, runner

__all__ = [
    "BasicAuthBackend",
    "BasicCredentials",
    "BasicValidator",
    "basic_auth_backend",
    "extract_basic_credentials",
]

BasicValidator: TypeAlias = Callable[[str, str], User | Awaitable[User | None] | None]
"""A function `(username, password) -> User | None`, sync or async."""

_MAX_ENCODED_BYTES = 4096
_BASIC = re.compile(rb"(?i:basic) +([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # RFC 7617, section 2: in neither of the two


class BasicCredentials(NamedTuple):
    """What a client sent.

    Attributes:
        username: The user-id; it never contains a colon.
        password: The password.
    """

    username: str
    password: str

    def __repr__(self) -> str:
        """Return the username alone: this may end in a log (CWE-532)."""
        return f"BasicCredentials(username={self.username!r}, password=...)"


def extract_basic_credentials(request: Connection) -> BasicCredentials | None:
    """Return the username and password of the `Authorization` header.

    Args:
        request: The request or WebSocket connection.

    Returns:
        The credentials, or None when there is not exactly one `Authorization` header, when its
        scheme is another one, or when it is not base64 of UTF-8 text with a colon and without
        control characters, of at most 4096 bytes.
    """
    value = read_authorization(request)
    if value is None or len(value) > _MAX_ENCODED_BYTES + len("basic "):
        return None
    found = _BASIC.fullmatch(value)
    if found is None:
        return None
    try:
        text = b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    username, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return BasicCredentials(username, password)


class BasicAuthBackend(AuthBackend):
    """Recognises users by username and password.

    Args:
        validate: Takes the username and the password, returns their user or None.
        realm: What browsers show in the dialog, and what the credentials are kept for.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.

    Raises:
        TypeError: When `validate` is not a function.
        ValueError: When the realm is malformed.
    """

    def __init__(self, validate: BasicValidator, *, realm: str, blocking: bool) -> None:
        check_function(validate, "basic_auth_backend", "(username, password) -> User | None")
        self._challenge = f'Basic realm="{check_realm(realm)}", charset="UTF-8"'
        self._validate = runner(validate, blocking=blocking)
        self.is_immediate = not is_async(validate)

    async def authenticate(self, request: Connection) -> User | None:
        """Return the user of the request's credentials, or None."""
        credentials = extract_basic_credentials(request)
        return None if credentials is None else await self._validate(request, *credentials)

    def has_credentials(self, request: Connection) -> bool:
        """Return whether there is a username and a password."""
        return extract_basic_credentials(request) is not None

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return the challenge; a 403 has none, or browsers would ask for another password."""
        return None if forbidden else self._challenge

    def openapi_scheme(self, app: Flasgo) -> dict[str, object]:
        """Return the HTTP scheme `basic`."""
        return {"type": "http", "scheme": "basic"}


def basic_auth_backend(
    validate: BasicValidator, *, realm: str = "api", blocking: bool = True
) -> BasicAuthBackend:
    """Return a backend that recognises users by HTTP Basic credentials.

    Compare in constant time, and do the same work for a name that does not exist: `verify_password`
    does both for stored passwords, `secrets_match` for a password in the configuration.

    Args:
        validate: Takes the username and the password, returns their user or None; `def` or
            `async def`. An exception ends the request with a 500.
        realm: What browsers show in the dialog, and what the credentials are kept for.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.

    Returns:
        The backend, for `app.register_auth_backend("basic", ...)`.

    Raises:
        TypeError: When `validate` is not a function.
        ValueError: When the realm is malformed.
    """
    return BasicAuthBackend(validate, realm=realm, blocking=blocking)
