"""Cookies: reading what a browser sends, writing `Set-Cookie` that has one reading only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict

from flasgo.http.conditional import http_date
from flasgo.http.multidict import MultiDict

__all__ = [
    "LONGEST_SET_COOKIE",
    "CookieAttributes",
    "SameSite",
    "format_set_cookie",
    "parse_cookies",
]

SameSite = Literal["Lax", "Strict", "None", "lax", "strict", "none"]

# Browsers keep about 180 cookies per site; what is beyond this number is ignored.
_MAX_COOKIES = 1000
LONGEST_SET_COOKIE = 4096
"""Bytes that a `Set-Cookie` value may have: name, value and attributes (RFC 6265, section 6.1)."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r'[!#-+\--:<-\[\]-~]*|"[!#-+\--:<-\[\]-~]*"')
_ATTRIBUTE = re.compile(r"[ -:<-~]*")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?")
_SAMESITE = {"lax": "Lax", "strict": "Strict", "none": "None"}


class CookieAttributes(TypedDict, total=False):
    """What a cookie can be given besides its name and value.

    Attributes:
        max_age: Seconds, or a timedelta, until it expires; 0 or less removes it, None is until the
            browser closes.
        expires: When it expires: a datetime (UTC when naive) or seconds since the epoch.
        path: Path prefix for which browsers send it; `/` when left out.
        domain: Domain, with its subdomains, for which browsers send it; None is this host only.
        secure: Send it over https only; False when left out.
        httponly: Hide it from scripts; True when left out.
        samesite: `"Lax"`, `"Strict"` or `"None"` in any case; None leaves the attribute out, and
            it is `"Lax"` when left out.
        partitioned: Keep one cookie jar per top-level site (CHIPS); False when left out.
    """

    max_age: int | timedelta | None
    expires: datetime | int | None
    path: str | None
    domain: str | None
    secure: bool
    httponly: bool
    samesite: SameSite | None
    partitioned: bool


def parse_cookies(header: bytes) -> MultiDict:
    """Read the value of a `Cookie` header (RFC 6265, section 4.2.1).

    Malformed pairs are skipped, never an error: a cookie of another application on the domain must
    not break this one. Only blanks and tabs are trimmed, so that a name with other white
    space does not become a `__Host-` one, and quotes never hide a semicolon.

    Args:
        header: The header's value; several headers are joined with `"; "` (RFC 9113, 8.2.3).

    Returns:
        The cookies in the order received; for a repeated name the first one counts.
    """
    pairs: list[tuple[str, str]] = []
    pieces = header.decode("utf-8", "replace").split(";", _MAX_COOKIES)
    for piece in pieces[:_MAX_COOKIES] if len(pieces) > _MAX_COOKIES else pieces:
        name, found, value = piece.partition("=")
        name = name.strip(" \t")
        if not found or not name:
            continue
        value = value.strip(" \t")
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        pairs.append((name, value))
    return MultiDict(pairs, kind="cookie")


def format_set_cookie(
    name: str,
    value: str = "",
    *,
    max_age: int | timedelta | None = None,
    expires: datetime | int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = True,
    samesite: SameSite | None = "Lax",
    partitioned: bool = False,
) -> str:
    """Return the value of a `Set-Cookie` header (RFC 6265, section 4.1).

    Args:
        name: A token.
        value: Printable ASCII without blanks, quotes, commas, semicolons and backslashes.
        max_age: Seconds, or a timedelta, until the cookie expires; 0 or less removes it.
        expires: When it expires: a datetime (UTC when naive) or seconds since the epoch.
        path: Path prefix for which browsers send it.
        domain: Domain, with its subdomains, for which browsers send it; None is this host only.
        secure: Send it over https only.
        httponly: Hide it from scripts.
        samesite: `"Lax"`, `"Strict"` or `"None"` in any case; None leaves the attribute out.
        partitioned: Keep one cookie jar per top-level site (CHIPS).

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When an attribute is not allowed, or contradicts another one.
    """
    _check_name_and_value(name, value)
    rule = _samesite(name, samesite)
    _check_flags(name, rule, path=path, domain=domain, secure=secure, partitioned=partitioned)
    parts = [f"{name}={value}"]
    if max_age is not None:
        parts.append(f"Max-Age={_whole_seconds(name, max_age)}")
    if expires is not None:
        parts.append(f"Expires={_expiry(name, expires)}")
    if domain is not None:
        parts.append(f"Domain={_checked_domain(name, domain)}")
    if path is not None:
        parts.append(f"Path={_checked_path(name, path)}")
    if secure:
        parts.append("Secure")
    if httponly:
        parts.append("HttpOnly")
    if rule is not None:
        parts.append(f"SameSite={rule}")
    if partitioned:
        parts.append("Partitioned")
    header = "; ".join(parts)
    if len(header) > LONGEST_SET_COOKIE:
        raise ValueError(
            f"Cookie {name!r} takes {len(header)} bytes with its attributes; clients drop cookies "
            f"of more than {LONGEST_SET_COOKIE} bytes, so keep the data on the server."
        )
    return header


def _check_name_and_value(name: str, value: str) -> None:
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(
            f"Cookie {name!r} has a value of type {type(value).__name__}: name and value are str."
        )
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"Cookie name {name!r} is not allowed: use letters, digits and !#$%&'*+-.^_`|~ only."
        )
    if _VALUE.fullmatch(value) is None:
        raise ValueError(
            f"The value of cookie {name!r} is not allowed: it must be printable ASCII without "
            "blanks, quotes, commas, semicolons and backslashes (RFC 6265, section 4.1.1); encode "
            "other text first, for example with urllib.parse.quote or base64."
        )


def _samesite(name: str, samesite: str | None) -> str | None:
    if samesite is None:
        return None
    rule = _SAMESITE.get(samesite.lower()) if isinstance(samesite, str) else None
    if rule is None:
        raise ValueError(
            f"Cookie {name!r} has samesite={samesite!r}; allowed are 'Lax', 'Strict', 'None' and "
            "None."
        )
    return rule


def _check_flags(
    name: str,
    samesite: str | None,
    *,
    path: str | None,
    domain: str | None,
    secure: bool,
    partitioned: bool,
) -> None:
    prefix = name.lower()  # browsers compare the prefixes without regard to case
    if prefix.startswith("__host-"):
        if not secure or path != "/" or domain is not None:
            raise ValueError(
                f"Cookie {name!r} has the prefix __Host-, which takes secure=True, path='/' and no "
                "domain; browsers refuse it otherwise."
            )
    elif not secure:
        for applies, what in (
            (prefix.startswith("__secure-"), "the prefix __Secure-"),
            (samesite == "None", "samesite='None'"),
            (partitioned, "partitioned=True"),
        ):
            if applies:
                raise ValueError(
                    f"Cookie {name!r} has {what}, which takes secure=True; browsers refuse it "
                    "otherwise."
                )


def _whole_seconds(name: str, max_age: int | timedelta) -> int:
    if isinstance(max_age, timedelta):
        return max_age // timedelta(seconds=1)
    if isinstance(max_age, bool) or not isinstance(max_age, int):
        raise TypeError(
            f"Cookie {name!r} has max_age={max_age!r}; it is a whole number of seconds, or a "
            "timedelta."
        )
    return max_age


def _expiry(name: str, expires: datetime | int) -> str:
    if isinstance(expires, bool) or not isinstance(expires, datetime | int | float):
        raise TypeError(
            f"Cookie {name!r} has expires={expires!r}; it is a datetime or seconds since the epoch."
        )
    try:
        if isinstance(expires, datetime):
            aware = expires if expires.tzinfo is not None else expires.replace(tzinfo=UTC)
            return http_date(int(aware.timestamp()))
        return http_date(int(expires))
    except (OverflowError, OSError, ValueError):
        raise ValueError(
            f"Cookie {name!r} has expires={expires!r}, which is not a date; give seconds, not "
            "milliseconds, since the epoch."
        ) from None


def _checked_domain(name: str, domain: str) -> str:
    if not isinstance(domain, str) or _DOMAIN.fullmatch(domain) is None:
        raise ValueError(
            f"Cookie {name!r} has domain={domain!r}; give a host name of letters, digits, dots and "
            "hyphens (Punycode for others), or None for this host only."
        )
    return domain


def _checked_path(name: str, path: str) -> str:
    if not isinstance(path, str) or not path.startswith("/") or _ATTRIBUTE.fullmatch(path) is None:
        raise ValueError(
            f"Cookie {name!r} has path={path!r}; a path starts with '/' and is printable ASCII "
            "without semicolons."
        )
    return path
