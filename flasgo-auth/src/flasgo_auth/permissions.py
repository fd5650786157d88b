"""Permissions: yes-or-no questions about a request, and the algebra that combines them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, NoReturn, TypeAlias

from flasgo import Connection
from flasgo.plugin import is_async, qualified_name, signature_of

from flasgo_auth.users import User, check_scope
from flasgo_auth.workers import finish

__all__ = [
    "AllOf",
    "AllowAny",
    "AnyOf",
    "Check",
    "HasScope",
    "IsAuthenticated",
    "Not",
    "Permission",
    "PermissionLike",
    "as_permission",
    "compile_check",
    "user_of",
]


def user_of(request: Connection) -> User:
    """Return the user of a request.

    Args:
        request: The request or WebSocket connection.

    Raises:
        TypeError: When something that is not a User was assigned to `request.user`.
    """
    user = request.user
    if not isinstance(user, User):
        raise TypeError(
            f"request.user is a {type(user).__name__}; assign a flasgo_auth.User (or a subclass "
            "of it), so that permissions can be checked."
        )
    return user


class Permission:
    """A question about a request. Subclass it and write `allows`, as `def` or `async def`.

    `a & b`, `a | b` and `~a` combine permissions like `AllOf`, `AnyOf` and `Not`.

    Attributes:
        blocking: Whether a `def allows` may block, and so runs in a worker thread. Set it to
            False in a subclass that only computes.
        asks_for_login: Whether a denial asks the user to log in again: 401 in place of 403.
    """

    blocking = True
    asks_for_login = False

    def allows(self, request: Connection) -> bool | Awaitable[bool]:
        """Tell whether the request may go on; `request.user` is known.

        Args:
            request: The request or WebSocket connection.

        Returns:
            True or False; anything else is an error, and denies.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `allows` method; write one.")

    def explain(self) -> str:
        """Return how `flasgo routes --explain` shows this permission."""
        return repr(self)

    def __and__(self, other: PermissionLike) -> Permission:
        return AllOf(self, other)

    def __rand__(self, other: PermissionLike) -> Permission:
        return AllOf(other, self)

    def __or__(self, other: PermissionLike) -> Permission:
        return AnyOf(self, other)

    def __ror__(self, other: PermissionLike) -> Permission:
        return AnyOf(other, self)

    def __invert__(self) -> Permission:
        return Not(self)

    # SECURITY: `IsAuthenticated() or HasScope("x")` would silently be its first half.
    def __bool__(self) -> NoReturn:
        raise TypeError(
            "A permission is not true or false by itself; combine permissions with &, | and ~ "
            "in place of `and`, `or` and `not`."
        )


CompiledCheck: TypeAlias = Callable[[Connection], Awaitable[bool]]

PermissionLike: TypeAlias = Permission | Callable[[Connection], bool | Awaitable[bool]]
"""A `Permission`, or a plain function `(request) -> bool`, sync or async."""


@dataclass(frozen=True)
class IsAuthenticated(Permission):
    """Allows every user whom a backend recognised."""

    blocking = False

    def allows(self, request: Connection) -> bool:
        """Tell whether the request has an authenticated user."""
        return user_of(request).is_authenticated


@dataclass(frozen=True)
class AllowAny(Permission):
    """Allows everybody. Backends are still asked, so `request.user` is known where it can be."""

    blocking = False

    def allows(self, request: Connection) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True, init=False, repr=False)
class HasScope(Permission):
    """Allows authenticated users who hold every one of the scopes.

    Args:
        scopes: One scope or more.

    Raises:
        ValueError: Without a scope, or for a malformed one.
    """

    scopes: frozenset[str]
    blocking = False

    def __init__(self, *scopes: str) -> None:
        if not scopes:
            raise ValueError(
                'HasScope needs a scope, such as HasScope("admin"); to ask only for a user, '
                "write IsAuthenticated()."
            )
        object.__setattr__(self, "scopes", frozenset(check_scope(scope) for scope in scopes))

    def __repr__(self) -> str:
        return f"HasScope({', '.join(repr(scope) for scope in sorted(self.scopes))})"

    def allows(self, request: Connection) -> bool:
        """Tell whether the user is authenticated and holds the scopes."""
        user = user_of(request)
        return user.is_authenticated and self.scopes <= user.scopes


class Check(Permission):
    """A permission made of a plain function.

    Args:
        function: Takes the request, returns True or False; `def` or `async def`.
        blocking: Whether a `def` function may block, and so runs in a worker thread.

    Raises:
        TypeError: When it is a class, or cannot be called with the request alone.
    """

    def __init__(
        self,
        function: Callable[[Connection], bool | Awaitable[bool]],
        *,
        blocking: bool = True,
    ) -> None:
        _check_callable(function)
        self.function = function
        self.blocking = blocking and not is_async(function)

    def __repr__(self) -> str:
        return qualified_name(self.function)

    def allows(self, request: Connection) -> bool | Awaitable[bool]:
        """Return what the function says."""
        return self.function(request)


class _Combined(Permission):
    """Several permissions in one."""

    sign: ClassVar[str]

    def __init__(self, *permissions: PermissionLike) -> None:
        # SECURITY: "all of nothing" is true; it must not become a way to open a route.
        if not permissions:
            raise ValueError(
                f"{type(self).__name__} needs at least one permission; write AllowAny() to open "
                "a route."
            )
        self.permissions = tuple(as_permission(permission) for permission in permissions)
        self._checks = tuple(compile_check(permission) for permission in self.permissions)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.permissions))})"

    def explain(self) -> str:
        """Return the parts, joined by the operator."""
        return f"({f' {self.sign} '.join(part.explain() for part in self.permissions)})"


class AllOf(_Combined):
    """Allows when every one of the permissions does; the first that denies ends the search.

    Args:
        permissions: One permission or more.

    Raises:
        ValueError: Without a permission.
    """

    sign = "&"

    async def allows(self, request: Connection) -> bool:
        """Tell whether every permission allows the request."""
        for check in self._checks:
            if not await check(request):
                return False
        return True


class AnyOf(_Combined):
    """Allows when one of the permissions does; the first that allows ends the search.

    Args:
        permissions: One permission or more.

    Raises:
        ValueError: Without a permission.
    """

    sign = "|"

    async def allows(self, request: Connection) -> bool:
        """Tell whether a permission allows the request."""
        for check in self._checks:
            if await check(request):
                return True
        return False


class Not(Permission):
    """Allows when the permission does not.

    Alone it lets anonymous callers in: `Not(HasScope("banned"))` holds for a caller without any
    scope. Add `IsAuthenticated()` to ask for a user as well.

    Args:
        permission: The permission to turn round.
    """

    def __init__(self, permission: PermissionLike) -> None:
        self.permission = as_permission(permission)
        self._check = compile_check(self.permission)

    def __repr__(self) -> str:
        return f"Not({self.permission!r})"

    def explain(self) -> str:
        """Return the permission with the operator before it."""
        return f"~{self.permission.explain()}"

    async def allows(self, request: Connection) -> bool:
        """Tell whether the permission denies the request."""
        return not await self._check(request)


def _check_callable(function: object) -> None:
    # SECURITY: `authorize(IsAuthenticated)` would call the class, and an instance is no denial.
    if isinstance(function, type):
        raise TypeError(
            f"{function.__name__} is a class; authorize takes an instance of a permission: "
            f"{function.__name__}()."
        )
    if not callable(function):
        raise TypeError(
            f"{function!r} is not a permission; use an instance of Permission, or a function "
            "(request) -> bool."
        )
    try:
        signature_of(function).bind(None)
    except TypeError:
        name = qualified_name(function)
        raise TypeError(
            f"{name} cannot be a permission: it must take the request as its one argument. "
            "Decorating a handler needs the parentheses: @app.authorize()."
        ) from None
    except ValueError:
        return  # A builtin without a signature: only calling it can tell.


def as_permission(permission: PermissionLike) -> Permission:
    """Return a permission for what was passed to `authorize`.

    Args:
        permission: A Permission, or a function `(request) -> bool`.

    Raises:
        TypeError: When it is a class, or cannot be called with the request alone.
    """
    return permission if isinstance(permission, Permission) else Check(permission)


def compile_check(permission: Permission) -> CompiledCheck:
    """Decide once how a permission is asked: awaited, inline, or in a worker thread.

    Args:
        permission: The permission.

    Returns:
        An async function of the request that returns True or False, and raises TypeError when
        the permission answers anything else.
    """
    allows = permission.allows
    if permission.blocking and not is_async(allows):

        async def check(request: Connection) -> bool:
            answer = await request.app.threads.run_for_request(allows, request)
            return _verdict(permission, await finish(answer))

    else:

        async def check(request: Connection) -> bool:
            answer = allows(request)
            # PERF: the usual answer, given at once.
            if answer is True or answer is False:
                return answer
            return _verdict(permission, await finish(answer))

    return check


def _verdict(permission: Permission, answer: object) -> bool:
    # SECURITY: a truthy object is no yes. A forgotten `await` or a stray return value denies.
    if isinstance(answer, bool):
        return answer
    raise TypeError(
        f"Permission {permission.explain()} must answer True or False, got {type(answer).__name__}."
    )
