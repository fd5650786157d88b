"""Keys that are written down in the configuration, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from flasgo_auth.users import User

__all__ = ["StaticKeys", "secrets_match"]

_DIGEST_BYTES = 32


def secrets_match(given: str, expected: str) -> bool:
    """Compare what a client sent with a secret, in constant time (CWE-208).

    Unlike `hmac.compare_digest`, it takes any text, and does not tell by its timing how long the
    secret is.

    Args:
        given: What the client sent.
        expected: The secret.

    Raises:
        TypeError: When an argument is not a str.
    """
    for value in (given, expected):
        if not isinstance(value, str):
            raise TypeError(f"secrets_match compares two str, got {type(value).__name__}.")
    key = secrets.token_bytes(_DIGEST_BYTES)
    return hmac.compare_digest(_digest(key, given), _digest(key, expected))


class StaticKeys:
    """Finds the user of a key. Every key is compared, so that the time tells nothing.

    Args:
        users: The users by their keys. The keys themselves are not kept.
        has_scheme: Whether a key may have a scheme and a space in front.

    Raises:
        TypeError: When a key is not a str, or a value not a User.
        ValueError: When there are no keys, or one cannot be sent in a header.
    """

    def __init__(self, users: Mapping[str, User], *, has_scheme: bool = False) -> None:
        if not users:
            raise ValueError("There is no key in the mapping; give at least one, with its User.")
        # SECURITY: digests under a secret key have one length, and no client can choose
        # an input whose digest begins like another.
        self._key = secrets.token_bytes(_DIGEST_BYTES)
        self._users = tuple(
            (_digest(self._key, _checked_key(key, has_scheme)), _checked_user(user))
            for key, user in users.items()
        )

    def __call__(self, key: str) -> User | None:
        """Return the user of a key, or None.

        Args:
            key: What the client sent.
        """
        given = _digest(self._key, key)
        found: User | None = None
        for digest, user in self._users:
            if hmac.compare_digest(digest, given):
                found = user
        return found

    def __repr__(self) -> str:
        return f"<StaticKeys of {len(self._users)}>"


def _digest(key: bytes, text: str) -> bytes:
    return hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST_BYTES
    ).digest()


# SECURITY: the messages never show a key.
def _checked_key(key: object, has_scheme: bool) -> str:
    if not isinstance(key, str):
        raise TypeError(f"Keys are str, got {type(key).__name__}.")
    # One space after a scheme; more, or one at either end, and clients would send something else.
    scheme, space, rest = key.partition(" ")
    if has_scheme and space and scheme and rest and " " not in rest:
        _checked_key(scheme + rest, False)
        return key
    if not key or any(not "!" <= char <= "~" for char in key):
        raise ValueError(
            "One of the keys cannot be sent: use printable ASCII without spaces. Make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`."
        )
    return key


def _checked_user(user: object) -> User:
    if not isinstance(user, User):
        raise TypeError(
            f"The mapping gives each key its User, got {type(user).__name__}; write "
            '{"the key": User(id="billing")}.'
        )
    return user
