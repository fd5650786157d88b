"""What spans say of requests, in the words of OpenTelemetry's semantic conventions for HTTP."""

from __future__ import annotations

from flasgo import Connection
from opentelemetry.util.types import AttributeValue

__all__ = ["attributes_of", "method_of", "name_of"]

_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_LONGEST = 1024


def method_of(request: Connection) -> str:
    """Return the method, `_OTHER` for one that a client has made up: names must stay few."""
    if request.scope["type"] == "websocket":
        return "GET"  # that of the handshake
    method: str = request.scope["method"]
    return method if method in _METHODS else "_OTHER"


def name_of(request: Connection) -> str:
    """Return the name of a span: the method and the rule, and never the path."""
    is_websocket = request.scope["type"] == "websocket"
    method = method_of(request).replace("_OTHER", "HTTP")
    method = "WEBSOCKET" if is_websocket else method
    rule = rule_of(request)
    return method if rule is None else f"{method} {rule}"


def rule_of(request: Connection) -> str | None:
    """Return the rule that takes a request, such as `/users/<int:id>`, or None."""
    route = request.route
    return None if route is None or not route.methods else route.path


def attributes_of(request: Connection) -> dict[str, AttributeValue]:
    """Return the attributes that a span begins with; samplers decide by them.

    SECURITY: without the query, which may have tokens in it, and without headers but one.
    """
    scope = request.scope
    found: dict[str, AttributeValue | None] = {
        "http.request.method": method_of(request),
        "url.scheme": scope.get("scheme", "http"),
        "url.path": request.path[:_LONGEST],
        "http.route": rule_of(request),
        "network.protocol.version": scope.get("http_version"),
        "client.address": request.client_ip,
        "user_agent.original": (request.headers.get("user-agent") or "")[:_LONGEST] or None,
    }
    server = scope.get("server")
    if server:
        found["server.address"], found["server.port"] = server[0], server[1]
    if found["http.request.method"] == "_OTHER":
        found["http.request.method_original"] = str(scope["method"])[:_LONGEST]
    return {name: value for name, value in found.items() if value is not None}
