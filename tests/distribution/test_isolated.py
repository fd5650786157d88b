"""Each package on its own, the bundle, and the bundle with a plugin of somebody else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import HERE, PACKAGES, ROOT, Environment, MakeEnvironment, run

PLUGINS = ("auth", "security", "static", "templates", "testing")
# What a package must not pull in, because it belongs to another one.
FOREIGN = {
    "core": {"typer", "uvicorn", "jinja2", "httpx2", "itsdangerous", "limits", "watchfiles"},
    "auth": {"typer", "uvicorn", "jinja2", "httpx2", "itsdangerous", "limits"},
    "security": {"typer", "uvicorn", "jinja2", "httpx2"},
    "static": {"typer", "uvicorn", "jinja2", "httpx2", "itsdangerous"},
    "templates": {"typer", "uvicorn", "httpx2", "itsdangerous", "limits"},
    "testing": {"typer", "uvicorn", "jinja2", "itsdangerous", "limits"},
}


@pytest.fixture(scope="module")
def core(make_environment: MakeEnvironment) -> Environment:
    return make_environment("flasgo-core")


def test_core_alone_serves_and_names_what_is_missing(core: Environment) -> None:
    core.check("core_alone")

    assert core.distributions() & FOREIGN["core"] == set()


@pytest.mark.parametrize("command", [("-m", "flasgo"), ("-m", "flasgo", "run", "app.py")])
def test_core_alone_says_what_its_command_line_needs(
    core: Environment, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [core.python, "-E", "-s", *command],
        capture_output=True,
        text=True,
        cwd=core.directory,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "pip install" in done.stderr
    assert "flasgo-core[cli]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("plugin", PLUGINS)
def test_core_and_one_plugin_work_without_the_others(
    plugin: str, make_environment: MakeEnvironment
) -> None:
    environment = make_environment("flasgo-core", f"flasgo-{plugin}")

    environment.check(f"core_with_{plugin}")

    installed = environment.distributions()
    ours = {name for name in installed if name.startswith("flasgo")}
    assert ours == {"flasgo-core", f"flasgo-{plugin}"}
    assert installed & FOREIGN[plugin] == set()


def test_bundle_brings_everything(bundle: Environment) -> None:
    bundle.check("bundle")

    ours = {name for name in bundle.distributions() if name.startswith("flasgo")}
    assert ours == set(PACKAGES)


def test_bundle_brings_the_command(bundle: Environment) -> None:
    version = bundle.execute(bundle.script("flasgo"), "--version")
    plugins = json.loads(bundle.execute(bundle.script("flasgo"), "plugins", "--json"))

    assert "0." in version
    assert {p["name"] for p in plugins if not p["builtin"]} == set(PLUGINS)
    distributions = {plugin["distribution"] for plugin in plugins}
    assert distributions == {"flasgo-core", *(f"flasgo-{name}" for name in PLUGINS)}


def test_pip_installs_the_wheels_as_the_readme_says(
    uv: str, wheels: dict[str, Path], tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text()
    assert "python3 -m uv venv --seed env\nenv/bin/python -m pip install dist/*.whl\n" in readme
    environment = Environment(uv, tmp_path)
    seeded = [uv, "venv", "--quiet", "--seed", "--python", sys.executable, tmp_path / "env"]
    run(seeded, cwd=tmp_path)

    run([environment.python, "-m", "pip", "install", "-q", *wheels.values()], cwd=tmp_path)

    environment.check("bundle")


@pytest.fixture(scope="module")
def with_third_party(
    make_environment: MakeEnvironment,
    wheels: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Environment:
    environment = make_environment(*PACKAGES)
    project = tmp_path_factory.mktemp("somebody") / "flasgo-internal"
    shutil.copytree(HERE / "third_party", project)
    environment.install(*wheels.values(), project)
    return environment


def test_third_party_plugin_acts_once_it_is_installed(with_third_party: Environment) -> None:
    with_third_party.check("third_party", "acts")


@pytest.mark.parametrize("how", ["argument", "setting"])
def test_third_party_plugin_is_switched_off_in_code(
    how: str, with_third_party: Environment
) -> None:
    with_third_party.check("third_party", how)


def test_third_party_plugin_is_switched_off_from_outside(with_third_party: Environment) -> None:
    with_third_party.check("third_party", "environment", FLASGO_DISABLE_PLUGINS="internal")


def test_third_party_plugin_is_listed_by_the_command(with_third_party: Environment) -> None:
    listed = with_third_party.execute(with_third_party.script("flasgo"), "plugins", "--json")

    internal = next(p for p in json.loads(listed) if p["name"] == "internal")
    assert (internal["distribution"], internal["version"]) == ("flasgo-internal", "1.2.3")


def test_third_party_policy_is_explained_by_the_command(with_third_party: Environment) -> None:
    (with_third_party.directory / "app.py").write_text(
        "from flasgo import Flasgo\n"
        "app = Flasgo()\n"
        "@app.get('/metrics')\n"
        "@app.internal('metrics')\n"
        "async def metrics():\n"
        "    return {'requests': 1}\n"
    )

    explained = with_third_party.execute(
        with_third_party.script("flasgo"), "routes", "--app", "app.py", "--explain", "/metrics"
    )

    assert "internal (metrics)" in explained
