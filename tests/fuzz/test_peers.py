"""Flasgo reads what Werkzeug and Starlette read, but for differences that are listed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from flasgo.http.filenames import sanitize_filename
from hypothesis import given, strategies as st

from .peers import (
    BOUNDARY,
    COOKIES,
    MULTIPART_FORMS,
    QUERIES,
    REFUSED,
    TABLE,
    URLENCODED,
    URLENCODED_FORMS,
    Difference,
    or_refused,
    our_cookies,
    our_form,
    our_query,
    starlette_cookies,
    starlette_form,
    starlette_query,
    werkzeug_cookies,
    werkzeug_form,
    werkzeug_query,
)
from .profile import bounded

Reader = Callable[[bytes], object]
READERS: dict[str, tuple[Reader, Reader, Reader]] = {
    "Cookies": (our_cookies, werkzeug_cookies, starlette_cookies),
    "Queries": (our_query, werkzeug_query, starlette_query),
    "URL-encoded forms": (
        partial(our_form, kind=URLENCODED),
        partial(werkzeug_form, kind=URLENCODED),
        partial(starlette_form, kind=URLENCODED),
    ),
    "Multipart forms": (our_form, werkzeug_form, starlette_form),
}
# The others leave it to the garbage collector to close the files of a form.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EVERY = [
    pytest.param(kind, difference, id=f"{kind}: {difference.what}")
    for kind, differences in TABLE.items()
    for difference in differences
]


@pytest.mark.parametrize(("kind", "difference"), EVERY)
def test_each_difference_is_as_listed(kind: str, difference: Difference) -> None:
    found = [or_refused(reader, difference.data) for reader in READERS[kind]]
    assert found == [difference.ours, difference.werkzeug, difference.starlette]


def by_name(found: object) -> object:
    """Sanitise file names, and sort by name: Werkzeug keeps no other order."""
    if isinstance(found, dict):
        files = [[name, sanitize_filename(file or ""), text] for name, file, text in found["files"]]
        return [by_name(found["fields"]), by_name(files)]
    return sorted(found, key=lambda pair: str(pair[0])) if isinstance(found, list) else found


def agree(kind: str, data: bytes, differences: list[Difference]) -> None:
    """Fail when the three differ in some data, and no difference on the list explains it."""
    ours, *others = (or_refused(reader, data) for reader in READERS[kind])
    if any(by_name(other) != by_name(ours) for other in others):
        assert any(difference.explains(data) for difference in differences), (ours, *others)


def pieces(*tokens: bytes) -> st.SearchStrategy[bytes]:
    return st.lists(
        st.sampled_from(tokens) | st.text("abc%+= \t", max_size=4).map(str.encode), max_size=10
    ).map(b"".join)


COOKIE_HEADERS = pieces(
    *(b"a=1", b"; ", b";", b"b=2", b'"', b"\\", b"=", b",", b"%20", b"\x0b", b"\xc3\xa9", b"\xe9"),
    *(b"$Version=1", b"session=", b"x.y-z", b'c="q r"', b"\xc2\xa0", b"\x00", b"{}"),
)
QUERY_STRINGS = pieces(
    *(b"a=1", b"&", b"&&", b"=", b";", b"+", b"%2B", b"%26", b"%3d", b"%", b"%C3%A9", b"%e9"),
    *(b"%ED%A0%80", b"%00", b"\xc3\xa9", b"[]", b"%u0041", b"%zz", b"#", b"a[0]=x", b"%25"),
)


@bounded(250)
@given(data=COOKIE_HEADERS)
def test_cookies(data: bytes) -> None:
    agree("Cookies", data, COOKIES)


@bounded(250)
@given(data=QUERY_STRINGS)
def test_queries(data: bytes) -> None:
    agree("Queries", data, QUERIES)


@bounded(150)
@given(data=QUERY_STRINGS)
def test_urlencoded_forms(data: bytes) -> None:
    kind = "URL-encoded forms"
    if or_refused(READERS[kind][0], data) != REFUSED:  # what is not UTF-8; see the table
        agree(kind, data, URLENCODED_FORMS)


# --- Multipart ---------------------------------------------------------------------------------

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\r\n%\x00', exclude_categories=["Cc"]),
    min_size=1,
    max_size=8,
)
CONTENTS = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"\r\n--", BOUNDARY[:4].encode(), b"a=1", b""])
    | st.text(max_size=5).map(str.encode),
    max_size=6,
).map(b"".join)
TYPES = st.sampled_from(["", "Content-Type: text/plain\r\n", "content-type: image/png\r\n"])
PARTS = st.tuples(NAMES, st.none() | NAMES, TYPES, CONTENTS)


def written(parts: list[tuple[str, str | None, str, bytes]]) -> bytes:
    """Write a form as browsers do."""
    out = b""
    for name, filename, kind, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{kind}\r\n'
        out += head.encode() + content + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


@bounded(150)
@given(parts=st.lists(PARTS, max_size=4))
def test_forms_of_browsers_are_read_alike(
    parts: list[tuple[str, str | None, str, bytes]],
) -> None:
    data = written(parts)
    ours = our_form(data)
    assert by_name(werkzeug_form(data)) == by_name(starlette_form(data)) == by_name(ours)
    assert [content for _, _, content in ours["files"]] == [
        content.decode("latin-1") for _, filename, _, content in parts if filename is not None
    ]


@bounded(150)
@given(
    parts=st.lists(PARTS, min_size=1, max_size=2),
    where=st.integers(0, 200),
    cut=st.integers(0, 3),
    put=st.sampled_from(
        [
            b"",
            b"\r\n",
            b"\n",
            b"\r",
            b'"',
            b";",
            b"\\",
            b"=",
            b":",
            b" ",
            b"--",
            b"*",
            b"%",
            b"\x00",
        ]
    ),
)
def test_what_is_taken_is_read_alike(
    parts: list[tuple[str, str | None, str, bytes]], where: int, cut: int, put: bytes
) -> None:
    """Of forms with a fault, those that are taken mean what they mean to the others."""
    data = written(parts)
    where %= len(data)
    data = data[:where] + put + data[where + cut :]
    ours = or_refused(our_form, data)
    if ours == REFUSED or any(difference.explains(data) for difference in MULTIPART_FORMS):
        return
    for reader in (werkzeug_form, starlette_form):
        other = or_refused(reader, data)
        assert other == REFUSED or by_name(other) == by_name(ours), (data, ours, other)


def test_the_table_of_the_page_has_each_difference() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reliability.md").read_text()
    for kind, differences in TABLE.items():
        for difference in differences:
            assert f"| {difference.what} |" in page, (kind, difference.what)
