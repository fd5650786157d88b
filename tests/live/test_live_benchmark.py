"""The live benchmark runs and compares what it says. How fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_every_contestant() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.live", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)

    assert set(results) == {"websocket", "sse"}
    for rows in results.values():
        assert [row["name"] for row in rows] == ["starlette", "flasgo-core", "flasgo"]
        assert all(row["per_second"] > 0 and row["ratio"] > 0 for row in rows)
        assert rows[0]["ratio"] == 1
