"""The benchmark through uvicorn runs and compares. How fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import http_apps
from benchmarks.asgi import Exchange, ask

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_every_contestant() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["name"] for row in rows] == ["raw", "flasgo", "starlette"]
    assert all(row["per_second"] > 0 and row["ratio"] > 0 for row in rows)
    assert rows[0]["ratio"] == 1


@pytest.mark.parametrize("times", [1, 2])
async def test_the_raw_function_sends_the_same_bytes(times: int) -> None:
    raw, flasgo = http_apps.raw(), http_apps.flasgo()
    for _ in range(times):
        assert await ask(raw, Exchange("/")) == await ask(flasgo, Exchange("/"))
