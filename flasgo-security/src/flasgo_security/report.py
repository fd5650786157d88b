"""What this plugin adds to the report of `flasgo check --report`: headers, quotas, exemptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flasgo.plugin import ReportTable

from flasgo_security.csrf import CsrfExempt
from flasgo_security.quotas.policy import RateLimitExempt, limits_for

if TYPE_CHECKING:
    from flasgo import Flasgo, Route

    from flasgo_security.headers import HeaderGuard

__all__ = ["security_tables"]

_CSP = "Content-Security-Policy"


def security_tables(app: Flasgo, headers: HeaderGuard) -> Iterator[ReportTable]:
    """Yield the headers, the quotas and the endpoints without CSRF check.

    Args:
        app: The app.
        headers: Knows the headers that are sent.
    """
    yield _sent_headers(app, headers)
    yield _quotas(app)
    if app.settings["CSRF_ENABLED"]:
        yield _csrf_exempt(app)


def _sent_headers(app: Flasgo, headers: HeaderGuard) -> ReportTable:
    rows = [(name, value or "not sent", when) for name, value, when in headers.listed()]
    flagged = [number for number, (_, value, _) in enumerate(rows) if value == "not sent"]
    for route in app.routes:
        own = headers.policy_of(route)
        if own != headers.policy:
            rows.append((_CSP, str(own) or "not sent", f"{route.path} only"))
    return ReportTable(
        "Headers",
        "Sent with every response; a handler's own value wins.",
        ("Header", "Value", "Purpose"),
        rows,
        flagged=flagged,
    )


def _quotas(app: Flasgo) -> ReportTable:
    rows = []
    flagged = []
    for route in app.routes:
        limits = limits_for(route)
        text = "; ".join(limit.explain() for limit in limits)
        if not text:
            is_exempt = bool(route.policies_of(RateLimitExempt))
            text = "exempt" if is_exempt else "none"
            if _changes_state(route) and not is_exempt:
                flagged.append(len(rows))
        rows.append((_methods(route), route.path, route.endpoint, text))
    return ReportTable(
        "Quotas",
        "How often one caller may use a route. Routes that change something and have no quota "
        "are marked.",
        ("Methods", "Path", "Endpoint", "Quota"),
        rows,
        "The app has no routes.",
        flagged,
    )


def _csrf_exempt(app: Flasgo) -> ReportTable:
    rows = [
        (_methods(route), route.path, route.endpoint)
        for route in app.routes
        if route.policies_of(CsrfExempt) and _changes_state(route)
    ]
    return ReportTable(
        "CSRF exemptions",
        "Routes that take unsafe requests without a CSRF token: no browser may authenticate there "
        "by itself.",
        ("Methods", "Path", "Endpoint"),
        rows,
        flagged=range(len(rows)),
    )


def _methods(route: Route) -> str:
    return "MOUNT" if route.mounted else ", ".join(sorted(route.methods))


def _changes_state(route: Route) -> bool:
    return route.mounted is None and bool(route.methods & {"POST", "PUT", "PATCH", "DELETE"})
