"""The way to the log-in page: HTML clients without a user are sent there, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from flasgo import is_safe_redirect_target, redirect

if TYPE_CHECKING:
    from flasgo import Connection, Response

__all__ = ["check_login_url", "login_redirect", "safe_next"]

_LONGEST_NEXT = 2048
_SAFE = "/!$&'()*+,;=:@~-._?%"


def check_login_url(value: object) -> str | None:
    """Return what is wrong with the setting `LOGIN_URL`, or None."""
    if value is None or (isinstance(value, str) and is_local(value) and "?" not in value):
        return None
    return "write the path of the log-in page, such as '/login', without a host and a query"


def is_local(target: str) -> bool:
    """Whether a target is a path of this site, to every browser (CWE-601)."""
    if not target.startswith("/") or len(target) > _LONGEST_NEXT:
        return False
    # SECURITY: browsers read a backslash as a slash, and leave out tabs and line ends: "/\\host"
    # and "/\t/host" lead to another site like "//host".
    if target.startswith("//") or any(not "!" <= char <= "~" or char in '\\"<>' for char in target):
        return False
    parts = urlsplit(target)
    # The core knows more spellings, such as "/.//host", which some programs shorten.
    return not (parts.scheme or parts.netloc) and is_safe_redirect_target(target)


def safe_next(target: str | None, default: str = "/") -> str:
    """Return where to go after a log-in: a path of this site, whatever a client has sent.

    Args:
        target: What the log-in page was given as `next`.
        default: Where to go when that is missing, or leads elsewhere.
    """
    return target if isinstance(target, str) and is_local(target) else default


def login_redirect(request: Connection, login_url: str) -> Response | None:
    """Return the way to the log-in page for a client that shows pages; None for others.

    Args:
        request: The request, which has no user.
        login_url: The path of the log-in page, below the root path.
    """
    if request.scope["type"] != "http" or request.path == login_url:
        return None
    if not _wants_page(request):
        return None
    target = quote(request.root_path + login_url, safe=_SAFE)
    if request.scope["method"] in ("GET", "HEAD"):
        asked = request.url.partition("://")[2]
        back = asked[asked.index("/") :] if "/" in asked else "/"
        if is_local(back):
            target += "?" + urlencode({"next": back})
    response = redirect(target, 303)
    response.headers.add_vary("Accept", "Sec-Fetch-Mode")
    return response


def _wants_page(request: Connection) -> bool:
    mode = request.raw_header(b"sec-fetch-mode")
    if mode is not None:
        return mode == b"navigate"
    accept = request.headers.get("accept", "")
    return "text/html" in accept and request.preferred_type("application/json", "text/html") == (
        "text/html"
    )
