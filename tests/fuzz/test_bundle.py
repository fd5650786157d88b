"""Whatever a client sends, the whole bundle answers below 500, hardened, and does not hang."""

from __future__ import annotations

import base64
import string
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from .conftest import SECRET_KEY, UNSENDABLE, Driver

bounded = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def sendable(data: bytes) -> bytes:
    """Leave out what every server refuses in a header."""
    for bad in UNSENDABLE:
        data = data.replace(bad, b"")
    return data.strip(b" \t")


def pieces_of(*tokens: str, junk: int = 12, most: int = 8) -> st.SearchStrategy[bytes]:
    """Values that are nearly right: tokens of the grammar, with anything in between."""
    known = st.sampled_from([token.encode() for token in tokens])
    other = st.binary(max_size=junk)
    return st.lists(known | other, max_size=most).map(b"".join).map(sendable)


ANY = st.binary(max_size=60).map(sendable)
HOSTS = pieces_of(
    "localhost", "a.example.com", "[::1]", "127.0.0.1", ":80", ":0", ":", ".", "..", "@", "%00",
    "[", "]", "xn--", "\x7f", ",", " ", "/", "\\", "#", "?", "*", "*.example.com", "evil",
)  # fmt: skip
ORIGINS = pieces_of(
    "http://", "https://", "localhost", "app.example.org", "a.example.org", "null", ":443", ":",
    "@", "/", "[::1]", ".evil", "*", ",", "%",
) | st.sampled_from([b"null", b"", b"http://localhost", b"https://app.example.org"])  # fmt: skip
TOKENS = st.text(string.ascii_letters + string.digits + ".-_=+/", max_size=90).map(str.encode)
COOKIES = pieces_of(
    "session=", "__Host-session=", "csrf=", "__Host-csrf=", "; ", ";", ",", '"', "=", "\\",
    "$Version", "eyJuIjoxfQ", ".aXQ", ".", "path=/", "\xe9", junk=40, most=14,
)  # fmt: skip
ADDRESSES = pieces_of(
    "10.0.0.1", "203.0.113.7", "::1", "[2001:db8::1]", ":80", "[", "]", ",", ", ", " ", "unknown",
    "_hidden", '"', "%eth0", "::ffff:10.0.0.1", "256.1.1.1", "for=", ";", "proto=https", "\t",
    most=14,
)  # fmt: skip
SMALL_TEXT = st.text(max_size=20)


# --- Cookies, hosts, CSRF, proxies ---------------------------------------------------------------


@bounded
@given(
    cookie=COOKIES,
    second=ANY,
    path=st.sampled_from([b"/", b"/session", b"/page", b"/private/session"]),
)
def test_cookies(driver: Driver, cookie: bytes, second: bytes, path: bytes) -> None:
    driver(path, headers=[(b"cookie", cookie), (b"cookie", second)])


def session_cookie(driver: Driver) -> bytes:
    answer = driver(b"/session", scheme="https")
    cookies = [value for name, value in answer.headers if name == b"set-cookie"]
    return next(value.partition(b";")[0] for value in cookies if b"session" in value)


@bounded
@given(data=st.data())
def test_sessions_with_bytes_changed(driver: Driver, data: st.DataObject) -> None:
    """Cut, doubled and altered cookies are an empty session; only the whole one counts on."""
    name, _, value = session_cookie(driver).partition(b"=")
    where = data.draw(st.integers(0, len(value)))
    length = data.draw(st.integers(0, 5))
    changed = value[:where] + data.draw(TOKENS)[:9] + value[where + length :]
    answer = driver(b"/session", headers=[(b"cookie", name + b"=" + changed)], scheme="https")
    assert msgspec.json.decode(answer.body)["n"] == (2 if changed == value else 1)


@bounded
@given(host=HOSTS, path=st.sampled_from([b"/", b"/page", b"/items/1/x", b"/search/", b"/nowhere"]))
@example(host=b"localhost:65536", path=b"/")
@example(host=b"[::1", path=b"/")
def test_hosts(driver: Driver, host: bytes, path: bytes) -> None:
    answer = driver(path, headers=[(b"host", host)])
    if answer.status == 200 and path == b"/":
        seen = msgspec.json.decode(answer.body)
        assert seen["host"].partition(":")[0] in {"localhost", "a.example.com", "["} or (
            seen["host"].split(":")[0].endswith(".example.com")
        )
        assert "@" not in seen["url"].partition("?")[0]


CSRF_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        b"origin": ORIGINS,
        b"referer": ORIGINS,
        b"sec-fetch-site": st.sampled_from([b"same-site", b"cross-site", b"none", b"", b"x"]) | ANY,
        b"sec-fetch-mode": ANY,
        b"x-csrf-token": TOKENS | ANY,
        b"cookie": COOKIES,
        b"content-type": pieces_of(
            "application/x-www-form-urlencoded", "; charset=", "utf-8", "a/b"
        ),
        b"host": HOSTS,
    },
)


@bounded
@given(
    headers=CSRF_HEADERS,
    method=st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "post", "QUERY"]),
    field=TOKENS,
)
def test_csrf_headers(
    driver: Driver, headers: dict[bytes, bytes], method: str, field: bytes
) -> None:
    """Nothing made up passes for a token; only the browser's own word does."""
    answer = driver(
        b"/form", method, list(headers.items()), [b"csrf_token=" + field.replace(b"+", b"%2B")]
    )
    if answer.status == 200:
        assert headers.get(b"sec-fetch-site", b"").lower() == b"same-origin"


@bounded
@given(
    chain=st.lists(ADDRESSES, max_size=4),
    proto=pieces_of("https", "http", ",", " ", "wss", "ftp"),
    other=ANY,
    peer=st.sampled_from(["192.0.2.1", "203.0.113.9", "", "::1", "fe80::1%eth0", "unix", None]),
)
@example(chain=[b"," * 5000], proto=b"https", other=b"", peer="192.0.2.1")
def test_forwarded_chains(
    driver: Driver, chain: list[bytes], proto: bytes, other: bytes, peer: str | None
) -> None:
    headers = [(b"x-forwarded-for", value) for value in chain]
    headers += [(b"x-forwarded-proto", proto), (b"x-forwarded-host", other), (b"forwarded", other)]
    client = None if peer is None else (peer, 1)
    answer = driver(b"/", headers=headers, client=client)
    if answer.status == 200:
        seen = msgspec.json.decode(answer.body)
        assert seen["scheme"] in {"http", "https"}
        if peer == "203.0.113.9":  # no proxy of ours: what it claims counts for nothing
            assert (seen["ip"], seen["scheme"]) == (peer, "http")


# --- Targets -------------------------------------------------------------------------------------


PATHS = pieces_of(
    "/", "//", "/.", "/..", "%2e%2e", "%2F", "%5c", "%00", "%", "%zz", "%C3%A4", "%ff", "items",
    "items/1/", "items/-1/a", "static", "static/a.txt", "private", "docs", ";", ":", "@", "%25",
    "items/99999999999999999999999/x", "a" * 300, most=10,
)  # fmt: skip
QUERIES = pieces_of(
    "q=", "n=", "f=", "many=", "&", "&&", "=", "%", "%zz", "%00", "+", "1", "-1", "1e999", "nan",
    "9" * 30, "%F0%9F%98%80", "%ED%A0%80", "[]", ";", "n=1&n=2", most=12,
)  # fmt: skip


@bounded
@given(
    path=PATHS, method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "TRACE", "CONNECT", "X"])
)
def test_paths(driver: Driver, path: bytes, method: str) -> None:
    driver(b"/" + path.replace(b"?", b""), method)


@bounded
@given(query=QUERIES, path=st.sampled_from([b"/", b"/search", b"/search/", b"/items/1/x"]))
@example(query=b"&".join([b"q=1"] * 2000), path=b"/search")
def test_queries(driver: Driver, query: bytes, path: bytes) -> None:
    driver(path + b"?" + query)


# --- Negotiation, ranges, conditions -------------------------------------------------------------


ACCEPTS = pieces_of(
    "text/html", "application/json", "application/problem+json", "*/*", "text/*", ";q=", "0.5",
    "q=", ",", ";", "/", "*", "1e9", "-1", '"', "charset=utf-8", most=14,
)  # fmt: skip
RANGES = pieces_of(
    "bytes=", "0-", "-5", "0-0", "5-2", ",", " ", "999999999999999999999-", "-", "items=",
    "1-2,3-4", "0-499", "-0", "\xb2", most=10,
) | st.just(b"bytes=" + b",".join([b"0-1"] * 900))  # fmt: skip
ETAGS = pieces_of('"a"', 'W/"', '"', "*", ",", " ", "W/", most=10)
DATES = pieces_of(
    "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "GMT", "99999", "Feb 30",
    "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:60 GMT", "-0000", most=4,
)  # fmt: skip


@bounded
@given(
    headers=st.fixed_dictionaries(
        {},
        optional={
            b"accept": ACCEPTS,
            b"accept-encoding": pieces_of("gzip", "br", "zstd", ";q=", "0", "*", ",", "identity"),
            b"range": RANGES,
            b"if-range": ETAGS | DATES,
            b"if-none-match": ETAGS,
            b"if-match": ETAGS,
            b"if-modified-since": DATES,
            b"if-unmodified-since": DATES,
            b"last-event-id": ANY,
        },
    ),
    path=st.sampled_from([b"/static/a.txt", b"/file", b"/boom", b"/nowhere", b"/stream", b"/page"]),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_negotiation(driver: Driver, headers: dict[bytes, bytes], path: bytes, method: str) -> None:
    answer = driver(path, method, list(headers.items()))
    assert len(answer.body) < 20_000


# --- Credentials ---------------------------------------------------------------------------------


def basic(data: bytes) -> bytes:
    return b"Basic " + base64.b64encode(data)


AUTHORIZATION = (
    pieces_of(
        "Bearer ", "bearer", "Basic ", "token", "Digest ", "=", ",", " ", "\t", "dXNlcg==", most=6
    )
    | st.binary(max_size=40).map(basic)
    | TOKENS.map(lambda token: b"Bearer " + token)
)


@bounded
@given(
    value=AUTHORIZATION,
    path=st.sampled_from(["bearer", "basic", "session", "scoped"]),
    cookie=COOKIES,
)
def test_authorization(driver: Driver, value: bytes, path: str, cookie: bytes) -> None:
    answer = driver(
        f"/private/{path}".encode(), headers=[(b"authorization", value), (b"cookie", cookie)]
    )
    if answer.status == 200:
        assert b"token" in value or value.lower().startswith(b"basic")
    if answer.status == 401 and path != "session":
        assert answer.header(b"www-authenticate")


# --- Bodies --------------------------------------------------------------------------------------


RAW_PARTS = st.lists(
    st.sampled_from(
        [b"--b\r\n", b"--b--\r\n", b"--b--", b"\r\n", b"\r\n\r\n", b"--b",
         b'Content-Disposition: form-data; name="a"\r\n',
         b'Content-Disposition: form-data; name="f"; filename="..\\\\x"\r\n',
         b'content-disposition: form-data; name="\xff"\r\n', b"content-length: 5\r\n",
         b"Content-Type: text/plain; charset=x\r\n", b"data", b"a=b", b":\r\n"]
    ) | st.binary(max_size=20),
    max_size=25,
)  # fmt: skip
MULTIPART = [
    b"multipart/form-data; boundary=b",
    b'multipart/form-data; boundary="b"',
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/mixed; boundary=b",
    b"multipart/form-data; boundary=b; boundary=c",
]


def body_headers(kind: bytes, **more: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", kind), (b"sec-fetch-site", b"same-origin"),
            *((name.encode(), value) for name, value in more.items())]  # fmt: skip


@bounded
@given(
    parts=RAW_PARTS,
    kind=st.sampled_from(MULTIPART) | pieces_of("multipart/form-data", ";", "boundary=", '"', "b"),
    path=st.sampled_from([b"/open", b"/form"]),
)
def test_multipart(driver: Driver, parts: list[bytes], kind: bytes, path: bytes) -> None:
    driver(path, "POST", body_headers(kind), parts)


@bounded
@given(
    pieces=st.lists(pieces_of("a=", "&", "=", "%", "%zz", "%00", "+", "%ff", junk=9), max_size=6),
    charset=pieces_of("; charset=", "utf-8", "utf-7", "idna", "unicode_escape", "rot13", '"'),
)
@example(pieces=[b"a=1&"] * 200, charset=b"")
@example(pieces=[b"a" * 30_000], charset=b"")
def test_urlencoded(driver: Driver, pieces: list[bytes], charset: bytes) -> None:
    kind = b"application/x-www-form-urlencoded" + charset
    driver(b"/open", "POST", body_headers(kind), pieces)
    driver(b"/text", "POST", body_headers(b"text/plain" + charset), pieces)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | SMALL_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SMALL_TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
NEARLY_JSON = pieces_of(
    "{", "}", "[", "]", '"title"', '"rank"', ":", ",", "1", "1e999", "-", "NaN", "Infinity",
    "null", "9" * 400, '"\\ud800"', '"\\u0000"', "\xff", "true", '"tags"', " ", most=20,
) | st.sampled_from([b"[" * 9000, b'{"a":' * 3000,
     b"9" * 15_000, b'"' + b"\\u" * 2000])  # fmt: skip


@bounded
@given(
    body=JSON_VALUES.map(lambda value: _json(value)) | NEARLY_JSON | st.binary(max_size=200),
    kind=st.sampled_from([b"application/json", b"application/x+json", b"text/plain", b""]) | ANY,
    path=st.sampled_from([b"/json", b"/typed"]),
)
def test_json(driver: Driver, body: bytes, kind: bytes, path: bytes) -> None:
    half = len(body) // 2
    driver(path, "POST", body_headers(kind), [body[:half], body[half:]])


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):  # surrogates, or an integer of more than 64 bits
        return repr(value).encode(errors="replace")


@bounded
@given(
    length=pieces_of("0", "1", "5", "-", "+", " ", "e", ",", "_", "9" * 30, "\xb2"),
    body=st.lists(st.binary(max_size=9), max_size=4),
    framing=st.booleans(),
)
def test_lengths(driver: Driver, length: bytes, body: list[bytes], framing: bool) -> None:
    more = {"transfer-encoding": b"chunked"} if framing else {}
    headers = [*body_headers(b"text/plain"), (b"content-length", length)]
    answer = driver(
        b"/text",
        "POST",
        [*headers, *((name.encode(), value) for name, value in more.items())],
        body,
    )
    if answer.status == 200:
        assert int(length) == sum(map(len, body))
        assert not framing


# --- Everything at once ---------------------------------------------------------------------------


NAMES = st.sampled_from(
    [b"host", b"cookie", b"origin", b"referer", b"accept", b"range", b"authorization",
     b"content-type", b"content-length", b"transfer-encoding", b"x-forwarded-for", b"expect",
     b"x-forwarded-proto", b"sec-fetch-site", b"x-csrf-token", b"if-none-match", b"upgrade",
     b"access-control-request-method", b"access-control-request-headers", b"x-number", b"",
     b"x-http-method-override", b"x_forwarded_for", b"content_length", b"te", b"connection"]
) | st.binary(max_size=12).map(sendable)  # fmt: skip
HEADERS = st.lists(
    st.tuples(NAMES, ANY | HOSTS | COOKIES | ADDRESSES | ACCEPTS | RANGES | AUTHORIZATION),
    max_size=10,
)


@settings(bounded, max_examples=800)
@given(
    path=PATHS | st.sampled_from([b"", b"session", b"form", b"open", b"typed", b"header", b"docs"]),
    query=QUERIES,
    method=st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE"]),
    headers=HEADERS,
    body=st.lists(st.binary(max_size=40), max_size=3),
    scheme=st.sampled_from(["http", "https"]),
)
def test_everything_at_once(
    driver: Driver,
    path: bytes,
    query: bytes,
    method: str,
    headers: list[tuple[bytes, bytes]],
    body: list[bytes],
    scheme: str,
) -> None:
    target = b"/" + path.replace(b"?", b"") + b"?" + query
    answer = driver(target, method, headers, body, scheme=scheme)
    assert SECRET_KEY.encode() not in answer.body


@bounded
@given(path=PATHS | st.just(b"ws"), headers=HEADERS, query=QUERIES)
def test_handshakes(
    driver: Driver, path: bytes, headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    """A handshake ends in an accept and a close, or in an answer below 500; never in nothing."""
    target = b"/" + path.replace(b"?", b"") + b"?" + query
    answer = driver(target, headers=headers, type="websocket", scheme="ws")
    kinds = [message["type"] for message in answer.messages]
    assert kinds
    if kinds[0] == "websocket.http.response.start":
        assert 400 <= answer.status < 500 or 300 <= answer.status < 400
    else:
        assert kinds[0] == "websocket.accept"


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_repetition_is_linear_enough(driver: Driver, size: int) -> None:
    """What makes parsers go quadratic, long enough to hang them (LESSONS 7)."""
    for headers in (
        [(b"cookie", b"a=b;" * (size // 4))],
        [(b"cookie", b'"' * size)],
        [(b"accept", b"text/html;" * (size // 10))],
        [(b"accept", b",;" * (size // 2))],
        [(b"if-none-match", b'W/"' * (size // 3))],
        [(b"range", b"bytes=" + b"0-," * (size // 3))],
        [(b"x-forwarded-for", b"[" * size)],
        [(b"host", b"a." * (size // 2))],
        [(b"authorization", b"Basic " + b"=" * size)],
    ):
        for path in (b"/session", b"/static/a.txt", b"/private/basic"):
            driver(path, headers=headers)
    kinds = (
        b"multipart/form-data; " + b"boundary=b;" * (size // 11),
        b"a/b;" + b'x="\\' * (size // 4),
    )
    for kind in kinds:
        driver(b"/open", "POST", body_headers(kind), [b"--b" * (size // 3)])
