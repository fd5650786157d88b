"""docs/security.md names every setting of the plugin, and none that is not there."""

import re
from pathlib import Path

import pytest
from flasgo import Flasgo

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text()
# In code, and not after a dash: header names have those.
NAMED = set(re.findall(r"(?<![-\w])`?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`?(?![-\w])", PAGE))
LIMITS = {"MAX_REQUEST_BODY_BYTES", "MAX_REQUEST_HEAD_BYTES", "REQUEST_READ_TIMEOUT_SECONDS"}


@pytest.fixture(scope="module")
def owners() -> dict[str, str]:
    app = Flasgo(settings={"SECRET_KEY": "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"})
    return {spec.name: spec.owner for spec in app._declarations.settings}


def test_every_setting_of_the_plugin_is_on_the_page(owners: dict[str, str]) -> None:
    own = {name for name, owner in owners.items() if owner == "security"}
    assert len(own) > 40
    assert (own | LIMITS) - NAMED == set()


def test_every_setting_on_the_page_exists(owners: dict[str, str]) -> None:
    assert NAMED - set(owners) - {"FLASGO_SECRET_KEY"} == set()


def rows_of(kind: str) -> list[str]:
    """The rows of those tables of the page whose first column is about this, without heads."""
    rows: list[str] = []
    is_inside = False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            is_inside = False
        elif line.startswith(f"| {kind} "):
            is_inside = True
        elif is_inside and line.startswith("| "):
            rows.append(line)
    return rows


def test_the_page_has_tables_of_defaults() -> None:
    assert len(rows_of("default")) > 40


@pytest.mark.parametrize("row", rows_of("default"), ids=lambda row: row[2:40])
def test_every_default_has_its_four_columns(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 4
    assert re.search(r"CWE-\d+", cells[1])
