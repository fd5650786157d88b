"""What a framework costs before its first request: time to import and build an app, idle memory.

The time is that of the processor, so that other programs do not count.

Each value comes from a process of its own, because a module is imported once per process.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.contestants import Contestant
from benchmarks.workload import SECRET_KEY

PROCESS_TIMEOUT_SECONDS = 120

# Only `time` is imported before the clock starts, so nobody is handed a warm standard library.
_IMPORT = """
import time
started = time.process_time()
{statement}
print(time.process_time() - started)
"""

_SETTINGS = f"settings={{'SECRET_KEY': {SECRET_KEY!r}}}"
STATEMENTS = {
    "flasgo-core": f"import flasgo; app = flasgo.Flasgo({_SETTINGS}, plugins=[], discover=False)",
    "flasgo": f"import flasgo; app = flasgo.Flasgo({_SETTINGS})",
    "starlette": "import starlette.applications as s; app = s.Starlette()",
    "fastapi": "import fastapi; app = fastapi.FastAPI()",
    "litestar": "import litestar; app = litestar.Litestar()",
    "falcon": "import falcon.asgi; app = falcon.asgi.App()",
    "blacksheep": "import blacksheep; app = blacksheep.Application()",
}

# A worker holds the server's code as well as the framework's; it is idle after its first answer.
_MEMORY = """
import asyncio
import uvicorn
from benchmarks.asgi import ask, running
from benchmarks.contestants import contestant
from benchmarks.workload import Exchange

async def main():
    app = contestant({name!r}).app("json")
    uvicorn.Config(app, log_config=None).load()
    async with running(app):
        await ask(app, Exchange("/"))
        with open("/proc/self/status") as status:
            print(next(line.split()[1] for line in status if line.startswith("VmRSS:")))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Startup:
    """Seconds to import and build one app, and the memory of an idle worker in KiB."""

    contestant: Contestant
    seconds: tuple[float, ...]
    resident_kib: int | None

    @property
    def milliseconds(self) -> float:
        """The median process, in milliseconds."""
        return median(self.seconds) * 1e3


def measure(contestants: Sequence[Contestant], *, rounds: int) -> list[Startup]:
    """Measure start-up, the contestants taking turns.

    Args:
        contestants: Who takes part; all installed.
        rounds: Processes per contestant, after one that fills the byte-code caches.

    Returns:
        One `Startup` per contestant, in the given order.
    """
    taking_part = [each for each in contestants if each.name in STATEMENTS]
    seconds: dict[str, list[float]] = {each.name: [] for each in taking_part}
    for turn in range(rounds + 1):
        for each in taking_part:
            value = float(_python(_IMPORT.format(statement=STATEMENTS[each.name])))
            if turn:
                seconds[each.name].append(value)
    return [
        Startup(each, tuple(seconds[each.name]), _resident_kib(each.name)) for each in taking_part
    ]


def _resident_kib(name: str) -> int | None:
    """Idle memory of a worker; None where the system does not tell (only Linux has VmRSS)."""
    if not Path("/proc/self/status").exists():
        return None
    return int(_python(_MEMORY.format(name=name)))


def _python(code: str) -> str:
    root = str(Path(__file__).resolve().parent.parent)
    environment = {
        name: value
        for name, value in os.environ.items()
        # A deployed worker finds its byte code compiled.
        if not name.startswith("FLASGO_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment,
        timeout=PROCESS_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a start-up probe failed:\n{done.stderr}")
    return done.stdout.strip()
