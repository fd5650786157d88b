"""CLI-1: two hundred slow clients hold no worker; each is cut, and everyone else is served."""

import selectors
import socket
from collections import Counter
from contextlib import ExitStack

import pytest

from .conftest import PATIENCE, Server, head

MANY = 200
ROUNDS = 15

SLOW_HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: "
SLOW_BODY = head("POST", "/read", "content-length: 900") + b"abc"
SLOW_CHUNK = head("POST", "/stream", "transfer-encoding: chunked") + b"5\r\nab"
SLOW_THREAD = head("POST", "/thread", "content-type: application/json", "content-length: 900")
SLOW_FORM = (
    head("POST", "/form", "content-type: multipart/form-data; boundary=b", "content-length: 900")
    + b'--b\r\ncontent-disposition: form-data; name="a"\r\n'
)


def until_cut(wires: list[socket.socket], kind: str = "flasgo") -> list[bytes]:
    """Read from all connections until the server has closed them; return what each received.

    granian sends the answer, but closes some of the connections much later.
    """
    received = {wire.fileno(): b"" for wire in wires}
    with selectors.DefaultSelector() as waiting:
        for wire in wires:
            wire.setblocking(False)
            waiting.register(wire, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(PATIENCE)
            assert ready, f"{len(waiting.get_map())} connections are never cut"
            for key, _ in ready:
                try:
                    piece = key.fileobj.recv(65536)  # ty: ignore[missing-attribute]
                except ConnectionResetError:
                    piece = b""
                received[key.fd] += piece
                if not piece or kind == "granian":
                    waiting.unregister(key.fileobj)
    return list(received.values())


def hold(server: Server, stack: ExitStack, openings: list[bytes]) -> list[socket.socket]:
    wires = []
    for number in range(MANY):
        wire = stack.enter_context(server.connect())
        wire.send(openings[number % len(openings)])
        wires.append(wire.socket)
    return wires


def statuses(received: list[bytes]) -> Counter[str]:
    return Counter(data.split()[1].decode() if data else "closed" for data in received)


def serve_a_normal_client(server: Server) -> int:
    """Make requests that need the loop and requests that need a thread; count the good ones."""
    good = 0
    for _ in range(ROUNDS):
        good += server.get().text == "hello"
        good += server.get("/thread").status_code == 200
    return good


def test_slow_heads_and_bodies_under_flasgo_run(flasgo_run: Server) -> None:
    before = flasgo_run.stats()
    with ExitStack() as stack:
        openings = [SLOW_HEAD, SLOW_BODY, SLOW_CHUNK, SLOW_THREAD, SLOW_FORM]
        wires = hold(flasgo_run, stack, openings)

        during = flasgo_run.stats()
        assert serve_a_normal_client(flasgo_run) == 2 * ROUNDS
        cut = statuses(until_cut(wires))

    after = flasgo_run.stats()
    assert cut == {"408": MANY}
    # Two threads for `def` handlers, and none of them waited for a body.
    assert during["threads"] <= before["threads"] + 2
    assert after["reading"] == 0
    assert after["read"] == before["read"]


def test_slow_bodies_in_the_app_under_any_server(server: Server) -> None:
    with ExitStack() as stack:
        wires = hold(server, stack, [SLOW_BODY, SLOW_CHUNK, SLOW_THREAD, SLOW_FORM])
        assert serve_a_normal_client(server) == 2 * ROUNDS
        cut = statuses(until_cut(wires, server.kind))

    assert cut == {"408": MANY}
    assert server.stats()["reading"] == 0


@pytest.mark.parametrize("opening", [b"", b"GET"])
def test_silent_connections_are_closed(flasgo_run: Server, opening: bytes) -> None:
    with ExitStack() as stack:
        wires = hold(flasgo_run, stack, [opening])
        assert flasgo_run.get().text == "hello"
        cut = statuses(until_cut(wires))
    assert cut == {"408" if opening else "closed": MANY}


def test_clients_that_leave_in_the_middle_leave_nothing_behind(server: Server) -> None:
    with ExitStack() as stack:
        hold(server, stack, [SLOW_HEAD, SLOW_BODY, SLOW_CHUNK, SLOW_FORM])
    assert serve_a_normal_client(server) == 2 * ROUNDS
    # They count as finished when the server notices; nothing is asserted about when.
    for _ in range(600):
        if server.stats()["reading"] == 0:
            break
    assert server.stats()["reading"] == 0
