"""REQ-4: bodies that are too large or too slow, under every server."""

import importlib.util

import httpx2
import pytest

from .conftest import Server, head

LIMIT = 50_000


def test_a_claimed_length_is_refused_before_a_byte_is_read(server: Server) -> None:
    with server.connect() as wire:
        wire.send(head("POST", "/read", "content-length: 10000000", "expect: 100-continue"))
        answer = wire.answer()
        if server.kind == "hypercorn":  # says so before it asks the app
            assert answer.status == 100
            answer = wire.answer()
        assert answer.status == 413
        if server.kind != "granian":  # which closes some connections much later
            assert wire.rest() == b""
        assert answer.headers["connection"] == "close"
        assert b"50000 bytes" in answer.body


def test_received_bytes_are_counted(server: Server) -> None:
    """A body without a length, piece by piece: the client never gets to its end."""
    with server.connect() as wire:
        wire.send(head("POST", "/read", "transfer-encoding: chunked"))
        for _ in range(6):
            wire.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        answer = wire.answer()
        assert answer.status == 413
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/read", "application/octet-stream"), ("/stream", "text/plain"),
     ("/json", "application/json"), ("/form", "application/x-www-form-urlencoded"),
     ("/form", "multipart/form-data; boundary=b"), ("/thread", "application/json")],
)  # fmt: skip
def test_the_limit_holds_for_every_kind_of_body(server: Server, path: str, kind: str) -> None:
    with server.connect() as wire:
        wire.send(head("POST", path, f"content-type: {kind}", f"content-length: {LIMIT + 1}"))
        wire.send(b"x" * (LIMIT + 1))
        assert wire.answer().status == 413
    with server.connect() as wire:
        wire.send(head("POST", path, f"content-type: {kind}", "transfer-encoding: chunked"))
        start = b'--b\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n'
        first = start if kind.startswith("multipart") else b'"'
        wire.send(b"%x\r\n%b\r\n" % (len(first), first))
        for _ in range(6):
            wire.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        wire.send(b"0\r\n\r\n")
        assert wire.answer().status == 413


def test_a_body_of_exactly_the_limit_passes(server: Server) -> None:
    with server.connect() as wire:
        wire.send(head("POST", "/read", f"content-length: {LIMIT}") + b"x" * LIMIT)
        assert wire.answer().body == b"50000"
        # And the connection goes on.
        wire.send(head("POST", "/read", "content-length: 3") + b"abc")
        answer = wire.answer()
        assert (answer.status, answer.body) == (200, b"3")


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/small", 100, 200),
        ("/small", 101, 413),
        ("/large", 150_000, 200),
        ("/large", 200_001, 413),
    ],
)
def test_routes_have_limits_of_their_own(
    server: Server, path: str, length: int, status: int
) -> None:
    with server.connect() as wire:
        wire.send(head("POST", path, f"content-length: {length}"))
        wire.send(b"x" * length)
        assert wire.answer().status == status


@pytest.mark.parametrize("framing", ["content-length: 900", "transfer-encoding: chunked"])
def test_a_slow_body_is_cut(server: Server, framing: str) -> None:
    with server.connect() as wire:
        wire.send(head("POST", "/read", framing) + b"5\r\nabcde\r\n")
        answer = wire.answer()
        assert answer.status == 408
        if server.kind != "granian":  # which closes some connections much later
            assert wire.rest() == b""
        assert answer.headers["connection"] == "close"


def test_a_dripping_body_is_cut(server: Server) -> None:
    """A byte now and then gains next to no time: the budget refills with what arrives."""
    with server.connect() as wire:
        wire.send(head("POST", "/read", "content-length: 900"))
        wire.socket.settimeout(0.2)
        for _ in range(300):
            wire.send(b"x")
            try:
                wire.received += wire.socket.recv(65536)
            except TimeoutError:
                continue
            break
        assert wire.answer().status == 408


def test_what_follows_a_refused_body_is_not_a_request(server: Server) -> None:
    smuggled = head("GET", "/items/smuggled")
    with server.connect() as wire:
        wire.send(head("POST", "/read", "content-length: 90000") + smuggled)
        assert wire.answer().status == 413
        if server.kind != "granian":
            assert b"HTTP/1.1" not in wire.rest()
    with server.connect() as wire:
        wire.send(head("POST", "/small", "content-length: 200") + b"x" * 200 + smuggled)
        assert wire.answer().status == 413
        assert b'"length"' not in wire.rest()


def test_a_body_that_nobody_reads_does_no_harm(server: Server) -> None:
    with server.connect() as wire:
        wire.send(head("POST", "/ignore", "content-length: 40000") + b"x" * 40_000)
        assert wire.answer().body == b"ignored"
    assert server.get().text == "hello"


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "+5", "1,2", "9" * 40, "\uff15"])
def test_lengths_that_are_none(server: Server, length: str) -> None:
    with server.connect() as wire:
        request = head("POST", "/read", "content-length: 5").decode()
        wire.send(request.replace(": 5", f": {length}").encode() + b"abcde")
        received = wire.answer()
        assert received.status in {400, 413}
    assert server.get().text == "hello"


def test_two_framings_are_never_both_believed(server: Server) -> None:
    """Content-Length and Transfer-Encoding together (RFC 9112, section 6.3; CWE-444)."""
    with server.connect() as wire:
        wire.send(
            head("POST", "/read", "content-length: 4", "transfer-encoding: chunked")
            + b"0\r\n\r\n"
            + head("GET", "/items/smuggled")
        )
        answer = wire.answer()
        if server.kind == "granian":  # hyper drops the length, as the RFC allows
            assert answer.body == b"0"
        else:
            assert answer.status == 400
            assert b'"length"' not in wire.rest()


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        (["transfer-encoding: gzip, chunked"], "HTTP/1.1"),
        (["transfer-encoding: chunked", "transfer-encoding: chunked"], "HTTP/1.1"),
        (["transfer-encoding: identity", "Transfer-Encoding: chunked"], "HTTP/1.1"),
        (["transfer-encoding: xchunked"], "HTTP/1.1"),
        (["transfer-encoding: chunked, identity"], "HTTP/1.1"),
        (["transfer-encoding : chunked"], "HTTP/1.1"),
        (["transfer-encoding: \x0bchunked"], "HTTP/1.1"),
        (["transfer-encoding: chunked"], "HTTP/1.0"),
    ],
)
def test_framings_that_two_readers_could_read_differently(
    server: Server, headers: list[str], version: str
) -> None:
    """Refused by the server or by the app, and nothing behind them is a request."""
    with server.connect() as wire:
        wire.send(
            head("POST", "/read", *headers, version=version)
            + b"0\r\n\r\n"
            + head("GET", "/items/smuggled")
        )
        assert wire.answer().status in {400, 501}
        assert b'"length"' not in wire.rest()


@pytest.mark.parametrize(
    "body",
    [b"0x3\r\nabc\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n",
     b"3\nabc\n0\n\n", b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n"],
)  # fmt: skip
def test_chunks_that_are_malformed_hide_no_request(server: Server, body: bytes) -> None:
    with server.connect() as wire:
        wire.send(head("POST", "/read", "transfer-encoding: chunked") + body)
        wire.send(head("GET", "/items/smuggled"))
        # granian says that the client has left, and answers 500 by itself.
        assert wire.answer().status in ({400, 408} if server.kind != "granian" else {400, 500})
        assert b'"length"' not in wire.rest()
    assert server.get().text == "hello"


@pytest.mark.parametrize("path", ["/read", "/small"])
def test_http2_answers_carry_no_connection_header(hypercorn: Server, path: str) -> None:
    if importlib.util.find_spec("h2") is None:
        pytest.skip("h2 is not installed")
    with httpx2.Client(http1=False, http2=True, timeout=60, trust_env=False) as client:
        own = {"sec-fetch-site": "same-origin"}
        answer = client.post(hypercorn.url + path, content=b"x" * 60_000, headers=own)
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 413)
        assert "connection" not in answer.headers
        # The connection serves the next stream.
        assert client.get(hypercorn.url + "/").text == "hello"
