"""ASGI in types, and the scope a server would build for a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

import httpx2

__all__ = [
    "ASGIApp",
    "Address",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "http_scope",
    "websocket_scope",
]

# ASGI itself leaves the values of its dictionaries open.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Address = tuple[str, int]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def http_scope(
    request: httpx2.Request,
    *,
    raw_path: bytes,
    root_path: str,
    client: Address | None,
    state: Mapping[str, object],
) -> Scope:
    """Build the connection scope of a request.

    Args:
        request: The request to send.
        raw_path: Its path as sent, still percent-encoded, without the query.
        root_path: Where a proxy mounted the app; servers prefix it to both paths.
        client: The peer's address, or None where the server does not know it.
        state: The lifespan state; the request gets a shallow copy of its own.

    Returns:
        An `http` scope of ASGI 3.
    """
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": root_path + unquote(raw_path.decode("ascii")),
        "raw_path": root_path.encode() + raw_path,
        "root_path": root_path,
        "query_string": url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": client,
        "server": (url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 80)),
        "state": dict(state),
        "extensions": {},
    }


def websocket_scope(http: Scope, subprotocols: Sequence[str]) -> Scope:
    """Turn the scope of a `GET` request into that of the WebSocket handshake it asks for.

    Args:
        http: From `http_scope`.
        subprotocols: What the client offers, the one it likes best first.

    Returns:
        A `websocket` scope of ASGI 3, with the extension for answers that deny.
    """
    scope = {name: value for name, value in http.items() if name != "method"}
    scope["type"] = "websocket"
    scope["scheme"] = {"http": "ws", "https": "wss"}.get(scope["scheme"], scope["scheme"])
    scope["subprotocols"] = list(subprotocols)
    scope["extensions"] = {"websocket.http.response": {}}
    return scope
