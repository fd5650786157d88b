"""How the command line writes: plain aligned tables, JSON, and errors on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TextIO

__all__ = [
    "bold",
    "coloured",
    "facts",
    "fail",
    "note",
    "note_error",
    "table",
    "write",
    "write_json",
]

_GAP = "  "
_LEAST_COLUMN = 8
_CODES = {"red": "31", "yellow": "33", "green": "32", "bold": "1"}


def write(text: str = "") -> None:
    """Write a line to standard output."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(text + "\n")


def coloured(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return text in a colour where the stream is a terminal; elsewhere as it is.

    `NO_COLOR` (no-color.org) and `TERM=dumb` switch colours off, `FORCE_COLOR` on.

    Args:
        text: The text.
        style: `red`, `yellow`, `green` or `bold`.
        stream: Where it will be written; standard output when left out.
    """
    if not _shows_colour(sys.stdout if stream is None else stream):
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def bold(text: str) -> str:
    """Return text for a heading."""
    return coloured(text, "bold")


def _shows_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def note_error(text: str) -> None:
    """Write an error to standard error."""
    note(f"{coloured('Error:', 'red', sys.stderr)} {text}")


def fail(text: str) -> NoReturn:
    """Write an error and end with status 1.

    Args:
        text: What is wrong, and what to do about it.

    Raises:
        SystemExit: Always.
    """
    note_error(text)
    raise SystemExit(1)


def write_json(value: object) -> None:
    """Write a value as indented JSON; sets become sorted lists, other types their repr."""
    write(json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Return rows as an aligned table that fits the terminal; long cells are wrapped.

    A column without any cell is left out, and the first one, which names things, is not wrapped.

    Args:
        headers: The columns' names.
        rows: As many cells as there are columns, each.
        indent: Put before every line.

    Returns:
        The lines, without a final newline.
    """
    cells = [list(row) for row in rows]
    filled = [column for column in range(len(headers)) if any(row[column] for row in cells)]
    if not filled:
        return ""
    headers = [headers[column] for column in filled]
    cells = [[row[column] for column in filled] for row in cells]
    widths = [
        max([len(header), *(_longest_line(row[column]) for row in cells)])
        for column, header in enumerate(headers)
    ]
    _shrink(widths, _terminal_width() - len(indent) - len(_GAP) * (len(widths) - 1))
    lines = [bold(line) for line in _wrapped(headers, widths)]
    lines.append(_GAP.join("-" * width for width in widths))
    for row in cells:
        lines += _wrapped(row, widths)
    return "\n".join((indent + line).rstrip() for line in lines)


def facts(pairs: Mapping[str, str], *, indent: str = "  ") -> str:
    """Return names and values, one pair per paragraph, values aligned and wrapped.

    Args:
        pairs: Names and values; pairs with an empty value are left out.
        indent: Put before every line.
    """
    shown = {name: value for name, value in pairs.items() if value}
    width = max(map(len, shown), default=0)
    lines: list[str] = []
    for name, value in shown.items():
        lines += textwrap.wrap(
            value,
            max(_terminal_width(), width + 30),
            initial_indent=f"{indent}{name:<{width}}{_GAP}",
            subsequent_indent=" " * (len(indent) + width + len(_GAP)),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _terminal_width() -> int:
    return max(shutil.get_terminal_size((80, 24)).columns, 40)


def _longest_line(text: str) -> int:
    return max((len(line) for line in text.splitlines()), default=0)


def _shrink(widths: list[int], available: int) -> None:
    """Take from the widest column but the first, until all fit."""
    others = range(1, len(widths))
    while sum(widths) > available and max(widths[1:], default=0) > _LEAST_COLUMN:
        widths[max(others, key=widths.__getitem__)] -= 1


def _wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    columns = [
        textwrap.wrap(_breakable(cell, width), width, break_on_hyphens=False) or [""]
        for cell, width in zip(row, widths, strict=True)
    ]
    height = max(map(len, columns))
    return [
        _GAP.join(
            f"{column[line] if line < len(column) else '':<{width}}"
            for column, width in zip(columns, widths, strict=True)
        ).rstrip()
        for line in range(height)
    ]


def _breakable(text: str, width: int) -> str:
    """Break words that do not fit behind a dot, slash or underscore, where they have one."""
    words: list[str] = []
    for word in text.split():
        rest = word
        while len(rest) > width:
            end = max(rest.rfind(mark, 0, width) for mark in "./_") + 1
            end = end if end > 1 else width
            words.append(rest[:end])
            rest = rest[end:]
        words.append(rest)
    return " ".join(words)


def _jsonable(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return repr(value)
