"""SERVE-1: an answer in one piece leaves in one write; what may not wait does not wait."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from flasgo.serving import head_lines
from flasgo.serving.h11_quick import QuickH11
from flasgo.serving.httptools_quick import QuickHttpTools
from hypothesis import given, strategies as st
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, HttpToolsProtocol

from tests.serving.uvicorn_twins import LAST, Served, answer, serving

LENGTH_5 = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
GET = b"GET /it HTTP/1.1\r\nhost: x\r\n\r\n"


class CountingTransport:
    """Passes on to a transport, and counts writes."""

    def __init__(self, transport: Any, writes: list[bytes]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: Any) -> None:
        self._writes.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture(params=[QuickHttpTools, QuickH11], ids=["httptools", "h11"])
def counted(request: pytest.FixtureRequest) -> Iterator[tuple[Served, list[bytes]]]:
    writes: list[bytes] = []

    class Counting(request.param):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.transport = CountingTransport(transport, writes)

    with serving(Counting) as served:
        yield served, writes


@pytest.mark.parametrize(
    ("play", "method"),
    [
        (answer(b"hello", headers=LENGTH_5), b"GET"),
        (answer(b"", headers=LENGTH_5), b"HEAD"),
        (answer(b"", status=204), b"GET"),
        (answer(b"", status=304), b"GET"),
        (answer(b"x" * 60_000, headers=[(b"content-length", b"60000")]), b"GET"),
    ],
    ids=["get", "head", "204", "304", "60 kB"],
)
def test_head_and_body_leave_in_one_write(counted: Any, play: Any, method: bytes) -> None:
    served, writes = counted
    served.script.plays["/it"] = play
    served.exchange(GET.replace(b"GET", method) + LAST)
    assert len([write for write in writes if write]) == 2  # this one, and the last


def test_a_head_without_a_length_does_not_wait(counted: Any) -> None:
    """A browser shows an event stream as open when its head has come."""
    served, _ = counted
    may_go_on = []

    async def play(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while not may_go_on:
            await asyncio.sleep(0.01)
        await send({"type": "http.response.body", "body": b"data: x\n\n"})

    served.script.plays["/it"] = play
    with served.connect() as connection:
        connection.sendall(GET)
        assert connection.recv(65536).endswith(b"\r\n\r\n")
        may_go_on.append(True)


def test_an_app_that_reads_after_its_head_has_sent_it(counted: Any) -> None:
    """The client sends its body when it has seen the head."""
    served, _ = counted

    async def play(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": LENGTH_5})
        message = await receive()
        while not message["body"]:
            message = await receive()
        await send({"type": "http.response.body", "body": message["body"]})

    served.script.plays["/it"] = play
    with served.connect() as connection:
        connection.sendall(b"POST /it HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n")
        assert connection.recv(65536).endswith(b"\r\n\r\n")
        connection.sendall(b"hello")
        assert connection.recv(65536) == b"hello"


def test_the_app_is_told_to_wait_while_the_client_does_not_read(counted: Any) -> None:
    served, _ = counted
    sent: list[int] = []
    part = b"x" * 1_000_000

    async def play(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(100):
            await send({"type": "http.response.body", "body": part, "more_body": number < 99})
            sent.append(number)

    served.script.plays["/it"] = play
    with served.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(GET)
        deadline = time.monotonic() + 10
        known = -1
        while len(sent) != known and time.monotonic() < deadline:
            known = len(sent)
            time.sleep(0.3)
        assert len(sent) < 50
        received = 0
        while received < 100_000_000:
            received += len(connection.recv(1_000_000))
    assert len(sent) == 100


def test_the_app_learns_that_the_client_has_gone(counted: Any) -> None:
    served, _ = counted
    seen: list[str] = []

    async def play(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["type"])
        seen.append((await receive())["type"])
        await answer(b"hello", headers=LENGTH_5)(scope, receive, send)
        seen.append("sent to nobody")

    served.script.plays["/it"] = play
    connection = served.connect()
    connection.sendall(GET)
    connection.close()
    deadline = time.monotonic() + 10
    while len(seen) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen == ["http.request", "http.disconnect", "sent to nobody"]


def test_idle_connections_are_closed_busy_ones_are_not() -> None:
    with serving(QuickHttpTools, timeout_keep_alive=1) as served:
        served.script.plays["/it"] = answer(b"hello", headers=LENGTH_5)
        with served.connect() as connection:
            for _ in range(4):  # longer, together, than one may be idle
                connection.sendall(GET)
                assert connection.recv(65536).endswith(b"hello")
                time.sleep(0.4)
            begun = time.monotonic()
            assert connection.recv(65536) == b""
            assert 0.3 < time.monotonic() - begun < 5


def test_requests_are_forgotten_when_they_are_over(counted: Any) -> None:
    served, _ = counted
    tasks: list[int] = []

    async def play(scope: Any, receive: Any, send: Any) -> None:
        tasks.append(len(asyncio.all_tasks()))
        await answer(b"hello", headers=LENGTH_5)(scope, receive, send)

    served.script.plays["/it"] = play
    served.exchange(GET * 50 + LAST)
    assert max(tasks) <= min(tasks) + 1


# --- the table of lines -----------------------------------------------------------------------


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_lines_are_refused_as_uvicorn_refuses_them(name: bytes, value: bytes) -> None:
    is_bad = HEADER_RE.search(name) or HEADER_VALUE_RE.search(value)
    for _ in range(2):
        if is_bad:
            with pytest.raises(RuntimeError, match="Invalid HTTP header"):
                head_lines.encode_line(name, value)
        else:
            assert head_lines.encode_line(name, value) == name.lower() + b": " + value + b"\r\n"


@pytest.mark.parametrize(
    "header",
    [
        (b"set-cookie", b"session=secret"),
        (b"Set-Cookie", b"session=secret"),
        (b"date", b"Mon, 30 Nov 2026 15:00:00 GMT"),
        (b"etag", b'"abc"'),
        (b"location", b"/reset?token=secret"),
        (b"x-request-id", b"abc"),
        (b"content-security-policy", b"script-src 'nonce-abc'"),
        (b"content-type", b"multipart/byteranges; boundary=abc"),
        (b"access-control-allow-origin", b"https://someone.example"),
        (b"content-length", b"5"),
        (b"content-type", b"x" * 5000),
    ],
)
def test_what_belongs_to_one_answer_is_not_kept(header: tuple[bytes, bytes]) -> None:
    head_lines.encode_line(*header)
    assert header not in head_lines.LINES


def test_the_tables_are_bounded() -> None:
    for number in range(5000):
        value = b"%d" % number
        head_lines.encode_line(b"vary", value)
        head_lines.encode_line(b"x-" + value, value)
        head_lines.length_line(b"content-length", value)
        assert len(head_lines.LINES) <= 512
    assert len(head_lines._names) <= 512
    assert len(head_lines._lengths) <= 512
    assert (b"vary", value) in head_lines.LINES


# --- which protocol ---------------------------------------------------------------------------


def test_the_protocol_of_flasgo_run_is_the_quick_one() -> None:
    from flasgo.serving.protocol import GuardedProtocol

    assert issubclass(GuardedProtocol, (QuickHttpTools, QuickH11))


@pytest.mark.parametrize("parser", ["httptools", "h11"])
def test_another_uvicorn_sends_its_answers_itself(tmp_path: Path, parser: str) -> None:
    """The version installed is looked at when the server starts; the log names what differs."""
    copy = tmp_path / "uvicorn"
    shutil.copytree(Path(uvicorn.__file__).parent, copy, ignore=shutil.ignore_patterns("*.pyc"))
    changed = copy / "protocols" / "http" / f"{parser}_impl.py"
    changed.write_text(changed.read_text() + "# a later version\n")
    if parser == "h11":
        (copy / "protocols" / "http" / "httptools_impl.py").write_text("import no_such_module\n")
    script = (
        "import logging; logging.basicConfig()\n"
        "from flasgo.serving.protocol import GuardedProtocol as used\n"
        "print([each.__name__ for each in used.__mro__][:2])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    guarded = "GuardedHttpTools" if parser == "httptools" else "GuardedH11"
    assert ended.stdout.strip() == f"['{guarded}', 'ConnectionGuard']"
    assert ended.stderr.count("uvicorn's own code sends the answers") == 1
    assert f"{parser}_impl" in ended.stderr


@pytest.mark.parametrize("options", [{"limit_concurrency": 1}, {"root_path": "/at"}])
def test_options_of_uvicorn_hold(options: dict[str, Any]) -> None:
    answers = []
    for protocol in (HttpToolsProtocol, QuickHttpTools):
        with serving(protocol, **options) as served:
            answers.append(served.exchange(GET + LAST))
    assert answers[0] == answers[1]


def test_heads_are_kept_only_of_lines_that_are_kept_and_so_many() -> None:
    length = (b"content-length", b"5")
    for number in range(2 * head_lines._MOST_LINES):
        kind = (b"content-type", b"text/x-%d" % number)
        line = head_lines.encode_line(*kind)
        assert head_lines.known_lines([kind, length]) == line
        assert head_lines.known_lines([kind, (b"content-length", b"6")]) == line
        assert len(head_lines._blocks) <= head_lines._MOST_LINES
    kept = len(head_lines._blocks)
    for header in (
        (b"set-cookie", b"a=b"),
        (b"etag", b'"1"'),
        (b"content-length", b"5"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"content-security-policy", b"script-src 'nonce-abc'"),
    ):
        head_lines.encode_line(*header)
        assert head_lines.known_lines([kind, header, length]) is None
    assert head_lines.known_lines([list(kind), length]) is None  # ty: ignore[invalid-argument-type]
    assert head_lines.known_lines([kind, (b"vary", b"never encoded"), length]) is None
    assert len(head_lines._blocks) == kept
