"""Requests per second through uvicorn, against a function that sends the same bytes (PERF-2).

    uv run --group benchmarks python -m benchmarks.http

Each application is served by a uvicorn of its own (uvloop, httptools). The client keeps some
connections busy with prepared requests and counts bytes. The servers take turns; a ratio compares
values that were measured within a second or two. Where the client is the bottleneck, or another
program takes the processor, ratios come out nearer to 1 than they are: look at the load.
"""

import argparse
import contextlib
import json
import os
import selectors
import sys
import time
from dataclasses import dataclass

from benchmarks.asgi import CLIENT_HEADERS
from benchmarks.served import Row, connect, in_turns

RIVAL = "raw"
CONTESTANTS = {
    "raw": "raw ASGI function, same bytes",
    "flasgo": "flasgo, all plugins",
    "starlette": "Starlette, bare",
}
# PERF-2: at least so many of the raw function's requests.
BAR = 0.85
_CONNECTIONS = 32
_REQUEST = b"".join(
    [b"GET / HTTP/1.1\r\n", *(b"%b: %b\r\n" % pair for pair in CLIENT_HEADERS), b"\r\n"]
)


@dataclass(frozen=True)
class Effort:
    """How long to measure: values per contestant, and requests behind each."""

    rounds: int = 15
    requests: int = 10_000


QUICK = Effort(rounds=2, requests=100)


def answer_length(port: int) -> int:
    """Return how many bytes an answer has, head and all.

    Raises:
        RuntimeError: When it is not the JSON that was asked for.
    """
    with connect(port) as connection:
        connection.sendall(_REQUEST)
        received = b""
        while not received.endswith(b"}"):
            received += connection.recv(65536)
            if not received.startswith(b"HTTP/1.1 200 "[: len(received)]):
                raise RuntimeError(f"expected the JSON route, the server sent {received[:200]!r}")
    return len(received)


def once(port: int, effort: Effort) -> float:
    """Return how many requests per second are answered."""
    length = answer_length(port)
    missing = dict.fromkeys(range(_CONNECTIONS), length)
    to_send = to_come = max(effort.requests, _CONNECTIONS)
    with contextlib.ExitStack() as stack:
        ready = stack.enter_context(selectors.DefaultSelector())
        connections = [stack.enter_context(connect(port)) for _ in range(_CONNECTIONS)]
        started = time.perf_counter()
        for number, connection in enumerate(connections):
            ready.register(connection, selectors.EVENT_READ, number)
            connection.sendall(_REQUEST)
            to_send -= 1
        while to_come:
            for key, _ in ready.select():
                number = key.data
                chunk = connections[number].recv(65536)
                if not chunk:
                    raise RuntimeError("the server closed a connection")
                missing[number] -= len(chunk)
                if missing[number] == 0:
                    missing[number] = length
                    to_come -= 1
                    if to_send:
                        to_send -= 1
                        connections[number].sendall(_REQUEST)
        return max(effort.requests, _CONNECTIONS) / (time.perf_counter() - started)


def measure(effort: Effort) -> list[Row]:
    """Measure all contestants in turns.

    Args:
        effort: How long.
    """
    return in_turns(
        CONTESTANTS,
        RIVAL,
        module="benchmarks.http_apps",
        rounds=effort.rounds,
        once=lambda port: once(port, effort),
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shows that it runs, not more")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    rows = measure(QUICK if options.quick else Effort())
    if options.json:
        print(json.dumps({"load_average": load, "rows": [vars(row) for row in rows]}, indent=2))
        return 0
    busy = "" if load is None else f" (load average {load:.1f} at the start)"
    print(f"\nJSON route, requests per second through uvicorn{busy}")
    for row in rows:
        print(f"  {row.label:<32}{row.per_second:>10,.0f}{row.ratio:>8.2f} x {RIVAL}")
    own = next(row for row in rows if row.name == "flasgo")
    print(f"PERF-2 at least {BAR}: {own.ratio:.2f}, {'met' if own.ratio >= BAR else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
