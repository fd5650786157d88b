"""The answers for errors that no handler answers: JSON, problem+json or a plain page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from flasgo.errors import HTTPException, reason_phrase
from flasgo.http.headers import RawHeader, encode_header
from flasgo.http.negotiation import preferred_type
from flasgo.responses.pages import page_response
from flasgo.responses.response import JSON as JSON_PAIR, Response, encode_json

if TYPE_CHECKING:
    from flasgo.requests.connection import Connection

__all__ = ["HTML", "data_response", "error_page", "error_response", "preferred_form"]

_LONGEST_KNOWN = 200
_VARY = (b"vary", b"Accept")
# What an answer may have more than once, or only after a look at its body.
_OWN = frozenset({b"content-length", b"set-cookie"})
_Known = tuple[bytes, tuple["RawHeader", ...]]
_CODE = re.compile(r"`([^`]+)`")

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html"
_OFFERS = (JSON, HTML, PROBLEM)
# Who names problem+json at all wants its errors so, however much it likes JSON otherwise.
_OFFERS_WITH_PROBLEM = (PROBLEM, JSON, HTML)

# What a person can do about it, in the words of a page; clients read `detail`.
_TITLES = {
    400: "That request was not understood",
    401: "You need to log in first",
    403: "You may not see this",
    404: "This page does not exist",
    405: "That does not work here",
    408: "That took too long",
    409: "Somebody was faster",
    410: "This page is gone",
    413: "That is too large",
    415: "That kind of data does not work here",
    422: "Something in there is not right",
    429: "Too many requests",
    431: "Your browser sent too much",
    500: "Something went wrong here",
    502: "Something behind this site went wrong",
    503: "Not available right now",
    504: "Something behind this site took too long",
}

_STYLE = """
:root{color-scheme:light dark;--bg:#f6f5f2;--fg:#1c1b1a;--soft:#5f5b56;--line:#dedad3;
--accent:#b3401a;--glow:#f1dccf}
@media (prefers-color-scheme:dark){:root{--bg:#161514;--fg:#f2efea;--soft:#aba59c;--line:#34312e;
--accent:#ff9466;--glow:#2c1f18}}
*{box-sizing:border-box}
html{min-height:100%;background:var(--bg)}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:1.5rem;
color:var(--fg);background:radial-gradient(60rem 32rem at 50% -12rem,var(--glow),transparent);
background-repeat:no-repeat;font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif}
main{width:100%;max-width:34rem;padding:1rem 0 3rem}
.code{margin:0;font-size:clamp(5rem,22vw,8.5rem);font-weight:800;line-height:1;
letter-spacing:-.05em;color:var(--accent);font-variant-numeric:tabular-nums}
h1{margin:.4rem 0 .6rem;font-size:clamp(1.5rem,6vw,2.1rem);line-height:1.2;letter-spacing:-.02em;
text-wrap:balance}
.detail{margin:0 0 2rem;color:var(--soft);overflow-wrap:anywhere}
ul{margin:-1rem 0 2rem;padding:0 0 0 1.1rem;color:var(--soft);overflow-wrap:anywhere}
ul b{color:var(--fg)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.foot{margin:0;padding-top:1.25rem;border-top:1px solid var(--line);display:flex;flex-wrap:wrap;
gap:.5rem 1.25rem;align-items:baseline;justify-content:space-between}
a{color:var(--accent);font-weight:600;text-underline-offset:.2em}
a:focus-visible{outline:2px solid;outline-offset:.25rem;border-radius:.2rem}
small{color:var(--soft);font-size:.875rem}
"""


def _form(accept: bytes) -> str:
    text = accept.decode("latin-1")
    return preferred_type(text, _OFFERS_WITH_PROBLEM if PROBLEM in text.lower() else _OFFERS)


_known_form = lru_cache(maxsize=256)(_form)


def preferred_form(connection: Connection) -> str:
    """Return the media type in which a client prefers to be told of an error.

    Args:
        connection: The request.
    """
    accept = connection.raw_header(b"accept")
    if accept is None:
        return JSON
    return _known_form(accept) if len(accept) <= _LONGEST_KNOWN else _form(accept)


def error_response(connection: Connection, error: HTTPException) -> Response:
    """Return the answer for an HTTP error in the form the client prefers.

    JSON is `{"error": code, "detail": message}`; `application/problem+json` is RFC 9457.

    Args:
        connection: The request.
        error: The error.
    """
    form = preferred_form(connection)
    # PERF: most errors are the same few; they are encoded once.
    known = None
    items = _short_items(error)
    if items is not None:
        if form == JSON:
            known = _known_json(error.error, error.detail, *items)
        elif form == HTML and len(connection.root_path) <= _LONGEST_KNOWN:
            home = connection.root_path
            known = _known_page(home, error.status_code, error.detail, *items)
    if known is not None:
        body, (content_type, *others) = known
        response = Response._from_bytes(body, content_type, error.status_code)
        response._raw += others
        return response
    if form == HTML:
        response = error_page(connection.root_path, error)
    else:
        response = data_response(error, form, {})
    response.headers.add_vary("Accept")
    return response


def _short_items(error: HTTPException) -> tuple[tuple[str, str], ...] | None:
    """Return the headers of an error that may be kept, with all that it says; None for others."""
    if error.errors or type(error.detail) is not str:
        return None
    size = len(error.detail)
    headers = error.headers
    if not headers:
        return () if size <= _LONGEST_KNOWN else None
    if type(headers) is not dict:
        return None
    for value in headers.values():
        if type(value) is not str:
            return None
        size += len(value)
    return tuple(headers.items()) if size <= _LONGEST_KNOWN else None


@lru_cache(maxsize=256)
def _known_json(error: str, detail: str, *headers: tuple[str, str]) -> _Known | None:
    """Return the body and the headers of an error as JSON.

    None where the headers have to be set one by one, because names meet.
    """
    pairs = (JSON_PAIR, *(encode_header(name, value) for name, value in headers), _VARY)
    names = [name for name, _ in pairs]
    if not _OWN.isdisjoint(names) or len({*names}) != len(names):
        return None
    return encode_json({"error": error, "detail": detail}), pairs


@lru_cache(maxsize=64)
def _known_page(home: str, status: int, detail: str, *headers: tuple[str, str]) -> _Known | None:
    """Return the body and the headers of the page for an error, `Content-Type` first.

    None where the headers have to be set one by one, because names meet.
    """
    response = error_page(home, HTTPException(status, detail, headers=dict(headers)))
    response.headers.add_vary("Accept")
    if not _OWN.isdisjoint(name for name, _ in response._raw):
        return None
    first, *others = response._raw
    return response.body, (first, *others)


def data_response(error: HTTPException, form: str, extra: Mapping[str, object]) -> Response:
    """Return the answer for clients that are programs.

    Args:
        error: The error.
        form: The media type: that of JSON, or of problem+json.
        extra: Further members.
    """
    status, headers = error.status_code, error.headers
    data = {"error": error.error, "detail": error.detail, **extra}
    if error.errors:
        data["errors"] = error.errors
    if form != PROBLEM:
        return Response.json(data, status, headers)
    # RFC 9457, section 4.2.1: the title of about:blank is the phrase of the status.
    title = reason_phrase(status) or "Error"
    problem = {"type": "about:blank", "title": title, "status": status, **data}
    response = Response.json(problem, status, headers)
    response.headers["content-type"] = PROBLEM
    return response


def error_page(
    root_path: str, error: HTTPException, *, more: str = "", more_style: str = ""
) -> Response:
    """Return the page for an HTTP error.

    Args:
        root_path: Where the app is mounted.
        error: The error.
        more: Markup below all else; everything in it is escaped already.
        more_style: Rules for that markup, a constant.
    """
    status = error.status_code
    phrase = reason_phrase(status) or "Error"
    title = _TITLES.get(status, phrase)
    home = escape(root_path) + "/"
    body = (
        f'<main>\n<p class="code">{status}</p>\n<h1>{escape(title)}</h1>\n'
        f'<p class="detail">{_prose(error.detail)}</p>\n{_pieces(error)}'
        f'<p class="foot"><a href="{home}">Go to the start page</a>'
        f"<small>{status} {escape(phrase)}</small></p>\n{more}</main>"
    )
    return page_response(f"{status} {phrase}", _STYLE + more_style, body, status, error.headers)


def _prose(message: str) -> str:
    """Return a message as markup: escaped, and what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(message))


def _pieces(error: HTTPException) -> str:
    """Return what is wrong piece by piece as a list, where the detail does not say all of it."""
    items = []
    for piece in error.errors:
        place = ".".join(str(step) for step in _steps(piece.get("loc")))
        message = str(piece.get("msg", ""))
        if len(error.errors) == 1 and message and message in error.detail:
            break
        items.append(f"<li><b>{escape(place)}</b> {_prose(message)}</li>")
    return f"<ul>{''.join(items)}</ul>\n" if items else ""


def _steps(place: object) -> Sequence[object]:
    return place if isinstance(place, (list, tuple)) else ()
