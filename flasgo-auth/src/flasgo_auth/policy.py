"""`AuthPolicy`: what `authorize` leaves on a handler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from flasgo import Policy, attach_policy
from flasgo.plugin import PolicyScope

from flasgo_auth.permissions import (
    AllowAny,
    IsAuthenticated,
    Permission,
    PermissionLike,
    as_permission,
)

__all__ = ["AuthPolicy", "authorize"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)


# PERF: compared by identity, so that looking up its gates hashes no permission.
@dataclass(frozen=True, eq=False)
class AuthPolicy(Policy):
    """Who may use an endpoint.

    Args:
        permissions: All of them must allow the request.
        backend: The one backend that may recognise the user, or several, in the order in which
            they are asked; None asks all, in the order they were registered.
    """

    permissions: tuple[Permission, ...]
    backend: str | tuple[str, ...] | None = None

    @property
    def backends(self) -> tuple[str, ...]:
        """The named backends; empty for all."""
        if self.backend is None:
            return ()
        return (self.backend,) if isinstance(self.backend, str) else self.backend

    @cached_property
    def is_open(self) -> bool:
        """True when every permission is `AllowAny`."""
        return all(isinstance(permission, AllowAny) for permission in self.permissions)

    def explain(self) -> str:
        """Return the permissions and the backend."""
        wanted = " & ".join(permission.explain() for permission in self.permissions)
        return f"{wanted} via {' or '.join(self.backends) or 'any backend'}"


def authorize(
    *permissions: PermissionLike, backend: str | Sequence[str] | None = None
) -> Callable[[_H], _H]:
    """Ask for permissions before the decorated handler runs.

    Works above or below the route decorator, on functions that several routes share, on
    WebSocket handlers, and on a blueprint: `authorize(HasScope("admin"))(blueprint)`. Several
    `authorize` decorators on one handler all hold. Requests without a user are denied with 401,
    users without permission with 403.

    Args:
        permissions: `IsAuthenticated()`, `HasScope("admin")`, a function `(request) -> bool`...
            All must allow; none at all asks for an authenticated user.
        backend: The name of the one backend to ask, or a list of several, asked in this order.
            When left out, all registered ones are asked in turn, and a user that the app assigned
            to `request.user` counts.

    Returns:
        A decorator that gives the handler back unchanged.

    Raises:
        TypeError: When a permission is a class, or cannot be called with the request alone, or
            the backend is not a name.
    """
    named = tuple(backend) if isinstance(backend, (list, tuple)) else backend
    names = named if isinstance(named, tuple) else (named,)
    if backend is not None and not (names and all(isinstance(n, str) and n for n in names)):
        raise TypeError(
            "authorize(backend=...) takes the name of a registered backend, or a list of names; "
            f"got {backend!r}."
        )
    wanted = tuple(as_permission(item) for item in permissions) or (IsAuthenticated(),)
    policy = AuthPolicy(wanted, cast("str | tuple[str, ...] | None", named))

    def decorate(handler: _H) -> _H:
        return attach_policy(handler, policy)

    return decorate
