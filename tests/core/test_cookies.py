"""Cookies: any junk can be read, only what browsers understand is written."""

import math
from datetime import UTC, datetime, timedelta, timezone
from http.cookies import SimpleCookie

import pytest
from flasgo.http.cookies import format_set_cookie, parse_cookies
from hypothesis import given, strategies as st

# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        (b"", []),
        (b"a=1", [("a", "1")]),
        (b"a=1; b=2", [("a", "1"), ("b", "2")]),
        (b"a=1;b=2", [("a", "1"), ("b", "2")]),
        (b" a = 1 ;\tb\t=\t2 ", [("a", "1"), ("b", "2")]),
        (b"a=", [("a", "")]),
        (b"a=b=c", [("a", "b=c")]),
        (b'a="quoted"', [("a", "quoted")]),
        (b'a="', [("a", '"')]),
        (b'a=""', [("a", "")]),
        (b'a="x; b=2', [("a", '"x'), ("b", "2")]),
        (b'a="x; b=2; c="', [("a", '"x'), ("b", "2"), ("c", '"')]),
        (b"novalue", []),
        (b"=value", []),
        (b"; ; ;", []),
        (b"=__Host-sid=evil", []),
        (b"$Version=1; a=1; $Path=/", [("$Version", "1"), ("a", "1"), ("$Path", "/")]),
        (b"a=1, b=2", [("a", "1, b=2")]),
        ("a=é".encode(), [("a", "é")]),
        (b"a=\xff", [("a", "\ufffd")]),
        (b"a=%20", [("a", "%20")]),
    ],
)
def test_parsing(header: bytes, pairs: list[tuple[str, str]]) -> None:
    assert parse_cookies(header).multi_items() == pairs


def test_the_first_of_a_repeated_cookie_counts() -> None:
    cookies = parse_cookies(b"sid=1; sid=2")
    assert cookies["sid"] == "1"
    assert cookies.getlist("sid") == ["1", "2"]


@pytest.mark.parametrize("space", ["\u2000", "\u00a0", "\u3000", "\x0b", "\x0c", "\x1c", "\x85"])
def test_exotic_white_space_never_makes_a_prefixed_cookie(space: str) -> None:
    cookies = parse_cookies(f"{space}__Host-sid=evil; a=1".encode())
    assert "__Host-sid" not in cookies
    assert cookies["a"] == "1"


def test_the_number_of_cookies_is_bounded() -> None:
    assert len(parse_cookies(b"; ".join(b"c%d=1" % n for n in range(5000)))) == 1000


@given(st.binary(max_size=200))
def test_no_junk_raises(header: bytes) -> None:
    for name, value in parse_cookies(header).multi_items():
        assert name
        assert ";" not in name + value


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "n=v; Path=/; HttpOnly; SameSite=Lax"),
        ({"path": None, "httponly": False, "samesite": None}, "n=v"),
        ({"path": "/app"}, "n=v; Path=/app; HttpOnly; SameSite=Lax"),
        ({"max_age": 60}, "n=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"),
        ({"max_age": 0}, "n=v; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        ({"max_age": -1}, "n=v; Max-Age=-1; Path=/; HttpOnly; SameSite=Lax"),
        ({"domain": "example.com"}, "n=v; Domain=example.com; Path=/; HttpOnly; SameSite=Lax"),
        ({"domain": ".example.com"}, "n=v; Domain=.example.com; Path=/; HttpOnly; SameSite=Lax"),
        ({"secure": True, "samesite": "none"}, "n=v; Path=/; Secure; HttpOnly; SameSite=None"),
        ({"samesite": "STRICT"}, "n=v; Path=/; HttpOnly; SameSite=Strict"),
        (
            {"secure": True, "partitioned": True},
            "n=v; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned",
        ),
    ],
)
def test_attributes(options: dict[str, object], expected: str) -> None:
    assert format_set_cookie("n", "v", **options) == expected  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("expires", "shown"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (784111777.9, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (datetime(1994, 11, 6, 8, 49, 37), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (
            datetime(1994, 11, 6, 10, 49, 37, tzinfo=timezone(timedelta(hours=2))),
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
    ],
)
def test_expiry(expires: datetime | int, shown: str) -> None:
    assert f"Expires={shown};" in format_set_cookie("n", "v", expires=expires)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a,b", "é", "a\r\nb", "a\x00", '"a"'])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="Cookie name"):
        format_set_cookie(name, "v")


@pytest.mark.parametrize(
    "value",
    ["a b", "a;b", "a,b", 'a"b', "a\\b", "é", "a\r\nSet-Cookie: x=y", "\x00", "\x7f", '"', 'a"'],
)
def test_bad_values(value: str) -> None:
    with pytest.raises(ValueError, match=r"value of cookie 'n'"):
        format_set_cookie("n", value)


@pytest.mark.parametrize("value", ["", "a", "a=b", '"quoted"', "a.b-c_d~e", "!#$%&'()*+-./:<>?@[]"])
def test_good_values(value: str) -> None:
    cookie = format_set_cookie("n", value)
    assert cookie.startswith(f"n={value};")


BAD_ATTRIBUTES = [
    {"path": "relative"},
    {"path": ""},
    {"path": "/a;b"},
    {"path": "/a\r\nb"},
    {"path": "/\x00"},
    {"path": "/é"},
    {"domain": ""},
    {"domain": "a;b"},
    {"domain": "a\nb"},
    {"domain": "a b"},
    {"domain": "exämple.com"},
    {"domain": "example.com:80"},
    {"samesite": "Laxx"},
    {"samesite": ""},
    {"samesite": True},
    {"samesite": "None"},
    {"partitioned": True},
    {"expires": 10**20},
    {"expires": math.nan},
    {"expires": math.inf},
]


@pytest.mark.parametrize("options", BAD_ATTRIBUTES, ids=repr)
def test_bad_attributes(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Cookie 'n'"):
        format_set_cookie("n", "v", **options)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    "options",
    [
        {"max_age": "60"},
        {"max_age": 1.5},
        {"max_age": True},
        {"expires": "tomorrow"},
        {"expires": True},
        {"value": 1},
        {"value": b"v"},
    ],
    ids=repr,
)
def test_wrong_types(options: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="'n'"):
        format_set_cookie("n", **options)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("name", ["__Host-sid", "__host-sid", "__HOST-sid"])
@pytest.mark.parametrize(
    "options",
    [{}, {"secure": True, "path": "/a"}, {"secure": True, "domain": "a.b"}, {"path": None}],
    ids=repr,
)
def test_the_host_prefix_is_kept_honest(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="__Host-"):
        format_set_cookie(name, "v", **options)  # ty: ignore[invalid-argument-type]


def test_the_secure_prefix_is_kept_honest() -> None:
    with pytest.raises(ValueError, match="__Secure-"):
        format_set_cookie("__Secure-sid", "v")
    assert format_set_cookie("__Secure-sid", "v", secure=True, domain="a.b", path="/x")
    assert format_set_cookie("__Host-sid", "v", secure=True)


def test_a_cookie_too_large_for_browsers_is_refused() -> None:
    attributes = len(format_set_cookie("n", max_age=60))
    largest = format_set_cookie("n", "v" * (4096 - attributes), max_age=60)
    assert len(largest) == 4096
    with pytest.raises(ValueError, match="4096"):
        format_set_cookie("n", "v" * (4097 - attributes), max_age=60)
    with pytest.raises(ValueError, match="4096"):
        format_set_cookie("n", path="/" + "p" * 4096)


@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.one_of(st.none(), st.text(max_size=10).map("/".__add__)),
    st.one_of(st.none(), st.text(max_size=10)),
)
def test_a_cookie_is_refused_or_read_back(
    name: str, value: str, path: str | None, domain: str | None
) -> None:
    try:
        cookie = format_set_cookie(name, value, path=path, domain=domain)
    except ValueError:
        return
    assert cookie.isascii()
    assert cookie.isprintable()
    sent = cookie.partition(";")[0]
    assert parse_cookies(sent.encode())[name] == value.strip('"')
    assert cookie.count(";") == 2 + (path is not None) + (domain is not None)


def test_the_standard_library_reads_it_too() -> None:
    jar = SimpleCookie(format_set_cookie("n", "v", max_age=5, domain="a.b", secure=True))
    assert jar["n"].value == "v"
    assert jar["n"]["max-age"] == "5"
    assert jar["n"]["domain"] == "a.b"
    assert jar["n"]["samesite"] == "Lax"
