"""How Flasgo, Werkzeug and Starlette read the same bytes, and where they differ."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flasgo import Flasgo, Request
from flasgo.http.cookies import parse_cookies
from flasgo.http.urlencoded import parse_urlencoded
from flasgo_testing import TestClient
from starlette.datastructures import QueryParams
from starlette.requests import Request as StarletteRequest, cookie_parser
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_cookie, parse_options_header
from werkzeug.wrappers import Request as WerkzeugRequest

Pairs = list[tuple[str, str]]
REFUSED = "refused"
BOUNDARY = "0f9e8d7c"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Difference:
    """A way in which the three differ.

    Attributes:
        what: How docs/reliability.md calls it.
        data: An example.
        ours: What Flasgo makes of it.
        werkzeug: What Werkzeug makes of it.
        starlette: What Starlette makes of it.
        applies: Finds data in which it may show; None where only the example matters.
    """

    what: str
    data: bytes
    ours: object
    werkzeug: object
    starlette: object
    applies: re.Pattern[bytes] | Callable[[bytes], bool] | None = None

    def explains(self, data: bytes) -> bool:
        """Return whether it may show in some data."""
        if self.applies is None:
            return False
        if isinstance(self.applies, re.Pattern):
            return self.applies.search(data) is not None
        return self.applies(data)


def _is_not_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _has_bad_escapes(data: bytes) -> bool:
    """Whether percent-decoding gives what is not UTF-8."""
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), data)
    return _is_not_utf8(raw)


def _has_inner_blanks(data: bytes) -> bool:
    """Whether a name, or a value that is not in quotes, has blanks between other characters."""
    for piece in data.split(b";"):
        name, _, value = (text.strip(b" \t") for text in piece.partition(b"="))
        if re.search(rb"[ \t]", name) or re.search(rb"[ \t]", re.sub(rb'\A"[^"]*"\Z', b"", value)):
            return True
    return False


def _has_lone_quotes(data: bytes) -> bool:
    """Whether there are quotes other than a pair around a value."""
    return any(
        b'"' in piece and re.fullmatch(rb'[^"=]+=[ \t]*"[^"]*"[ \t]*', piece) is None
        for piece in data.split(b";")
    )


def or_refused(read: Callable[[bytes], object], data: bytes) -> object:
    """Return what a reader makes of some data, or that it refuses it."""
    try:
        return read(data)
    except Exception:
        return REFUSED


# --- Cookies ---------------------------------------------------------------------------------


def our_cookies(data: bytes) -> Pairs:
    return list(parse_cookies(data).multi_items())


def werkzeug_cookies(data: bytes) -> Pairs:
    return list(parse_cookie(data.decode("latin-1")).items(multi=True))


def starlette_cookies(data: bytes) -> Pairs:
    return list(cookie_parser(data.decode("latin-1")).items())


COOKIES = [
    Difference(
        "a backslash within quotes",
        b'a="x\\"y"',
        [("a", 'x\\"y')],
        [("a", 'x"y')],
        [("a", 'x"y')],
        re.compile(rb"\\"),
    ),
    Difference(
        "a quote that does not end the value",
        b'a="b;c"',
        [("a", '"b')],
        [("a", "b;c")],
        [("a", '"b'), ("", 'c"')],
        _has_lone_quotes,
    ),
    Difference(
        "a blank within a name or value",
        b"a=1 2; b c=3; d=4",
        [("a", "1 2"), ("b c", "3"), ("d", "4")],
        [("d", "4")],
        [("a", "1 2"), ("b c", "3"), ("d", "4")],
        _has_inner_blanks,
    ),
    Difference(
        "a name that comes twice",
        b"a=1; a=2",
        [("a", "1"), ("a", "2")],
        [("a", "1"), ("a", "2")],
        [("a", "2")],
        lambda data: len(our_cookies(data)) != len(dict(our_cookies(data))),
    ),
    Difference(
        "a pair without '='",
        b"a; b=1",
        [("b", "1")],
        [("a", ""), ("b", "1")],
        [("", "a"), ("b", "1")],
        lambda data: any(b"=" not in piece and piece.strip() for piece in data.split(b";")),
    ),
    Difference(
        "a pair without a name",
        b"=1",
        [],
        [],
        [("", "1")],
        re.compile(rb"(\A|;)\s*="),
    ),
    Difference(
        "blanks other than space and tab",
        b"\x0ba=1\x0b",
        [("\x0ba", "1\x0b")],
        [("\x0ba", "1\x0b")],
        [("a", "1")],
        re.compile(rb"[\x0a-\x0d\x1c-\x1f\x85\xa0]"),
    ),
    Difference(
        "UTF-8",
        "a=é".encode(),
        [("a", "é")],
        [("a", "é")],
        [("a", "Ã©")],
        re.compile(rb"[\x80-\xff]"),
    ),
    Difference(
        "bytes that are not UTF-8",
        b"a=\xe9",
        [("a", "\ufffd")],
        REFUSED,
        [("a", "é")],
        _is_not_utf8,
    ),
]


# --- Queries and URL-encoded forms -----------------------------------------------------------


def our_query(data: bytes) -> Pairs:
    return parse_urlencoded(data, 1000)


def werkzeug_query(data: bytes) -> Pairs:
    environ = {
        "QUERY_STRING": data.decode("latin-1"),
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
    }
    return list(WerkzeugRequest(environ).args.items(multi=True))


def starlette_query(data: bytes) -> Pairs:
    return list(QueryParams(data).multi_items())


QUERIES = [
    Difference(
        "escapes that are not UTF-8",
        b"a=%e9",
        [("a", "\ufffd")],
        [("a", "%E9")],
        [("a", "\ufffd")],
        _has_bad_escapes,
    ),
    Difference(
        "UTF-8 without escapes",
        "a=é".encode(),
        [("a", "é")],
        [("a", "é")],
        [("a", "Ã©")],
        re.compile(rb"[\x80-\xff]"),
    ),
    Difference(
        "other bytes without escapes",
        b"a=\xe9",
        [("a", "\ufffd")],
        REFUSED,
        [("a", "é")],
        _is_not_utf8,
    ),
]


# --- Forms -----------------------------------------------------------------------------------

_app = Flasgo(discover=False)


@_app.post("/form")
async def form(request: Request) -> dict[str, Any]:
    found = await request.form()
    files = [[n, u.filename, (await u.read()).decode("latin-1")] for n, u in found.files]
    return {"fields": [list(pair) for pair in found.multi_items()], "files": files}


_client = TestClient(_app)


def our_form(data: bytes, kind: str = MULTIPART) -> dict[str, Any]:
    answer = _client.post("/form", content=data, headers={"content-type": kind})
    if answer.status_code not in (400, 413, 415):
        assert answer.status_code == 200, answer.text
        return answer.json()
    raise ValueError(answer.json()["detail"])


def werkzeug_form(data: bytes, kind: str = MULTIPART) -> dict[str, Any]:
    media_type, options = parse_options_header(kind)
    parser = FormDataParser(silent=False)
    _, fields, files = parser.parse(io.BytesIO(data), media_type, len(data), options)
    return {
        "fields": [list(pair) for pair in fields.items(multi=True)],
        "files": [
            [name, file.filename, file.read().decode("latin-1")]
            for name, file in files.items(multi=True)
        ],
    }  # each name's values together, whatever came between


def starlette_form(data: bytes, kind: str = MULTIPART) -> dict[str, Any]:
    return asyncio.run(_starlette_form(data, kind))


async def _starlette_form(data: bytes, kind: str) -> dict[str, Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    headers = [(b"content-type", kind.encode("latin-1"))]
    request = StarletteRequest({"type": "http", "method": "POST", "headers": headers}, receive)
    fields: list[list[str]] = []
    files: list[list[str | None]] = []
    async with request.form() as found:
        for name, value in found.multi_items():
            if isinstance(value, str):
                fields.append([name, value])
            else:
                files.append([name, value.filename, (await value.read()).decode("latin-1")])
    return {"fields": fields, "files": files}


def part(head: str, content: bytes = b"1", *, line: str = "\r\n") -> bytes:
    """Return one part with its boundary before it."""
    lines = [f"--{BOUNDARY}", *head.split("|"), "", ""]
    return line.join(lines).encode() + content + line.encode()


def body(*parts: bytes, end: bytes = f"--{BOUNDARY}--\r\n".encode()) -> bytes:
    """Return a multipart body."""
    return b"".join(parts) + end


def read(*fields: tuple[str | None, str]) -> dict[str, Any]:
    """Return what is read from a form without files."""
    return {"fields": [list(pair) for pair in fields], "files": []}


def read_file(name: str, filename: str, content: str = "1") -> dict[str, Any]:
    """Return what is read from a form with one file."""
    return {"fields": [], "files": [[name, filename, content]]}


_CD = "Content-Disposition: form-data"
_A = read(("a", "1"))

MULTIPART_FORMS = [
    Difference(
        "text before the first boundary",
        b"hello\r\n" + body(part(f'{_CD}; name="a"')),
        REFUSED,
        _A,
        REFUSED,
    ),
    Difference(
        "a form that is cut short",
        body(part(f'{_CD}; name="a"'), end=b""),
        REFUSED,
        REFUSED,
        read(),
    ),
    Difference("an empty body", b"", REFUSED, REFUSED, read()),
    Difference(
        "line feeds alone",
        body(part(f'{_CD}; name="a"', line="\n")),
        REFUSED,
        _A,
        REFUSED,
    ),
    Difference(
        "a boundary after a carriage return alone",
        body(part(f'{_CD}; name="a"', b"1\r--" + BOUNDARY.encode() + b"\r2")),
        read(("a", f"1\r--{BOUNDARY}\r2")),
        REFUSED,
        read(("a", f"1\r--{BOUNDARY}\r2")),
        re.compile(rb"\r--" + BOUNDARY.encode()),
    ),
    Difference(
        "a boundary after a line feed alone",
        body(part(f'{_CD}; name="a"', b"1\n--" + BOUNDARY.encode() + b"\n2")),
        read(("a", f"1\n--{BOUNDARY}\n2")),
        REFUSED,
        read(("a", f"1\n--{BOUNDARY}\n2")),
        re.compile(rb"[^\r]\n--" + BOUNDARY.encode()),
    ),
    Difference(
        "content that begins a line with the boundary",
        body(part(f'{_CD}; name="a"', b"1\r\n--" + BOUNDARY.encode() + b"9\r\n2")),
        REFUSED,
        read(("a", f"1\r\n--{BOUNDARY}9\r\n2")),
        read(("a", f"1\r\n--{BOUNDARY}9\r\n2")),
    ),
    Difference(
        "content that begins with the boundary",
        f"--{BOUNDARY}\r\n{_CD}; name=a\r\n\r\n".encode() + body(part(f"{_CD}; name=b")),
        REFUSED,
        read(("a", ""), ("b", "1")),
        read(("a", f"--{BOUNDARY}\r\n{_CD}; name=b\r\n\r\n1")),
    ),
    Difference(
        "a parameter that is malformed",
        body(part(f'{_CD}; name="a"; filename=="x"')),
        REFUSED,
        _A,
        read_file("a", '="x"'),
    ),
    Difference(
        "text behind a quoted parameter",
        body(part(f'{_CD}; name="a"x; filename="f"')),
        REFUSED,
        read_file("a", "f"),
        read_file('"a"x', "f"),
    ),
    Difference(
        "blanks around the '=' of a parameter",
        body(part(f'{_CD}; name = "a"')),
        _A,
        read((None, "1")),
        _A,
        re.compile(rb"name(?: +=|= )"),
    ),
    Difference("a part without a name", body(part(_CD)), REFUSED, read((None, "1")), REFUSED),
    Difference(
        "an empty name",
        body(part(f'{_CD}; name=""')),
        REFUSED,
        read(("", "1")),
        read(("", "1")),
    ),
    Difference(
        "another disposition than form-data",
        body(part('Content-Disposition: attachment; name="a"')),
        REFUSED,
        _A,
        _A,
    ),
    Difference(
        "a header that comes twice",
        body(part(f'{_CD}; name="a"|{_CD}; name="b"')),
        REFUSED,
        _A,
        read(("b", "1")),
    ),
    Difference(
        "a header that goes on in the next line",
        body(part(f'{_CD};| name="a"')),
        REFUSED,
        _A,
        REFUSED,
    ),
    Difference(
        "a line without a colon in a part's head",
        body(part(f'{_CD}; name="a"|junk')),
        REFUSED,
        _A,
        REFUSED,
    ),
    Difference(
        "a blank before the colon",
        body(part(f'{_CD}; name="a"|X-A : 1')),
        _A,
        _A,
        REFUSED,
    ),
    Difference(
        "the Content-Length of a part, wrong",
        body(part(f'{_CD}; name="a"|Content-Length: 99')),
        REFUSED,
        _A,
        _A,
    ),
    Difference(
        "a percent-encoded quote in a name",
        body(part(f'{_CD}; name="a%22b"')),
        read(('a"b', "1")),
        read(('a"b', "1")),
        read(("a%22b", "1")),
        re.compile(rb'name="[^"\r\n]*%'),
    ),
    Difference(
        "a backslash in a name",
        body(part(f'{_CD}; name="a\\b"')),
        read(("a\\b", "1")),
        read(("ab", "1")),
        read(("a\\b", "1")),
        re.compile(rb'name="[^\r\n]*\\'),
    ),
    Difference(
        "two backslashes in a name",
        body(part(f'{_CD}; name="a\\\\b"')),
        read(("a\\\\b", "1")),
        read(("a\\b", "1")),
        read(("a\\b", "1")),
    ),
    Difference(
        "a path in a file name",
        body(part(f'{_CD}; name="f"; filename="../x.txt"')),
        read_file("f", "x.txt"),
        read_file("f", "../x.txt"),
        read_file("f", "../x.txt"),
    ),
    Difference(
        "an empty file name and no content",
        body(part(f'{_CD}; name="f"; filename=""', b"")),
        read(),
        read_file("f", "", ""),
        read_file("f", "", ""),
        re.compile(rb'filename=""'),
    ),
    Difference(
        "filename* alone",
        body(part(f"{_CD}; name=\"f\"; filename*=UTF-8''x%20y")),
        read_file("f", "x y"),
        read_file("f", "x y"),
        read(("f", "1")),
        re.compile(rb"\*[0-9]*="),
    ),
    Difference(
        "filename* beside filename",
        body(part(f'{_CD}; name="f"; filename="a"; filename*=UTF-8\'\'b')),
        read_file("f", "a"),
        read_file("f", "b"),
        read_file("f", "a"),
    ),
    Difference(
        "name*",
        body(part(f"{_CD}; name*=UTF-8''a")),
        REFUSED,
        read(("a", "1")),
        REFUSED,
    ),
    Difference(
        "a charset of a field",
        body(part(f'{_CD}; name="a"|Content-Type: text/plain; charset=latin-1', b"\xe9")),
        read(("a", "é")),
        read(("a", "\ufffd")),
        read(("a", "é")),
        re.compile(rb"(?i)charset"),
    ),
    Difference(
        "a field that is not UTF-8",
        body(part(f'{_CD}; name="a"', b"\xe9")),
        REFUSED,
        read(("a", "\ufffd")),
        read(("a", "é")),
    ),
]

URLENCODED_FORMS = [
    Difference(
        "a form that is not UTF-8",
        b"a=%e9",
        REFUSED,
        read(("a", "%E9")),
        read(("a", "\ufffd")),
    ),
    Difference(
        "a form in UTF-8 without escapes",
        "a=é".encode(),
        read(("a", "é")),
        read(("a", "é")),
        read(("a", "Ã©")),
        re.compile(rb"[\x80-\xff]"),
    ),
]

TABLE = {
    "Cookies": COOKIES,
    "Queries": QUERIES,
    "URL-encoded forms": URLENCODED_FORMS,
    "Multipart forms": MULTIPART_FORMS,
}
