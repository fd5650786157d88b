"""What the API description says about quotas and requests from other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flasgo import hookimpl

from flasgo_security.csrf import SAFE_METHODS, CsrfExempt
from flasgo_security.quotas.policy import RateLimit, limits_for

if TYPE_CHECKING:
    from flasgo import Flasgo, Route

__all__ = ["OpenApiDescription"]

_CROSS_SITE = (
    "The request may come from another site: there is neither `Sec-Fetch-Site: same-origin` nor a "
    "valid CSRF token."
)
_THROTTLED = "Too many requests of this client were refused."
_RETRY = {"Retry-After": "Seconds to wait."}
_QUOTA_HEADERS = {
    **_RETRY,
    "RateLimit-Limit": "How many requests the quota allows.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until the next request becomes free.",
}


class OpenApiDescription:
    """Adds what requests are refused for before they reach a handler."""

    # `Any`: the members of a JSON document.
    @hookimpl
    def openapi_document(self, app: Flasgo, document: dict[str, Any]) -> None:
        """Describe the refusals of all routes that are described."""
        from flasgo.plugin import add_error, operations  # only where there is a document

        settings = app.settings
        for route, operation in operations(app, document):
            add_error(document, operation, 400, "The Host header is none of this app's hosts.")
            if settings["CSRF_ENABLED"] and _is_guarded(route):
                add_error(document, operation, 403, _CROSS_SITE)
            if settings["SECURITY_FAILURE_RATE_LIMIT"]:
                add_error(document, operation, 429, _THROTTLED, headers=_RETRY)
            limits = limits_for(route)
            if limits:
                quotas = ", ".join(map(_described, limits))
                spent = f"The quota is used up: {quotas}."
                add_error(document, operation, 429, spent, headers=_QUOTA_HEADERS)
                if settings["RATELIMIT_STORAGE_URI"] and (
                    settings["RATELIMIT_STORAGE_FAILURE"] != "open"
                ):
                    down = "The store of the quotas does not answer."
                    add_error(document, operation, 503, down, headers=_RETRY)


def _is_guarded(route: Route) -> bool:
    return route.policy(CsrfExempt) is None and not route.methods <= SAFE_METHODS


def _described(policy: RateLimit) -> str:
    """Return what a client should know of a quota; names of functions are not for it."""
    limit = policy.limit
    text = "as many as the caller may" if limit is None else f"{limit.requests} per {limit.per:g} s"
    if policy.methods is not None:
        text += f" ({', '.join(sorted(policy.methods))})"
    if policy.on != "request":
        text += " that are refused" if policy.on == "failure" else " of some kinds"
    if policy.cost != 1:
        cost = "differently many" if callable(policy.cost) else str(policy.cost)
        text += f", each counting {cost}"
    return text
