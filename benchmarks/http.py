"""Requests per second through uvicorn and granian, next to a raw function (SERVE-1).

The raw function sends the same bytes.

    uv run --group benchmarks python -m benchmarks.http

Each application is served by a uvicorn of its own (uvloop, httptools): with uvicorn's own protocol,
or with that of `flasgo run`; or by a granian of its own (uvloop), with one worker. The client keeps
some connections busy with prepared requests and counts bytes. The servers take turns; a ratio
compares values that were measured within a second or two. Each ratio is printed with its spread
over several runs. Where the client is the bottleneck, or another program takes the processor,
ratios come out nearer to 1 than they are: look at the load.
"""

import argparse
import contextlib
import json
import os
import platform
import selectors
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

from benchmarks.asgi import CLIENT_HEADERS
from benchmarks.served import Row, connect, in_turns

RIVAL = "raw"
CONTESTANTS = {
    "raw": "raw function, stock uvicorn",
    "raw-run": "raw function, flasgo run",
    "flasgo-run": "flasgo, all plugins, flasgo run",
    "flasgo": "flasgo, all plugins, stock uvicorn",
    "starlette": "Starlette bare, stock uvicorn",
    "falcon": "Falcon, stock uvicorn",
    "blacksheep": "BlackSheep, stock uvicorn",
    "raw-granian": "raw function, granian",
    "flasgo-granian": "flasgo, all plugins, granian",
    "starlette-granian": "Starlette bare, granian",
    "falcon-granian": "Falcon, granian",
    "blacksheep-granian": "BlackSheep, granian",
}
_OURS = ("--http", "flasgo.serving.protocol:GuardedProtocol")
OPTIONS = {"raw-run": _OURS, "flasgo-run": _OURS}
# SERVE-1: at least so many of the raw function's requests, and of bare Starlette's.
OF_RAW = 0.85
OF_STARLETTE = 1.5 if sys.version_info >= (3, 13) else 1.7
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


def is_installed(name: str) -> bool:
    """Whether a contestant, and the server that it is on, can be started here."""
    framework, _, server = name.partition("-")
    needed = [] if framework == "raw" else [framework]
    return all(find_spec(each) for each in (*needed, *(["granian"] if server == "granian" else ())))


def measure(effort: Effort) -> list[Row]:
    """Measure all contestants in turns.

    Args:
        effort: How long.
    """
    return in_turns(
        {name: label for name, label in CONTESTANTS.items() if is_installed(name)},
        RIVAL,
        module="benchmarks.http_apps",
        rounds=effort.rounds,
        once=lambda port: once(port, effort),
        options=OPTIONS,
    )


def ratio(rows: list[Row], name: str, rival: str) -> float:
    """Return how a contestant compares with another: the median of the rounds' ratios."""
    samples = {row.name: row.samples for row in rows}
    return median(a / b for a, b in zip(samples[name], samples[rival], strict=True))


def render(runs: list[list[Row]], load: str) -> str:
    """Lay several runs out as text, each ratio with its spread."""
    lines = [
        f"{platform.python_implementation()} {platform.python_version()}, uvicorn "
        f"{version('uvicorn')}, granian {_version('granian')}, {platform.machine()}, "
        f"{os.cpu_count()} processors{load}",
        f"\nJSON route, requests per second when served; median and spread of {len(runs)} runs",
    ]
    for row in runs[0]:
        rates = [each.per_second for run in runs for each in run if each.name == row.name]
        spread = _spread([ratio(run, row.name, RIVAL) for run in runs])
        lines.append(f"  {row.label:<36}{median(rates):>9,.0f}   {spread} x {RIVAL}")
    for name, rival, bar in (
        ("flasgo-run", RIVAL, OF_RAW),
        ("flasgo-run", "starlette", OF_STARLETTE),
    ):
        found = [ratio(run, name, rival) for run in runs]
        word = "met" if median(found) >= bar else "MISSED"
        lines.append(f"SERVE-1 at least {bar} x {rival}: {_spread(found)}, {word}")
    return "\n".join(lines)


def _version(distribution: str) -> str:
    return version(distribution) if find_spec(distribution) else "is not installed"


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shows that it runs, not more")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--runs", type=int, default=3, help="how often to measure all of it")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    effort = QUICK if options.quick else Effort()
    runs = [measure(effort) for _ in range(1 if options.quick else options.runs)]
    if options.json:
        tables = [[vars(row) for row in rows] for rows in runs]
        print(json.dumps({"load_average": load, "runs": tables}, indent=2))
        return 0
    print(render(runs, "" if load is None else f", load average {load:.1f} at the start"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
