"""The benchmarks run and report what they say they report. How fast anything is, is not tested."""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300
OURS = {"raw", "flasgo", "flasgo-core"}
PEERS = {
    "starlette": "starlette",
    "starlette-protected": "starlette",
    "fastapi": "fastapi",
    "litestar": "litestar",
    "falcon": "falcon",
    "blacksheep": "blacksheep",
}


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-m", "benchmarks", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    done = benchmarks("--quick", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_figure(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value > 0


def rows(result: dict[str, Any], scenario: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in result["scenarios"][scenario]}


def test_json_scenario_has_a_row_for_everyone(result: dict[str, Any]) -> None:
    found = rows(result, "json")

    assert set(found) == OURS | set(PEERS)
    for name, module in PEERS.items():
        assert found[name]["installed"] is (find_spec(module) is not None)


@pytest.mark.parametrize("scenario", ["json", "text", "parameter", "session", "typed-body"])
def test_installed_contestants_have_figures_and_missing_ones_say_so(
    result: dict[str, Any], scenario: str
) -> None:
    for name, row in rows(result, scenario).items():
        if row["installed"]:
            assert is_figure(row["value"]), name
            assert all(is_figure(sample) for sample in row["samples"]), name
        else:
            assert (row["note"], row["value"], row["ratio"]) == ("not installed", None, None)


def test_ratios_are_present_wherever_both_sides_are(result: dict[str, Any]) -> None:
    rivals = dict.fromkeys(("json", "text", "parameter", "session"), "starlette")
    rivals["typed-body"] = "fastapi"
    for scenario, rival in rivals.items():
        found = rows(result, scenario)
        for row in found.values():
            both = row["installed"] and found[rival]["installed"]
            assert is_figure(row["ratio"]) if both else row["ratio"] is None
    assert all(
        is_figure(r["ratio_to_raw"]) for r in rows(result, "json").values() if r["installed"]
    )


def test_each_protection_is_compared_with_the_defaults(result: dict[str, Any]) -> None:
    found = {each["name"]: each for each in result["protections"]}

    assert {"get", "no-hosts", "no-headers", "no-csrf", "session", "limited"} <= set(found)
    assert {"idle", "traced"} <= set(found)
    # What is off costs nothing: each is there off, on, and as it comes.
    for extra in ("ids", "access-log", "health"):
        assert {extra, f"no-{extra}"} <= set(found)
    for each in found.values():
        assert is_figure(each["value"])
        if each["against"] is not None:
            assert math.isfinite(each["difference"])
            assert each["against"] in found


def test_refusals_are_compared_with_falcons_404(result: dict[str, Any]) -> None:
    found = {each["name"]: each for each in result["errors"]}

    assert {"404", "404-page", "405", "401", "403", "429", "falcon-404"} <= set(found)
    for name, each in found.items():
        peer = name.partition("-")[0] if name[0].isalpha() else None
        if peer is None or find_spec(peer):
            assert is_figure(each["value"])
        assert is_figure(each["ratio"]) if find_spec("falcon") and each["value"] else True


def test_files_are_compared_with_starlettes(result: dict[str, Any]) -> None:
    found = {each["name"]: each for each in result["files"]}

    assert set(found) == {"static-small", "static-304", "static-large", "upload"}
    for name, each in found.items():
        needed = "python_multipart" if name == "upload" else "starlette"
        assert is_figure(each["value"])
        assert is_figure(each["ratio"]) if find_spec(needed) else each["ratio"] is None


def test_routing_covers_both_kinds_at_every_size(result: dict[str, Any]) -> None:
    found = {(each["kind"], each["routes"]): each for each in result["routing"]}

    assert set(found) == {
        (kind, size) for kind in ("static", "dynamic") for size in (10, 100, 1_000, 10_000)
    }
    assert all(is_figure(each["nanoseconds"]) for each in found.values())
    assert all(is_figure(each["ratio_to_smallest"]) for each in found.values())


def test_startup_measures_time_and_memory(result: dict[str, Any]) -> None:
    for row in result["startup"]:
        if row["installed"]:
            assert is_figure(row["value"]), row
            assert row["memory_mib"] is None or is_figure(row["memory_mib"]), row


def test_every_bar_is_judged_or_said_to_be_unmeasured(result: dict[str, Any]) -> None:
    assert {bar["requirement"] for bar in result["bars"]} == {
        "PERF-1",
        "PERF-3",
        "PERF-4",
        "PERF-5",
        "SERVE-3",
        "SERVE-5",
    }
    for bar in result["bars"]:
        assert bar["is_met"] is None or is_figure(bar["measured"])


def test_compiled_peers_are_compiled(result: dict[str, Any]) -> None:
    for name in ("falcon", "blacksheep"):
        row = rows(result, "json")[name]
        assert not row["installed"] or row["note"].endswith(" compiled")


def test_tables_are_printed_for_people() -> None:
    done = benchmarks("--quick", "--only", "json", "--rounds", "1", "--requests", "5", "--readme")

    assert done.returncode == 0, done.stderr
    assert "JSON route, in process" in done.stdout
    assert "flasgo, all plugins, all defaults" in done.stdout
    assert "Matching a path" not in done.stdout
    assert "| | JSON |\n|---|---|\n| **flasgo** | **" in done.stdout


def test_a_wrong_option_is_refused() -> None:
    done = benchmarks("--rounds", "0")

    assert done.returncode == 2
    assert "above 0" in done.stderr
