"""Origins are compared as text, in one spelling."""

import pytest
from flasgo_security.origins import TrustedOrigins, parse_origin, referer_origin
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.COM:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("https://example.com:0443", "https://example.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://[2001:db8:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://[::1]", "https://[::1]"),
        ("null", None),
        ("", None),
        ("https://", None),
        ("example.com", None),
        ("ftp://example.com", None),
        ("javascript://example.com", None),
        ("https://example.com/", None),
        ("https://example.com/path", None),
        ("https://user@example.com", None),
        ("https://example.com https://evil.example", None),
        ("https://example.com\nhttps://evil.example", None),
        ("https://" + "a" * 400, None),
    ],
)
def test_parse_origin(value, origin):
    assert parse_origin(value) == origin


@pytest.mark.parametrize(
    ("referer", "origin"),
    [
        ("https://example.com/page?x=1#y", "https://example.com"),
        ("https://example.com?x", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("https://example.com\\@evil.example/", None),
        ("https://example.com@evil.example/", None),
        ("about:blank", None),
        ("//example.com/", None),
        ("https:///example.com", None),
        ("https://example.com/" + "a" * 5000, "https://example.com"),
    ],
)
def test_referer_origin(referer, origin):
    assert referer_origin(referer) == origin


def test_trusted_origins_match_exactly_or_by_subdomain():
    trusted = TrustedOrigins(["https://a.example", "https://*.b.example", "http://*.c.example:81"])
    allowed = ["https://a.example", "https://x.b.example", "https://x.y.b.example",
               "http://x.c.example:81"]  # fmt: skip
    refused = ["http://a.example", "https://a.example:444", "https://x.a.example",
               "https://b.example", "https://xb.example", "http://x.b.example",
               "http://x.c.example", "https://a.example.evil.net"]  # fmt: skip
    assert all(map(trusted.allows, allowed))
    assert not any(map(trusted.allows, refused))


@pytest.mark.parametrize(
    "pattern", ["example.com", "*", "https://*", "https://a.example/", "null", "https://*.*.a.b"]
)
def test_a_wrong_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match="is not an origin"):
        TrustedOrigins([pattern])


@given(st.text(max_size=60))
def test_what_parses_is_canonical(value):
    origin = parse_origin(value)
    if origin is not None:
        assert parse_origin(origin) == origin
