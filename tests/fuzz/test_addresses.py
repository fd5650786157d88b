"""Hosts, forwarded chains and outbound URLs mean what models and clients take them for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest
import urllib3
from flasgo_security import SSRFGuard, SSRFViolation
from hypothesis import given, strategies as st

from .conftest import Driver
from .profile import bounded

# --- Hosts -------------------------------------------------------------------------------------

HOST_PIECES = st.sampled_from(
    [
        *("localhost", "LOCALHOST", "a", ".example.com", "b.EXAMPLE.com", "example.com", "[::1]"),
        *(
            "[0:0::1]",
            "::1",
            ":80",
            ":0",
            ":65536",
            ":",
            ".",
            "@",
            "x@",
            "/",
            "#",
            "?",
            "%2e",
            "\\",
        ),
        *("_", "-", "xn--a", "127.0.0.1", "[::ffff:127.0.0.1]", "evil.test", ",", " "),
    ]
)
HOSTS = st.lists(HOST_PIECES, min_size=1, max_size=4).map("".join)
READERS: dict[str, Callable[[str], tuple[str | None, int | None]]] = {
    "urllib": lambda url: (urlsplit(url).hostname, urlsplit(url).port),
    "httpx2": lambda url: (httpx2.URL(url).host, httpx2.URL(url).port),
    "urllib3": lambda url: (urllib3.util.parse_url(url).host, urllib3.util.parse_url(url).port),
}


def canonical(host: str | None) -> str:
    """Return a host as text that can be compared."""
    text = (host or "").lower().strip("[]").removesuffix(".")
    try:
        return str(ip_address(text))
    except ValueError:
        return text


@bounded(150)
@given(host=HOSTS)
def test_an_accepted_host_is_the_one_that_clients_connect_to(driver: Driver, host: str) -> None:
    answer = driver(b"/", headers=[(b"host", host.encode())])
    if answer.status != 200:
        assert answer.status == 400
        return
    url = msgspec.json.decode(answer.body)["url"]
    names = {
        canonical(read(text)[0]) for read in READERS.values() for text in (url, f"http://{host}/")
    }
    assert len(names) == 1, (url, names)
    (name,) = names
    assert name in {"localhost", "::1"} or name.endswith(".example.com")


@bounded(100)
@given(
    name=st.sampled_from(["localhost", "a.example.com", "x-1.b.example.com", "[::1]"]),
    upper=st.booleans(),
    dot=st.booleans(),
    port=st.none() | st.integers(1, 65535),
)
def test_a_listed_host_is_accepted(
    driver: Driver, name: str, upper: bool, dot: bool, port: int | None
) -> None:
    host = name.upper() if upper else name
    host += "." if dot and not name.startswith("[") else ""
    host += "" if port is None else f":{port}"
    assert driver(b"/", headers=[(b"host", host.encode())]).status == 200


# --- Forwarded chains --------------------------------------------------------------------------

TRUSTED = [ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")]  # of the driver's app
NEAR = st.sampled_from(["192.0.2.1", "192.0.2.200", "10.9.8.7", "::ffff:10.1.2.3"])
FAR = st.sampled_from(["203.0.113.9", "8.8.8.8", "2001:db8::7", "::ffff:8.8.4.4", "127.0.0.1"])
NO_ADDRESS = st.sampled_from(["unknown", "_hidden", "256.1.1.1", "1.2.3", "localhost"])
HOPS = st.lists(st.tuples(NEAR | FAR | NO_ADDRESS, st.integers(0, 3)), max_size=6)


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def client_of(peer: str, hops: Sequence[str]) -> str:
    """Walk from the right, as long as the address that sent an entry is a trusted one."""
    client = parsed(peer)
    for hop in reversed(hops):
        address = parsed(hop)
        if address is None or not any(client in network for network in TRUSTED):
            break
        client = address
    return str(client)


def spelled(hop: str, how: int) -> str:
    """Write an entry of X-Forwarded-For: with a port, in brackets, in quotes."""
    if parsed(hop) is None:
        return hop
    bare = f"[{hop}]" if ":" in hop and how else hop
    return (bare, f"{bare}:4711", f'"{bare}"', bare)[how]


@bounded(120)
@given(peer=NEAR | FAR, hops=HOPS, cut=st.integers(0, 6))
def test_the_client_is_the_models(
    driver: Driver, peer: str, hops: list[tuple[str, int]], cut: int
) -> None:
    expected = client_of(peer, [hop for hop, _ in hops])
    entries = [spelled(*hop) for hop in hops]
    elements = [
        f"for={hop}" if parsed(hop) is None or ":" not in hop else f'for="[{hop}]"'
        for hop, _ in hops
    ]
    for name, values in ((b"x-forwarded-for", entries), (b"forwarded", elements)):
        lines = [", ".join(part) for part in (values[:cut], values[cut:]) if part]
        answer = driver(
            b"/", headers=[(name, line.encode()) for line in lines], client=(peer, 4711)
        )
        assert answer.status == 200
        assert str(parsed(msgspec.json.decode(answer.body)["ip"])) == expected, (name, lines)


# --- Outbound URLs -----------------------------------------------------------------------------


def no_names(host: str, port: int) -> list[str]:
    """A resolver that knows one name."""
    if host == "example.com":
        return ["93.184.216.34"]
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture(scope="module")
def guard() -> SSRFGuard:
    return SSRFGuard(resolver=no_names)


def connected(host: str | None) -> str | None:
    """Return where the system connects to for a host, None where it would have to look it up."""
    if not host:
        return None
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        return None
    return str(parsed(str(found[0][4][0])))


def spellings(address: IPv4Address) -> list[str]:
    """Return texts that some program reads as the address."""
    a, b, c, d = address.packed
    number = int(address)
    return [
        *(str(address), str(number), hex(number), oct(number).replace("0o", "0")),
        *(f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a}.{b}.{c * 256 + d}"),
        *(f"{a}.{(b << 16) + (c << 8) + d}", f"0{a}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d}."),
        *(
            f"[::ffff:{address}]",
            f"[::{address}]",
            f"[64:ff9b::{address}]",
            f"[::ffff:0:{address}]",
        ),
        *(f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::]", f"{a}%2e{b}.{c}.{d}", f"{a}。{b}。{c}。{d}"),
    ]


SCHEMES = st.sampled_from(["http://", "https://", "HTTP://", "http:/", "http:\\\\", "//", "ftp://"])
AROUND = st.sampled_from(["", "", "", "a@", "a:b@", "example.com@", "example.com\\@", "#@", "?@"])
PORTS = st.sampled_from(["", "", ":80", ":443", ":", ":0", ":99999", ":8a", ":080"])
TAILS = st.sampled_from(
    ["", "/", "/x?y#z", "#@example.com", "?@example.com/", "\\@example.com/", "\t"]
)
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address) | st.sampled_from(
    [
        IPv4Address(text)
        for text in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8", "93.184.216.34")
    ]
)


@bounded(250)
@given(st.data(), SCHEMES, AROUND, ADDRESSES, PORTS, TAILS)
def test_what_the_guard_lets_pass_is_where_clients_go(
    guard: SSRFGuard,
    data: st.DataObject,
    scheme: str,
    around: str,
    address: IPv4Address,
    port: str,
    tail: str,
) -> None:
    host = data.draw(st.sampled_from([*spellings(address), "example.com", "EXAMPLE.com."]))
    url = f"{scheme}{around}{host}{port}{tail}"
    try:
        target = guard.resolve(url)
    except SSRFViolation:
        return
    pinned = ip_address(target.address)
    assert pinned.is_global
    for name, read in READERS.items():
        # The pinned URL leads every client to the address that was checked...
        found, number = read(target.url)
        assert connected(found) == str(parsed(target.address)), (name, target.url)
        assert number in {None, target.port}
        # ... and a client that is given the URL as it was goes nowhere else.
        try:
            found, number = read(url)
        except ValueError:  # a client that refuses it goes nowhere
            continue
        assert number in {None, target.port}, (name, url)
        assert connected(found) in {None, str(parsed(target.address))}, (name, url)
        if connected(found) is None:
            # A name to the resolver, as "8.8.8.8." is to some.
            assert canonical(found) in {"example.com", str(address)}, (name, url, found)


@bounded(120)
@given(ADDRESSES)
def test_no_spelling_reaches_what_is_not_global(guard: SSRFGuard, address: IPv4Address) -> None:
    for text in spellings(address):
        try:
            target = guard.resolve(f"http://{text}/")
        except SSRFViolation:
            continue
        assert address.is_global, text
        assert parsed(target.address) in {address, parsed(f"64:ff9b::{address}")}, text
