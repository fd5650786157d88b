"""The target of a request line that is not a path: the absolute form, and the asterisk."""

from __future__ import annotations

import re

__all__ = ["BadTargetError", "absolute_target", "hosts_replaced"]

# User information (`user@host`) is an error in a request (RFC 9110, section 4.2.4).
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@\\]+)(/[^?#]*)?(\?[^#]*)?")


class BadTargetError(ValueError):
    """Raised when a request target has a form that is not served here."""


def absolute_target(target: bytes, method: bytes) -> tuple[bytes, bytes | None]:
    """Return the path with query, and the authority, of a target that does not begin with a slash.

    The scheme is dropped: what the client writes there says nothing about its connection.

    Args:
        target: The target as it was sent.
        method: The method, in upper case.

    Returns:
        The target in origin form, and the authority (`host` or `host:port`); `*` of an OPTIONS
        request has no authority.

    Raises:
        BadTargetError: When the target is neither `*` of an OPTIONS request nor an absolute
            `http` or `https` URI with a host (RFC 9112, section 3.2).
    """
    if target == b"*" and method == b"OPTIONS":
        return target, None
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        raise BadTargetError(
            f"The request target {target[:80]!r} is neither a path nor an absolute http URI."
        )
    authority, path, query = found.groups()
    if path is None and query is None and method == b"OPTIONS":
        return b"*", authority  # RFC 9112, section 3.2.4
    return (path or b"/") + (query or b""), authority


def hosts_replaced(
    headers: list[tuple[bytes, bytes]], authority: bytes, *, may_lack_host: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers with the authority of an absolute target in `Host`.

    A server has to ignore the `Host` that comes with such a target (RFC 9112, section 3.2.2).
    Two `Host` headers stay two, and a missing one stays missing, so that both are refused.

    Args:
        headers: The headers of the request, with lower-case names.
        authority: What the target names.
        may_lack_host: Whether `Host` may be missing, as in HTTP/1.0; it is added then.
    """
    replaced = [(name, authority if name == b"host" else value) for name, value in headers]
    if may_lack_host and not any(name == b"host" for name, _ in headers):
        replaced.append((b"host", authority))
    return replaced
