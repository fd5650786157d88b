"""Which client is behind the proxies: `X-Forwarded-For` and `-Proto`, from trusted peers only."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, cast

from flasgo import hookimpl

if TYPE_CHECKING:
    from flasgo import Registry, Request, Settings

__all__ = ["ForwardedGuard", "TrustedProxies", "parse_hop"]

_Address = IPv4Address | IPv6Address

UNIX = "unix"
"""The entry that trusts peers without an address: a proxy on the other end of a Unix socket."""

_MAPPED = IPv6Network("::ffff:0:0/96")
_MOST_HOPS = 32
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
        """Whether a peer's word counts.

        Args:
            address: Its address; None when it has none.
        """
        return self.trusts_unix if address is None else self._is_listed(address)

    def _look_up(self, address: str) -> bool:
        found = _parse(address.partition("%")[0] if ":" in address else address)
        return found is not None and any(found in network for network in self.networks)

    def client_behind(self, peer: str | None, forwarded_for: str) -> str | None:
        """Return the address of the client: the first one, from the right, that is no proxy.

        SECURITY: each proxy appends the address it was called from, so only what stands to the
        right is vouched for; what stands further left the client may have made up (CWE-348).
        An entry that is no address ends the walk at the proxy that let it pass.

        Args:
            peer: The direct peer.
            forwarded_for: The value of `X-Forwarded-For`, several headers joined with commas.
        """
        client = peer
        # The first piece may hold all the rest; it is no address then, and ends the walk.
        for hop in reversed(forwarded_for.rsplit(",", _MOST_HOPS)):
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
    """Return a network of IPv4 in IPv6's clothes as one of IPv4, as its addresses are."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[-4:], network.prefixlen - 96))
    return network


class ForwardedGuard:
    """Puts the client's address and scheme in the place of a trusted proxy's.

    From then on `request.client_ip`, `request.scheme` and `request.is_secure` are the client's,
    for events, quotas, throttling and whatever an app does with them.
    """

    def __init__(self) -> None:
        self._proxies = TrustedProxies(())

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
            "'unix' for a Unix socket): from them X-Forwarded-For and X-Forwarded-Proto count.",
            check=_check_proxies,
        )
        registry.request_attribute("peer_ip", _peer_ip)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._proxies = TrustedProxies(sorted(cast("set[str]", settings["TRUSTED_PROXIES"])))

    @hookimpl(tryfirst=True, before=("security.throttle", "security.hosts"))
    def request_started(self, request: Request) -> None:
        """Find out who the client is, where a trusted proxy speaks for it."""
        scope = request.scope
        client = scope.get("client")
        peer = (client[0] or None) if client else None
        if not self._proxies.trusts(peer):
            return
        forwarded_for = _joined(request, b"x-forwarded-for")
        if forwarded_for:
            found = self._proxies.client_behind(peer, forwarded_for)
            if found != peer:
                scope["flasgo.peer"] = client
                # Mounted apps and the server's access log read the scope.
                scope["client"] = None if found is None else (found, 0)
                request.client_ip = found
        # The rightmost word is that of the trusted peer itself.
        proto = _joined(request, b"x-forwarded-proto").rpartition(",")[2].strip(" \t").lower()
        scheme = _SCHEMES.get(proto, {}).get(request.scheme)
        if scheme is not None:
            scope["scheme"] = request.scheme = scheme
            request.is_secure = scheme in ("https", "wss")


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
