"""The soak runs on every server, writes what it has seen, and finds what grows."""

import csv
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.soak import ALLOWED, QUICK, SERVERS, Plan, Soak, is_right, judge
from benchmarks.soak_load import OPERATIONS, name_of
from benchmarks.trend import Series, plot, slope

ROOT = Path(__file__).resolve().parents[2]


def soak(*options: str) -> subprocess.Popen[str]:
    """Start it in a process of its own: clients that leave are part of it."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.soak", "--quick", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@dataclass
class Done:
    """A run: its exit status, what it has printed and written."""

    status: int
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """A run of all servers, and one with an app that leaks, side by side."""
    started = {}
    for name, options in {
        "all": (),
        "leaky": (
            *("--server", "uvicorn", "--app", "tests.benchmarks.leaky:make_app"),
            *("--seconds", "4", "--rate", "150"),
        ),
    }.items():
        folder = tmp_path_factory.mktemp(name)
        started[name] = (soak(*options, "--out", str(folder)), folder)
    done = {}
    for name, (process, folder) in started.items():
        printed, _ = process.communicate(timeout=120)
        done[name] = Done(process.returncode, printed, folder)
    return done


@pytest.fixture
def quick(runs: dict[str, Done]) -> tuple[int, Path]:
    return runs["all"].status, runs["all"].folder


def test_nothing_grows_and_every_answer_is_right(quick: tuple[int, Path]) -> None:
    status, folder = quick
    report = json.loads((folder / "soak.json").read_text())
    assert status == 0, json.dumps(report["servers"], indent=2)
    assert set(report["servers"]) == set(SERVERS)
    for found in report["servers"].values():
        assert found["error_count"] == 0
        assert set(found["by_kind"]) == {name_of(operation) for operation in OPERATIONS}


def test_the_figures_are_written(quick: tuple[int, Path]) -> None:
    _, folder = quick
    for server in SERVERS:
        with (folder / f"{server}.csv").open() as lines:
            rows = list(csv.DictReader(lines))
        assert len(rows) > 5
        assert all(float(row[name]) > 0 for row in rows for name in ALLOWED)
    drawn = ET.parse(folder / "soak.svg").getroot()
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(SERVERS) * len(ALLOWED)


def test_a_leak_is_found(runs: dict[str, Done]) -> None:
    leaky = runs["leaky"]
    assert leaky.status == 1, leaky.printed
    report = json.loads((leaky.folder / "soak.json").read_text())
    figures = report["servers"]["uvicorn"]["figures"]
    grown = {name for name, figure in figures.items() if figure["has_grown"]}
    assert grown == {"descriptors", "tasks"}
    assert "TOO MUCH" in leaky.printed


def made(values: list[float]) -> Soak:
    rows = [
        {"seconds": number * 15.0, **dict.fromkeys(ALLOWED, value)}
        for number, value in enumerate(values)
    ]
    return Soak("made", rows)


def test_what_is_noise_and_what_is_growth() -> None:
    chance, plan = random.Random(1), Plan()
    noise = [1000 + chance.uniform(-50, 50) for _ in range(240)]
    noise[200] = 9000
    assert not judge(made(noise), plan)["memory"]["has_grown"]
    warm_up = [1000.0 + min(n, 50) for n in range(240)]
    assert not judge(made(warm_up), plan)["memory"]["has_grown"]
    growing = [1000 + n / 2 + chance.uniform(-50, 50) for n in range(240)]
    assert judge(made(growing), plan)["memory"]["has_grown"]


def test_too_few_figures_or_a_wrong_answer_are_not_right() -> None:
    assert not is_right(made([1.0, 1.0]), QUICK)
    flat = made([1.0] * 9)
    assert is_right(flat, QUICK)
    flat.tally.error_count = 1
    assert not is_right(flat, QUICK)


def test_the_slope_ignores_outliers() -> None:
    times = tuple(float(n) for n in range(20))
    assert slope(Series("x", times, tuple(3 * t if t != 7 else 1e9 for t in times))) == 3
    assert slope(Series("x", (1.0,), (5.0,))) == 0
    assert Series("x", (0.0, 10.0), (0.0, 20.0)).growth() == 20


def test_a_plot_of_nothing_is_a_plot() -> None:
    ET.fromstring(plot("a < b", {"nothing": [Series("x", (), ())]}))
