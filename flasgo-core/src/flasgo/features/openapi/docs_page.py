"""The pages that show the document: the JSON itself, and Swagger UI from installed files."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from flasgo import _bundle
from flasgo.errors import ConfigurationError, HTTPException
from flasgo.requests.request import Request
from flasgo.responses.pages import page_response
from flasgo.responses.response import Response

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["add_docs"]

_PACKAGE = "swagger_ui"  # of swagger-ui-py: Swagger UI as npm has it, in a Python package
_BUNDLE, _SHEET, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
_START, _DARK = "start.js", "dark.css"
_TYPES = {
    _BUNDLE: "text/javascript; charset=utf-8",
    _START: "text/javascript; charset=utf-8",
    _SHEET: "text/css; charset=utf-8",
    _DARK: "text/css; charset=utf-8",
    _ICON: "image/png",
}

# SECURITY: the page loads nothing from elsewhere and sends nothing elsewhere. `data:` images are
# the icons in Swagger UI's own style sheet. Inline scripts and styles stay forbidden.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_SCRIPT = b"""\
"use strict";
SwaggerUIBundle({
  url: document.getElementById("swagger-ui").dataset.document,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""

# Swagger UI has light colours only: turned round where the reader prefers dark ones.
_DARK_COLOURS = b"""\
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  html, body { background: #16181d; }
  .swagger-ui { filter: invert(92%) hue-rotate(180deg); }
  .swagger-ui img, .swagger-ui .highlight-code, .swagger-ui .microlight {
    filter: invert(100%) hue-rotate(180deg);
  }
}
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<meta name="description" content="{description}">
<link rel="icon" type="image/png" href="{assets}/{icon}">
<link rel="stylesheet" href="{assets}/{sheet}">
<link rel="stylesheet" href="{assets}/{dark}">
</head>
<body>
<div id="swagger-ui" data-document="{document}"></div>
<noscript>This page needs JavaScript; the description itself is at
<a href="{document}">{document}</a>.</noscript>
<script nonce="{nonce}" src="{assets}/{bundle}"></script>
<script nonce="{nonce}" src="{assets}/{start}"></script>
</body>
</html>
"""

_MISSING = """\
<main>
<h1>Swagger UI is not installed</h1>
<p>The description of this API is at <a href="{document}">{document}</a>. To read it here, install
the files of Swagger UI and restart the app:</p>
<pre><code>pip install swagger-ui-py</code></pre>
</main>"""
_MISSING_STYLE = (
    ":root{color-scheme:light dark}body{font:1.0625rem/1.6 system-ui,sans-serif;margin:0 auto;"
    "max-width:36rem;padding:3rem 1.5rem}pre{overflow:auto}"
)


def add_docs(app: Flasgo) -> None:
    """Add the routes of the API description to an app, as its settings have it.

    Args:
        app: The app.

    Raises:
        ConfigurationError: When `DOCS_AUTH_BACKEND` is set, and no plugin can enforce it.
    """
    settings = app.settings
    base = settings.DOCS_PATH.rstrip("/")
    protect = _protection(app, settings.DOCS_AUTH_BACKEND)
    for path, handler, endpoint in (
        (settings.OPENAPI_PATH, _document_handler(app), "openapi_document"),
        (settings.DOCS_PATH, _page_handler(app, base), "api_docs"),
        (f"{base}/assets/<name>", _asset_handler(), "api_docs_asset"),
    ):
        app.add_route(path, protect(handler), endpoint=endpoint, include_in_schema=False)


# `Any`: decorators of plugins are known by what they do.
def _protection(app: Flasgo, backend: str | None) -> Callable[[Any], Any]:
    if not backend:
        return lambda handler: handler
    require_login = app.plugins.role("require_login")
    if require_login is None:
        # SECURITY: what should be protected is not served without protection.
        raise ConfigurationError(
            f"DOCS_AUTH_BACKEND={backend!r} protects the API description, and no active plugin "
            "has the role require_login. "
            + (_bundle.missing_role("require_login") or "Install a plugin that has it.")
        )
    return require_login(backend)


def _document_handler(app: Flasgo) -> Callable[..., object]:
    made_for: object = None
    encoded = b""

    async def openapi_document(request: Request) -> Response:
        nonlocal made_for, encoded
        # The dispatcher is another one whenever routes have changed.
        compiled = app._compile()
        if compiled is not made_for:
            encoded = msgspec.json.encode(app.openapi_spec())
            made_for = compiled
        body = encoded
        if request.root_path:
            mounted = {**msgspec.json.decode(body), "servers": [{"url": request.root_path}]}
            body = msgspec.json.encode(mounted)
        return Response(body, content_type="application/json")

    return openapi_document


def _page_handler(app: Flasgo, base: str) -> Callable[..., object]:
    settings = app.settings

    async def api_docs(request: Request) -> Response:
        root = request.root_path
        document = escape(root + settings.OPENAPI_PATH)
        title = settings.API_TITLE or app.name
        if _folder() is None:
            return page_response(title, _MISSING_STYLE, _MISSING.format(document=document), 200)
        nonce = secrets.token_urlsafe(16)
        page = _PAGE.format(
            title=escape(title),
            description=escape(settings.API_DESCRIPTION),
            assets=escape(f"{root}{base}/assets"),
            document=document,
            nonce=nonce,
            bundle=_BUNDLE,
            sheet=_SHEET,
            dark=_DARK,
            icon=_ICON,
            start=_START,
        )
        headers = {"content-security-policy": _POLICY.format(nonce=nonce)}
        return Response.html(page, headers=headers)

    return api_docs


def _asset_handler() -> Callable[..., object]:
    # SECURITY: only the files named here; the name never becomes a path.
    kept: dict[str, bytes] = {_START: _SCRIPT, _DARK: _DARK_COLOURS}

    async def api_docs_asset(name: str) -> Response:
        folder = _folder()
        if name not in _TYPES or folder is None:
            raise HTTPException(404, "Nothing is at this address; check the path.")
        if name not in kept:
            kept[name] = await asyncio.to_thread((folder / name).read_bytes)
        response = Response(kept[name], content_type=_TYPES[name])
        response.headers["cache-control"] = "private, max-age=3600"
        return response

    return api_docs_asset


def _folder() -> Path | None:
    """Return where Swagger UI is installed, without importing the package."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "static"
    return folder if (folder / _BUNDLE).is_file() else None
