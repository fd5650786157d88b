"""What the API description says about who may use an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flasgo import Flasgo, Route, hookimpl

from flasgo_auth.permissions import AllOf, HasScope, Permission
from flasgo_auth.policy import AuthPolicy

if TYPE_CHECKING:
    from flasgo_auth.backends.backend import Backends

__all__ = ["OpenApiDescription"]

# `Any` in this file: the members of a JSON document.


class OpenApiDescription:
    """Adds security schemes, and the 401 and 403 of the operations that can give them.

    Args:
        backends: The registered backends.
        policies_for: Returns the policies that hold for a route.
    """

    def __init__(
        self, backends: Backends, policies_for: Callable[[Route], Iterable[AuthPolicy]]
    ) -> None:
        self._backends = backends
        self._policies_for = policies_for

    @hookimpl
    def openapi_document(self, app: Flasgo, document: dict[str, Any]) -> None:
        """Describe the policies of all routes that are described."""
        from flasgo.openapi import add_error, operations  # only where there is a document

        for route, operation in operations(app, document):
            policies = [policy for policy in self._policies_for(route) if not policy.is_open]
            if not policies:
                continue
            security = self._security(document, policies)
            if security:
                operation["security"] = security
            add_error(
                document,
                operation,
                401,
                "There are no valid credentials.",
                headers={"WWW-Authenticate": "What credentials to send."},
            )
            wanted = " & ".join(
                permission.explain() for policy in policies for permission in policy.permissions
            )
            add_error(document, operation, 403, f"The caller lacks a permission: {wanted}.")

    def _security(
        self, document: dict[str, Any], policies: Iterable[AuthPolicy]
    ) -> list[dict[str, list[str]]]:
        """Return which credentials will do: any of the alternatives, all of what is in one."""
        schemes = document["components"].setdefault("securitySchemes", {})
        alternatives: list[dict[str, list[str]]] = [{}]
        for policy in policies:
            described = {
                backend.name: backend.backend.openapi_scheme()
                for backend in self._backends
                if policy.backend in (None, backend.name)
            }
            chosen = {name: scheme for name, scheme in described.items() if scheme is not None}
            schemes.update(chosen)
            scopes = set(_scopes(policy.permissions))
            # All policies hold, each with any of its backends.
            alternatives = [
                {**known, name: sorted({*known.get(name, ()), *scopes})}
                for known in alternatives
                for name in chosen
            ]
        return [alternative for alternative in alternatives if alternative]


def _scopes(permissions: Iterable[Permission]) -> Iterable[str]:
    """Iterate over the scopes that a caller certainly needs."""
    for permission in permissions:
        if isinstance(permission, HasScope):
            yield from permission.scopes
        elif isinstance(permission, AllOf):
            yield from _scopes(permission.permissions)
