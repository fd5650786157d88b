"""What `flasgo check` says about who may use which endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flasgo import ConfigurationError, Finding, Route

from flasgo_auth.backends.backend import Backends
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
    unknown = sorted(exempt - {route.endpoint for route in routes})
    if unknown:
        yield Finding(
            "auth.W002",
            "warning",
            f"DEFAULT_PERMISSIONS_EXEMPT names endpoints that do not exist: {', '.join(unknown)}.",
            "Correct the names; `flasgo routes` lists them.",
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
            if policy.backend is not None:
                backends.named(policy.backend)
        except ConfigurationError as error:
            yield Finding(
                "auth.E001",
                "error",
                f"The app does not start. {error}",
                "Register the backend, or correct the name.",
            )
    if closed and not len(backends):
        yield Finding(
            "auth.W001",
            "warning",
            "Endpoints ask for permissions, and no auth backend is registered: they are denied "
            "to everybody whom the app does not recognise by itself.",
            "Call app.register_auth_backend(...).",
        )


def _open_findings(routes: Sequence[Route], *, is_serious: bool) -> Iterable[Finding]:
    if not routes:
        return
    listed = [_label(route) for route in routes[:_MOST_LISTED]]
    if len(routes) > _MOST_LISTED:
        listed.append(f"and {len(routes) - _MOST_LISTED} more")
    yield Finding(
        "auth.W003" if is_serious else "auth.I001",
        "warning" if is_serious else "info",
        f"Open to everybody, for want of an access policy: {', '.join(listed)}.",
        "Say so with @app.authorize(AllowAny()) or DEFAULT_PERMISSIONS_EXEMPT, protect them with "
        "@app.authorize(...), or set DEFAULT_PERMISSIONS to close whatever nobody opened.",
    )


def _label(route: Route) -> str:
    return f"{'/'.join(sorted(route.methods))} {route.path} ({route.endpoint})"
