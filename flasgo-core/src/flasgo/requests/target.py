"""The path as it was sent: what the decoded path no longer shows, and URLs that keep it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from flasgo.errors import HTTPException

if TYPE_CHECKING:
    from flasgo.asgi import Scope
    from flasgo.routing import Route

__all__ = ["PATH_SAFE", "path_fault", "routed_path", "sent_path", "sent_twin"]

_MALFORMED = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# What may stay unescaped in a path: pchar and "/" of RFC 3986, section 3.3.
PATH_SAFE = "/!$&'()*+,;=:@~-._"
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
        return HTTPException(404, "No route here takes an encoded slash; send a plain one.")
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


def sent_path(scope: Scope) -> str:
    """Return the path with the root path in front, as it was sent, for a URL or a `Location`.

    Escapes stay as they are: `%2F` is not the same resource as `/` (RFC 3986, section 2.2). What
    is not allowed in a URL is escaped.

    SECURITY: where the path as sent does not decode to the path that was routed, the latter counts.

    Args:
        scope: The ASGI scope; servers may leave `raw_path` out, and the root path in either path.
    """
    root, routed = scope.get("root_path", "").rstrip("/"), routed_path(scope)
    raw = scope.get("raw_path")
    if raw:
        decoded = unquote_to_bytes(raw).decode(errors="replace")
        if decoded == root + routed or decoded == routed:
            sent = quote(raw, safe=PATH_SAFE + "%")
            return sent if decoded == root + routed else quote(root, safe=PATH_SAFE) + sent
    return quote(root + routed, safe=PATH_SAFE, errors="replace")


def sent_twin(scope: Scope, twin: str) -> str:
    """Return the path as it was sent with the slash at its end that it lacks, or without it.

    Args:
        scope: The ASGI scope.
        twin: The path that there is a route for, percent-encoded, below the root path.
    """
    sent = sent_path(scope)
    if twin.endswith("/"):
        return sent + "/"
    if sent.endswith("/"):
        return sent[:-1]
    # The slash to take away was sent as %2F.
    return quote(scope.get("root_path", "").rstrip("/"), safe=PATH_SAFE) + twin


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
