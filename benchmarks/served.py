"""Contestants, each on a server: started, spoken to, measured in turns, ended."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ON_GRANIAN = "-granian"
"""What the names of contestants end with that granian serves; one process, as with uvicorn."""
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Row:
    """What one contestant managed: per second in each round, and how that compares."""

    name: str
    label: str
    per_second: float
    ratio: float
    samples: tuple[float, ...]


@contextlib.contextmanager
def serving(name: str, module: str, options: Sequence[str] = ()) -> Generator[int]:
    """Serve a contestant, made by a function of a module; yield its port; end it by its id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    factory = f"{module}:{name.removesuffix(ON_GRANIAN).replace('-', '_')}"
    command = ["uvicorn", "--no-access-log", "--ws-per-message-deflate", "false"]
    if name.endswith(ON_GRANIAN):
        command = ["granian", "--interface", "asgi", "--no-ws", "--loop", "uvloop"]
    command += ["--factory", factory, "--port", str(port), "--log-level", "error", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
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


def in_turns(
    contestants: Mapping[str, str],
    rival: str,
    *,
    module: str,
    rounds: int,
    once: Callable[[int], float],
    options: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    """Measure contestants in turns, each after one round that warms it up.

    Args:
        contestants: Their names, and the labels of their rows.
        rival: With whom each value is compared: the one measured in the same round.
        module: Where their apps are made.
        rounds: Values per contestant.
        once: Given a port, returns how many per second its server managed.
        options: More options of uvicorn, by contestant.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    with contextlib.ExitStack() as stack:
        more = options or {}
        ports = {
            name: stack.enter_context(serving(name, module, more.get(name, ())))
            for name in contestants
        }
        for port in ports.values():
            once(port)
        names = list(contestants)
        for turn in range(rounds):
            for step in range(len(names)):
                name = names[(turn + step) % len(names)]
                taken[name].append(once(ports[name]))
    return [
        Row(
            name,
            label,
            median(taken[name]),
            median(a / b for a, b in zip(taken[name], taken[rival], strict=True)),
            tuple(taken[name]),
        )
        for name, label in contestants.items()
    ]
