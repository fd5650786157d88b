"""Places to send a client to: encoded for `Location`, and checked when the client chose them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

__all__ = ["encode_location", "is_safe_redirect_target"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SCRIPT_SCHEMES = frozenset({"data", "javascript", "vbscript"})
# Everything RFC 3986 allows in a URL, and "%" because escapes are the caller's.
_URL_SAFE = "%/:?#[]@!$&'()*+,;=-._~"
_HOST = re.compile(r"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def encode_location(location: str) -> bytes:
    """Return a redirect's location as it goes on the wire, non-ASCII characters escaped.

    Args:
        location: A URL or a path.

    Raises:
        TypeError: When it is not a string.
        ValueError: When it is empty, or contains what a browser would read in its own way.
    """
    if not isinstance(location, str):
        raise TypeError(f"A redirect location is a str, not {type(location).__name__}.")
    if not location or location != location.strip():
        raise ValueError(
            f"Redirect location {location!r} is empty or has white space around it; give a URL."
        )
    if _CONTROL.search(location) or "\\" in location:
        raise ValueError(
            f"Redirect location {location!r} contains a control character or a backslash, which "
            "browsers read as something else (CWE-113, CWE-601); percent-encode it."
        )
    scheme = _SCHEME.match(location)
    if scheme is not None and scheme[1].lower() in _SCRIPT_SCHEMES:
        raise ValueError(
            f"Redirect location {location!r} is not a place to go; use an http(s) URL or a path."
        )
    return quote(location, safe=_URL_SAFE).encode("ascii")


def is_safe_redirect_target(url: object, allowed_hosts: Iterable[str] = ()) -> bool:
    """Say whether a client may choose `url` as the place to be sent to (CWE-601).

    Args:
        url: What the client asks for, such as the value of `?next=`.
        allowed_hosts: Hosts, with the port where it is not the default one, to which http(s) URLs
            may lead. They are compared as text, without regard to case.

    Returns:
        True for a path on this site and for a URL of an allowed host, else False.

    Raises:
        TypeError: When `allowed_hosts` is one string instead of several.
    """
    if isinstance(allowed_hosts, str):
        raise TypeError(f"allowed_hosts is a collection of hosts; write [{allowed_hosts!r}].")
    if not isinstance(url, str) or not url or url != url.strip():
        return False
    if _CONTROL.search(url) or "\\" in url:
        return False
    if url.startswith("//") or _is_shortened_to_a_host(url):
        return False
    head = re.split("[/?#]", url, maxsplit=1)[0]
    if ":" not in head:
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or _HOST.fullmatch(parts.netloc) is None:
        return False
    return parts.netloc.lower() in {host.lower() for host in allowed_hosts}


def _is_shortened_to_a_host(url: str) -> bool:
    """Whether a path begins with two slashes once its dot segments are removed.

    Browsers keep the host of such a path, but programs that shorten it and read it again do not
    (RFC 3986, sections 5.2.4 and 4.2).
    """
    path = re.split("[?#]", url, maxsplit=1)[0].lower().replace("%2e", ".")
    if "./" not in path:
        return False
    kept: list[str] = []
    for segment in path.removeprefix("/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return len(kept) > 1 and not kept[0]
