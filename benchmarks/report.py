"""The tables that a person reads."""

from collections.abc import Sequence

from benchmarks.errors import Refusal
from benchmarks.files import Transfer
from benchmarks.protections import Cost
from benchmarks.routing import Lookup
from benchmarks.run import RIVALS, Bar, Result, Row

TITLES = {
    "json": "JSON route, in process",
    "text": "Plain text route, in process",
    "parameter": "Route with a parameter, in process",
    "session": "Route that reads a signed session, in process",
    "typed-body": "Route with a typed JSON body, in process",
}


def render(result: Result) -> str:
    """Lay a run out as aligned text.

    Args:
        result: The figures.

    Returns:
        Text that ends with a newline.
    """
    blocks = [_environment(result.environment)]
    blocks += [_scenario(name, rows) for name, rows in result.scenarios.items()]
    if result.errors:
        blocks.append(_errors(result.errors))
    if result.protections:
        blocks.append(_protections(result.protections))
    if result.files:
        blocks.append(_files(result.files))
    if result.routing:
        blocks.append(_routing(result.routing))
    if result.startup:
        blocks.append(_startup(result.startup))
    if result.bars:
        blocks.append(_bars(result.bars))
    return "\n\n".join(blocks) + "\n"


# The columns of the README's table, and what each of them is divided by.
_README = {
    "json": "JSON",
    "text": "text",
    "parameter": "parameter",
    "session": "signed session (of Starlette's)",
    "typed-body": "typed JSON body (of FastAPI's)",
}
_README_ROWS = ("flasgo", "blacksheep", "falcon", "starlette", "litestar", "fastapi")


def readme_table(result: Result) -> str:
    """Return the table of README.md, in Markdown.

    Args:
        result: The figures.
    """
    columns = [name for name in _README if name in result.scenarios]
    lines = [
        "| | " + " | ".join(_README[name] for name in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in _README_ROWS:
        found = [
            next((row for row in result.scenarios[column] if row.name == name), None)
            for column in columns
        ]
        known = [row for row in found if row is not None]
        if not known:
            continue
        mark = "**" if name == "flasgo" else ""
        cells = [
            f"{mark}{row.ratio:.2f}{mark}" if row is not None and row.ratio is not None else ""
            for row in found
        ]
        title = f"{mark}{known[0].label.partition(',')[0]}{mark}"
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _environment(facts: dict[str, object]) -> str:
    load = facts["load_average"]
    busy = f", load average {load:.1f} at the start" if isinstance(load, float) else ""
    return (
        f"{facts['implementation']} {facts['python']}, {facts['machine']}, "
        f"{facts['cpus']} processors{busy}"
    )


def _scenario(scenario: str, rows: list[Row]) -> str:
    head = ("", "µs/request", f"x {RIVALS[scenario]}", "x raw", "")
    lines = [
        (row.label, _number(row.value), _number(row.ratio), _number(row.ratio_to_raw, 1), row.note)
        for row in rows
    ]
    return f"{TITLES[scenario]}\n{_table(head, lines)}"


def _errors(refusals: list[Refusal]) -> str:
    head = ("", "µs/request", "x Falcon's 404", "")
    lines = [
        (
            each.label,
            _number(each.value),
            _number(each.ratio),
            "" if each.value is not None else "not installed",
        )
        for each in refusals
    ]
    return f"Refusals, in process; security events are not written\n{_table(head, lines)}"


def _protections(costs: list[Cost]) -> str:
    head = ("", "µs/request", "difference", "")
    lines = [
        (each.label, _number(each.value), _signed(each.difference), each.against or "")
        for each in costs
    ]
    return f"What each protection costs, flasgo, in process\n{_table(head, lines)}"


def _files(transfers: list[Transfer]) -> str:
    head = ("", "µs/request", "starlette", "x starlette", "")
    lines = [
        (
            each.label,
            _number(each.value, 1),
            _number(each.rival, 1),
            _number(each.ratio),
            "" if each.rival is not None else "not installed",
        )
        for each in transfers
    ]
    return f"Files, flasgo with all plugins and defaults, in process\n{_table(head, lines)}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _routing(lookups: list[Lookup]) -> str:
    head = ("", "routes", "ns/match", "x 10 routes", "")
    lines = [
        (
            each.kind,
            f"{each.routes:,}",
            _number(each.nanoseconds, 0),
            _number(each.ratio_to_smallest),
            "",
        )
        for each in lookups
    ]
    return f"Matching a path, flasgo\n{_table(head, lines)}"


def _startup(rows: list[Row]) -> str:
    head = ("", "ms to start", "x fastapi", "MiB idle", "x fastapi", "")
    lines = [
        (
            row.label,
            _number(row.value, 0),
            _number(row.ratio),
            _number(row.memory_mib, 1),
            _number(row.memory_ratio),
            row.note,
        )
        for row in rows
    ]
    return f"Import and app creation; memory of an idle uvicorn worker\n{_table(head, lines)}"


def _bars(bars: list[Bar]) -> str:
    words = {True: "met", False: "MISSED", None: "not measured"}
    head = ("", "at most", "measured", "")
    lines = [
        (
            f"{bar.requirement} {bar.what}",
            _number(bar.limit),
            _number(bar.measured),
            words[bar.is_met],
        )
        for bar in bars
    ]
    return f"What flasgo is held to\n{_table(head, lines)}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Words to the left (first and last column), figures to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *lines, strict=True)]
    rendered = []
    for line in (head, *lines):
        cells = [
            cell.ljust(width) if index in (0, len(line) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        rendered.append("  " + "  ".join(cells).rstrip())
    return "\n".join(rendered)
