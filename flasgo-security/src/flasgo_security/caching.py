"""Keeps responses that depend on a cookie out of shared caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo import HeaderBlock

if TYPE_CHECKING:
    from flasgo import Response

__all__ = ["PrivateCaching", "is_private", "private_cache_control"]

_PRIVATE = frozenset({"private", "no-store"})
# What CDNs heed before Cache-Control (RFC 9213, and its older relative).
_FOR_CDNS = ("cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control")
_CACHING = frozenset({b"vary", b"cache-control", *(name.encode() for name in _FOR_CDNS)})
_SHARED = frozenset({"public", "s-maxage", "proxy-revalidate"})


class PrivateCaching:
    """Marks responses as depending on cookies, and keeps them out of shared caches.

    Flask CVE-2026-27205 and Django CVE-2026-35192: a response that reads or sets a cookie and
    can be stored by a proxy hands one user's page to another.

    Args:
        default: The Cache-Control of responses that have none of their own.
    """

    __slots__ = ("_block", "_default")

    def __init__(self, default: str) -> None:
        self._default = private_cache_control(default)
        self._block = HeaderBlock(
            {"Vary": "Cookie", "Cache-Control": self._default}, watched=_FOR_CDNS
        )

    def apply(self, response: Response) -> None:
        """Adjust `Vary` and `Cache-Control` of a response."""
        # PERF: most responses have neither header, and take both as they are...
        if response.fill_headers(self._block):
            return
        # ...or have been here before.
        headers = response.headers
        present = [pair for pair in headers.raw if pair[0] in _CACHING]
        if len(present) == len(self._block.pairs) and {*present} == {*self._block.pairs}:
            return
        for name in _FOR_CDNS:
            if name in headers:
                headers[name] = "no-store"
        headers.add_vary("Cookie")
        own = ", ".join(headers.getlist("cache-control"))
        headers["cache-control"] = private_cache_control(own) if own else self._default


def is_private(response: Response) -> bool:
    """Tell whether no shared cache may keep a response.

    Args:
        response: A response with all its headers.
    """
    headers = response.headers
    for name in _FOR_CDNS:
        if name in headers and not _PRIVATE & _directives(headers.getlist(name)):
            return False
    return bool(_PRIVATE & _directives(headers.getlist("cache-control")))


def _directives(values: list[str]) -> set[str]:
    return {part.strip().lower() for value in values for part in value.split(",")}


def private_cache_control(value: str) -> str:
    """Return a Cache-Control value without the directives that let shared caches store.

    Args:
        value: A Cache-Control value, possibly empty.
    """
    directives = [part.strip() for part in value.split(",") if part.strip()]
    kept = [part for part in directives if part.partition("=")[0].strip().lower() not in _SHARED]
    # `private="x-name"` keeps only that field out, so it does not count.
    if not any(part.lower() in _PRIVATE for part in directives):
        kept.insert(0, "private")
    return ", ".join(kept)
