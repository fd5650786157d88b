"""`User`: who a request comes from, as far as the application is concerned."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["ANONYMOUS", "User", "UserId", "check_scope"]

UserId: TypeAlias = str | int | uuid.UUID


def check_scope(scope: object) -> str:
    """Return a scope unchanged when it is one.

    Args:
        scope: Printable ASCII without spaces, quotes and backslashes (RFC 6749, section 3.3).

    Raises:
        TypeError: When it is not a str.
        ValueError: When it is empty or has other characters.
    """
    if not isinstance(scope, str):
        raise TypeError(f"A scope is a str, got {type(scope).__name__}.")
    if not scope or any(not "!" <= char <= "~" or char in '"\\' for char in scope):
        raise ValueError(
            f"{scope!r} is not a scope: use printable ASCII without spaces, quotes and "
            "backslashes, and give several scopes one by one."
        )
    return scope


def _scopes(value: Iterable[str]) -> frozenset[str]:
    # SECURITY: a plain str is an iterable of letters, so "admin" would grant "a", "d", ...
    if isinstance(value, (str, bytes)):
        raise TypeError(
            f'User(scopes=...) takes a set of scopes, got {value!r}; write frozenset({{"admin"}}), '
            "or frozenset(text.split()) for a space separated list."
        )
    return frozenset(check_scope(scope) for scope in value)


@dataclass(frozen=True)
class User:
    """Somebody a backend has recognised; true in a boolean context when authenticated.

    Subclass it, as a frozen dataclass, to carry fields of your own.

    Args:
        id: What tells this user from all others; never empty for an authenticated user.
        is_authenticated: False only for `ANONYMOUS` and stand-ins for it.
        scopes: What the user may do; any collection of str is accepted.
        name: What to call the user in a page or a log.
        claims: What else the credentials said, such as the claims of a token. Read it only: the
            mapping may be shared between requests.

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When an authenticated user has an empty id, or a scope is malformed.
    """

    id: UserId
    is_authenticated: bool = True
    scopes: frozenset[str] = frozenset()
    name: str = ""
    claims: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.id, bool) or not isinstance(self.id, UserId):
            raise TypeError(
                f"User(id=...) takes a str, an int or a UUID, got {type(self.id).__name__}."
            )
        # SECURITY: "false" and 0 are common in decoded tokens; only a real bool says yes.
        if not isinstance(self.is_authenticated, bool):
            raise TypeError(
                "User(is_authenticated=...) takes True or False, got "
                f"{type(self.is_authenticated).__name__}."
            )
        # SECURITY: quotas and ownership are keyed by id; an empty one would be shared by many.
        if self.is_authenticated and self.id == "":
            raise ValueError(
                "An authenticated User needs an id that is not empty; return None from the "
                "backend when no user was recognised."
            )
        object.__setattr__(self, "scopes", _scopes(self.scopes))
        object.__setattr__(self, "claims", dict(self.claims))

    def __bool__(self) -> bool:
        return self.is_authenticated


ANONYMOUS = User(id="", is_authenticated=False, name="anonymous")
"""The user of a request on which no user was recognised."""
