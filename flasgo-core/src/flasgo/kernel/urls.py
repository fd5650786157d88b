"""URLs of endpoints: names within blueprints, origins that can be trusted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from flasgo.errors import BuildError
from flasgo.interop.mounts import MOUNTED_IN
from flasgo.kernel.context import active_request

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.requests.connection import Connection
    from flasgo.routing import Router

__all__ = ["endpoint_url"]

_FRAGMENT_SAFE = "!$&'()*+,;=:@/?-._~"  # RFC 3986, section 3.5
_PORT = re.compile(r":[0-9]{1,5}\Z")
_SECURE_SCHEMES = {"http": "https", "ws": "wss"}


def endpoint_url(
    app: Flasgo,
    router: Router,
    endpoint: str,
    params: dict[str, object],
    *,
    is_external: bool,
    anchor: str | None,
    scheme: str | None,
) -> str:
    """Return the URL of an endpoint; see `Flasgo.url_for`."""
    connection = _connection_of(app)
    name = _full_name(endpoint, connection)
    path, host = router.build_url(name, params)
    if connection is not None:
        path = connection.root_path + path
    if anchor:
        path += f"#{quote(anchor, safe=_FRAGMENT_SAFE)}"
    here = None if connection is None else _trusted_host(app, connection)
    if host is not None and (here is None or _PORT.sub("", here) != host):
        is_external = True
    if not is_external and scheme is None:
        return path
    route = router.route_of(name)
    kind = "ws" if route is not None and route.is_websocket else "http"
    scheme = scheme or _scheme(kind, connection)
    return f"{_checked_scheme(scheme, name)}://{_authority(app, name, host, here)}{path}"


def _connection_of(app: Flasgo) -> Connection | None:
    """Return the connection that this app serves, also where a mounted app serves it on."""
    connection = active_request.get(None)
    while connection is not None and connection.app is not app:
        connection = connection.scope.get(MOUNTED_IN)
    return connection


def _full_name(endpoint: str, connection: Connection | None) -> str:
    """Return an endpoint's name; `.show` is one of the blueprint that serves the request."""
    if not isinstance(endpoint, str) or not endpoint.startswith("."):
        return endpoint
    if connection is None:
        raise BuildError(
            f"url_for({endpoint!r}): the leading dot stands for the blueprint that serves the "
            "request, and there is no request here. Write the full name.",
            endpoint=endpoint,
        )
    blueprint = None if connection.route is None else connection.route.blueprint
    return endpoint[1:] if blueprint is None else blueprint + endpoint


def _scheme(kind: str, connection: Connection | None) -> str:
    is_secure = connection is None or connection.is_secure
    return _SECURE_SCHEMES[kind] if is_secure else kind


def _checked_scheme(scheme: str, endpoint: str) -> str:
    if scheme not in {"http", "https", "ws", "wss"}:
        raise BuildError(
            f"url_for({endpoint!r}, _scheme={scheme!r}): a scheme is one of http, https, ws, wss.",
            endpoint=endpoint,
        )
    return scheme


def _trusted_host(app: Flasgo, connection: Connection) -> str | None:
    """Return the host of the request, if some plugin has checked it.

    SECURITY: a Host header that was not checked does not get into a URL (CWE-644).
    """
    trusted_host = app.plugins.role("trusted_host")
    return None if trusted_host is None else trusted_host(connection)


def _authority(app: Flasgo, endpoint: str, host: str | None, here: str | None) -> str:
    around = app.settings.SERVER_NAME or here
    if host is not None:
        port = _PORT.search(around or "")
        return host + (port[0] if port else "")
    if not around:
        raise BuildError(
            f"url_for({endpoint!r}, _external=True) has no trusted host to name. Set "
            "SERVER_NAME, or install a plugin that checks hosts (the role trusted_host).",
            endpoint=endpoint,
        )
    return around
