"""docs/threat-model.md names tests and settings that exist, and every field of attack has both."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from flasgo import Flasgo

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| attack |", "| attack or fault |"))
]


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_names_a_test(row: list[str]) -> None:
    attack, protection, _, test = row
    file, _, function = test.strip("`| ").partition("::")
    assert function in functions_of(file), f"{attack}: there is no {test}"
    assert protection


def test_settings_exist() -> None:
    app = Flasgo(settings={"SECRET_KEY": "docs-tests-only-0123456789abcdef-0123456789"})
    known = {row.name for row in app.settings.describe()}
    named = set(re.findall(r"`([A-Z][A-Z_0-9]{3,})`", PAGE))
    assert named - known == set()


def test_there_are_rows() -> None:
    assert len(ROWS) > 45
    assert {len(row) for row in ROWS} == {4}
