"""What is in the wheels: versions, requirements, licences, typing, modules."""

import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from .conftest import PACKAGES, ROOT

PLUGINS = tuple(name for name in PACKAGES if name not in {"flasgo", "flasgo-core"})


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def files_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def requirements_of(wheel: Path) -> list[Requirement]:
    return [Requirement(text) for text in metadata_of(wheel).get_all("Requires-Dist", [])]


def test_versions_move_in_lockstep(wheels: dict[str, Path]) -> None:
    versions = {name: metadata_of(wheel)["Version"] for name, wheel in wheels.items()}

    assert len(set(versions.values())) == 1, versions


def test_requirements_on_each_other_admit_the_version_that_is_built(
    wheels: dict[str, Path],
) -> None:
    for wheel in wheels.values():
        version = Version(metadata_of(wheel)["Version"])
        for requirement in requirements_of(wheel):
            if requirement.name.startswith("flasgo"):
                assert requirement.specifier.contains(version), f"{wheel.name}: {requirement}"


@pytest.mark.parametrize("name", PACKAGES)
def test_no_requirement_is_pinned(name: str, wheels: dict[str, Path]) -> None:
    pinned = [
        str(requirement)
        for requirement in requirements_of(wheels[name])
        if any(part.operator in {"==", "==="} for part in requirement.specifier)
    ]

    assert pinned == []


@pytest.mark.parametrize("name", PACKAGES)
def test_wheel_carries_licence_readme_and_python_versions(
    name: str, wheels: dict[str, Path]
) -> None:
    metadata = metadata_of(wheels[name])

    assert any(file.endswith("/licenses/LICENSE") for file in files_of(wheels[name]))
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert str(metadata.get_payload()).strip(), "the README is the page of the package"


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "flasgo"])
def test_wheel_is_typed_and_ships_one_module(name: str, wheels: dict[str, Path]) -> None:
    files = files_of(wheels[name])
    module = "flasgo" if name == "flasgo-core" else name.replace("-", "_")
    tops = {file.split("/")[0] for file in files if ".dist-info/" not in file}

    assert f"{module}/py.typed" in files
    assert tops == {module}


def test_bundle_ships_no_module(wheels: dict[str, Path]) -> None:
    assert [file for file in files_of(wheels["flasgo"]) if ".dist-info/" not in file] == []


def test_bundle_asks_for_every_package_and_the_command_line(wheels: dict[str, Path]) -> None:
    asked = {r.name: r.extras for r in requirements_of(wheels["flasgo"]) if r.marker is None}

    assert set(asked) == set(PACKAGES) - {"flasgo"}
    assert asked["flasgo-core"] == {"cli"}


@pytest.mark.parametrize("name", PLUGINS)
def test_plugin_asks_for_core_and_for_no_other_plugin(name: str, wheels: dict[str, Path]) -> None:
    ours = {r.name for r in requirements_of(wheels[name]) if r.name.startswith("flasgo")}

    assert ours == {"flasgo-core"}


def test_every_package_is_a_member_of_the_workspace(wheels: dict[str, Path]) -> None:
    folders = {path.parent.name for path in ROOT.glob("*/pyproject.toml")}

    assert folders == set(wheels) - {"flasgo"}
