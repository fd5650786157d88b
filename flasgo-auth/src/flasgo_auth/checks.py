"""What `flasgo check` says about who may use which endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flasgo import ConfigurationError, Finding, Route

from flasgo_auth.backends.backend import Backends
from flasgo_auth.permissions import (
    AllOf,
    AnyOf,
    HasScope,
    Not,
    Permission,
)
from flasgo_auth.policy import AuthPolicy

__all__ = ["access_findings"]

_MOST_LISTED = 50


def access_findings(
    routes: Sequence[Route],
    backends: Backends,
    *,
    default: AuthPolicy | None,
    exempt: frozenset[str],
    deploy: bool,
) -> Iterable[Finding]:
    """Yield what is doubtful about the access to an app.

    Args:
        routes: The app's routes.
        backends: The registered backends.
        default: What `DEFAULT_PERMISSIONS` asks for, if it is set.
        exempt: The endpoints that the default does not hold for.
        deploy: Whether production settings are judged.
    """
    policies = [policy for route in routes for policy in route.policies_of(AuthPolicy)]
    yield from _backend_findings([*policies, *([default] if default else [])], backends)
    fallback = (default,) if default else ()
    yield from _anonymous_findings(
        (route, route.policies_of(AuthPolicy) or (() if route.endpoint in exempt else fallback))
        for route in routes
    )
    unknown = sorted(exempt - {route.endpoint for route in routes})
    if unknown:
        yield Finding(
            "auth.W002",
            "warning",
            f"DEFAULT_PERMISSIONS_EXEMPT names endpoints that do not exist: {', '.join(unknown)}.",
            "Correct the names; `flasgo routes` lists them.",
            "A name that matches nothing may have been meant for an endpoint that is closed now.",
            "DEFAULT_PERMISSIONS_EXEMPT",
        )
    if default is None:
        uses_auth = bool(policies or len(backends))
        open_routes = [
            route
            for route in routes
            if route.policy(AuthPolicy) is None and route.endpoint not in exempt
        ]
        yield from _open_findings(open_routes, is_serious=deploy and uses_auth)


def _backend_findings(policies: Iterable[AuthPolicy], backends: Backends) -> Iterable[Finding]:
    closed = False
    for policy in policies:
        closed = closed or not policy.is_open
        try:
            for name in policy.backends:
                backends.named(name)
        except ConfigurationError as error:
            yield Finding(
                "auth.E001",
                "error",
                f"The app does not start. {error}",
                "Register the backend, or correct the name.",
                "An app that does not start serves no requests.",
            )
    if closed and not len(backends):
        yield Finding(
            "auth.W001",
            "warning",
            "Endpoints ask for permissions, and no auth backend is registered: they are denied "
            "to everybody whom the app does not recognise by itself.",
            "Call app.register_auth_backend(...).",
            "The endpoints cannot be used.",
        )


def _anonymous_findings(
    guarded: Iterable[tuple[Route, Sequence[AuthPolicy]]],
) -> Iterable[Finding]:
    let_in = [route for route, policies in guarded if _admits_anonymous(policies)]
    if let_in:
        yield Finding(
            "auth.W004",
            "warning",
            "Open to callers without a user, since they lack the scope that Not(...) "
            f"asks about: {_listing(let_in)}.",
            "Add IsAuthenticated() to ask for a user as well; AllowAny() in its place would say "
            "that the endpoint is open.",
            "Callers without a user reach an endpoint that is meant to be closed (CWE-862).",
            routes=tuple(let_in),
        )


def _admits_anonymous(policies: Sequence[AuthPolicy]) -> bool:
    permissions = [permission for policy in policies for permission in policy.permissions]
    return bool(permissions) and all(map(_answer_by_scopes, permissions))


def _answer_by_scopes(permission: Permission) -> bool | None:
    """Return what a permission made of scopes alone says of a caller who has none.

    None where it speaks of users or of anybody, and so says what it means, and where only asking
    can tell.
    """
    if isinstance(permission, Not):
        answer = _answer_by_scopes(permission.permission)
        return None if answer is None else not answer
    if isinstance(permission, (AllOf, AnyOf)):
        answers = {_answer_by_scopes(part) for part in permission.permissions}
        decisive = isinstance(permission, AnyOf)
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive
    return False if isinstance(permission, HasScope) else None


def _open_findings(routes: Sequence[Route], *, is_serious: bool) -> Iterable[Finding]:
    if not routes:
        return
    yield Finding(
        "auth.W003" if is_serious else "auth.I001",
        "warning" if is_serious else "info",
        f"Open to everybody, for want of an access policy: {_listing(routes)}.",
        "Say so with @app.authorize(AllowAny()) or DEFAULT_PERMISSIONS_EXEMPT, protect them with "
        "@app.authorize(...), or set DEFAULT_PERMISSIONS to close routes without a policy.",
        "Everybody who knows the address can use the endpoint (CWE-862).",
        "DEFAULT_PERMISSIONS",
        tuple(routes),
    )


def _listing(routes: Sequence[Route]) -> str:
    listed = [_label(route) for route in routes[:_MOST_LISTED]]
    if len(routes) > _MOST_LISTED:
        listed.append(f"and {len(routes) - _MOST_LISTED} more")
    return ", ".join(listed)


def _label(route: Route) -> str:
    return f"{'/'.join(sorted(route.methods))} {route.path} ({route.endpoint})"
