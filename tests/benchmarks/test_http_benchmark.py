"""The benchmark through uvicorn runs and compares. How fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import http, http_apps
from benchmarks.asgi import Exchange, ask
from benchmarks.served import Row

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
    (rows,) = json.loads(done.stdout)["runs"]
    assert {row["name"] for row in rows} == set(filter(http.is_installed, http.CONTESTANTS))
    assert {row["name"] for row in rows} >= {
        "raw", "raw-run", "flasgo-run", "flasgo", "starlette",
        "raw-granian", "flasgo-granian", "starlette-granian",
    }  # fmt: skip
    assert all(row["per_second"] > 0 and row["ratio"] > 0 for row in rows)
    assert rows[0]["ratio"] == 1


def test_the_table_holds_the_bars_against_the_runs() -> None:
    runs = [
        [
            Row("raw", "raw", 100.0, 1.0, (100.0, 100.0)),
            Row("flasgo-run", "flasgo run", 90.0, 0.9, (90.0, share)),
            Row("starlette", "Starlette", 60.0, 0.6, (60.0, 60.0)),
        ]
        for share in (90.0, 80.0)
    ]
    text = http.render(runs, ", load average 0.1")
    assert "SERVE-1 at least 0.85 x raw: 0.88 (0.85 to 0.90), met" in text
    assert "x starlette: 1.46 (1.42 to 1.50), MISSED" in text
    assert "load average 0.1" in text


@pytest.mark.parametrize("times", [1, 2])
async def test_the_raw_function_sends_the_same_bytes(times: int) -> None:
    raw, flasgo = http_apps.raw(), http_apps.flasgo()
    for _ in range(times):
        assert await ask(raw, Exchange("/")) == await ask(flasgo, Exchange("/"))
