"""CORE-11, REQ-1: streamed bodies in both directions over real uvicorn."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable

import httpx2
import pytest

from .conftest import Server

MIB = 1 << 20


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read an answer's head; return it with what came along of the body."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    return head.lower(), rest


def ask(server: Server, path: str, headers: str = "") -> socket.socket:
    connection = server.connect()
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection


# --- Server-sent events ---------------------------------------------------------------------


def test_events_as_they_are_sent(server: Server) -> None:
    answer = server.get("/sse")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-finalized"] == "200"
    assert answer.text == (
        ": hello\nretry: 2000\n\n"
        'event: count\nid: 1\ndata: {"number":1}\n\n'
        'event: count\nid: 2\ndata: {"number":2}\n\n'
        'event: count\nid: 3\ndata: {"number":3}\n\n'
        "data: two\ndata: lines\n\n"
        'data: {"plain":"data"}\n\n'
    )


def test_a_reconnecting_client_says_where_it_was(server: Server) -> None:
    answer = server.get("/sse", headers={"last-event-id": "41"})
    assert "id: 42\n" in answer.text
    assert "id: 41\n" not in answer.text


def test_ordinary_iterators(server: Server) -> None:
    assert server.get("/sse/sync").text == "data: one\n\ndata: two\n\n"
    assert server.get("/ndjson/sync").text == '{"n":0}\n{"n":1}\n{"n":2}\n'


def test_a_heartbeat_in_the_silence_and_an_end_with_the_client(server: Server) -> None:
    connection = ask(server, "/sse/silent")
    _, received = read_head(connection)
    while received.count(b":\n\n") < 3:
        received += connection.recv(4096)
    assert "silent" not in server.stats()["ended"]

    connection.close()

    server.until(lambda stats: "silent" in stats["ended"])


def test_a_head_request_starts_no_producer(server: Server) -> None:
    answer = httpx2.head(server.url + "/sse", timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


# --- NDJSON ---------------------------------------------------------------------------------


def test_one_json_value_in_each_line(server: Server) -> None:
    answer = server.get("/ndjson")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in answer.text.splitlines()] == [
        {"a": 1},
        [1, 2],
        None,
        "text\nwith a line break",
    ]


# --- Back-pressure, leaving, failing --------------------------------------------------------


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_slow_reader_bounds_what_is_produced(server: Server, kind: str) -> None:
    before = server.stats()["resident_kib"]
    connection = server.connect()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(f"GET /endless/{kind} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    read_head(connection)
    seen = [-1, server.stats()["produced"][kind]]
    while seen[-1] != seen[-2]:  # until the buffers on the way are full
        time.sleep(0.2)
        seen.append(server.stats()["produced"][kind])

    assert seen[-1] * 65536 < 32 * MIB
    assert server.stats()["resident_kib"] - before < 32 * 1024
    connection.close()
    server.until(lambda stats: kind in stats["ended"])


def test_a_client_that_leaves_cancels_a_waiting_producer(server: Server) -> None:
    before = server.stats()["tasks"]
    connection = ask(server, "/waiting")
    _, received = read_head(connection)
    while b"begun" not in received:
        received += connection.recv(4096)
    connection.close()

    server.until(lambda stats: "waiting" in stats["ended"] and stats["tasks"] <= before)


@pytest.mark.parametrize("kind", ["plain", "sse", "ndjson", "mounted"])
def test_a_producer_that_never_waits_ends_with_its_client(server: Server, kind: str) -> None:
    path = "/mounted/never-waits" if kind == "mounted" else f"/never-waits/{kind}"
    connection = ask(server, path)
    read_head(connection)
    missing = 16 * MIB  # a quick reader: what the server sends is gone at once
    while missing > 0:
        missing -= len(connection.recv(MIB))
    connection.close()

    server.until(lambda stats: f"never waits: {kind}" in stats["ended"])
    assert "never-waits" not in server.log


@pytest.mark.parametrize("kind", ["plain", "sse", "ndjson"])
def test_an_error_half_way_is_logged_and_ends_visibly(server: Server, kind: str) -> None:
    connection = ask(server, f"/cut/{kind}")
    head, received = read_head(connection)
    while chunk := connection.recv(4096):
        received += chunk
    connection.close()

    assert b"transfer-encoding: chunked" in head
    assert b"begun" in received
    assert b"0\r\n\r\n" not in received  # the last chunk, which says that all is well
    assert f"Error on GET '/cut/{kind}'" in server.log
    with pytest.raises(httpx2.RemoteProtocolError):
        server.get(f"/cut/{kind}")


# --- Uploads --------------------------------------------------------------------------------


def upload(server: Server, path: str, blocks: int, block: bytes, *, chunked: bool) -> bytes:
    """Send a body that is made on the way; return the whole answer."""
    size = blocks * len(block)
    connection = server.connect()
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{how}\r\n\r\n".encode()
    )
    try:
        for _ in range(blocks):
            if chunked:
                connection.sendall(b"%x\r\n" % len(block))
            connection.sendall(block)
            if chunked:
                connection.sendall(b"\r\n")
        if chunked:
            connection.sendall(b"0\r\n\r\n")
    except OSError:
        pass  # refused before the end
    answer = b""
    try:
        while chunk := connection.recv(65536):
            answer += chunk
    except OSError:
        pass
    connection.close()
    return answer


def test_a_gibibyte_goes_to_disk_with_flat_memory(start: Callable[..., Server]) -> None:
    server = start()
    block = bytes(range(256)) * 4096  # 1 MiB
    upload(server, "/upload", 8, block, chunked=False)
    httpx2.post(server.url + "/reset-peak", timeout=30)
    before = server.stats()["resident_kib"]

    answer = upload(server, "/upload", 1024, block, chunked=False)

    digest = hashlib.blake2b()
    for _ in range(1024):
        digest.update(block)
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "size": 1 << 30,
        "written": 1 << 30,
        "digest": digest.hexdigest(),
    }
    peak = server.stats()["peak_kib"]
    print(f"resident before {before} KiB, peak during a 1 GiB upload {peak} KiB")
    assert peak - before < 16 * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_limits_hold_for_streamed_uploads(server: Server, chunked: bool) -> None:
    block = b"x" * 65536
    fits = upload(server, "/upload/small", 16, block, chunked=chunked)
    too_large = upload(server, "/upload/small", 17, block, chunked=chunked)

    assert json.loads(fits.partition(b"\r\n\r\n")[2]) == {"size": MIB}
    assert too_large.startswith(b"HTTP/1.1 413 ")
