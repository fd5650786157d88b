"""A whole run: which sections, in which order, and the result as plain data."""

import asyncio
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks import errors, files, protections, routing, startup
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.timing import Samples, interleave
from benchmarks.workload import SCENARIOS

SECTIONS = (*SCENARIOS, "errors", "protections", "files", "routing", "startup")

# Against whom the "ratio" column of a scenario is drawn.
RIVALS = {
    "json": "starlette",
    "text": "starlette",
    "parameter": "starlette",
    "session": "starlette",
    "typed-body": "fastapi",
}
# PERF-1: JSON against bare Starlette.
OF_STARLETTE = 0.5 if sys.version_info >= (3, 13) else 0.6


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: Values per contestant and scenario; their median counts.
        requests: Requests behind each value.
        processes: Processes per contestant in the `startup` section.
        lookups: Look-ups behind each value in the `routing` section.
    """

    rounds: int = 15
    requests: int = 2000
    processes: int = 7
    lookups: int = 20000


QUICK = Effort(rounds=2, requests=20, processes=1, lookups=200)


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        name: The contestant's key.
        label: The contestant in words.
        installed: False where the peer is missing; the figures are None then.
        note: Version and build.
        value: Microseconds per request, or milliseconds to start.
        ratio: `value` over the rival's, None without a rival.
        ratio_to_raw: `value` over the raw ASGI function's; None where that takes no part.
        memory_mib: Memory of an idle worker, only in the `startup` section.
        memory_ratio: `memory_mib` over the rival's.
        samples: The single rounds, in the unit of `value`.
    """

    name: str
    label: str
    installed: bool
    note: str
    value: float | None = None
    ratio: float | None = None
    ratio_to_raw: float | None = None
    memory_mib: float | None = None
    memory_ratio: float | None = None
    samples: tuple[float, ...] = ()


@dataclass(frozen=True)
class Bar:
    """One performance requirement that this run can judge.

    Args:
        requirement: Its number.
        what: What is compared with what.
        limit: The ratio that must not be passed.
        measured: The ratio found; None where one side is not installed or was left out.
    """

    requirement: str
    what: str
    limit: float
    measured: float | None

    @property
    def is_met(self) -> bool | None:
        """Whether the bar holds; None when it could not be measured."""
        return None if self.measured is None else self.measured <= self.limit


@dataclass(frozen=True)
class Result:
    """Everything that a run found."""

    environment: dict[str, object]
    scenarios: dict[str, list[Row]]
    errors: list[errors.Refusal]
    protections: list[protections.Cost]
    files: list[files.Transfer]
    routing: list[routing.Lookup]
    startup: list[Row]
    bars: list[Bar]

    def as_data(self) -> dict[str, object]:
        """Plain data for `--json`."""
        data = asdict(self)
        data["bars"] = [{**asdict(bar), "is_met": bar.is_met} for bar in self.bars]
        return data


def run(effort: Effort, sections: Sequence[str], say: Callable[[str], None]) -> Result:
    """Measure.

    Args:
        effort: How long.
        sections: Which of `SECTIONS`.
        say: Told what is about to be measured.

    Returns:
        The figures.
    """
    environment = _environment()
    bars: list[Bar] = []
    scenarios: dict[str, list[Row]] = {}
    for scenario in SCENARIOS:
        if scenario in sections:
            say(f"{scenario}: {effort.rounds} rounds of {effort.requests} requests each")
            rows, found = _scenario(scenario, effort)
            scenarios[scenario] = rows
            bars.extend(found)
    refusals: list[errors.Refusal] = []
    if "errors" in sections:
        say(f"errors: {effort.rounds} rounds of {effort.requests} requests each")
        refusals = errors.measure(rounds=effort.rounds, requests=effort.requests)
        bars.extend(_error_bars(refusals))
    costs: list[protections.Cost] = []
    if "protections" in sections:
        say(f"protections: {effort.rounds} rounds of {effort.requests} requests each")
        costs = protections.measure(rounds=effort.rounds, requests=effort.requests)
    transfers: list[files.Transfer] = []
    if "files" in sections:
        say(f"files: {effort.rounds} rounds of {effort.requests} requests or fewer each")
        transfers = files.measure(rounds=effort.rounds, requests=effort.requests)
        bars.extend(_file_bars(transfers))
    lookups: list[routing.Lookup] = []
    if "routing" in sections:
        say("routing: look-ups among 10 to 10,000 routes")
        lookups = routing.measure(rounds=effort.rounds, lookups=effort.lookups)
        bars.extend(_routing_bars(lookups))
    started: list[Row] = []
    if "startup" in sections:
        say(f"startup: {effort.processes} processes each")
        started = _startup(effort)
        bars.extend(_startup_bars(started))
    return Result(environment, scenarios, refusals, costs, transfers, lookups, started, bars)


def _scenario(scenario: str, effort: Effort) -> tuple[list[Row], list[Bar]]:
    entered = [each for each in CONTESTANTS if scenario in each.scenarios]
    present = [each for each in entered if each.is_installed]
    notes = {each.name: _note(each) for each in present}
    measured = asyncio.run(
        interleave(present, scenario, rounds=effort.rounds, requests=effort.requests)
    )
    samples = {each.contestant.name: each for each in measured}
    rows = [_row(each, scenario, samples, notes.get(each.name)) for each in entered]
    return rows, _scenario_bars(scenario, samples)


def _row(
    contestant: Contestant, scenario: str, samples: dict[str, Samples], note: str | None
) -> Row:
    label = contestant.label_in(scenario)
    own = samples.get(contestant.name)
    if own is None:
        return Row(contestant.name, label, installed=False, note="not installed")
    return Row(
        contestant.name,
        label,
        installed=True,
        note=note or "",
        value=own.microseconds,
        ratio=_ratio(samples, contestant.name, RIVALS[scenario]),
        ratio_to_raw=_ratio(samples, contestant.name, "raw"),
        samples=tuple(seconds * 1e6 for seconds in own.seconds),
    )


def _ratio(samples: dict[str, Samples], name: str, rival: str) -> float | None:
    if name not in samples or rival not in samples:
        return None
    return samples[name].ratio_to(samples[rival])


def _scenario_bars(scenario: str, samples: dict[str, Samples]) -> list[Bar]:
    limits = {
        "json": (("starlette", OF_STARLETTE), ("falcon", 1.0), ("blacksheep", 1.0)),
        "text": (("falcon", 1.0), ("blacksheep", 1.0)),
        "parameter": (("falcon", 1.0), ("blacksheep", 1.0)),
        "session": (("starlette", 0.6),),
        "typed-body": (("fastapi", 0.4), ("litestar", 1.0)),
    }
    return [
        Bar("PERF-1", f"{scenario}: flasgo / {rival}", limit, _ratio(samples, "flasgo", rival))
        for rival, limit in limits[scenario]
    ]


def _error_bars(refusals: list[errors.Refusal]) -> list[Bar]:
    return [
        Bar("SERVE-3", f"{each.label}: flasgo / Falcon's 404", 1.0, each.ratio)
        for each in refusals
        if each.name[0].isdigit()
    ]


def _file_bars(transfers: list[files.Transfer]) -> list[Bar]:
    return [
        Bar(
            "PERF-5",
            f"{each.label}: flasgo / starlette",
            1.5 if each.name == "upload" else 1.0,
            each.ratio,
        )
        for each in transfers
    ] + [
        Bar("SERVE-3", f"{each.label}: flasgo / starlette", 0.7, each.ratio)
        for each in transfers
        if each.name == "static-304"
    ]


def _routing_bars(lookups: list[routing.Lookup]) -> list[Bar]:
    return [
        Bar("PERF-3", f"match, {each.kind}: 10,000 routes / 10", 1.3, each.ratio_to_smallest)
        for each in lookups
        if each.routes == max(routing.SIZES)
    ]


def _startup(effort: Effort) -> list[Row]:
    entered = [each for each in CONTESTANTS if each.name in startup.STATEMENTS]
    present = [each for each in entered if each.is_installed]
    measured = {
        each.contestant.name: each for each in startup.measure(present, rounds=effort.processes)
    }
    rival = measured.get("fastapi")
    rows: list[Row] = []
    for each in entered:
        own = measured.get(each.name)
        if own is None:
            rows.append(Row(each.name, each.label, installed=False, note="not installed"))
            continue
        memory = own.resident_kib / 1024 if own.resident_kib else None
        rows.append(
            Row(
                each.name,
                each.label,
                installed=True,
                note=_note(each),
                value=own.milliseconds,
                ratio=own.milliseconds / rival.milliseconds if rival else None,
                memory_mib=memory,
                memory_ratio=memory / (rival.resident_kib / 1024)
                if memory and rival and rival.resident_kib
                else None,
                samples=tuple(seconds * 1e3 for seconds in own.seconds),
            )
        )
    return rows


def _startup_bars(rows: list[Row]) -> list[Bar]:
    own = next(row for row in rows if row.name == "flasgo")
    return [
        Bar("PERF-4", "import and app creation: flasgo / fastapi", 0.5, own.ratio),
        Bar("PERF-4", "idle worker memory: flasgo / fastapi", 1.0, own.memory_ratio),
        Bar("SERVE-5", "idle worker memory: flasgo / fastapi", 0.7, own.memory_ratio),
    ]


def _note(contestant: Contestant) -> str:
    return " ".join(part for part in (contestant.version, contestant.build_note()) if part)


def _environment() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
