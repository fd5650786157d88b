"""Web origins: scheme, host and port, compared as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flasgo_security.hosts import parse_host

__all__ = ["TrustedOrigins", "parse_origin", "referer_origin"]

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_LONGEST_ORIGIN = 300
_SCHEME_END = "://"
_URL_AUTHORITY_END = re.compile(r"[/?#]")


def parse_origin(value: str) -> str | None:
    """Return an http or https origin in one canonical spelling, or None.

    Lower case, without a default port: `https://example.com`, `http://localhost:8000`.

    Args:
        value: The value of an `Origin` header (RFC 6454, section 7); `null` gives None.
    """
    if len(value) > _LONGEST_ORIGIN:
        return None
    scheme, found, authority = value.partition(_SCHEME_END)
    scheme = scheme.lower()
    if not found or scheme not in _DEFAULT_PORTS:
        return None
    host = parse_host(authority)
    if host is None:
        return None
    port = authority.rpartition("]")[2].rpartition(":")[2] if _has_port(authority) else ""
    port = port.lstrip("0")
    suffix = "" if port in ("", _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}{_SCHEME_END}{host}{suffix}"


def _has_port(authority: str) -> bool:
    return ":" in authority.rpartition("]")[2]


def referer_origin(value: str) -> str | None:
    """Return the origin of a `Referer` header, or None when it has none."""
    scheme, found, rest = value[:_LONGEST_ORIGIN].partition(_SCHEME_END)
    authority = _URL_AUTHORITY_END.split(rest, maxsplit=1)[0]
    return parse_origin(f"{scheme}{found}{authority}")


class TrustedOrigins:
    """Origins besides the app's own whose pages may send requests with effects.

    Args:
        patterns: `https://app.example.com`, `https://*.example.com`, with a port if need be.

    Raises:
        ValueError: When an entry is neither; the message says what to write.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        exact: set[str] = set()
        subdomains: set[tuple[str, str]] = set()
        for pattern in patterns:
            origin = parse_origin(pattern.replace("://*.", "://", 1))
            if origin is None:
                raise ValueError(
                    f"{pattern!r} is not an origin; write scheme and host such as "
                    "'https://app.example.com' or 'https://*.example.com', without a path"
                )
            if "://*." in pattern:
                scheme, _, host = origin.partition(_SCHEME_END)
                subdomains.add((scheme + _SCHEME_END, "." + host))
            else:
                exact.add(origin)
        self._exact = frozenset(exact)
        self._subdomains = tuple(sorted(subdomains))

    def allows(self, origin: str) -> bool:
        """Whether an origin, as `parse_origin` returns it, is on the list."""
        return origin in self._exact or any(
            origin.startswith(scheme) and origin.endswith(host) for scheme, host in self._subdomains
        )
