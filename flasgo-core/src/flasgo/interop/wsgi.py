"""A WSGI app, such as a Flask or Django one, as an ASGI app that can be mounted."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from typing import Any

from flasgo.asgi import ASGIApp, Receive, Scope, Send
from flasgo.errors import ConfigurationError

__all__ = ["wsgi"]

WSGIApp = Callable[..., Iterable[bytes]]


def wsgi(app: WSGIApp, *, threads: int = 10) -> ASGIApp:
    """Return an ASGI app that answers HTTP requests with a WSGI app.

    ```python
    app.mount("/", wsgi(flask_app))
    ```

    Routes of the app around it come first, the WSGI app answers the rest. Every answer passes the
    hooks of the app around it: its security headers, its checks of hosts and of the origin of
    forms. To relax them for the old pages, mount into a blueprint and give that the policies.

    Args:
        app: The WSGI app.
        threads: How many requests it answers at once; each of them takes one thread.

    Raises:
        ConfigurationError: When it is not callable, or a2wsgi is not installed.
    """
    if not callable(app):
        raise ConfigurationError(f"wsgi() takes a WSGI app, not {app!r}.")
    if importlib.util.find_spec("a2wsgi") is None:
        raise ConfigurationError("wsgi() needs a2wsgi. Install it with `pip install a2wsgi`.")
    from a2wsgi import WSGIMiddleware

    # `Any`: both sides name the types of the same protocol in their own way.
    bridge: Any = WSGIMiddleware(app, workers=threads)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await bridge({**scope, "headers": _unmistakable(scope["headers"])}, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ConfigurationError("A WSGI app has no lifespan.")

    return answer


def _unmistakable(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that mean in WSGI what they mean in HTTP.

    SECURITY: `X_Remote_User` and `X-Remote-User` are one name there, so a client could send what a
    proxy removes (CVE-2026-3902 of Django), and `Proxy` becomes HTTP_PROXY, which libraries take
    for a setting (CVE-2016-5385).
    """
    return [pair for pair in headers if b"_" not in pair[0] and pair[0] != b"proxy"]
