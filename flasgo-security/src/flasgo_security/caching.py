"""Keeps responses that depend on a cookie out of shared caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flasgo import Response

__all__ = ["forbid_shared_caching", "private_cache_control"]

_PRIVATE = frozenset({"private", "no-store"})
_SHARED = frozenset({"public", "s-maxage", "proxy-revalidate"})


def forbid_shared_caching(response: Response, default: str) -> None:
    """Mark a response as depending on cookies, and keep it out of shared caches.

    Flask CVE-2026-27205 and Django CVE-2026-35192: a response that reads or sets a cookie and
    can be stored by a proxy hands one user's page to another.

    Args:
        response: The response; `Vary` and `Cache-Control` are adjusted.
        default: The Cache-Control of responses that have none of their own.
    """
    headers = response.headers
    headers.add_vary("Cookie")
    present = ", ".join(headers.getlist("cache-control"))
    headers["cache-control"] = private_cache_control(present or default)


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
