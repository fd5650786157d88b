"""Keeps answers that somebody had to be allowed to see out of shared caches."""

from __future__ import annotations

from flasgo import Response

__all__ = ["AFTER_DEFAULTS", "keep_private"]

# Whoever fills in a Cache-Control where there is none has done so by then.
AFTER_DEFAULTS = ("security.headers", "security.csp")

# RFC 9111, section 3.5: with one of these a cache stores even what `Authorization` asked for.
_SHARED = frozenset({"public", "s-maxage"})


def keep_private(response: Response) -> None:
    """Let only the client itself keep a response (CWE-524).

    SECURITY: an API key in a header of its own means nothing to a cache, and static files say
    `public` by themselves.

    Args:
        response: The response; its `Cache-Control` is changed.
    """
    headers = response.headers
    said = headers.get("cache-control")
    if said is None:
        headers["cache-control"] = "private"
        return
    directives = [part.strip() for part in said.split(",")]
    kept = [part for part in directives if part.partition("=")[0].lower() not in _SHARED]
    if len(kept) != len(directives):
        headers["cache-control"] = ", ".join(["private", *(p for p in kept if p != "private")])
