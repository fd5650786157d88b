"""Which addresses are globally reachable, once what is wrapped in them is unwrapped."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["Address", "Network", "address_fault", "parse_address"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# SECURITY: a list of our own, from the IANA special-purpose registries: what `ipaddress` calls
# global has changed between patch releases of Python, and never covered tunnels.
_FORBIDDEN_IPV4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "reserved for AS112"),
        ("192.52.193.0/24", "reserved for multicast tunnels"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved for AS112"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
# Of IPv6 only 2000::/3 is given out at all; these parts of it are not.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_FORBIDDEN_IPV6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("2620:4f:8000::/48", "reserved for AS112"),
        ("3fff::/20", "for documentation"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_IPV6_NAMES: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "an IPv4-compatible address"),
        ("::ffff:0:0:0/96", "an IPv4-translated address"),
        ("64:ff9b:1::/48", "a local NAT64 address"),
        ("100::/64", "discarded"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
# Where clouds hand out credentials. Some are in public or shared ranges; none is reached because
# a network around it was allowed.
_METADATA = frozenset(
    map(
        ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure, in a public range
            "169.254.169.254",  # AWS, Azure, Google Cloud, DigitalOcean, OpenStack...
            "169.254.170.2",  # AWS ECS tasks
            "169.254.170.23",  # AWS EKS pods
            "192.0.0.192",  # Oracle Cloud
            "fd00:ec2::23",  # AWS EKS pods
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google Cloud
        ),
    )
)


def parse_address(text: str) -> Address | None:
    """Return an address in its canonical form, or None.

    SECURITY: an IPv4-mapped address (RFC 4291, section 2.5.5.2) is the IPv4 address: the kernel
    connects to that one. `0177.0.0.1`, `2130706433` and `127.1` are no addresses here.

    Args:
        text: IPv4 in four decimal parts, or IPv6 without brackets, whose zone is cut off.
    """
    try:
        address = ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def address_fault(
    address: Address, allowed: tuple[Network, ...] = (), forbidden: tuple[Network, ...] = ()
) -> str | None:
    """Say why an address must not be connected to, or return None when it may.

    Args:
        address: What `parse_address` returned.
        allowed: Networks that may be reached although they are not globally reachable. A
            metadata service is reached only when its very address is listed.
        forbidden: Networks that must not be reached although they are.

    Returns:
        The end of a sentence that begins with the address.
    """
    inner = _unwrapped(address)
    if any(one in network for network in forbidden for one in (address, inner)):
        return "is in a forbidden network"
    listed = [network for network in allowed if address in network]
    if inner in _METADATA or address in _METADATA:
        exact = any(network.prefixlen == network.max_prefixlen for network in listed)
        return None if exact else "belongs to a metadata service of the cloud"
    if listed:
        return None
    fault = _special(inner)
    if fault is not None and inner is not address:
        return f"leads to {inner}, which {fault}"
    return fault


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that a NAT64 gateway (RFC 6052) makes of an IPv6 address."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _special(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return _named(address, _FORBIDDEN_IPV4)
    fault = _named(address, _FORBIDDEN_IPV6)
    if fault is None and address not in _GLOBAL_IPV6:
        fault = _named(address, _IPV6_NAMES) or "is not globally reachable"
    return fault


def _named(address: Address, names: tuple[tuple[Network, str], ...]) -> str | None:
    return next((f"is {name}" for network, name in names if address in network), None)
