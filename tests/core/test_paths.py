"""What a raw path gives away that the decoded one hides (CORE-4)."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from flasgo import Route
from flasgo.requests.target import path_fault
from flasgo.routing import Router
from hypothesis import given, strategies as st


def route(rule: str) -> Route:
    """Return a route that a router has taken."""
    made = Route(rule, lambda **rest: None, endpoint="x")
    Router().add(made)
    return made


def fault(raw: bytes | None, path: str = "/", rule: str | None = None) -> int | None:
    error = path_fault({"path": path, "raw_path": raw}, route(rule) if rule else None)
    return None if error is None else error.status_code


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/", None),
        (b"/a%20b", None),
        (b"/%C3%A9", None),
        (b"/%c3%a9", None),
        (b"/%", 400),
        (b"/%1", 400),
        (b"/%zz", 400),
        (b"/%%20", 400),
        (b"/a%", 400),
        (b"/%ff", 400),
        (b"/%C3", 400),
        (b"/\xff", 400),
        (b"/%ed%a0%80", 400),
        (b"/%c0%af", 400),
        (b"/a%2Fb", None),
    ],
)
def test_malformed_paths(raw: bytes, expected: int | None) -> None:
    assert fault(raw) == expected


@pytest.mark.parametrize("raw", [b"/a%2Fb", b"/a%2fb", b"/a%5Cb", b"/a%5cb"])
def test_encoded_slashes_need_a_rule_that_spans_segments(raw: bytes) -> None:
    assert fault(raw, rule="/<name>") == 404
    assert fault(raw, rule="/<path:name>") is None


def test_without_a_raw_path_the_decoded_one_is_looked_at() -> None:
    assert fault(None, "/é") is None
    assert fault(None, "/\udcff") == 400


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_encoded_well_has_no_fault(text: str) -> None:
    path = f"/{text}"
    raw = quote(path).encode()
    assert unquote(raw.decode()) == path
    assert fault(raw, path) is None
