"""The entry points of installed distributions.

PERF: importlib.metadata imports thirty modules, among them those for mail and zip files, and parses
all that a distribution says of itself. Folders of distributions are read here; where there is
anything else, such as a zip file on `sys.path`, importlib.metadata is asked.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from functools import reduce
from importlib.machinery import PathFinder
from pathlib import Path

from msgspec import Struct

__all__ = ["EntryPoint", "entry_points"]

_TARGET = re.compile(r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")
_SEPARATORS = re.compile(r"[-_.]+")


class EntryPoint(Struct, frozen=True):
    """What a distribution offers under a name.

    Attributes:
        group: Which kind of thing it is.
        name: Its name.
        value: The module, and the object in it.
        distribution: The distribution that brings it.
        version: The distribution's version.
    """

    group: str
    name: str
    value: str
    distribution: str = "unknown"
    version: str = "unknown"

    def load(self) -> object:
        """Import it.

        Raises:
            ImportError: When the module cannot be imported.
            AttributeError: When there is no such object in it.
            ValueError: When the value names none.
        """
        match = _TARGET.fullmatch(self.value)
        if match is None:
            raise ValueError(f"{self.value!r} is not a module, or module:object")
        module, path = match.groups()
        found: object = importlib.import_module(module)
        return reduce(getattr, path.split("."), found) if path else found


def entry_points(*groups: str) -> list[EntryPoint]:
    """Return the entry points of some groups, as `sys.path` has their distributions.

    Args:
        groups: The names of the groups.
    """
    found = _in_folders(groups) if _knows_all_finders() else None
    return _asked(groups) if found is None else found


def _knows_all_finders() -> bool:
    """Whether all distributions are found by what looks through `sys.path`."""
    return all(
        finder is PathFinder or getattr(finder, "find_distributions", None) is None
        for finder in sys.meta_path
    )


def _in_folders(groups: tuple[str, ...]) -> list[EntryPoint] | None:
    """Return the entry points, or None where a distribution may lie in something else."""
    headings = [f"[{group}]" for group in groups]
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for path in map(str, sys.path):
        try:
            children = os.listdir(path or ".")  # noqa: PTH208 - a `Path` each takes longer
        except FileNotFoundError:
            continue
        except OSError:
            return None  # a zip file, or what may not be looked at
        if path.endswith(".egg"):
            return None
        for child in children:
            if not child.endswith((".dist-info", ".egg-info")):
                if child.endswith(".egg"):
                    return None
                continue
            # The first one of a name is the one that would be imported.
            key = _SEPARATORS.sub("-", child.rpartition(".")[0].partition("-")[0]).lower()
            if key in seen:
                continue
            seen.add(key)
            folder = f"{path or '.'}/{child}"
            text = _read(folder, "entry_points.txt")
            if any(heading in text for heading in headings):
                found += _parsed(text, groups, *_identity(folder))
    return found


def _read(folder: str, name: str) -> str:
    try:
        return Path(folder, name).read_text(encoding="utf-8")
    except OSError:
        return ""


def _identity(folder: str) -> tuple[str, str]:
    """Return the name and the version that a distribution gives itself."""
    text = _read(folder, "METADATA") or _read(folder, "PKG-INFO")
    facts = {"name": "unknown", "version": "unknown"}
    for line in text.partition("\n\n")[0].splitlines():
        field, _, value = line.partition(":")
        if field.lower() in facts:
            facts[field.lower()] = value.strip()
    return facts["name"], facts["version"]


def _parsed(
    text: str, groups: tuple[str, ...], distribution: str, version: str
) -> Iterator[EntryPoint]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
        elif group in groups and line and not line.startswith("#"):
            name, _, value = map(str.strip, line.partition("="))
            yield EntryPoint(group, name, value, distribution, version)


def _asked(groups: tuple[str, ...]) -> list[EntryPoint]:
    """Return what importlib.metadata says."""
    from importlib.metadata import entry_points as known_entry_points

    return [
        EntryPoint(
            group,
            point.name,
            point.value,
            point.dist.name if point.dist else "unknown",
            point.dist.version if point.dist else "unknown",
        )
        for group in groups
        for point in known_entry_points(group=group)
    ]
