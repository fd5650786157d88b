"""The cookie jar of the test client, which treats localhost as browsers do."""

from __future__ import annotations

import ipaddress
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import Request

import httpx2

if TYPE_CHECKING:
    from httpx2._types import CookieTypes

__all__ = ["ClientCookies", "LocalhostPolicy", "is_trustworthy_host"]


def is_trustworthy_host(host: str) -> bool:
    """Tell whether browsers treat plain HTTP to this host as secure.

    These are `localhost`, names below it and loopback addresses (Secure Contexts, section 3.1).

    Args:
        host: A host name or address, without port and brackets.

    Returns:
        True if cookies with the `Secure` attribute may travel to it without TLS.
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class LocalhostPolicy(DefaultCookiePolicy):
    """The usual cookie rules, except that `Secure` cookies also go to http://localhost."""

    def return_ok_secure(self, cookie: Cookie, request: Request) -> bool:
        """Tell whether a cookie's `Secure` attribute permits sending it with this request."""
        if not cookie.secure or request.type in ("https", "wss"):
            return True
        return is_trustworthy_host(urlsplit(request.full_url).hostname or "")


class ClientCookies(httpx2.Cookies):
    """Cookies that a test can read and set, in one jar for sync and async requests.

    A cookie that a test sets belongs to the client's own host, so that the app can overwrite or
    delete it. (`httpx2.Cookies` would keep both.)
    """

    def __init__(self, host: str) -> None:
        super().__init__(CookieJar(LocalhostPolicy()))
        host = f"[{host}]" if ":" in host else host
        # The standard library's jar files cookies of a name without dots under "<name>.local".
        self._domain = host if "." in host else f"{host}.local"

    def set(self, name: str, value: str, domain: str = "", path: str = "/") -> None:
        """Set a cookie.

        Args:
            name: Its name.
            value: Its value.
            domain: Its host; the client's base URL's by default.
            path: The path it is limited to.
        """
        super().set(name, value, domain or self._domain, path)

    def update(self, cookies: CookieTypes | None = None) -> None:
        """Set several cookies: a mapping, pairs, `httpx2.Cookies` or a `CookieJar`."""
        for cookie in self._cookies_of(cookies):
            self.jar.set_cookie(cookie)

    def replace(self, cookies: CookieTypes | None = None) -> None:
        """Forget all cookies, then set these."""
        chosen = self._cookies_of(cookies)
        self.jar.clear()
        for cookie in chosen:
            self.jar.set_cookie(cookie)

    def with_extra(self, cookies: CookieTypes) -> httpx2.Cookies:
        """Return a copy in which the given cookies replace those of the same name."""
        extra = self._cookies_of(cookies)
        names = {cookie.name for cookie in extra}
        jar = CookieJar(LocalhostPolicy())
        for cookie in self.jar:
            if cookie.name not in names:
                jar.set_cookie(cookie)
        for cookie in extra:
            jar.set_cookie(cookie)
        return httpx2.Cookies(jar)

    def _cookies_of(self, cookies: CookieTypes | None) -> list[Cookie]:
        if cookies is None:
            return []
        if isinstance(cookies, httpx2.Cookies):
            return list(cookies.jar)
        if isinstance(cookies, CookieJar):
            return list(cookies)
        scratch = httpx2.Cookies()
        for name, value in dict(cookies).items():
            scratch.set(name, value, self._domain)
        return list(scratch.jar)
