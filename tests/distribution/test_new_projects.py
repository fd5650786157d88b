"""What `flasgo new` makes installs, lints, type-checks and passes its own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import PACKAGES, Environment, MakeEnvironment, run

TOOLS = ("editables", "hatchling>=1.27", "mypy>=1.15", "pytest>=8.4,<10", "ruff>=0.12")


@pytest.fixture(scope="module")
def tooled(make_environment: MakeEnvironment) -> Environment:
    """The bundle, and what a project's developers use."""
    environment = make_environment(*PACKAGES)
    pip(environment, "install", *TOOLS)
    return environment


def pip(environment: Environment, command: str, *arguments: str | Path) -> None:
    start = [environment.uv, "pip", command, "--quiet", "--python", environment.python]
    run([*start, *arguments], cwd=environment.directory)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("app", "shop"), ("plugin", "flasgo-greeting"), ("plugin", "quite-a-long-plugin-name")],
)
def test_a_new_project_passes_its_own_checks(tooled: Environment, kind: str, name: str) -> None:
    tooled.execute("-m", "flasgo", "new", kind, name)
    project = tooled.directory / name
    pip(tooled, "install", "--no-build-isolation", "--no-deps", "--editable", project)
    for command in (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy", "."),
        ("pytest", "-q"),
    ):
        output = run([tooled.python, "-m", *command], cwd=project)
    assert "passed" in output
    if kind == "plugin":
        assert name.removeprefix("flasgo-") in tooled.execute("-m", "flasgo", "plugins")
    pip(tooled, "uninstall", name)
