"""SEC-18: request targets that are no path, and requests that offer another protocol."""

import json
from typing import Any

import pytest
from websockets.sync.client import connect

from .conftest import Answer, Server, head

HANDSHAKE = [
    "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
]  # fmt: skip


def seen(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    return json.loads(answer.body)


def get(
    target: str, *headers: str, host: str | None = "localhost", version: str = "HTTP/1.1"
) -> bytes:
    lines = [f"GET {target} {version}", *([f"host: {host}"] if host else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# --- the absolute form ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "raw_path", "query"),
    [
        ("http://localhost/seen/a%20b?q=1&r=%2F", "/seen/a%20b", "q=1&r=%2F"),
        ("HTTP://LOCALHOST/seen/a%20b", "/seen/a%20b", ""),
        ("http://localhost:8080/seen/a%20b?", "/seen/a%20b", ""),
        ("https://localhost/seen/a%20b??", "/seen/a%20b", "?"),
        ("http://localhost/seen/a%20b?http://evil.example/@", "/seen/a%20b",
         "http://evil.example/@"),
    ],
)  # fmt: skip
def test_the_parts_of_an_absolute_target(
    guarded: Server, target: str, raw_path: str, query: str
) -> None:
    with guarded.connect() as wire:
        wire.send(get(target))
        told = seen(wire.answer())
        assert (told["raw_path"], told["path"]) == (raw_path, "/seen/a b")
        assert told["query"] == query
        # A client says nothing about its connection there.
        assert told["scheme"] == "http"
        assert told["host"] == target.partition("//")[2].partition("/")[0].lower()


@pytest.mark.parametrize("target", ["http://localhost", "http://localhost?q=1"])
def test_an_absolute_target_without_a_path(guarded: Server, target: str) -> None:
    with guarded.connect() as wire:
        wire.send(get(target))
        assert wire.answer().body == b"hello"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "", "bad host@"])
def test_it_replaces_a_host_that_disagrees(guarded: Server, host: str) -> None:
    with guarded.connect() as wire:
        wire.send(f"GET http://localhost/seen/it HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        told = seen(wire.answer())
        assert [value for name, value in told["headers"] if name == "host"] == ["localhost"]
        assert told["host"] == "localhost"


@pytest.mark.parametrize("authority", ["evil.example", "evil.example:80", "localhost.evil.example",
                                       "localhost:99999", "loc%61lhost", "[::1"])  # fmt: skip
def test_it_is_checked_as_a_host_is(guarded: Server, authority: str) -> None:
    with guarded.connect() as wire:
        wire.send(get(f"http://{authority}/seen/it"))
        assert wire.answer().status == 400


@pytest.mark.parametrize(
    "request_head",
    [
        get("http://localhost/seen/it", host=None),
        get("http://localhost/seen/it", "Host: localhost"),
        get("http://user@localhost/seen/it"),
        get("http://localhost@evil.example/seen/it"),
        get("http:///seen/it"),
        get("http:seen/it"),
        get("ftp://localhost/seen/it"),
        get("ws://localhost/ws"),
        get("http://localhost\\@evil.example/seen/it"),
        get("seen/it"),
        get("*"),
        get("?q"),
        # A fragment hides from a proxy which path is served.
        get("/seen/it#x"),
        get("http://localhost/seen/it#x"),
        get("/#/../seen/it"),
        b"CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"CONNECT /seen/it HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
)
def test_what_is_refused(guarded: Server, request_head: bytes) -> None:
    with guarded.connect() as wire:
        wire.send(request_head)
        assert wire.answer().status == 400
    with guarded.connect() as wire:  # as the second request, too
        wire.send(head("GET", "/"))
        assert wire.answer().status == 200
        wire.send(request_head)
        assert wire.answer().status == 400


def test_http_1_0_without_a_host(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(get("http://localhost/seen/it", host=None, version="HTTP/1.0"))
        assert seen(wire.answer())["host"] == "localhost"


@pytest.mark.parametrize("target", ["*", "http://localhost"])
def test_options_for_the_server(guarded: Server, target: str) -> None:
    with guarded.connect() as wire:
        wire.send(head("OPTIONS", target))
        assert wire.answer().status in (204, 404, 405)


def test_a_handshake_with_an_absolute_target(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(get("http://localhost/ws", *HANDSHAKE, host="evil.example"))
        assert wire.answer().status == 101
    with guarded.connect() as wire:
        wire.send(get("http://evil.example/ws", *HANDSHAKE))
        assert wire.answer().status == 400
    with connect(f"ws://localhost:{guarded.port}/ws", origin=None) as websocket:
        assert websocket.recv(timeout=60) == "welcome"


# --- offers of another protocol ------------------------------------------------------------------

HTTP2 = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk"]
SMUGGLED = head("GET", "/seen/smuggled")


@pytest.mark.parametrize("pause", [False, True], ids=["one-segment", "segments"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_body_after_an_offer_is_a_body(
    guarded: Server, method: str, is_chunked: bool, pause: bool
) -> None:
    """Java's HttpClient and `curl --http2` offer HTTP/2 with each request."""
    framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {len(SMUGGLED)}"
    body = b"%x\r\n%s\r\n0\r\nX-Own: x\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    request = head(method, "/seen/it", *HTTP2, framing)
    body = body if is_chunked else SMUGGLED
    with guarded.connect() as wire:
        for _ in range(2):
            for piece in [request, body] if pause else [request + body]:
                wire.send(piece)
            told = seen(wire.answer())
            assert told["path"] == "/seen/it"
            assert told["body"] == SMUGGLED.decode()
            assert dict(told["headers"])["upgrade"] == "h2c"
            assert "x-own" not in dict(told["headers"])
        wire.send(head("GET", "/", "connection: close"))
        assert wire.answer().body == b"hello"
        assert wire.rest() == b""


def test_offers_in_a_pipeline(guarded: Server) -> None:
    offer = head("GET", "/", *HTTP2)
    with guarded.connect() as wire:
        wire.send((offer + head("GET", "/")) * 500)
        for _ in range(1000):
            assert wire.answer().body == b"hello"


def test_an_offer_with_an_absolute_target(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(get("http://localhost/seen/it?q", *HTTP2, "content-length: 3") + b"abc")
        told = seen(wire.answer())
        assert (told["path"], told["query"], told["body"]) == ("/seen/it", "q", "abc")


def test_the_bounds_hold_after_an_offer(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("POST", "/read", *HTTP2, "transfer-encoding: chunked"))
        wire.send(b"1\r\na\r\n0\r\n" + b"x-more: 1\r\n" * 40_000)
        assert wire.answer().status in (400, 431)
        assert wire.rest() == b""


@pytest.mark.parametrize("path", ["/ws", "/nowhere"])
@pytest.mark.parametrize("pause", [False, True], ids=["one-segment", "segments"])
def test_nothing_is_served_after_a_handshake_with_a_body(
    guarded: Server, path: str, pause: bool
) -> None:
    denied = head("GET", path, *HANDSHAKE, f"content-length: {len(SMUGGLED)}")
    with guarded.connect() as wire:
        for piece in [denied, SMUGGLED] if pause else [denied + SMUGGLED]:
            wire.send(piece)
        assert wire.answer().status == 400
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "handshake",
    [
        head("GET", "/ws", *HANDSHAKE, "transfer-encoding: chunked"),
        head("GET", "/ws", *HANDSHAKE, *[f"x-{number}: 1" for number in range(200)]),
        head("GET", "/ws", *HANDSHAKE, version="HTTP/1.0"),
        head("POST", "/ws", *HANDSHAKE),
        head("POST", "/ws", *HANDSHAKE, "content-length: 0"),
    ],
    ids=["chunked", "headers", "version", "method", "empty"],
)
def test_a_handshake_that_cannot_be_one_is_answered(guarded: Server, handshake: bytes) -> None:
    with guarded.connect() as wire:
        wire.send(handshake)
        assert 400 <= wire.answer().status < 500


def test_a_denied_handshake_ends_the_connection(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("GET", "/nowhere", *HANDSHAKE) + head("GET", "/"))
        assert wire.rest().count(b"HTTP/1.1 ") == 1
