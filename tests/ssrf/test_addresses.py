"""Addresses: globally reachable ones and no others, whatever they are wrapped in."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from flasgo_security.outbound.addresses import address_fault, parse_address
from hypothesis import given, strategies as st

ANY_IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)


def is_refused(
    text: str, *, allowed: tuple[str, ...] = (), forbidden: tuple[str, ...] = ()
) -> bool:
    address = parse_address(text)
    assert address is not None
    networks = (tuple(map(ip_network, allowed)), tuple(map(ip_network, forbidden)))
    return address_fault(address, *networks) is not None


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2a00:1450::1", "100.128.0.0",
     "100.63.255.255", "172.15.255.255", "172.32.0.0", "223.255.255.255", "198.17.255.255"],
)  # fmt: skip
def test_global_addresses_pass(text: str) -> None:
    assert not is_refused(text)


@given(ANY_IPV4)
def test_what_the_standard_library_calls_not_global_is_refused(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert address_fault(address) is not None


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_only_global_unicast_of_ipv6_is_reached(address: IPv6Address) -> None:
    if int(address) >> 125 != 0b001 and address not in ip_network("64:ff9b::/96"):
        assert address_fault(address) is not None


@given(ANY_IPV4)
def test_an_address_in_disguise_is_no_better_than_itself(address: IPv4Address) -> None:
    number = int(address)
    mapped = IPv6Address(0xFFFF00000000 | number)
    nat64 = IPv6Address((0x64FF9B << 96) | number)
    assert parse_address(str(mapped)) == address
    assert (address_fault(nat64) is None) == (address_fault(address) is None)
    for wrapped in (
        IPv6Address(number),  # IPv4-compatible
        IPv6Address(0xFFFF000000000000 | number),  # IPv4-translated
        IPv6Address((0x2002 << 112) | (number << 80)),  # 6to4
        IPv6Address((0x20010000 << 96) | (number << 64)),  # Teredo, the server
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),  # Teredo, the client
        IPv6Address((0x64FF9B0001 << 80) | number),  # local NAT64
    ):
        if wrapped.ipv4_mapped is None:
            assert address_fault(wrapped) is not None, wrapped


def test_allowed_networks_open_what_they_name_and_no_more() -> None:
    assert not is_refused("10.1.2.3", allowed=("10.1.0.0/16",))
    assert not is_refused("::ffff:10.1.2.3", allowed=("10.1.0.0/16",))
    assert is_refused("10.2.0.1", allowed=("10.1.0.0/16",))
    assert is_refused("64:ff9b::10.1.2.3", allowed=("10.1.0.0/16",))
    assert is_refused("2002:a01:203::", allowed=("10.1.0.0/16",))


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]
)
def test_metadata_needs_its_very_address(text: str) -> None:
    assert is_refused(text)
    assert is_refused(text, allowed=("0.0.0.0/0", "::/0", "169.254.0.0/16"))
    assert not is_refused(text, allowed=(text,))


def test_forbidden_networks_win() -> None:
    assert is_refused("8.8.8.8", forbidden=("8.8.8.0/24",))
    assert is_refused("64:ff9b::8.8.8.8", forbidden=("8.8.8.0/24",))
    assert is_refused("10.1.2.3", allowed=("10.0.0.0/8",), forbidden=("10.1.2.3/32",))


@pytest.mark.parametrize(
    "text", ["", "1", "127.1", "0x7f.0.0.1", "010.0.0.1", "1.2.3.4.5", "host", "::g"]
)
def test_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None
