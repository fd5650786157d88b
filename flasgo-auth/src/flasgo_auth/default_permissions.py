"""`DEFAULT_PERMISSIONS`: what endpoints ask for that have no policy of their own."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias, cast

from flasgo import Connection, Response, Route, SettingError, hookimpl

from flasgo_auth import permissions
from flasgo_auth.caching import AFTER_DEFAULTS
from flasgo_auth.permissions import Permission, PermissionLike, as_permission
from flasgo_auth.policy import AuthPolicy

__all__ = ["DefaultGuard", "default_guard", "resolve_permissions"]

_SETTING = "DEFAULT_PERMISSIONS"

Admit: TypeAlias = Callable[[Connection, tuple[AuthPolicy, ...]], Awaitable[Response | None]]
Finalize: TypeAlias = Callable[[Connection, Response, tuple[AuthPolicy, ...]], None]


class DefaultGuard:
    """What the default permissions add to the plugin; only there when they are set."""


def default_guard(
    policy: AuthPolicy, exempt: frozenset[str], admit: Admit, finalize: Finalize
) -> DefaultGuard:
    """Return a component that enforces one policy wherever an endpoint has none.

    Args:
        policy: The policy.
        exempt: The names of endpoints that it does not hold for.
        admit: Lets a request through policies, raises, or returns another answer.
        finalize: Keeps an answer that passed policies out of shared caches.
    """
    policies = (policy,)

    # SECURITY: whatever is not known to be open is covered: docs, static files, mounted apps.
    def is_covered(route: Route) -> bool:
        return route.policy(AuthPolicy) is None and route.endpoint not in exempt

    class Guard(DefaultGuard):
        @hookimpl(when=is_covered)
        async def authorize(self, request: Connection) -> Response | None:
            return await admit(request, policies)

        @hookimpl(when=is_covered, trylast=True, after=AFTER_DEFAULTS)
        def response_finalize(self, request: Connection, response: Response) -> None:
            finalize(request, response, policies)

    return Guard()


def resolve_permissions(configured: Iterable[object]) -> tuple[Permission, ...]:
    """Return the permissions that the setting names.

    Args:
        configured: Permissions, functions `(request) -> bool`, or names: one of this package,
            such as `IsAuthenticated`, or a dotted one, such as `shop.access.is_staff`. A class
            is called without arguments.

    Raises:
        SettingError: When there is no such thing, or it is no permission.
    """
    return tuple(_resolve(item) for item in configured)


def _resolve(item: object) -> Permission:
    found = _named(item) if isinstance(item, str) else item
    if isinstance(found, type) and issubclass(found, Permission):
        try:
            found = found()
        except (TypeError, ValueError) as error:
            raise _error(item, f"it needs arguments ({error}); give an instance") from None
    try:
        return as_permission(cast("PermissionLike", found))
    except TypeError as error:
        raise _error(item, str(error)) from None


def _named(name: str) -> object:
    if name.isidentifier():
        found = getattr(permissions, name, None)
        if not (isinstance(found, type) and issubclass(found, Permission)):
            raise _error(name, "flasgo_auth has no such permission; write the whole dotted name")
        return found
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise _error(name, f"it cannot be imported: {error}") from error


def _error(item: object, reason: str) -> SettingError:
    return SettingError(
        f"{_SETTING} holds {item!r}: {reason}. Allowed are permissions such as IsAuthenticated(), "
        "functions (request) -> bool, and their dotted names.",
        name=_SETTING,
    )
