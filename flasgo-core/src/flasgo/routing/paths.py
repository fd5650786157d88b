"""Which request paths may be routed at all, and how text becomes part of a URL path."""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["is_clean_path", "is_clean_text", "quote_path"]

# Unicode category Cc (C0, DEL, C1) and lone surrogates, which no valid UTF-8 path decodes to.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DOT_SEGMENTS = frozenset({".", ".."})
# RFC 3986 section 3.3 allows more in a segment; quotes, "&" and parentheses are encoded all the
# same, because URLs are pasted into HTML, CSS and Markdown.
_SAFE = "/!$*+,:;=@~"


def is_clean_text(text: str) -> bool:
    """Tell whether `text` is free of control characters and lone surrogates.

    Args:
        text: Decoded text.
    """
    # PERF: isprintable() is one call in C and true for nearly every path; it is stricter than we
    # are (it refuses unusual spaces), so only what it refuses is searched.
    return text.isprintable() or _FORBIDDEN.search(text) is None


def is_clean_path(path: str) -> bool:
    """Tell whether a decoded request path may reach a dynamic route.

    SECURITY: a path that a proxy, a guard and a handler could read in different ways reaches no
    dynamic route: no empty segment but a last one, no dot segment (CWE-22, CWE-41), no control
    character.

    Args:
        path: The request path, percent-decoded once.

    Returns:
        True for `/a/b` and `/a/b/`; False for `a`, `//a`, `/a//b`, `/a/../b`, `/a/.`.
    """
    if path[:1] != "/" or "//" in path:
        return False
    if "/." in path and not _DOT_SEGMENTS.isdisjoint(path.split("/")):
        return False
    return is_clean_text(path)


def quote_path(path: str) -> str:
    """Percent-encode decoded text for a URL path, keeping `/`.

    Args:
        path: Decoded text without lone surrogates.
    """
    return quote(path, safe=_SAFE)
