"""Header lists: what is read from a request, what may be written to a response."""

import string

import pytest
from flasgo.errors import HTTPException
from flasgo.http.headers import HeaderBlock, Headers, MutableHeaders, encode_header, read_head
from hypothesis import given, strategies as st

TOKENS = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=20)
LIMIT = 1000


# --- read_head ----------------------------------------------------------------------------------


def test_the_head_is_indexed_by_name() -> None:
    assert read_head([(b"host", b"a"), (b"x", b"y")], LIMIT) == {b"host": b"a", b"x": b"y"}
    assert read_head([], LIMIT) == {}


def test_the_first_of_repeated_headers_counts() -> None:
    head = read_head([(b"x", b"1"), (b"host", b"a"), (b"x", b"2")], LIMIT)
    assert head == {b"x": b"1", b"host": b"a"}


@pytest.mark.parametrize("name", [b"host", b"authorization", b"content-length", b"content-type"])
@pytest.mark.parametrize("second", [b"other", b"same"])
def test_a_repeated_singleton_is_refused(name: bytes, second: bytes) -> None:
    with pytest.raises(HTTPException) as caught:
        read_head([(name, b"same"), (b"x", b"1"), (name, second)], LIMIT)
    assert caught.value.status_code == 400
    assert name.decode().title() in caught.value.detail


def test_a_repeated_singleton_is_refused_in_any_case() -> None:
    with pytest.raises(HTTPException) as caught:
        read_head([(b"Host", b"a"), (b"x", b"1"), (b"x", b"2"), (b"host", b"b")], LIMIT)
    assert caught.value.status_code == 400


def test_underscore_and_hyphen_are_different_names() -> None:
    head = read_head([(b"content-length", b"1"), (b"content_length", b"2")], LIMIT)
    assert head[b"content-length"] == b"1"
    assert head[b"content_length"] == b"2"


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x", b"v" * LIMIT)],
        [(b"n" * LIMIT, b"v")],
        [(b"%d" % n, b"") for n in range(LIMIT)],
        [(b"x", b"v" * 99)] * 11,
        [(b"host", b"v" * 600), (b"x", b"v" * 600)],
    ],
    ids=["value", "name", "many", "repeated", "sum"],
)
def test_a_large_head_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(HTTPException) as caught:
        read_head(headers, LIMIT)
    assert caught.value.status_code == 431
    assert str(LIMIT) in caught.value.detail


@pytest.mark.parametrize(
    "headers", [[(b"x", b"v" * (LIMIT - 1))], [(b"x", b"v" * (LIMIT // 2 - 1))] * 2]
)
def test_a_head_of_exactly_the_limit_passes(headers: list[tuple[bytes, bytes]]) -> None:
    assert b"x" in read_head(headers, LIMIT)


# Names of up to three bytes: singletons that repeat have tests of their own.
@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=5)), max_size=12))
def test_any_head_is_read_or_refused(headers: list[tuple[bytes, bytes]]) -> None:
    size = sum(len(name) + len(value) for name, value in headers)
    if size > 40:
        with pytest.raises(HTTPException) as caught:
            read_head(headers, 40)
        assert caught.value.status_code == 431
    else:
        head = read_head(headers, 40)
        assert {name.lower() for name in head} == {name.lower() for name, _ in headers}


# --- Headers ------------------------------------------------------------------------------------

RAW = [(b"host", b"example.com"), (b"accept", b"a"), (b"accept", b"b"), (b"x-name", b"caf\xe9")]


def test_reading_headers() -> None:
    headers = Headers(RAW)
    assert headers["Host"] == "example.com"
    assert headers["ACCEPT"] == "a"
    assert headers.get("accept") == "a"
    assert headers.getlist("Accept") == ["a", "b"]
    assert headers["x-name"] == "café"
    assert "hOsT" in headers
    assert headers.raw is RAW


@pytest.mark.parametrize("name", ["missing", "", "x_name", "é", "日本", "host\r\n"])
def test_an_absent_header(name: str) -> None:
    headers = Headers(RAW)
    assert name not in headers
    assert headers.get(name) is None
    assert headers.get(name, "d") == "d"
    assert headers.getlist(name) == []
    with pytest.raises(KeyError):
        headers[name]


def test_headers_as_a_mapping() -> None:
    headers = Headers(RAW)
    assert headers.keys() == ["host", "accept", "x-name"]
    assert list(headers) == headers.keys()
    assert len(headers) == 3
    assert headers.items()[1:3] == [("accept", "a"), ("accept", "b")]
    assert headers.values() == ["example.com", "a", "b", "café"]
    assert dict(headers) == {"host": "example.com", "accept": "a", "x-name": "café"}
    assert 1 not in headers
    assert headers == Headers(list(RAW))
    assert headers != Headers([])
    assert headers != {}


def test_headers_know_the_head_that_was_read() -> None:
    headers = Headers(RAW, read_head(RAW, LIMIT))
    assert headers["accept"] == "a"
    assert headers.getlist("accept") == ["a", "b"]


def test_headers_do_not_show_values_in_logs() -> None:
    assert "secret" not in repr(Headers([(b"authorization", b"secret")]))
    assert "authorization" in repr(Headers([(b"authorization", b"secret")]))


# --- encoding -----------------------------------------------------------------------------------

BAD_NAMES = ["", "a b", "a:", "a\r", "a\nb", "a\x00", "é", "a(b)", "a/b", '"a"', " a", "a ", "日"]
BAD_VALUES = ["a\r\nb", "a\rb", "a\nb", "\n", "a\x00", "\x7f", "\x1b[0m", "a\x0bb", "日本"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed"):
        encode_header(name, "value")


@pytest.mark.parametrize("value", BAD_VALUES)
def test_bad_values_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"'x-name' contains"):
        encode_header("x-name", value)


@pytest.mark.parametrize(
    ("name", "value"), [("x", 1), ("x", None), ("x", b"v"), (b"x", "v"), (None, "v"), ("x", ["v"])]
)
def test_names_and_values_are_text(name: object, value: object) -> None:
    with pytest.raises(TypeError, match=r"str"):
        encode_header(name, value)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("plain", b"plain"),
        ("", b""),
        ("  around\t", b"around"),
        ("tab\tinside", b"tab\tinside"),
        ("café", b"caf\xe9"),
        ('a, b; c="d"', b'a, b; c="d"'),
    ],
)
def test_values_are_encoded(value: str, encoded: bytes) -> None:
    assert encode_header("X-Name", value) == (b"x-name", encoded)


@given(TOKENS, st.text(max_size=30))
def test_nothing_that_splits_a_header_gets_through(name: str, value: str) -> None:
    try:
        encoded = encode_header(name, value)
    except ValueError:
        return
    assert not set(b"\r\n\x00") & set(encoded[0] + encoded[1])
    assert encoded[1].decode("latin-1") == value.strip(" \t")


# --- MutableHeaders -----------------------------------------------------------------------------


def mutable(*pairs: tuple[str, str]) -> MutableHeaders:
    headers = MutableHeaders([])
    for name, value in pairs:
        headers.add(name, value)
    return headers


def test_setting_replaces_all_of_the_name() -> None:
    headers = mutable(("a", "1"), ("b", "2"), ("A", "3"), ("c", "4"))
    headers["A"] = "new"
    assert headers.items() == [("a", "new"), ("b", "2"), ("c", "4")]


def test_adding_keeps_what_is_there() -> None:
    headers = mutable(("set-cookie", "a=1"), ("Set-Cookie", "b=2"))
    assert headers.getlist("SET-COOKIE") == ["a=1", "b=2"]


def test_deleting() -> None:
    headers = mutable(("a", "1"), ("b", "2"), ("a", "3"))
    del headers["A"]
    assert headers.items() == [("b", "2")]
    with pytest.raises(KeyError):
        del headers["a"]


def test_setdefault_and_pop() -> None:
    headers = mutable(("a", "1"))
    assert headers.setdefault("A", "2") == "1"
    assert headers.setdefault("b", "2") == "2"
    assert headers.pop("a") == "1"
    assert headers.pop("a") is None
    assert headers.pop("a", "d") == "d"
    assert headers.items() == [("b", "2")]


@pytest.mark.parametrize(
    "more",
    [
        {"A": "2", "c": "3"},
        [("A", "2"), ("c", "3")],
        Headers([(b"a", b"2"), (b"c", b"3")]),
        mutable(("a", "2"), ("c", "3")),
    ],
    ids=["dict", "pairs", "Headers", "MutableHeaders"],
)
def test_update(more: dict[str, str]) -> None:
    headers = mutable(("a", "1"), ("b", "1"))
    headers.update(more)
    assert headers.items() == [("a", "2"), ("b", "1"), ("c", "3")]


def test_update_keeps_repeats_among_the_new_ones() -> None:
    headers = mutable(("link", "old"))
    headers.update([("Link", "1"), ("link", "2")])
    assert headers.getlist("link") == ["1", "2"]


def test_update_refuses_text() -> None:
    with pytest.raises(TypeError, match="pairs"):
        mutable().update("a: b")  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_every_door_is_guarded(value: str) -> None:
    headers = mutable(("a", "1"))
    before = headers.raw
    for attempt in (
        lambda: headers.__setitem__("a", value),
        lambda: headers.__setitem__("new", value),
        lambda: headers.add("a", value),
        lambda: headers.setdefault("new", value),
        lambda: headers.update({"new": value}),
        lambda: headers.add_vary(value),
        lambda: HeaderBlock({"new": value}),
    ):
        with pytest.raises(ValueError, match="contains"):
            attempt()
    assert headers.raw == before


@pytest.mark.parametrize("name", BAD_NAMES)
def test_every_door_is_guarded_against_names(name: str) -> None:
    headers = mutable()
    for attempt in (
        lambda: headers.__setitem__(name, "v"),
        lambda: headers.add(name, "v"),
        lambda: headers.setdefault(name, "v"),
        lambda: headers.update([(name, "v")]),
        lambda: HeaderBlock([(name, "v")]),
    ):
        with pytest.raises(ValueError, match="not allowed"):
            attempt()
    assert headers.raw == ()


def test_raw_is_a_copy() -> None:
    headers = mutable(("a", "1"))
    assert headers.raw == ((b"a", b"1"),)
    assert isinstance(headers.raw, tuple)


def test_there_is_one_content_length() -> None:
    headers = mutable(("content-length", "1"))
    headers.add("Content-Length", "2")
    assert headers.getlist("content-length") == ["2"]


@pytest.mark.parametrize(
    ("present", "names", "expected"),
    [
        ([], ["Cookie"], "Cookie"),
        (["Origin"], ["Cookie"], "Origin, Cookie"),
        (["Origin"], ["origin", "Cookie", "Cookie"], "Origin, Cookie"),
        (["Origin, Cookie"], ["cookie"], "Origin, Cookie"),
        (["Origin", "Accept"], ["Cookie"], "Origin, Accept, Cookie"),
        (["*"], ["Cookie"], "*"),
        ([""], ["Cookie"], "Cookie"),
    ],
)
def test_vary_is_merged(present: list[str], names: list[str], expected: str) -> None:
    headers = mutable(*[("vary", value) for value in present])
    headers.add_vary(*names)
    assert headers.getlist("vary") == [expected]


# --- HeaderBlock --------------------------------------------------------------------------------


def test_a_block_is_encoded_once() -> None:
    block = HeaderBlock({"X-A": "1", "X-B": "2"})
    assert block.pairs == ((b"x-a", b"1"), (b"x-b", b"2"))
    assert block.names == {b"x-a", b"x-b"}
    assert len(block) == 2
    assert "x-a" in repr(block)


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], [("a", "1"), ("b", "2")]),
        ([("c", "3")], [("c", "3"), ("a", "1"), ("b", "2")]),
        ([("A", "own")], [("a", "own"), ("b", "2")]),
        ([("c", "3"), ("b", "own")], [("c", "3"), ("b", "own"), ("a", "1")]),
        ([("a", "x"), ("b", "y")], [("a", "x"), ("b", "y")]),
    ],
)
def test_filling_keeps_what_is_there(
    present: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    headers = mutable(*present)
    headers.fill(HeaderBlock({"a": "1", "b": "2"}))
    assert headers.items() == expected


def test_a_block_may_repeat_a_name() -> None:
    headers = mutable()
    headers.fill(HeaderBlock([("link", "1"), ("link", "2")]))
    assert headers.getlist("link") == ["1", "2"]
    headers.fill(HeaderBlock([("link", "3"), ("x", "1")]))
    assert headers.items() == [("link", "1"), ("link", "2"), ("x", "1")]


def test_a_block_cannot_hold_a_length() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        HeaderBlock({"Content-Length": "1"})
