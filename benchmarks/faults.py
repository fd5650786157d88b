"""What is promised when something fails, and what is seen.

    uv run --group benchmarks python -m benchmarks.faults

Each fault is brought about under `flasgo run`, on a server of its own or on one that several share;
`--server` names another server for what is not the matter of clients.
The table says what was promised and what was seen. The exit status is 1 when a promise was not
kept. Linux only. `redis-server` has to be installed.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults_clients import CLIENT_FAULTS
from benchmarks.faults_lab import Fault, Lab, be_patient
from benchmarks.faults_services import SERVICE_FAULTS
from benchmarks.soak import SERVERS

__all__ = ["FAULTS", "main", "run"]

FAULTS = [*SERVICE_FAULTS, *CLIENT_FAULTS]


async def run(
    faults: list[Fault], folder: Path, server: str = "flasgo-run"
) -> list[dict[str, str]]:
    """Bring faults about: those of a group one after the other, the groups side by side.

    Args:
        faults: Which.
        folder: Where logs go.
        server: Under which server, where it is not given by the fault.

    Returns:
        A row for each; `broken` is empty where the promise was kept.
    """
    rows: dict[str, dict[str, str]] = {}
    async with contextlib.AsyncExitStack() as stack:
        lab = Lab(folder, stack, server=server)

        async def bring_about(group: str) -> None:
            for fault in faults:
                if fault.group == group:
                    rows[fault.name] = await row_of(fault, lab)

        groups = {fault.group: None for fault in faults}
        await asyncio.gather(*map(bring_about, groups))
    return [rows[fault.name] for fault in faults]


async def row_of(fault: Fault, lab: Lab) -> dict[str, str]:
    """Bring a fault about and return its row."""
    row = {"fault": fault.name, "promised": fault.promised, "seen": "", "broken": ""}
    started = time.monotonic()
    try:
        async with asyncio.timeout(120):
            row["seen"] = await fault.run(lab)
    except Exception as error:  # noqa: BLE001 - it is what this looks for
        row["broken"] = f"{type(error).__name__}: {error}"
    row["seconds"] = f"{time.monotonic() - started:.1f}"
    return row


def render(rows: list[dict[str, str]]) -> str:
    """Lay the rows out as a table in Markdown."""
    lines = ["| | promised | seen |", "|---|---|---|"]
    for row in rows:
        seen = f"**NOT KEPT**: {row['broken']}" if row["broken"] else row["seen"]
        lines.append(f"| {row['fault']} | {row['promised']} | {seen} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Bring faults about and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="leave out what takes long, and be patient"
    )
    parser.add_argument("--only", help="those whose name has this text")
    parser.add_argument(
        "--server",
        default="flasgo-run",
        choices=SERVERS,
        help="another server, for faults that are no client's",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.quick:
        be_patient()
    chosen = [
        fault
        for fault in (FAULTS if options.server == "flasgo-run" else SERVICE_FAULTS)
        if (fault.is_quick or not options.quick) and (options.only or "") in fault.name
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(run(chosen, Path(folder), options.server))
    print(json.dumps(rows, indent=2) if options.json else render(rows))
    return 1 if any(row["broken"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
