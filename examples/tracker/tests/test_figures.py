"""How much of the original the port has changed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
MOST_PERCENT = 9


def counting() -> Any:
    spec = importlib.util.spec_from_file_location("changed_lines", HERE / "changed_lines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_has_the_figures() -> None:
    assert counting().table() in (HERE / "README.md").read_text()


def test_little_had_to_be_written() -> None:
    found = counting().figures().values()
    assert 100 * sum(each.written for each in found) < MOST_PERCENT * sum(e.lines for e in found)


def test_both_have_the_same_files() -> None:
    before, after = HERE / "before" / "tracker", HERE / "tracker"
    names = [{str(p.relative_to(root)) for p in root.rglob("*.py")} for root in (before, after)]
    assert names[0] == names[1]
