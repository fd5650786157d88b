"""What the core knows of the bundle's plugins is what their packages say."""

from __future__ import annotations

import importlib
import runpy
from inspect import get_annotations
from pathlib import Path

import flasgo
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "flasgo-core" / "write_bundle.py"
WRITER = runpy.run_path(str(SCRIPT))
SOURCE = Path(flasgo.__file__).parent
PACKAGES = WRITER["packages"]()


@pytest.mark.parametrize("name", WRITER["FILES"])
def test_the_generated_part_is_what_the_packages_say(name: str) -> None:
    written = (SOURCE / name).read_text(encoding="utf-8")
    assert written == WRITER["FILES"][name](), "run `uv run python flasgo-core/write_bundle.py`"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.plugin)
def test_the_members_for_type_checkers_are_those_that_the_plugin_brings(package) -> None:
    app = flasgo.Flasgo(settings={"SECRET_KEY": "bundle-0123456789abcdef-0123456789"})
    members = importlib.import_module(f"{package.module}.members")
    declared = app.plugins.declarations
    for kind, contributed in (
        (members.AppMembers, declared.owned("app method", package.plugin)),
        (members.RequestMembers, declared.owned("request attribute", package.plugin)),
    ):
        assert WRITER["member_names"](kind) == set(contributed)
    options = get_annotations(getattr(members, "AppOptions", object))
    assert set(options) == set(declared.owned("option", package.plugin))


def test_every_reexported_name_is_that_of_its_package() -> None:
    for package in PACKAGES:
        module = importlib.import_module(package.module)
        for name in package.exports():
            assert getattr(flasgo, name) is getattr(module, name)


def test_no_name_has_two_homes() -> None:
    names = [name for package in PACKAGES for name in package.exports()]
    assert len(names) == len({*names, *flasgo.__all__}) - len(flasgo.__all__)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (bool, "bool"),
        (set[str], "set[str]"),
        (int | None, "int | None"),
        (dict[str, list[str] | str], "dict[str, list[str] | str]"),
        (tuple[int, ...], "tuple[int, ...]"),
    ],
)
def test_types_are_written_as_in_an_annotation(kind: object, text: str) -> None:
    assert WRITER["annotation"](kind) == text
