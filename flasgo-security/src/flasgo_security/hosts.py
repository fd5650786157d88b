"""The allow-list of hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, NoReturn, cast

from flasgo import HTTPException, hookimpl

from flasgo_security.events import loggable, security_event

if TYPE_CHECKING:
    from flasgo import Registry, Request, Settings

__all__ = ["AllowedHosts", "HostGuard", "parse_host"]

_LOOPBACK = frozenset({"127.0.0.1", "[::1]"})
_LONGEST_HOST = 255  # RFC 1035, section 3.1, plus the trailing dot
_LONGEST_RAW = _LONGEST_HOST + len(":65535")
_MOST_REMEMBERED = 256

# SECURITY: every alternative starts with a different character, so matching is linear.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def parse_host(value: str) -> str | None:
    """Return the host of a `Host` header in one canonical spelling, or None when malformed.

    Lower case, without port and trailing dot; an IPv6 address in brackets, compressed.

    Args:
        value: The header's value: `host`, or `host:port` with a port from 1 to 65535.
    """
    if len(value) > _LONGEST_RAW:
        return None
    match = _HOST.fullmatch(value)
    if match is None:
        return None
    address, name, port = match.groups()
    if port is not None and not 0 < int(port) < 65536:
        return None
    if address is not None:
        return _canonical_ipv6(address)
    host = name.lower().removesuffix(".")
    if len(host) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, host.split("."))):
        return None
    return host


def _canonical_ipv6(address: str) -> str | None:
    try:
        return f"[{IPv6Address(address).compressed}]"
    except AddressValueError:
        return None


class AllowedHosts:
    """Which hosts an app answers to.

    Args:
        patterns: Host names and addresses, `*.example.com` for the subdomains of `example.com`
            (not itself), or `*` for any well-formed host.

    Raises:
        ValueError: When an entry is none of these; the message says what to write.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        exact: set[str] = set()
        suffixes: set[str] = set()
        self.allows_any = False
        for pattern in patterns:
            if pattern == "*":
                self.allows_any = True
            elif pattern.startswith("*."):
                suffixes.add("." + _checked_name(pattern, pattern[2:]))
            else:
                exact.add(_checked_name(pattern, pattern))
        self.exact = frozenset(exact)
        self.suffixes = tuple(sorted(suffixes))

    def allows(self, host: str) -> bool:
        """Whether a host, as `parse_host` returns it, is on the list.

        SECURITY: compared as text; a pattern never becomes a regular expression (Litestar,
        CVE-2026-25479).
        """
        return self.allows_any or host in self.exact or host.endswith(self.suffixes)


def _checked_name(pattern: str, name: str) -> str:
    if ":" in name and not name.startswith("[") and _canonical_ipv6(name) is not None:
        name = f"[{name}]"
    host = parse_host(name)
    if host is not None and not re.search(r":[0-9]+\Z", name.rpartition("]")[2]):
        return host
    if "://" in name or "/" in name:
        advice = "leave out the scheme and the path"
    elif host is not None:
        advice = f"leave out the port: {host!r} holds for every port"
    elif name.startswith("."):
        advice = f"write {name[1:]!r} and '*{name}'"
    else:
        advice = "write a host such as 'example.com', '*.example.com' for its subdomains, or '*'"
    raise ValueError(f"{pattern!r} is not a host; {advice}")


class HostGuard:
    """Refuses requests for hosts that are not on the allow-list."""

    def __init__(self) -> None:
        self._allowed = AllowedHosts(())
        self._approved: set[bytes] = set()
        self._debug = False
        self._names_localhost = False

    @property
    def allowed(self) -> AllowedHosts:
        """The hosts this app answers to."""
        return self._allowed

    def declare(self, registry: Registry) -> None:
        """Declare the settings of this concern."""
        registry.setting(
            "ALLOWED_HOSTS",
            set[str],
            default={"localhost", "127.0.0.1"},
            help="Hosts this app answers to, without ports; '*.example.com' for subdomains, "
            "'*' for any. DEBUG adds '*.localhost' and '[::1]'; under `flasgo run`, 'localhost' "
            "covers the loopback addresses.",
            check=_check_allowed_hosts,
        )
        registry.request_attribute("host", self.host_of)
        registry.role("trusted_host", self.trusted_host)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        patterns = cast("set[str]", settings["ALLOWED_HOSTS"])
        self._debug = bool(settings["DEBUG"])
        if self._debug:
            patterns = patterns | {"*.localhost", "[::1]"}
            if "localhost" in patterns:
                patterns = patterns | {"127.0.0.1"}
        self._allowed = AllowedHosts(patterns)
        self._names_localhost = "localhost" in self._allowed.exact
        self._approved = {host.encode("ascii") for host in self._allowed.exact}

    @hookimpl(tryfirst=True)
    def request_started(self, request: Request) -> None:
        """Refuse a request whose Host header is missing, malformed or not on the list."""
        host = request.raw_header(b"host")
        # PERF: header values that passed before pass by look-up.
        if host in self._approved:
            return
        self._examine(request, host)

    def host_of(self, request: Request) -> str:
        """Return the checked host, with its port if it has one; the value of `request.host`.

        Raises:
            HTTPException: 400 when the host is not on the list.
        """
        raw = request.raw_header(b"host")
        if raw is None or raw not in self._approved:
            self._examine(request, raw)
        return (raw or b"").decode("ascii").lower()

    def trusted_host(self, request: Request) -> str | None:
        """Return the checked host, with its port if it has one; None where it was refused.

        URLs are built for the page of a refused request as well: it is not refused twice.
        """
        raw = request.raw_header(b"host")
        if raw is None:
            return None
        if raw not in self._approved:
            host = parse_host(raw.decode("latin-1"))
            if host is None or not self._is_served(request, host):
                return None
        return raw.decode("ascii").lower()

    def _is_served(self, request: Request, host: str) -> bool:
        return self._allowed.allows(host) or self._is_own_loopback(request, host)

    def _examine(self, request: Request, raw: bytes | None) -> None:
        if raw is None:
            self._refuse(request, "missing", "Send a Host header (RFC 9112, section 3.2).")
        host = parse_host(raw.decode("latin-1"))
        if host is None:
            self._refuse(
                request,
                "malformed",
                "The Host header is malformed; send a host name or address and, if need be, "
                "a port from 1 to 65535.",
            )
        if not self._is_served(request, host):
            detail = "This host name is not served here; send the Host header of this site."
            if self._debug:
                detail = f"The host {host!r} is not in ALLOWED_HOSTS; add it to the setting."
            self._refuse(request, f"{host!r} is not in ALLOWED_HOSTS", detail)
        # SECURITY: only hosts on the list are remembered, and only so many.
        if len(self._approved) < _MOST_REMEMBERED:
            self._approved.add(raw)

    def _is_own_loopback(self, request: Request, host: str) -> bool:
        """Whether this is an address of `localhost`, and the app is served by `flasgo run`.

        `localhost` is the one or the other address, as the machine has it. An address in a Host
        header is not a name that another site could resolve to this machine.
        """
        return self._names_localhost and host in _LOOPBACK and request.app.is_served_here

    def _refuse(self, request: Request, reason: str, detail: str) -> NoReturn:
        security_event("host", request, f"Host header: {loggable(reason)}")
        raise HTTPException(400, detail)


def _check_allowed_hosts(value: object) -> str | None:
    patterns = cast("set[str]", value)
    if not patterns:
        return "it is empty, so every request would be refused"
    try:
        AllowedHosts(patterns)
    except ValueError as error:
        return str(error)
    return None
