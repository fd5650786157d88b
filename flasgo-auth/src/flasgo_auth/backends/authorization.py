"""The `Authorization` and `WWW-Authenticate` headers (RFC 9110, section 11)."""

from __future__ import annotations

import re

from flasgo import Connection

__all__ = ["check_realm", "read_authorization"]

_REALM = re.compile(r"[ !#-\[\]-~]+")  # what a quoted-string holds without escapes


def read_authorization(request: Connection) -> bytes | None:
    """Return the value of the `Authorization` header, or None unless there is exactly one.

    Args:
        request: The request or WebSocket connection.
    """
    value = request.raw_header(b"authorization")
    # SECURITY: which of two headers a proxy looked at cannot be known (aiohttp, CVE-2026-34525).
    if value is None or len(request.headers.getlist("authorization")) != 1:
        return None
    return value.strip(b" \t")


def check_realm(realm: str) -> str:
    """Return a realm unchanged when it can stand in a challenge.

    Args:
        realm: What a challenge calls the protected space.

    Raises:
        ValueError: When it is empty, or has quotes, backslashes or control characters.
    """
    if not isinstance(realm, str) or not _REALM.fullmatch(realm):
        raise ValueError(
            f"{realm!r} cannot be a realm; use printable ASCII without quotes and backslashes."
        )
    return realm
