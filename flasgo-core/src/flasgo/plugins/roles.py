"""Roles: what core asks of a plugin without knowing which plugin it is."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ROLES"]

ROLES: Mapping[str, str] = {
    "require_login": "provider(backend) returns a decorator for a handler: only users of that "
    "auth backend reach it. Asked by the page of the API description (DOCS_AUTH_BACKEND).",
    "trusted_peer": "provider(request) tells whether the direct peer is a proxy of the operator's. "
    "Asked before an identifier that it sent is used (REQUEST_ID_HEADER).",
    "trusted_host": "provider(request) returns the host of the request, with its port, once it "
    "has been checked. Asked by url_for for absolute URLs.",
}
"""The roles that plugins can take with `registry.role(name, provider)`, and how each is called."""
