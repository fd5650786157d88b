"""Mixed load on four servers for a while: do memory, threads, files or tasks grow?

    uv run --group benchmarks python -m benchmarks.soak --seconds 3600

Each server runs one process of the app in `soak_app`, and a client does what users do: JSON, pages,
forms with sessions, log-ins, uploads, downloads, events, WebSockets, refusals, and connections that
end in the middle. Every answer is checked. The figures of the process are read now and then, and
written as CSV, JSON and SVG. A figure has grown when the median slope after the warm-up, taken over
the whole time, is more than is allowed. The exit status is 1 when a figure has grown or an answer
was wrong. Linux only: the figures come from /proc.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.soak_load import Client, Tally, load
from benchmarks.trend import Series, plot

__all__ = ["ALLOWED", "COMMANDS", "SERVERS", "Plan", "Soak", "judge", "main", "run", "serving"]

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
SERVERS = {
    "flasgo-run": ("flasgo", "run", "{app}()", "--port", "{port}", "--no-access-log"),
    "flasgo-run-granian": (
        *("flasgo", "run", "{app}()", "--port", "{port}", "--no-access-log"),
        *("--server", "granian"),
    ),
    "uvicorn": ("uvicorn", "--factory", "{app}", "--port", "{port}", "--no-access-log"),
    "hypercorn": ("hypercorn", "--bind", "127.0.0.1:{port}", "{app}()"),
}
COMMANDS = {
    **SERVERS,
    "flasgo-run-h11": ("benchmarks.without_httptools", *SERVERS["flasgo-run"][1:]),
}
# Threads are added to the pools of the app and of asyncio when requests happen to coincide, at any
# time until the pools are full.
# What is recorded, and how much of it may be added after the warm-up: a share of the median, or
# so many, whichever is more. MiB, counts.
ALLOWED = {
    "memory": (0.05, 4.0),
    "blocks": (0.03, 5000.0),
    "threads": (0.0, 8.0),
    "descriptors": (0.0, 6.0),
    "tasks": (0.0, 6.0),
}
FIELDS = ("seconds", "operations", *ALLOWED)
UNITS = {
    "memory": "resident memory, MiB",
    "blocks": "memory blocks of Python objects",
    "threads": "threads",
    "descriptors": "file descriptors",
    "tasks": "asyncio tasks",
}


@dataclass(frozen=True)
class Plan:
    """How long, how much, and how strict.

    Attributes:
        seconds: When it ends at the latest.
        operations: After so many per server it ends too.
        rate: Operations per second and server.
        app: The factory of the app, `module:function`.
        warm_up: The share of the time before figures count.
        slack: What is allowed is multiplied by this.
    """

    seconds: float = 3600.0
    operations: int = 1_000_000
    rate: float = 15.0
    app: str = "benchmarks.soak_app:make_app"
    warm_up: float = 0.25
    slack: float = 1.0


# Memory is still being filled for the first time: only a large leak shows. Servers keep for up to
# 5 seconds what belongs to a connection that ended in the middle of a head: that is the warm-up.
QUICK = Plan(seconds=7.0, rate=60.0, warm_up=0.75, slack=5.0)
# So many times in a row a server may fail to give its figures, as on a busy machine.
_MISSES = 3


@dataclass
class Soak:
    """What one server has shown."""

    server: str
    rows: list[dict[str, float]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    failure: str | None = None

    def series(self, name: str) -> Series:
        """Return one figure over time."""
        times = tuple(row["seconds"] for row in self.rows)
        return Series(self.server, times, tuple(row[name] for row in self.rows))


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(
    server: str, app: str, folder: Path, options: Sequence[str] = (), **environment: str
) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """Start a server and yield its process and port; end it, and its workers, by their ids.

    Args:
        server: A name of `COMMANDS`.
        app: The factory of the app, `module:function`.
        folder: Where its log and the app's files go.
        options: More options of its command line.
        environment: More variables of its environment.

    Raises:
        RuntimeError: When it does not serve.
    """
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLASGO_")}
    with (folder / f"{server}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m"),
                *(part.format(app=app, port=port) for part in COMMANDS[server]),
                *options,
            ],
            cwd=ROOT,
            env={**kept, "SOAK_FOLDER": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                text = (folder / f"{server}.log").read_text(errors="replace")
                raise RuntimeError(f"{server} does not serve:\n{text}")
            time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


async def figures(client: Client) -> dict[str, float]:
    """Ask a server for its own figures, and /proc for those of its process."""
    inner = json.loads((await client.ask("GET", "/figures")).expect(200).body)
    process = Path(f"/proc/{inner['pid']}")
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return {
        "memory": int(status["VmRSS"].split()[0]) / 1024,
        "blocks": inner["blocks"],
        "threads": int(status["Threads"]),
        "descriptors": sum(1 for _ in (process / "fd").iterdir()),
        "tasks": inner["tasks"],
    }


async def _watch(soak: Soak, port: int, plan: Plan, folder: Path) -> None:
    """Put one server under load and record its figures, until time or operations are used up."""
    started = time.monotonic()

    def is_enough() -> bool:
        return time.monotonic() - started >= plan.seconds or soak.tally.total >= plan.operations

    users = asyncio.create_task(load(port, soak.tally, rate=plan.rate, until=is_enough))
    client, misses = Client(port), 0
    try:
        while not users.done():
            row = {"seconds": round(time.monotonic() - started, 2), "operations": soak.tally.total}
            try:
                async with asyncio.timeout(60):
                    row |= await figures(client)
            except (OSError, EOFError):
                client.close()
                misses += 1
                if misses > _MISSES:
                    raise
            else:
                misses = 0
                soak.rows.append(row)
                with (folder / f"{soak.server}.csv").open("a", newline="") as output:
                    csv.DictWriter(output, FIELDS).writerow(row)
            await asyncio.wait({users}, timeout=max(0.2, plan.seconds / 240))
        await users
    except Exception as error:  # noqa: BLE001 - the other servers go on
        soak.failure = f"{type(error).__name__}: {error}"
        print(f"{soak.server}: {soak.failure}", file=sys.stderr, flush=True)
    finally:
        client.close()
        users.cancel()


def run(servers: list[str], plan: Plan, folder: Path) -> list[Soak]:
    """Put the servers under load side by side.

    Args:
        servers: Names of `SERVERS`.
        plan: How long and how much.
        folder: Where figures, logs and the app's files go.
    """
    soaks = [Soak(server) for server in servers]
    for server in servers:
        with (folder / f"{server}.csv").open("w", newline="") as output:
            csv.DictWriter(output, FIELDS).writeheader()
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(serving(server, plan.app, folder / server))[1] for server in servers
        ]

        async def all_of_them() -> None:
            await asyncio.gather(
                *(_watch(soak, port, plan, folder) for soak, port in zip(soaks, ports, strict=True))
            )

        asyncio.run(all_of_them())
    return soaks


def judge(soak: Soak, plan: Plan) -> dict[str, dict[str, float | bool]]:
    """Return the median of each figure, its growth after the warm-up, and if that is too much.

    Args:
        soak: What a server has shown.
        plan: With which the load was made.
    """
    verdict: dict[str, dict[str, float | bool]] = {}
    last = soak.rows[-1]["seconds"] if soak.rows else 0.0
    for name, (share, least) in ALLOWED.items():
        series = soak.series(name).after(last * plan.warm_up)
        middle = median(series.values) if series.values else 0.0
        allowed = max(share * middle, least) * plan.slack
        growth = series.growth()
        verdict[name] = {
            "median": round(middle, 1),
            "growth": round(growth, 2),
            "allowed": round(allowed, 2),
            "has_grown": growth > allowed,
        }
    return verdict


def write(soaks: list[Soak], plan: Plan, folder: Path) -> bool:
    """Write what was found; return whether everything is right."""
    report = {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "plan": asdict(plan),
        "servers": {
            soak.server: {
                "operations": soak.tally.total,
                "by_kind": soak.tally.done,
                "error_count": soak.tally.error_count,
                "errors": soak.tally.errors,
                "failure": soak.failure,
                "figures": judge(soak, plan),
            }
            for soak in soaks
        },
    }
    (folder / "soak.json").write_text(json.dumps(report, indent=2) + "\n")
    panels = {UNITS[name]: [soak.series(name) for soak in soaks] for name in ALLOWED}
    title = f"{plan.seconds:,.0f} s at {plan.rate:g} operations per second"
    (folder / "soak.svg").write_text(plot(title, panels))
    return all(is_right(soak, plan) for soak in soaks)


def is_right(soak: Soak, plan: Plan) -> bool:
    """Return whether every answer was right and nothing has grown."""
    grown = any(figure["has_grown"] for figure in judge(soak, plan).values())
    return not (grown or soak.failure or soak.tally.error_count or len(soak.rows) < 3)


def render(soaks: list[Soak], plan: Plan) -> str:
    """Lay out what was found as text."""
    lines = []
    for soak in soaks:
        word = "right" if is_right(soak, plan) else "WRONG"
        lines.append(
            f"{soak.server}: {soak.tally.total:,} operations, "
            f"{soak.tally.error_count} errors, {word}"
        )
        lines += [f"  {error}" for error in [soak.failure, *soak.tally.errors] if error]
        for name, figure in judge(soak, plan).items():
            lines.append(
                f"  {UNITS[name]:<34}{figure['median']:>12,.1f}   grown by {figure['growth']:+,.1f}"
                f" of {figure['allowed']:,.1f}{'  TOO MUCH' if figure['has_grown'] else ''}"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Put servers under load, write what was found, and say whether it is right."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds: shows that it runs")
    parser.add_argument("--seconds", type=float, help="when it ends; an hour by default")
    parser.add_argument("--operations", type=int, help="after so many per server it ends too")
    parser.add_argument("--rate", type=float, help="operations per second and server")
    parser.add_argument("--server", action="append", choices=SERVERS, help="repeatable")
    parser.add_argument("--app", help="factory of another app, module:function")
    parser.add_argument("--out", type=Path, help="folder for CSV, JSON, SVG and logs")
    options = parser.parse_args(arguments)
    given = {
        name: value
        for name in ("seconds", "operations", "rate", "app")
        if (value := getattr(options, name)) is not None
    }
    base = QUICK if options.quick else Plan()
    plan = Plan(**{**asdict(base), **given})
    with contextlib.ExitStack() as stack:
        folder = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        soaks = run(options.server or list(SERVERS), plan, folder.resolve())
        right = write(soaks, plan, folder)
    print(render(soaks, plan))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
