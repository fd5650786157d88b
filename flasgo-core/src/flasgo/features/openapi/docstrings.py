"""Reads a handler's docstring: summary, description, and the sections that describe its parts."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from flasgo.callables import docstring_of

__all__ = ["Docs", "docs_of"]

_SECTION = re.compile(
    r"(?P<name>Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|Attributes):\s*\Z"
)
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)(?:\s*\([^)]*\))?:\s*(?P<text>.*)\Z")
_FENCE = re.compile(r"^```\w*\s*$", re.M)


@dataclass(frozen=True)
class Docs:
    """What a docstring says.

    Attributes:
        summary: Its first paragraph, in one line.
        description: The paragraphs after it, up to the first section.
        parameters: The descriptions of its `Args:`.
        returns: Its `Returns:`.
        examples: What stands in its `Example:` or `Examples:`, where that is JSON.
    """

    summary: str = ""
    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    examples: tuple[object, ...] = ()


def docs_of(function: Callable[..., object]) -> Docs:
    """Return what a function's docstring says.

    Args:
        function: Its docstring may have sections (`Args:`, `Returns:`, `Example:`).
    """
    text = docstring_of(function)
    if not text:
        return Docs()
    free, sections = _sections(text)
    summary, _, description = free.partition("\n\n")
    return Docs(
        summary=" ".join(summary.split()),
        description=description.strip(),
        parameters=_entries(sections.get("args", "")),
        returns=" ".join(sections.get("returns", "").split()),
        examples=_examples(sections.get("example", "")),
    )


_NAMES = {
    "Arguments": "args",
    "Parameters": "args",
    "Return": "returns",
    "Yield": "yields",
    "Examples": "example",
    "Note": "notes",
}


def _sections(text: str) -> tuple[str, dict[str, str]]:
    free: list[str] = []
    sections: dict[str, list[str]] = {}
    current = free
    for line in text.splitlines():
        found = _SECTION.match(line)
        if found:
            name = _NAMES.get(found["name"], found["name"].lower())
            current = sections.setdefault(name, [])
        else:
            if current is not free and line and not line[0].isspace():
                current = free  # prose goes on after a section
            current.append(line)
    return "\n".join(free).strip(), {
        name: inspect.cleandoc("\n".join(["", *lines])) for name, lines in sections.items()
    }


def _entries(text: str) -> dict[str, str]:
    entries: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        found = None if line[:1].isspace() else _ENTRY.match(line)
        if found:
            lines = entries.setdefault(found["name"], [])
            lines.append(found["text"])
        else:
            lines.append(line)
    return {name: " ".join(" ".join(lines).split()) for name, lines in entries.items()}


def _examples(text: str) -> tuple[object, ...]:
    """Return the JSON values that a section consists of; nothing when it is something else."""
    rest = _FENCE.sub("", text).strip()
    decoder = json.JSONDecoder()
    found: list[object] = []
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return ()
        found.append(value)
        rest = rest[end:].strip()
    return tuple(found)
