"""API keys in a header, a query parameter or a cookie."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

from flasgo import Connection, Flasgo
from flasgo.plugin import is_async

from flasgo_auth.backends.authorization import check_realm
from flasgo_auth.backends.backend import AuthBackend
from flasgo_auth.backends.static_keys import StaticKeys
from flasgo_auth.users import User
from flasgo_auth.workers import check_function, runner

__all__ = ["MAX_API_KEY_BYTES", "ApiKeyBackend", "ApiKeyValidator", "api_key_backend"]

MAX_API_KEY_BYTES = 1024
"""The longest API key that is looked at, in bytes."""

ApiKeyValidator: TypeAlias = Callable[[str], User | Awaitable[User | None] | None]
"""A function `(key) -> User | None`, sync or async."""

Place: TypeAlias = Literal["header", "query", "cookie"]

_DEFAULT_HEADER = "X-API-Key"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2


class ApiKeyBackend(AuthBackend):
    """Recognises users by an API key.

    Args:
        validate: Takes the key, returns its user or None; or a mapping of keys to users.
        place: Where the key is: `header`, `query` or `cookie`.
        key_name: The name of the header, parameter or cookie.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.

    Raises:
        TypeError: When `validate` is neither a function nor a mapping.
        ValueError: When the name or the realm is malformed.
    """

    def __init__(
        self,
        validate: ApiKeyValidator | Mapping[str, User],
        *,
        place: Place,
        key_name: str,
        realm: str,
        blocking: bool,
    ) -> None:
        # `Authorization` begins with a scheme as a rule, and keys are given with it.
        self._least = " " if place == "header" and str(key_name).lower() == "authorization" else "!"
        if isinstance(validate, Mapping):
            validate = StaticKeys(validate, has_scheme=self._least == " ")
            blocking = False
        check_function(validate, "api_key_backend", "(key) -> User | None")
        if not isinstance(key_name, str) or not _NAME.fullmatch(key_name):
            raise ValueError(
                f"{key_name!r} cannot name the {place} of an API key; use letters, digits, '-' "
                "and '_'."
            )
        self._place = place
        self._name = key_name
        self._challenge = f'ApiKey realm="{check_realm(realm)}", in="{place}", name="{key_name}"'
        self._validate = runner(validate, blocking=blocking)
        self.is_immediate = not is_async(validate)

    async def authenticate(self, request: Connection) -> User | None:
        """Return the user of the request's key, or None."""
        key = self._read(request)
        return None if key is None else await self._validate(request, key)

    def has_credentials(self, request: Connection) -> bool:
        """Return whether there is a key."""
        return self._read(request) is not None

    def _read(self, request: Connection) -> str | None:
        if self._place == "header":
            values = request.headers.getlist(self._name)
        elif self._place == "query":
            values = request.query.getlist(self._name)
        else:
            values = request.cookies.getlist(self._name)
        # SECURITY: of two keys, a proxy may have looked at the other one.
        if len(values) != 1 or len(values[0]) > MAX_API_KEY_BYTES:
            return None
        key = values[0]
        return key if key and all(self._least <= char <= "~" for char in key) else None

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return where the key belongs. There is no registered scheme for API keys."""
        return None if forbidden else self._challenge

    def openapi_scheme(self, app: Flasgo) -> dict[str, object]:
        """Return the scheme `apiKey`."""
        return {"type": "apiKey", "in": self._place, "name": self._name}


def api_key_backend(
    validate: ApiKeyValidator | Mapping[str, User],
    *,
    header: str | None = None,
    query: str | None = None,
    cookie: str | None = None,
    realm: str = "api",
    blocking: bool = True,
) -> ApiKeyBackend:
    """Return a backend that recognises users by an API key.

    A mapping of keys to users is compared in constant time. In a function, look up a hash of the
    key, or compare with `secrets_match` (CWE-208).

    Args:
        validate: Takes the key, returns its user or None; `def` or `async def`. An exception
            ends the request with a 500. Or a mapping of keys to users.
        header: The header that carries the key; `X-API-Key` where no other place is given. Of
            `Authorization` the whole value is the key, its scheme included: `ApiKey abc`.
        query: The query parameter that carries it. SECURITY: queries end in the logs of servers
            and proxies (CWE-598); prefer the header.
        cookie: The cookie that carries it.
        realm: What the challenge calls the protected space.
        blocking: Whether a `def validate` may block, and so runs in a worker thread.

    Returns:
        The backend, for `app.register_auth_backend("key", ...)`.

    Raises:
        TypeError: When `validate` is neither a function nor a mapping of keys to users, or more
            than one place is given.
        ValueError: When a name, a key or the realm is malformed.
    """
    places: dict[Place, str | None] = {"header": header, "query": query, "cookie": cookie}
    given = [(place, name) for place, name in places.items() if name is not None]
    if len(given) > 1:
        raise TypeError(
            "api_key_backend looks in one place; give one of header=, query= and cookie=, and "
            "register a second backend for a second place."
        )
    place, key_name = given[0] if given else ("header", _DEFAULT_HEADER)
    return ApiKeyBackend(validate, place=place, key_name=key_name, realm=realm, blocking=blocking)
