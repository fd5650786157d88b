"""Turns client addresses into the keys under which quotas and throttling count them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from flasgo import Registry, Settings

__all__ = ["ClientKey", "ClientKeys"]

_WHOLE_ADDRESS = 128
_NETWORK = 64  # what one customer gets at the least (RFC 6177, RFC 7421)
_TRANSLATED = ip_network("64:ff9b::/96")


class ClientKey(str):
    """The key of an address, `request.client_key`: never equal to a name in the eyes of a quota."""

    __slots__ = ()


class ClientKeys:
    """The keys of client addresses, by a prefix length for IPv6.

    SECURITY: an IPv6 network counts as one client. One customer has 2**64 addresses, and would
    have as many quotas (CWE-799).

    Args:
        ipv6_prefix: How many bits of an IPv6 address tell clients apart.
    """

    def __init__(self, ipv6_prefix: int = _NETWORK) -> None:
        self._prefix = ipv6_prefix
        # PERF: a client comes more than once.
        self._network_of = lru_cache(maxsize=4096)(self._look_up)

    @staticmethod
    def declare(registry: Registry) -> None:
        """Declare the setting."""
        registry.setting(
            "CLIENT_IPV6_PREFIX",
            int,
            default=_NETWORK,
            help="Bits of an IPv6 address by which quotas and throttling tell clients apart. 64 "
            "counts a network as one client, because one customer has 2**64 addresses. 128 counts "
            "each address separately.",
            check=lambda value: (
                None if 16 <= cast("int", value) <= 128 else "it must be from 16 to 128"
            ),
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> ClientKeys:
        """Return the keys that an app's settings ask for."""
        return cls(cast("int", settings["CLIENT_IPV6_PREFIX"]))

    def key(self, address: str) -> str:
        """Return what a client with this address is counted under."""
        if ":" not in address or self._prefix == _WHOLE_ADDRESS:
            return address
        return self._network_of(address)

    def _look_up(self, address: str) -> str:
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return address
        if not isinstance(found, IPv6Address):
            return address
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        if found in _TRANSLATED:  # a client of IPv4 that reached an IPv6 server (RFC 7755)
            return str(IPv4Address(found.packed[-4:]))
        return str(ip_network((found, self._prefix), strict=False))
