"""Keeps answers that somebody had to be allowed to see out of shared caches."""

from __future__ import annotations

from flasgo import Response

__all__ = ["AFTER_DEFAULTS", "keep_private"]

# Hooks that fill in a missing Cache-Control have run by then.
AFTER_DEFAULTS = ("security.headers", "security.csp")

# With one of these a shared cache stores even what `Authorization` asked for (RFC 9111, section
# 3.5), with one of those it stores nothing.
_SHARED = frozenset({"public", "s-maxage"})
_ENOUGH = frozenset({"private", "no-store"})
_NO_STORE = ["no-store"]


def keep_private(response: Response) -> None:
    """Let only the client itself keep a response (CWE-524).

    SECURITY: an API key in a header of its own means nothing to a cache, and static files say
    `public` by themselves.

    Args:
        response: The response; its `Cache-Control` is changed.
    """
    headers = response.headers
    said = headers.getlist("cache-control")
    if said == _NO_STORE:  # PERF: what flasgo-security says of most answers
        return
    directives = [part.strip() for line in said for part in line.split(",")]
    kept = [part for part in directives if part and _name(part) not in _SHARED]
    # Of `private="set-cookie"` shared caches keep all but the field, and of `max-age` alone the
    # whole, unless the credentials happened to be in `Authorization` (RFC 9111, section 3.5).
    if not any(part.lower() in _ENOUGH for part in kept):
        kept.insert(0, "private")
    if kept != directives or len(said) != 1:
        headers["cache-control"] = ", ".join(kept)


def _name(directive: str) -> str:
    return directive.partition("=")[0].strip().lower()
