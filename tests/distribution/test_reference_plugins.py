"""PLUG-14: what holds for every reference plugin, installed from its wheel beside what it needs."""

from __future__ import annotations

import pytest

from .reference_plugins import FOLDER, PLUGINS, Installed, Installer, MakeInstalled


@pytest.fixture(params=PLUGINS)
def installed(request: pytest.FixtureRequest, reference_plugin: MakeInstalled) -> Installed:
    return reference_plugin(request.param)


def test_each_is_listed_here() -> None:
    assert {path.parent.name for path in FOLDER.glob("*/pyproject.toml")} == set(PLUGINS)


def test_only_what_it_needs_is_there(installed: Installed) -> None:
    distributions = installed.environment.distributions()
    ours = {name for name in distributions if name.startswith("flasgo")}

    assert ours == {*installed.plugin.needs, installed.plugin.name}


def test_its_own_tests_pass(installed: Installed) -> None:
    output = installed.environment.execute(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=installed.project
    )

    assert " passed" in output
    assert "skipped" not in output


def test_it_is_typed(installed: Installed, reference_plugin: Installer) -> None:
    reference_plugin.check_types(installed)


def test_it_is_listed_with_what_it_brings(installed: Installed) -> None:
    environment, plugin = installed.environment, installed.plugin

    assert plugin.name in environment.execute("-m", "flasgo", "plugins")
    assert plugin.setting in environment.execute("-m", "flasgo", "settings")
