"""URLs in every spelling: what is refused, why, and what is left of the others (CWE-918)."""

# ruff: noqa: RUF001 - characters that look like others are what some of this is about
import contextlib

import pytest
from flasgo_security import SSRFViolation
from flasgo_security.outbound.targets import canonical_host, parse_url
from hypothesis import given, strategies as st

from .conftest import PUBLIC, PUBLIC_6, MakeGuard, Names


def reason_for(guard: MakeGuard, url: str, **options: object) -> str:
    with pytest.raises(SSRFViolation) as caught:
        guard(**options).resolve(url)
    return caught.value.reason


# --- What passes --------------------------------------------------------------------------------


def test_a_target_is_pinned(make_guard: MakeGuard, names: Names) -> None:
    names.add("example.com", [PUBLIC_6, PUBLIC])

    target = make_guard().resolve("https://Example.com:8443/a/b?c=d#e")

    assert target.url == f"https://[{PUBLIC_6}]:8443/a/b?c=d"
    assert target.host_header == "example.com:8443"
    assert (target.scheme, target.host, target.port) == ("https", "example.com", 8443)
    assert target.addresses == (PUBLIC_6, PUBLIC)
    assert target.address == PUBLIC_6


@pytest.mark.parametrize(
    ("url", "pinned", "host_header"),
    [
        ("http://example.com", f"http://{PUBLIC}/", "example.com"),
        ("HTTP://EXAMPLE.COM:80/", f"http://{PUBLIC}/", "example.com"),
        ("http://example.com.:/x", f"http://{PUBLIC}/x", "example.com"),
        ("https://example.com:80/", f"https://{PUBLIC}:80/", "example.com:80"),
        ("https://8.8.8.8/", "https://8.8.8.8/", "8.8.8.8"),
        ("https://8.8.8.8./", "https://8.8.8.8/", "8.8.8.8"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("https://[2606:4700:0:0::1111]:444/?", "https://[2606:4700::1111]:444/?",
         "[2606:4700::1111]:444"),
        ("https://[::ffff:8.8.8.8]/", "https://8.8.8.8/", "8.8.8.8"),
        ("https://example.com?q=1", f"https://{PUBLIC}/?q=1", "example.com"),
        ("https://example.com/ä?ö=%20", f"https://{PUBLIC}/%C3%A4?%C3%B6=%20", "example.com"),
        ("https://example.com/a@b", f"https://{PUBLIC}/a@b", "example.com"),
        ("https://ｅｘａｍｐｌｅ。ｃｏｍ/", f"https://{PUBLIC}/", "example.com"),
    ],
)  # fmt: skip
def test_urls_that_pass(make_guard: MakeGuard, url: str, pinned: str, host_header: str) -> None:
    target = make_guard().resolve(url)
    assert (target.url, target.host_header) == (pinned, host_header)


def test_international_names_are_resolved_in_their_ascii_form(
    make_guard: MakeGuard, names: Names
) -> None:
    names.add("xn--bcher-kva.example", [PUBLIC])
    target = make_guard().resolve("https://Bücher.example/")
    assert target.host_header == "xn--bcher-kva.example"
    assert names.asked == ["xn--bcher-kva.example"]


# --- What does not ------------------------------------------------------------------------------


# Every one of these means 127.0.0.1 to some program. None gets as far as a resolver.
LOOPBACK_SPELLINGS = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "2130706433.",
    "017700000001", "0x7f000001", "0X7F000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1",
    "00000177.0.0.1", "0x7f.0x0.0x0.0x1", "0177.0.0.0x1", "127.0x1", "127.0.00001", "127.000.000.1",
    "4294967296", "127.0.0.1.0x7f", "0x", "1.2.3.4.5", "256.256.256.256", "127.0.0.256",
    "１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７．０．０．１", "⑯⑨。②⑤④。⑯⑨｡②⑤④",
    "𝟭𝟮𝟳.𝟬.𝟬.𝟭", "²¹³⁰⁷⁰⁶⁴³³",
    "٣٢٧.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::127.0.0.1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]", "[2001:0000:4136:e378:8000:63bf:80ff:fffe]", "[::1%25lo]", "[::1%lo]",
    "8.8.8.8%.1", "8.8.8.8%x.1", "8.8.8.8%25.1", "1.1.1.1%00.0.0.1", "127.0.0.1%.1",
    "[fe80::1%25eth0]", "[fe80::1]", "[::1]. ", "0", "0.0.0.0", "[::0.0.0.0]",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_no_spelling_of_loopback_passes(make_guard: MakeGuard, names: Names, host: str) -> None:
    assert reason_for(make_guard, f"http://{host}/") in {"host", "address", "malformed"}
    assert names.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1", "100.64.0.1", "100.127.255.255", "169.254.169.254", "169.254.170.2",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "168.63.129.16",
        "100.100.100.200", "127.0.0.53", "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]",
        "[fe80::a9fe:a9fe]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]",
        "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:a00:1::]",
        "[2002:808:808::]", "[2001::1]", "[2001:20::1]", "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]", "[::ffff:168.63.129.16]", "[5f00::1]", "[4000::1]", "[::2]",
        "[::8.8.8.8]", "[2001:10::1]",
    ],
)  # fmt: skip
def test_what_is_not_globally_reachable_is_refused(make_guard: MakeGuard, host: str) -> None:
    assert reason_for(make_guard, f"https://{host}/") == "address"


@pytest.mark.parametrize("url", [
    "https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/",
    "https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/",
    "https://example.com:80@127.0.0.1:80/", "https://a@b@example.com/",
])  # fmt: skip
def test_credentials_are_refused(make_guard: MakeGuard, url: str) -> None:
    assert reason_for(make_guard, url) == "credentials"


@pytest.mark.parametrize("url", [
    "ftp://example.com/", "file://example.com/etc/passwd", "gopher://example.com:70/_x",
    "dict://example.com:11211/", "ldap://example.com/", "jar://example.com/", "ws://example.com/",
    "unix://example.com/", "httpS+unix://example.com/",
])  # fmt: skip
def test_schemes_are_refused(make_guard: MakeGuard, url: str) -> None:
    assert reason_for(make_guard, url) == "scheme"


@pytest.mark.parametrize("url", [
    "", "example.com", "//example.com", "/path", "https:/example.com", "https:example.com",
    "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd?", "https:\\\\example.com\\",
    "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/", "https://exa mple.com/",
    " https://example.com/", "https://example.com/ ", "https://example.com/\r\nHost: x",
    "https://example.com/\x00", "https://exam\tple.com/", "https://example.com/a b",
    "https://example.com\u3000/", "https://ex\u00adample.com/", "https://\u200bexample.com/",
    "https://[::1/", "https://::1/", "https://[::1]x/", "https://[[::1]]/", "https://[]x:80/",
    "https://example.com:80:80/", "https://example.com:8a/", "https://example.com:-1/",
    "https://example.com:٨٠/", "https://example.com:123456/", "https://ex[ample].com/",
    "https://example.com/\ud800", "1https://example.com/", "https://" + "a" * 9000,
])  # fmt: skip
def test_malformed_urls_are_refused(make_guard: MakeGuard, names: Names, url: str) -> None:
    assert reason_for(make_guard, url) in {"malformed", "host", "scheme"}
    assert names.asked == []


@pytest.mark.parametrize("url", [
    "https:///path", "https://./", "https://..", "https://example..com/", "https://.example.com/",
    "https://example.com../", "https://%31%32%37.0.0.1/", "https://example.com%2f@x/",
    "https://exa%00mple.com/", "https://-a.com/", "https://a-.com/", "https://a,b.com/",
    "https://a;b.com/", "https://a'b.com/", "https://*.example.com/", "https://[v1.x]/",
    "https://[::g]/", "https://[127.0.0.1]/", "https://[]/", f"https://{'a' * 64}.com/",
    f"https://{'a.' * 130}com/", "https://xn--a\ud800.com/", "https://ex\u0338ample.\u0660/",
    "https://\u2488.example/", "https://a\u2024b..com/",
])  # fmt: skip
def test_hosts_that_are_none_are_refused(make_guard: MakeGuard, names: Names, url: str) -> None:
    assert reason_for(make_guard, url) in {"host", "malformed", "credentials"}
    assert names.asked == []


@pytest.mark.parametrize("url", ["https://example.com:0/", "https://example.com:65536/"])
def test_ports_out_of_range_are_refused(make_guard: MakeGuard, url: str) -> None:
    assert reason_for(make_guard, url) == "port"


@pytest.mark.parametrize("url", [None, b"https://example.com/", 3, ["https://example.com/"]])
def test_what_is_not_text_is_refused(make_guard: MakeGuard, url: object) -> None:
    assert reason_for(make_guard, url) == "malformed"  # ty: ignore[invalid-argument-type]


# --- The whole space ----------------------------------------------------------------------------

ANY_HOST = st.text(alphabet="0123456789abcfx.:[]%@/\\-_ ①１。é", max_size=24)


@given(ANY_HOST)
def test_any_host_is_read_in_one_way_or_refused(host: str) -> None:
    with contextlib.suppress(SSRFViolation):
        read = canonical_host(host)
        again = f"[{read}]" if ":" in read else read
        assert canonical_host(again) == read
        assert read.isascii()
        assert not set(read) & set("/\\@%[] ")


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        with contextlib.suppress(SSRFViolation):
            parsed = parse_url(url)
            assert parsed.resource.isascii()
            assert parsed.resource.startswith("/")
