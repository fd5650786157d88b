"""SEC-18: after the head no field is a header, and no byte goes uncounted."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Answer, Server, Wire, get_server, head

MIB = 1024 * 1024
CHUNKED = "transfer-encoding: chunked"
SECRETS = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Remote-User": "admin",
    "Authorization": "Bearer stolen",
    "Cookie": "session=stolen",
    "Host": "evil.example",
    "X-Own": "x",
}
TRAILERS = "".join(f"{name}: {value}\r\n" for name, value in SECRETS.items()).encode()
WITH_TRAILERS = head("POST", "/seen/it", CHUNKED) + b"3\r\nabc\r\n0\r\n" + TRAILERS + b"\r\n"


def seen(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    return json.loads(answer.body)


def assert_clean(answer: Answer) -> None:
    """The app has seen the body, and none of the trailers."""
    told = seen(answer)
    assert told["body"] == "abc"
    assert dict(told["headers"]) == {
        "host": "localhost",
        "sec-fetch-site": "same-origin",
        "transfer-encoding": "chunked",
    }
    assert told["host"] == "localhost"


def peak_memory(server: Server) -> float:
    """The most memory the server has had, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1)) / 1024


# --- trailers ------------------------------------------------------------------------------------


def test_trailers_in_the_segment_of_the_head_are_no_headers(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(WITH_TRAILERS)
        assert_clean(wire.answer())
        # The connection is as good as before.
        wire.send(WITH_TRAILERS + WITH_TRAILERS)
        assert_clean(wire.answer())
        assert_clean(wire.answer())


def test_trailers_byte_by_byte_are_no_headers(guarded: Server) -> None:
    with guarded.connect() as wire:
        for byte in WITH_TRAILERS:
            wire.send(bytes([byte]))
        assert_clean(wire.answer())


@pytest.mark.parametrize("end", [rb"same-origin\r\n\r\n", rb"3\r\n", rb"abc\r\n", rb"0\r\n",
                                 rb"X-Forwarded-For", rb"Remote-User: ad", rb"x\r\n"])  # fmt: skip
def test_wherever_the_segments_end(guarded: Server, end: bytes) -> None:
    request = WITH_TRAILERS.replace(b"sec-fetch-site: same-origin\r\n", b"").replace(
        b"chunked\r\n\r\n", b"chunked\r\nsec-fetch-site: same-origin\r\n\r\n"
    )
    found = list(re.finditer(end, request))[-1]
    with guarded.connect() as wire:
        wire.send(request[: found.end()])
        time.sleep(0.05)
        wire.send(request[found.end() :])
        assert_clean(wire.answer())


@pytest.mark.parametrize("kind", ["uvicorn-guarded", "uvicorn-h11", "granian", "hypercorn"])
def test_under_the_other_servers_that_the_docs_name(
    servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    with get_server(servers, kind, tmp_path_factory).connect() as wire:
        wire.send(WITH_TRAILERS)
        assert_clean(wire.answer())


def test_trailers_within_the_bound_are_dropped(guarded: Server) -> None:
    fields = b"".join(b"x-%d: %s\r\n" % (number, b"v" * 90) for number in range(30))
    with guarded.connect() as wire:
        for _ in range(3):  # the bound is that of one request
            wire.send(head("POST", "/read", CHUNKED) + b"1\r\na\r\n0\r\n" + fields + b"\r\n")
            assert wire.answer().body == b"1"


def test_under_uvicorn_late_trailers_are_no_headers(
    servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the app can do by itself: those of the same segment are in the list before it runs."""
    opening, body, rest = WITH_TRAILERS.partition(b"3\r\nabc\r\n")
    uvicorn = get_server(servers, "uvicorn", tmp_path_factory)
    with uvicorn.connect() as wire:
        wire.send(opening)
        while uvicorn.stats()["reading"] == 0:
            time.sleep(0.01)
        wire.send(body + rest)
        assert_clean(wire.answer())


# --- what is too much ----------------------------------------------------------------------------

# Served with MAX_REQUEST_HEAD_BYTES = 4096; far more than a segment (256 KiB).
FLOODS = {
    "fields": (b"1\r\na\r\n0\r\n", b"x-more: 1\r\n" * 8192),
    "field": (b"1\r\na\r\n0\r\nx-large: ", b"v" * 65536),
    "name": (b"1\r\na\r\n0\r\nx", b"n" * 65536),
    "extension": (b"1;x=", b"e" * 65536),
    "extensions": (b"", b"1;x=" + b"e" * 1000 + b"\r\na\r\n"),
    "zeros": (b"", b"0" * 65536),
}


def flood(wire: Wire, piece: bytes, size: int) -> None:
    """Send until the server has closed, or it is enough."""
    sent = 0
    piece *= max(1, 65536 // len(piece))
    try:
        while sent < size:
            wire.socket.sendall(piece)
            sent += len(piece)
    except OSError:
        return


@pytest.mark.parametrize("path", ["/read", "/stream", "/sleep", "/mounted/read"])
@pytest.mark.parametrize("kind", sorted(FLOODS))
def test_endless_framing_is_refused(guarded: Server, kind: str, path: str) -> None:
    opening, piece = FLOODS[kind]
    guarded.get()
    before = peak_memory(guarded)
    with guarded.connect() as wire:
        wire.send(head("POST", path, CHUNKED) + opening)
        flood(wire, piece, 64 * MIB)
        received = wire.rest()
    assert received == b"" or received.split()[1] in (b"400", b"431")
    assert received.count(b"HTTP/1.1 ") <= 1
    assert peak_memory(guarded) - before < 16
    assert guarded.get().text == "hello"


@pytest.mark.parametrize("kind", sorted(FLOODS))
def test_a_client_that_sends_too_much_gets_its_answer(guarded: Server, kind: str) -> None:
    """Up to 16 MiB, which are thrown away."""
    opening, piece = FLOODS[kind]
    with guarded.connect() as wire:
        wire.send(head("POST", "/read", CHUNKED) + opening)
        flood(wire, piece, MIB)
        answer = wire.answer()
        assert answer.status == (431 if kind == "fields" else answer.status)
        assert answer.status in (400, 431)
        assert answer.headers["connection"] == "close"
        assert wire.rest() == b""


def test_trailers_in_one_segment_past_the_bound_are_431(guarded: Server) -> None:
    fields = b"x-more: 1\r\n" * 1000
    with guarded.connect() as wire:
        wire.send(head("POST", "/read", CHUNKED) + b"1\r\na\r\n0\r\n" + fields + b"\r\n")
        assert wire.answer().status == 431
        assert wire.rest() == b""


def test_chunks_of_one_byte_are_served(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("POST", "/stream", CHUNKED))
        wire.send(b"1\r\na\r\n" * 40_000)
        wire.send(b"0\r\n\r\n")
        assert wire.answer().body == b"40000"


def test_short_extensions_are_served(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("POST", "/stream", CHUNKED))
        wire.send(b"400;name=value\r\n" + b"a" * 1024 + b"\r\n")
        wire.send(b"0;last\r\n\r\n")
        assert wire.answer().body == b"1024"


def test_blank_lines_between_requests_are_counted(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("GET", "/"))
        assert wire.answer().status == 200
        started = time.monotonic()
        flood(wire, b"\r\n", 64 * MIB)
        # h11 takes no blank line; otherwise there is no request that could have an answer.
        assert wire.rest().split()[1:2] in ([], [b"400"])
        assert time.monotonic() - started < 30
    assert guarded.get().text == "hello"


def test_blank_lines_during_a_request_are_counted(guarded: Server) -> None:
    before = peak_memory(guarded)
    with guarded.connect() as wire:
        wire.send(head("GET", "/sleep"))
        flood(wire, b"\r\n", 64 * MIB)
        received = wire.rest()
    # h11 leaves them in the socket until the answer is there.
    assert received == b"" or received.split()[1] in (b"200", b"400")
    assert peak_memory(guarded) - before < 16


def test_pipelined_requests_larger_than_the_bound_are_served(guarded: Server) -> None:
    """Many complete heads in one segment are not one large head."""
    with guarded.connect() as wire:
        wire.send(head("GET", "/") * 400)
        for _ in range(400):
            assert wire.answer().body == b"hello"


def test_a_body_with_a_fault_after_the_answer_has_no_second_answer(guarded: Server) -> None:
    """A proxy would take it for the answer to the next request (CWE-444)."""
    with guarded.connect() as wire:
        wire.send(head("POST", "/mounted/no", CHUNKED) + b"1\r\na\r\n")
        assert wire.answer().status == 200
        wire.send(b"no size\r\n\r\n")
        assert wire.rest() == b""


def test_a_body_with_a_fault_before_the_answer_is_400(guarded: Server) -> None:
    with guarded.connect() as wire:
        wire.send(head("POST", "/read", CHUNKED) + b"1\r\na\r\n")
        time.sleep(0.05)
        wire.send(b"no size\r\n\r\n")
        assert wire.answer().status == 400
        assert wire.rest() == b""
