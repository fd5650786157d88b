"""WebSocket messages and server-sent events per second, against Starlette on the same uvicorn.

    uv run --group benchmarks python -m benchmarks.live

Each application is served by a uvicorn of its own (uvloop, httptools, websockets). The client
writes prepared frames and counts bytes, so that it is far from being the bottleneck. The servers
take turns; a ratio compares values that were measured within a second or two.
"""

import argparse
import json
import socket
import sys
import time
from dataclasses import dataclass

from benchmarks.served import Row, connect, in_turns

RIVAL = "starlette"
CONTESTANTS = {
    "starlette": "Starlette",
    "flasgo-core": "flasgo-core",
    "flasgo": "flasgo, all plugins",
}
SCENARIOS = {"websocket": "messages echoed per second", "sse": "events per second"}
_MASK = b"\x01\x02\x03\x04"
_WINDOW = 64  # messages under way at once
_MESSAGE = b"a short message, as chats have them"
_HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass(frozen=True)
class Effort:
    """How long to measure: values per contestant, and what stands behind each."""

    rounds: int = 9
    messages: int = 20_000
    events: int = 20_000


QUICK = Effort(rounds=2, messages=256, events=200)


def read_head(connection: socket.socket, status: bytes) -> bytes:
    """Read the head of an answer; return what came behind it.

    Raises:
        RuntimeError: When the answer is another one.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        received += chunk
        if not chunk:
            break
    head, _, rest = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 " + status):
        raise RuntimeError(f"expected {status!r}, the server sent {head[:200]!r}")
    return rest


def echo(port: int, effort: Effort) -> float:
    """Return how many messages per second come back."""
    masked = bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(_MESSAGE))
    frames = (bytes([0x81, 0x80 | len(masked)]) + _MASK + masked) * _WINDOW
    wanted = (2 + len(_MESSAGE)) * _WINDOW
    with connect(port) as connection:
        connection.sendall(_HANDSHAKE)
        read_head(connection, b"101")
        started = time.perf_counter()
        for _ in range(effort.messages // _WINDOW):
            connection.sendall(frames)
            missing = wanted
            while missing:
                chunk = connection.recv(65536)
                if not chunk:
                    raise RuntimeError("the server closed the WebSocket")
                missing -= len(chunk)
        return effort.messages / (time.perf_counter() - started)


def events(port: int, effort: Effort) -> float:
    """Return how many events per second arrive."""
    last = b"data: event number %d\n\n" % (effort.events - 1)
    with connect(port) as connection:
        started = time.perf_counter()
        connection.sendall(b"GET /events/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % effort.events)
        tail = read_head(connection, b"200")
        while last not in tail:
            chunk = connection.recv(1 << 20)
            if not chunk:
                raise RuntimeError("the server ended the stream too early")
            tail = tail[-200:] + chunk
        return effort.events / (time.perf_counter() - started)


def measure(scenario: str, effort: Effort) -> list[Row]:
    """Measure all contestants in turns.

    Args:
        scenario: `websocket` or `sse`.
        effort: How long.
    """
    once = echo if scenario == "websocket" else events
    return in_turns(
        CONTESTANTS,
        RIVAL,
        module="benchmarks.live_apps",
        rounds=effort.rounds,
        once=lambda port: once(port, effort),
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shows that it runs, not more")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else Effort()
    results = {scenario: measure(scenario, effort) for scenario in SCENARIOS}
    if options.json:
        print(json.dumps({s: [vars(row) for row in rows] for s, rows in results.items()}, indent=2))
        return 0
    for scenario, rows in results.items():
        print(f"\n{SCENARIOS[scenario]}, through uvicorn")
        for row in rows:
            print(f"  {row.label:<22}{row.per_second:>12,.0f}{row.ratio:>8.2f} x {RIVAL}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
