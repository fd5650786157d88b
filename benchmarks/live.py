"""WebSocket messages and server-sent events per second, against Starlette on the same uvicorn.

    uv run --group benchmarks python -m benchmarks.live

Each application is served by a uvicorn of its own (uvloop, httptools, websockets). The client
writes prepared frames and counts bytes, so that it is far from being the bottleneck. The servers
take turns; a ratio compares values that were measured within a second or two.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from statistics import median

RIVAL = "starlette"
CONTESTANTS = {
    "starlette": "Starlette",
    "flasgo-core": "flasgo-core",
    "flasgo": "flasgo, all plugins",
}
SCENARIOS = {"websocket": "messages echoed per second", "sse": "events per second"}
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
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


@dataclass(frozen=True)
class Row:
    """What one contestant managed: per second in each round, and how that compares."""

    name: str
    label: str
    per_second: float
    ratio: float
    samples: tuple[float, ...]


@contextlib.contextmanager
def serving(name: str, module: str = "benchmarks.live_apps") -> Generator[int]:
    """Serve a contestant, made by a function of a module; yield its port; end it by its id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    factory = f"{module}:{name.replace('-', '_')}"
    command = ["uvicorn", "--factory", factory, "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--no-access-log", "--ws-per-message-deflate", "false"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(ANSWER_SECONDS)


def connect(port: int) -> socket.socket:
    """Open a connection."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


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
    taken: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(serving(name)) for name in CONTESTANTS}
        for port in ports.values():
            once(port, effort)
        names = list(CONTESTANTS)
        for turn in range(effort.rounds):
            for step in range(len(names)):
                name = names[(turn + step) % len(names)]
                taken[name].append(once(ports[name], effort))
    return [
        Row(
            name,
            label,
            median(taken[name]),
            median(a / b for a, b in zip(taken[name], taken[RIVAL], strict=True)),
            tuple(taken[name]),
        )
        for name, label in CONTESTANTS.items()
    ]


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
