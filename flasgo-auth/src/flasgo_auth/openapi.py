"""What the API description says about who may use an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
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
        from flasgo.plugin import add_error, operations  # only where there is a document

        for route, operation in operations(app, document):
            every = list(self._policies_for(route))
            policies = [policy for policy in every if not policy.is_open]
            if not policies:
                self._describe_optional(app, document, operation, every)
                continue
            security = self._security(app, document, policies)
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

    def _describe_optional(
        self,
        app: Flasgo,
        document: dict[str, Any],
        operation: dict[str, Any],
        policies: Sequence[AuthPolicy],
    ) -> None:
        """Describe an open route that asks a backend who calls: with credentials, or without."""
        asking = [policy for policy in policies if policy.backend is not None]
        security = self._security(app, document, asking) if asking else []
        if security:
            operation["security"] = [{}, *security]

    def _security(
        self, app: Flasgo, document: dict[str, Any], policies: Sequence[AuthPolicy]
    ) -> list[dict[str, list[str]]]:
        """Return which credentials will do: any of the alternatives, all of what is in one."""
        described = {each.name: each.backend.openapi_scheme(app) for each in self._backends}
        # All policies hold. Whom a named backend recognises counts where none is named as well.
        choices = [policy.backends for policy in policies if policy.backends]
        named = {name for names in choices for name in names}
        schemes = {
            name: scheme
            for name, scheme in described.items()
            if scheme is not None and (not named or name in named)
        }
        known = document["components"].setdefault("securitySchemes", {})
        for name, scheme in schemes.items():
            known.setdefault(name, scheme)
        wanted = {
            name: sorted({scope for policy in policies for scope in _scopes_via(policy, name)})
            for name in schemes
        }
        for name, scopes in wanted.items():
            for flow in known[name].get("flows", {}).values():
                flow["scopes"] |= {scope: "" for scope in scopes if scope not in flow["scopes"]}
        if named:
            # Of each policy one of its backends will do.
            chosen = dict.fromkeys(frozenset(names) for names in product(*choices))
            alternatives = (
                {name: scopes for name, scopes in wanted.items() if name in names}
                for names in chosen
            )
            return [alternative for alternative in alternatives if alternative]
        return [{name: scopes} for name, scopes in wanted.items()]


def _scopes_via(policy: AuthPolicy, backend: str) -> Iterable[str]:
    return _scopes(policy.permissions) if not policy.backends or backend in policy.backends else ()


def _scopes(permissions: Iterable[Permission]) -> Iterable[str]:
    """Iterate over the scopes that a caller certainly needs."""
    for permission in permissions:
        if isinstance(permission, HasScope):
            yield from permission.scopes
        elif isinstance(permission, AllOf):
            yield from _scopes(permission.permissions)
