"""Counts the lines that the port changed, by file: `python examples/tracker/changed_lines.py`."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
BEFORE, AFTER = HERE / "before" / "tracker", HERE / "tracker"


class Figures(NamedTuple):
    """The lines of one file, blank ones left out.

    Attributes:
        lines: Those of the original.
        written: Those of the port that the original does not have.
        dropped: Those of the original that have nothing in their place.
    """

    lines: int
    written: int
    dropped: int


def figures() -> dict[str, Figures]:
    """Return the figures of each file of the original."""
    paths = [path.relative_to(BEFORE) for path in sorted(BEFORE.rglob("*.py"))]
    return {str(path): compared(lines_of(BEFORE / path), lines_of(AFTER / path)) for path in paths}


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file, blank ones left out."""
    return [line.rstrip() for line in path.read_text().splitlines() if line.strip()]


def compared(old: list[str], new: list[str]) -> Figures:
    """Compare two versions of a file."""
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    different = [(b - a, d - c) for kind, a, b, c, d in steps if kind != "equal"]
    written = sum(there for _, there in different)
    dropped = sum(max(here - there, 0) for here, there in different)
    return Figures(len(old), written, dropped)


def table() -> str:
    """Return the figures as the README has them."""
    found = figures()
    total = Figures(*map(sum, zip(*found.values(), strict=True)))
    rows = ["| file | lines | written | dropped |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {each.lines} | {each.written} | {each.dropped} |"
             for name, each in found.items() if each.written or each.dropped]  # fmt: skip
    same = [each.lines for each in found.values() if not each.written and not each.dropped]
    rows.append(f"| {len(same)} others | {sum(same)} | 0 | 0 |")
    shares = [f"{part} ({100 * part / total.lines:.1f} %)" for part in total[1:]]
    rows.append(f"| all | {total.lines} | {' | '.join(shares)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
