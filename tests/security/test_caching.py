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


def test_vary_is_added_to_once():
    response = Response("x", headers={"vary": "Accept"})
    PrivateCaching("no-store").apply(response)
    PrivateCaching("no-store").apply(response)
    assert response.headers["vary"] == "Accept, Cookie"
    assert response.headers["cache-control"] == "no-store"
