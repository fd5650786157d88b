"""Looks at a path as it was sent, for what the decoded path no longer shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from flasgo.errors import HTTPException

if TYPE_CHECKING:
    from flasgo.asgi import Scope
    from flasgo.routing import Route

__all__ = ["path_fault", "routed_path"]

_MALFORMED = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(rb"%(?:2[Ff]|5[Cc])")


def path_fault(scope: Scope, route: Route | None) -> HTTPException | None:
    """Return the error that a path as sent deserves, or None.

    The server has decoded the path once, and nothing here decodes it again.

    SECURITY: an encoded slash or backslash reads differently to a proxy that guards by path, so
    it reaches only routes whose rule says that a parameter may hold slashes (CWE-22, CWE-863).

    Args:
        scope: The ASGI scope; servers may leave `raw_path` out.
        route: The route that the decoded path matches, if any.
    """
    raw = scope.get("raw_path")
    if raw is None:
        return None if _is_encodable(scope["path"]) else _bad_path()
    if _MALFORMED.search(raw) or not _is_utf8(unquote_to_bytes(raw)):
        return _bad_path()
    if route is not None and not route.spans_segments and _ENCODED_SLASH.search(raw):
        return HTTPException(404, "No address here contains an encoded slash; send a plain one.")
    return None


def routed_path(scope: Scope) -> str:
    """Return the path below the root path: what routes, hooks and handlers see.

    ASGI servers put the root path in front of the path; some older ones leave it out.

    SECURITY: containment goes by whole segments; `/app2` is not below `/app` (CVE-2023-29159).

    Args:
        scope: The ASGI scope.
    """
    path: str = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    if not root or not path.startswith(root):
        return path
    rest = path[len(root) :]
    if not rest:
        return "/"
    return rest if rest[0] == "/" else path


def _bad_path() -> HTTPException:
    return HTTPException(
        400, "The path is not valid: percent-encode it as UTF-8, with two hex digits after each %."
    )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_encodable(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
