"""What proxies say of the client: `X-Forwarded-*` and `Forwarded`, from trusted peers only."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import quote

from flasgo import HTTPException, hookimpl

from flasgo_security.forwarded_header import parse_forwarded

if TYPE_CHECKING:
    from flasgo import Registry, Request, Settings

__all__ = ["ForwardedGuard", "TrustedProxies", "parse_hop"]

logger = logging.getLogger("flasgo.security")

_Address = IPv4Address | IPv6Address

UNIX = "unix"
"""The entry that trusts peers without an address: a proxy on the other end of a Unix socket."""

_MAPPED = IPv6Network("::ffff:0:0/96")
_MOST_HOPS = 32
_LONGEST_PREFIX = 256
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~\-]+)+")
_TAKEN = "flasgo.forwarded"
FOR, PROTO, PREFIX = "x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix"
FORWARDED = "forwarded"
_HEADERS = frozenset({FOR, PROTO, PREFIX, FORWARDED})
_LONGEST_HOP = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")
_SECURE_SCHEMES = {"http": "https", "https": "https", "ws": "wss", "wss": "wss"}
_PLAIN_SCHEMES = {"http": "http", "https": "http", "ws": "ws", "wss": "ws"}
# Some proxies say `wss` of the handshake of a WebSocket over TLS (Apache, IIS, Traefik, AWS ALB).
_SCHEMES = {
    "https": _SECURE_SCHEMES,
    "wss": _SECURE_SCHEMES,
    "http": _PLAIN_SCHEMES,
    "ws": _PLAIN_SCHEMES,
}


def parse_hop(text: str) -> str | None:
    """Return the address of one entry of `X-Forwarded-For` in canonical spelling, or None.

    Args:
        text: An IPv4 or IPv6 address, in brackets or quotes, with or without a port.
    """
    text = text.strip(" \t").strip('"')
    if not text or len(text) > _LONGEST_HOP:
        return None
    if text.startswith("["):
        text, found, rest = text[1:].partition("]")
        if not found or (rest and not _is_port(rest)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    address = _parse(text)
    return None if address is None or "%" in text else str(address)


def _is_port(text: str) -> bool:
    digits = text[1:]
    return text[:1] == ":" and digits.isascii() and digits.isdigit() and 0 < int(digits) < 65536


# PERF: clients come more than once. SECURITY: callers bound the length of what is remembered.
@lru_cache(maxsize=4096)
def _parse(text: str) -> _Address | None:
    """Return an address; an IPv4-mapped one (RFC 4291, section 2.5.5.2) as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class TrustedProxies:
    """The peers whose word on the client's address counts.

    Args:
        entries: Addresses and networks such as `10.0.0.0/8` and `fd00::/8`, or `unix`.

    Raises:
        ValueError: When an entry is none of these; the message says what to write.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        networks: list[IPv4Network | IPv6Network] = []
        self.trusts_unix = False
        for entry in entries:
            if entry == UNIX:
                self.trusts_unix = True
            else:
                networks.append(_network(entry))
        self.networks = tuple(networks)
        # PERF: peers are few, and the same ones all day.
        self._is_listed = lru_cache(maxsize=256)(self._look_up)

    def trusts(self, address: str | None) -> bool:
        """Whether the headers of a peer count.

        Args:
            address: Its address; None when it has none.
        """
        return self.trusts_unix if address is None else self._is_listed(address)

    def _look_up(self, address: str) -> bool:
        found = _parse(address.partition("%")[0] if ":" in address else address)
        return found is not None and any(found in network for network in self.networks)

    def client_behind(self, peer: str | None, hops: Iterable[str]) -> str | None:
        """Return the address of the client: the first one, from the right, that is no proxy.

        SECURITY: each proxy appends the address it was called from, so only what stands to the
        right is vouched for; what stands further left the client may have made up (CWE-348).
        An entry that is not an address ends the walk at the proxy that let it pass.

        Args:
            peer: The direct peer.
            hops: What the proxies said, from the right: the nearest one first.
        """
        client = peer
        for hop in hops:
            if not self.trusts(client):
                return client
            address = parse_hop(hop)
            if address is None:
                return client
            client = address
        return client


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return _unmapped(ip_network(entry))
    except ValueError:
        pass
    try:
        meant = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(
            f"{entry!r} is not a network; write an address or a network such as '10.0.0.0/8' or "
            "'fd00::/8', or 'unix' for a proxy on a Unix socket"
        ) from None
    raise ValueError(f"{entry!r} names one host of a network; write {str(meant)!r} for all of it")


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return an IPv4-mapped IPv6 network as the IPv4 network that it stands for."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[-4:], network.prefixlen - 96))
    return network


class ForwardedGuard:
    """Puts the client's address and scheme in the place of a trusted proxy's.

    From then on `request.client_ip`, `request.scheme` and `request.is_secure` are the client's,
    for events, quotas, throttling and whatever an app does with them, and `request.root_path` is
    the prefix under which the proxy serves the app.
    """

    def __init__(self) -> None:
        self._proxies = TrustedProxies(())
        self._headers = _HEADERS
        self._takes_all = True
        self._has_warned = False

    @property
    def is_active(self) -> bool:
        """Whether any proxy is trusted."""
        return bool(self._proxies.networks) or self._proxies.trusts_unix

    def declare(self, registry: Registry) -> None:
        """Declare the settings and attributes of this concern."""
        registry.setting(
            "TRUSTED_PROXIES",
            set[str],
            default=set(),
            help="Addresses and networks of the proxies in front of this app ('10.0.0.0/8', "
            "'unix' for a Unix socket): from them the headers of TRUSTED_PROXY_HEADERS count.",
            check=_check_proxies,
        )
        registry.setting(
            "TRUSTED_PROXY_HEADERS",
            set[str] | None,
            default=None,
            help="Which headers of TRUSTED_PROXIES count: those that your proxies set or remove of "
            "'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-prefix' and 'forwarded'. None "
            "is all of them, and a request with both kinds is refused.",
            check=_check_headers,
        )
        registry.request_attribute("peer_ip", _peer_ip)
        registry.role("trusted_peer", lambda request: self._proxies.trusts(_peer_ip(request)))

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._proxies = TrustedProxies(sorted(cast("set[str]", settings["TRUSTED_PROXIES"])))
        named = cast("set[str] | None", settings["TRUSTED_PROXY_HEADERS"])
        self._takes_all = named is None
        self._headers = _HEADERS if named is None else frozenset(name.lower() for name in named)

    @hookimpl(tryfirst=True, before=("security.throttle", "security.hosts"))
    def request_started(self, request: Request) -> None:
        """Find out who the client is, where a trusted proxy speaks for it."""
        scope = request.scope
        client = scope.get("client")
        peer = (client[0] or None) if client else None
        # What one app has taken up is not to be taken up again by one that it mounts.
        if scope.get(_TAKEN) or not self._proxies.trusts(peer):
            return
        scope[_TAKEN] = True
        hops, proto = self._word_of_proxies(request)
        if hops:
            found = self._proxies.client_behind(peer, hops)
            if found != peer:
                scope["flasgo.peer"] = client
                # Mounted apps and the server's access log read the scope.
                scope["client"] = None if found is None else (found, 0)
                request.client_ip = found
        scheme = _SCHEMES.get(proto.strip(" \t").lower(), {}).get(request.scheme)
        if scheme is not None:
            scope["scheme"] = request.scheme = scheme
            request.is_secure = scheme in ("https", "wss")
        if PREFIX in self._headers:
            self._take_prefix(request)

    def _word_of_proxies(self, request: Request) -> tuple[list[str], str]:
        """Return the addresses that the proxies saw, the nearest one's first, and the scheme."""
        forwarded = _joined(request, b"forwarded") if FORWARDED in self._headers else ""
        hops = _joined(request, b"x-forwarded-for") if FOR in self._headers else ""
        proto = _joined(request, b"x-forwarded-proto") if PROTO in self._headers else ""
        if not forwarded:
            # The first piece may hold all the rest; it is not an address then, and ends the walk.
            # The rightmost word is that of the trusted peer itself.
            pieces = hops.rsplit(",", _MOST_HOPS) if hops else []
            return pieces[::-1], proto.rpartition(",")[2]
        # SECURITY: Forwarded says nothing of prefixes, so that one may be the client's own.
        if hops or proto or (self._takes_all and request.raw_header(b"x-forwarded-prefix")):
            self._refuse_both()
        try:
            elements = parse_forwarded(forwarded)[: -_MOST_HOPS - 1 : -1]
        except ValueError as error:
            raise HTTPException(400, f"The header Forwarded is malformed: {error}.") from None
        return [element.get("for", "") for element in elements], (
            elements[0].get("proto", "") if elements else ""
        )

    def _refuse_both(self) -> NoReturn:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "A trusted proxy sent Forwarded together with X-Forwarded-*: one of them may "
                "come from the client. Name those that your proxies set in TRUSTED_PROXY_HEADERS."
            )
        raise HTTPException(
            400,
            "The request has both Forwarded and X-Forwarded-*; send neither. The operator names in "
            "TRUSTED_PROXY_HEADERS which of them the proxies set.",
        )

    def _take_prefix(self, request: Request) -> None:
        """Serve the app below the path that the nearest proxy has taken off."""
        prefix = _joined(request, b"x-forwarded-prefix").rpartition(",")[2].strip(" \t")
        prefix = prefix.rstrip("/")
        if not prefix:
            return
        # SECURITY: it begins links and redirects, and "//host" would lead elsewhere (CWE-601).
        if len(prefix) > _LONGEST_PREFIX or not _PREFIX.fullmatch(prefix):
            raise HTTPException(
                400,
                "The header X-Forwarded-Prefix is malformed; send a path such as '/app', of "
                "letters, digits and '-._~', without '..'.",
            )
        scope = request.scope
        below = request.root_path + request.path
        raw = scope.get("raw_path")
        # As ASGI has it, the path begins with the root path; some servers leave it out.
        if raw is not None and scope["path"] != below:
            raw = quote(request.root_path, safe="/").encode("ascii") + raw
        scope["path"] = prefix + below
        if raw is not None:
            scope["raw_path"] = prefix.encode("ascii") + raw
        scope["root_path"] = request.root_path = prefix + request.root_path


def _joined(request: Request, name: bytes) -> str:
    """Return all values of a header, joined with commas; a proxy may have added a line."""
    if request.raw_header(name) is None:
        return ""
    values = [value for key, value in request.scope["headers"] if key == name]
    return b",".join(values).decode("latin-1")


def _peer_ip(request: Request) -> str | None:
    """Return the address of the direct peer, a proxy's perhaps; the value of `request.peer_ip`."""
    client = request.scope.get("flasgo.peer") or request.scope.get("client")
    return client[0] if client else None


def _check_proxies(value: object) -> str | None:
    try:
        TrustedProxies(cast("set[str]", value))
    except ValueError as error:
        return str(error)
    return None


def _check_headers(value: object) -> str | None:
    if value is None:
        return None
    names = {name.lower() for name in cast("set[str]", value)}
    unknown = sorted(names - _HEADERS)
    if unknown:
        known = ", ".join(sorted(_HEADERS))
        return f"{', '.join(map(repr, unknown))} is not read; name some of {known}"
    if FORWARDED in names and names & {FOR, PROTO}:
        return (
            "'forwarded' and 'x-forwarded-*' say the same; name what your proxies set, or None to "
            "take either and refuse requests with both"
        )
    return None
