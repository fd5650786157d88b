"""REQ-3 and PERF-5 over real sockets: memory, limits, hostile bodies, and what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest

from .conftest import PATIENCE_SECONDS, Server

MIB = 1024 * 1024
GIB = 1024 * MIB

SOURCE = f"""
import hashlib
from flasgo import Flasgo, Request

app = Flasgo(discover=False, settings={{"MAX_REQUEST_BODY_BYTES": {2 * GIB}, "MAX_FORM_FILES": 10}})


@app.post("/upload")
async def upload(request: Request):
    form = await request.form()
    answer = {{"fields": form.multi_items(), "files": []}}
    for name, file in form.files:
        digest = hashlib.blake2b()
        async for chunk in file.chunks():
            digest.update(chunk)
        answer["files"].append([name, file.filename, file.size, digest.hexdigest()])
    return answer


@app.post("/broken")
async def broken(request: Request):
    form = await request.form()
    raise RuntimeError("after the upload")


@app.post("/ignored")
async def ignored():
    return "did not look"


@app.get("/alive")
async def alive():
    return "yes"
"""

HEAD = (
    b'--XX\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="../../etc/big.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--XX--\r\n"
KIND = {"Content-Type": "multipart/form-data; boundary=XX"}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="looks into /proc to see what a process holds"
)


@pytest.fixture(scope="module")
def server(serve: Callable[[str], Server]) -> Server:
    server = serve(SOURCE)
    # Imports and caches are there before anything is measured.
    assert post(server, [HEAD, os.urandom(2 * MIB), TAIL]).status == 200
    return server


class Answer(NamedTuple):
    status: int
    content: Any


def post(server: Server, pieces: list[bytes] | Iterator[bytes], path: str = "/upload") -> Answer:
    """Send a body, in chunks when it is made on the way."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    with closing(connection):
        body = b"".join(pieces) if isinstance(pieces, list) else pieces
        # However early it is refused, all of it can be sent.
        connection.request("POST", path, body, KIND)
        answer = connection.getresponse()
        text = answer.read()
        kind = answer.headers["content-type"]
        return Answer(answer.status, json.loads(text) if "json" in kind else text)


def is_alive(server: Server) -> bool:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)) as connection:
        connection.request("GET", "/alive")
        return connection.getresponse().read() == b"yes"


# Memory -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MIB, GIB])
def test_memory_is_bounded_by_the_spool_limit(server: Server, size: int) -> None:
    piece = os.urandom(MIB)
    digest = hashlib.blake2b()

    def pieces() -> Iterator[bytes]:
        yield HEAD
        for _ in range(size // MIB):
            digest.update(piece)
            yield piece
        yield TAIL

    server.reset_peak()
    before = server.status_kib("VmRSS")
    answer = post(server, pieces())
    grown = server.status_kib("VmHWM") - before
    assert answer.status == 200, answer.content
    assert answer.content == {
        "fields": [["note", "hello"]],
        "files": [["file", "big.bin", size, digest.hexdigest()]],
    }
    # The spool limit, what is on its way to the disk, and what uvicorn holds for the app.
    assert grown * 1024 < 8 * MIB, f"{grown} KiB"
    server.wait_until_clean()


def test_many_uploads_at_once_hold_little_each(server: Server) -> None:
    connections = [server.connect() for _ in range(20)]
    server.reset_peak()
    before = server.status_kib("VmRSS")
    try:
        for connection in connections:
            head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {64 * MIB}\r\n"
            connection.sendall(f"{head}Content-Type: {KIND['Content-Type']}\r\n\r\n".encode())
            connection.sendall(HEAD)
        for _ in range(4):
            for connection in connections:
                connection.sendall(b"x" * MIB)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while server.spooled_bytes() < 20 * 3 * MIB:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        grown = server.status_kib("VmHWM") - before
        assert grown * 1024 < 20 * 3 * MIB, f"{grown} KiB"
    finally:
        for connection in connections:
            connection.close()
    server.wait_until_clean()


# What is left behind ----------------------------------------------------------------------------


def test_an_upload_of_a_handler_that_fails_is_gone(server: Server) -> None:
    assert post(server, [HEAD, b"x" * (4 * MIB), TAIL], "/broken").status == 500
    server.wait_until_clean()


@pytest.mark.parametrize("sent", [0, 100, 4 * MIB])
def test_an_upload_of_a_client_that_leaves_is_gone(server: Server, sent: int) -> None:
    with server.connect() as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {64 * MIB}\r\n"
        connection.sendall(f"{head}Content-Type: {KIND['Content-Type']}\r\n\r\n".encode())
        connection.sendall(HEAD + b"x" * sent)
    server.wait_until_clean()
    assert is_alive(server)


def test_a_body_that_nobody_reads_does_no_harm(server: Server) -> None:
    assert post(server, [HEAD, b"x" * 1000, TAIL], "/ignored").status == 200
    assert is_alive(server)
    server.wait_until_clean()


# Limits and hostile bodies ----------------------------------------------------------------------

FIELD = b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FILE = b'--XX\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (FIELD * 1000 + TAIL[2:], 200),
        (FIELD * 1001 + TAIL[2:], 413),
        (FIELD * 100_000 + TAIL[2:], 413),
        (FILE * 10 + TAIL[2:], 200),
        (FILE * 11 + TAIL[2:], 413),
        (FIELD.replace(b"1\r\n", b"x" * (MIB + 1) + b"\r\n") + TAIL[2:], 413),
        (FIELD.replace(b'name="a"', b'name="' + b"a" * 9000 + b'"') + TAIL[2:], 413),
        (b"--XX\r\n" + b"X-Header: y\r\n" * 100_000 + b"\r\n" + TAIL, 413),
        (b"--XX\r\nX-Header: " + b"y" * (2 * MIB), 413),
        (HEAD + b"x" * MIB, 400),
        (HEAD[:-2], 400),
        (HEAD[: len(HEAD) // 2], 400),
        (b"", 400),
        (b"--XX", 400),
        (b"\r\n" * 100_000, 400),
        (b"-" * MIB, 400),
        (b"--X" * MIB, 400),
        (b"\x00" * MIB, 400),
        (HEAD + b"\r\n--X" * (MIB // 4), 400),
        (HEAD + b"\r" * MIB, 400),
        (b"--XX\r\nContent-Disposition: form-data; " + b";" * 8000 + b"\r\n\r\n", 400),
        (
            b'--XX\r\nContent-Disposition: form-data; name="' + b"\\" * 8000 + b"\r\n\r\nx" + TAIL,
            400,
        ),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
def test_hostile_bodies_are_refused(server: Server, body: bytes, status: int) -> None:
    answer = post(server, [body])
    assert answer.status == status, answer.content
    if status != 200:
        assert answer.content["detail"].endswith(".")
    server.wait_until_clean()
    assert is_alive(server)


def test_the_body_limit_is_checked_before_anything_is_sent(server: Server) -> None:
    with server.connect() as connection:
        head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {3 * GIB}\r\n"
        connection.sendall(f"{head}Content-Type: {KIND['Content-Type']}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_shorter_than_announced_is_no_answer_at_all(server: Server) -> None:
    with server.connect() as connection:
        head = "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        connection.sendall(f"{head}Content-Type: {KIND['Content-Type']}\r\n\r\n".encode() + HEAD)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    server.wait_until_clean()
    assert is_alive(server)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Windows\\\\x.txt", "x.txt"),
        (".htaccess", "htaccess"),
        ("nul.txt", "_nul.txt"),
        ("ü 日本.txt", "ü 日本.txt"),
        ("a%22b.txt", "a_b.txt"),
    ],
)
def test_file_names_are_sanitised(server: Server, sent: str, kept: str) -> None:
    body = HEAD.replace(b"../../etc/big.bin", sent.encode())
    answer = post(server, [body, b"x", TAIL])
    assert answer.content["files"][0][1] == kept
