"""What this plugin adds to the report of `flasgo check --report`: who may use which route."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flasgo import Route
from flasgo.plugin import ReportTable

from flasgo_auth.backends.backend import Backends
from flasgo_auth.policy import AuthPolicy

__all__ = ["access_tables"]


def access_tables(
    routes: Sequence[Route],
    policies_for: Callable[[Route], tuple[AuthPolicy, ...]],
    backends: Backends,
    exempt: frozenset[str],
) -> list[ReportTable]:
    """Return who may use the routes: those that are open, and those that ask for a user.

    Args:
        routes: The app's routes.
        policies_for: Returns the policies that hold for a route.
        backends: The registered backends.
        exempt: The endpoints that `DEFAULT_PERMISSIONS` does not hold for.
    """
    opened: list[tuple[str, ...]] = []
    closed: list[tuple[str, ...]] = []
    flagged: list[int] = []
    for route in routes:
        policies = policies_for(route)
        listed = (_methods(route), route.path, route.endpoint)
        if any(not policy.is_open for policy in policies):
            wanted = "; ".join(policy.explain() for policy in policies)
            closed.append((*listed, wanted))
            continue
        if not policies and route.endpoint not in exempt:
            flagged.append(len(opened))
        opened.append((*listed, _why_open(route, policies, exempt)))
    columns = ("Methods", "Path", "Endpoint")
    names = ", ".join(backend.name for backend in backends) or "none"
    return [
        ReportTable(
            "Open routes",
            "Routes that ask for no user. Those that no policy speaks of are marked.",
            (*columns, "Because"),
            list(dict.fromkeys(opened)) if not flagged else opened,
            "Every route asks for a user.",
            flagged,
        ),
        ReportTable(
            "Closed routes",
            f"Routes that ask for permissions. Backends: {names}.",
            (*columns, "Asks for"),
            closed,
            "No route asks for a user.",
        ),
    ]


def _why_open(route: Route, policies: Sequence[AuthPolicy], exempt: frozenset[str]) -> str:
    if policies:
        return "AllowAny()"
    return "DEFAULT_PERMISSIONS_EXEMPT" if route.endpoint in exempt else "no access policy"


def _methods(route: Route) -> str:
    return "MOUNT" if route.mounted else ", ".join(sorted(route.methods))
