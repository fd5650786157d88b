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
    return {spec.name: spec.owner for spec in app.registry.settings}


def test_every_setting_of_the_plugin_is_on_the_page(owners: dict[str, str]) -> None:
    own = {name for name, owner in owners.items() if owner == "security"}
    assert len(own) > 40
    assert (own | LIMITS) - NAMED == set()


def test_every_setting_on_the_page_exists(owners: dict[str, str]) -> None:
    assert NAMED - set(owners) - {"FLASGO_SECRET_KEY"} == set()


@pytest.mark.parametrize(
    "row", [line for line in PAGE.splitlines() if line.startswith("| ")], ids=lambda row: row[2:40]
)
def test_every_default_has_its_four_columns(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 4
    if cells[0] != "default":
        assert re.search(r"CWE-\d+", cells[1])
