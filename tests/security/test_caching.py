"""What depends on a cookie stays out of shared caches."""

import pytest
from flasgo import Response
from flasgo_security.caching import PrivateCaching, private_cache_control


@pytest.mark.parametrize(
    ("value", "private"),
    [
        ("", "private"),
        ("no-store", "no-store"),
        ("private", "private"),
        ("public", "private"),
        ("public, max-age=60", "private, max-age=60"),
        ("Public, S-MaxAge=60, max-age=5", "private, max-age=5"),
        ("max-age=60", "private, max-age=60"),
        ("private, max-age=60", "private, max-age=60"),
        ("max-age=60, NO-STORE", "max-age=60, NO-STORE"),
        ('private="x-name", max-age=60', 'private, private="x-name", max-age=60'),
        ("proxy-revalidate, must-revalidate", "private, must-revalidate"),
        ("no-store, public", "no-store"),
        (" , ", "private"),
    ],
)
def test_private_cache_control(value, private):
    assert private_cache_control(value) == private


def test_several_headers_become_one():
    response = Response("x", headers=[("cache-control", "public"), ("cache-control", "max-age=9")])
    PrivateCaching("no-store").apply(response)
    assert response.headers.getlist("cache-control") == ["private, max-age=9"]
    assert response.headers["vary"] == "Cookie"


@pytest.mark.parametrize("name", ["CDN-Cache-Control", "Surrogate-Control"])
@pytest.mark.parametrize("own", [{}, {"cache-control": "max-age=9"}])
def test_what_speaks_to_cdns_alone_is_silenced(name, own):
    """RFC 9213: such a header overrules Cache-Control where it matters most."""
    response = Response("x", headers={name: "max-age=3600", **own})
    for _ in range(2):
        PrivateCaching("no-store").apply(response)
    assert response.headers.getlist(name) == ["no-store"]
    assert response.headers["vary"] == "Cookie"
    assert "max-age=3600" not in response.headers["cache-control"]


def test_vary_is_added_to_once():
    response = Response("x", headers={"vary": "Accept"})
    PrivateCaching("no-store").apply(response)
    PrivateCaching("no-store").apply(response)
    assert response.headers["vary"] == "Accept, Cookie"
    assert response.headers["cache-control"] == "no-store"
