"""REQ-4: an answer before the end of the request reaches a client that sends first, reads later."""

import importlib.util
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import pytest
from flasgo import Flasgo, Request
from flasgo.requests import lingering

from .conftest import Server, Wire, head
from .test_slow_clients import MANY, hold, serve_a_normal_client, statuses, until_cut

# Far more than the limit, and than all the buffers between two sockets.
MUCH = 16 * 1024 * 1024


def sized(method: str, path: str, *headers: str) -> list[bytes]:
    return [head(method, path, f"content-length: {MUCH}", *headers), b"x" * MUCH]


def chunked(method: str, path: str, *headers: str) -> list[bytes]:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    opening = head(method, path, "transfer-encoding: chunked", *headers)
    return [opening, piece * (MUCH // 0x10000), b"0\r\n\r\n"]


@pytest.mark.parametrize(
    ("request_parts", "status"),
    [
        (sized("POST", "/read"), 413),
        (chunked("POST", "/read"), 413),
        (sized("GET", "/read-get"), 413),
        (sized("POST", "/nowhere"), 404),
        (sized("PUT", "/read"), 405),
        (sized("POST", "/ignore"), 200),
        (sized("POST", "/ignore", "connection: close"), 200),
        (sized("POST", "/ignore", "authorization: a", "authorization: b"), 400),
        (sized("POST", "/ignore", "x-large: " + "x" * 5000), 431),
        (sized("POST", "/mounted/ignore"), 200),
        (sized("POST", "/mounted/read"), 413),
    ],
    ids=["413", "413 chunked", "413 get", "404", "405", "200", "200 close", "400", "431",
         "mounted", "mounted 413"],
)  # fmt: skip
def test_the_client_can_send_everything_first(
    server: Server, request_parts: list[bytes], status: int
) -> None:
    """Not even its last byte meets a closed socket: `sendall` fails where the connection ended."""
    with server.connect() as wire:
        for part in request_parts:
            wire.socket.sendall(part)
        answer = wire.answer()
        assert answer.status == status
        assert len(answer.body) == int(answer.headers["content-length"])


def test_a_client_that_waits_for_leave_to_send_is_not_waited_for(server: Server) -> None:
    """`Expect: 100-continue`: the client sends nothing before it is told to."""
    with server.connect() as wire:
        wire.send(head("POST", "/read", "content-length: 10000000", "expect: 100-continue"))
        if server.kind == "hypercorn":  # says so before it asks the app
            assert wire.answer().status == 100
        answer = wire.answer()
        assert (answer.status, answer.body[-1:]) == (413, b"}")


def test_on_http2_the_stream_and_the_connection_live_on(hypercorn: Server) -> None:
    """hypercorn drops the whole connection when data comes for a stream that it has answered."""
    if importlib.util.find_spec("h2") is None:
        pytest.skip("h2 is not installed")
    own = {"sec-fetch-site": "same-origin"}
    with httpx2.Client(http1=False, http2=True, timeout=60, trust_env=False) as client:
        for path, status in (("/read", 413), ("/ignore", 200), ("/nowhere", 404)):
            answer = client.post(hypercorn.url + path, content=b"x" * 1_000_000, headers=own)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", status)
        assert client.get(hypercorn.url + "/").text == "hello"


def test_two_hundred_that_stop_after_a_refusal_are_cut(server: Server) -> None:
    """They are refused, say no more, and hold nothing up."""
    refused = head("POST", "/read", "content-length: 900000") + b"abc"
    ignored = head("POST", "/ignore", "content-length: 900", "connection: close") + b"abc"
    with ExitStack() as stack:
        wires = hold(server, stack, [refused, ignored])
        assert serve_a_normal_client(server) == 30
        cut = statuses(until_cut(wires, server.kind))
    assert cut == {"413": MANY // 2, "200": MANY // 2}


def test_a_client_that_never_stops_is_cut(server: Server) -> None:
    """A body without an end: what is thrown away is bounded."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    endless = piece * (16 * MUCH // 0x10000)
    with server.connect() as wire:
        wire.socket.sendall(head("POST", "/read", "transfer-encoding: chunked"))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            wire.socket.sendall(endless)
    assert server.get().text == "hello"


# --- The bounds, without a server ----------------------------------------------------------------

Message = dict[str, Any]


async def answered(receive: Callable[[], Any], **scope: Any) -> list[Message]:
    """Return what the app sends to a client that posts to a handler which reads nothing."""
    app = Flasgo(discover=False, settings={"REQUEST_READ_TIMEOUT_SECONDS": 1.0})

    @app.route("/", methods=("GET", "POST"))
    async def index(request: Request) -> str:
        if "read" in request.query:
            await request.body()
        return "answer"

    sent: list[Message] = []

    async def send(message: Any) -> None:
        sent.append(message)

    whole = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/",
        "query_string": b"", "headers": [(b"content-length", b"9")], **scope,
    }  # fmt: skip
    await app(whole, receive, send)
    return sent


def bodies(sent: list[Message]) -> list[tuple[bytes, bool]]:
    return [(message["body"], message.get("more_body", False)) for message in sent[1:]]


HELD_BACK = [(b"answe", True), (b"r", False)]


async def test_only_as_much_is_thrown_away_as_the_bound_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lingering, "_MOST_BYTES", 0)
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 1024 * 1024, "more_body": True}

    assert bodies(await answered(receive)) == HELD_BACK
    assert taken == 10  # MAX_REQUEST_BODY_BYTES


async def test_the_whole_may_take_no_longer_than_any_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless supply of empty pieces, from a `receive` that never waits."""
    monkeypatch.setattr(lingering, "_LONGEST_PAUSE", 0.05)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": True}

    assert bodies(await answered(receive)) == HELD_BACK


@pytest.mark.parametrize("failure", [OSError("gone"), RuntimeError("not now")])
async def test_a_server_that_cannot_read_on_gets_the_end(failure: Exception) -> None:
    async def receive() -> Message:
        raise failure

    assert bodies(await answered(receive)) == HELD_BACK


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    assert bodies(await answered(receive)) == HELD_BACK


@pytest.mark.parametrize(
    "scope",
    [
        {"method": "GET", "headers": []},
        {"method": "GET"},
        {"headers": []},
        {"headers": [(b"content-length", b"0")]},
        {"http_version": "2", "method": "GET", "headers": []},
        {"headers": [(b"content-length", b"9"), (b"expect", b"100-continue")]},
    ],
)
async def test_where_nothing_is_unread_nothing_is_held_back(scope: Message) -> None:
    async def receive() -> Message:
        raise AssertionError("nobody asks for a body")

    assert bodies(await answered(receive, **scope)) == [(b"answer", False)]


async def test_a_body_that_was_read_is_not_asked_for_again() -> None:
    pieces = [
        {"type": "http.request", "body": b"four", "more_body": True},
        {"type": "http.request", "body": b"-five", "more_body": False},
    ]

    async def receive() -> Message:
        return pieces.pop(0)

    assert bodies(await answered(receive, query_string=b"read")) == [(b"answer", False)]


def test_a_head_answer_has_no_last_byte_to_hold_back(server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as raw:
        raw.sendall(head("HEAD", "/", "content-length: 70000", "connection: close"))
        raw.sendall(b"x" * 70_000)
        wire = Wire(raw)
        assert wire.rest().split()[1] == b"200"
