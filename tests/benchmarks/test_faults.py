"""OPS-1: what is promised when something fails is kept. `python -m benchmarks.faults` does more."""

import json
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.faults import FAULTS, main, render, row_of
from benchmarks.faults_lab import Fault, Lab, check

ROOT = Path(__file__).resolve().parents[2]
QUICK = [fault for fault in FAULTS if fault.is_quick]


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, str]]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    # In a process of its own: clients that leave are what it is about.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    return {row["fault"]: row for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", [fault.name for fault in QUICK])
def test_what_is_promised_is_kept(rows: dict[str, dict[str, str]], name: str) -> None:
    assert rows[name]["broken"] == ""
    assert rows[name]["seen"]


async def test_a_broken_promise_is_a_row(tmp_path: Path) -> None:
    async def fail(lab: Lab) -> str:
        check(False, "it is broken")
        return "never"

    row = await row_of(Fault("x", "y", fail), Lab(tmp_path, AsyncExitStack()))
    assert row["broken"] == "Broken: it is broken"
    assert "| x | y | **NOT KEPT**: Broken: it is broken |" in render([row])


def test_nothing_chosen_is_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "no such fault"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_the_page_has_every_fault() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    for fault in FAULTS:
        assert f"| {fault.name} |" in page, fault.name
