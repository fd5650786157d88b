"""`flasgo new`, `flasgo version` and `flasgo shell`; that new projects work is a test of wheels."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from flasgo.cli.projects import Kind, create_project
from flasgo.errors import ConfigurationError

from tests.cli.conftest import environment


def flasgo(*arguments: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flasgo", *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(),
        timeout=60,
        check=False,
    )


def test_a_new_app_has_a_key_of_its_own_that_git_ignores(tmp_path: Path) -> None:
    for name in ("shop", "news"):
        assert flasgo("new", "app", name, cwd=tmp_path).returncode == 0
    keys = {(tmp_path / name / ".env").read_text() for name in ("shop", "news")}
    assert len(keys) == 2
    assert stat.S_IMODE((tmp_path / "shop" / ".env").stat().st_mode) == 0o600
    assert ".env" in (tmp_path / "shop" / ".gitignore").read_text().splitlines()


def test_a_new_app_is_found_by_the_other_commands(tmp_path: Path) -> None:
    assert flasgo("new", "app", "my-shop", cwd=tmp_path).returncode == 0
    listed = flasgo("routes", "--json", cwd=tmp_path / "my-shop")
    assert {route["path"] for route in json.loads(listed.stdout)} >= {"/", "/greet", "/api/status"}


@pytest.mark.parametrize(
    ("kind", "names"), [("app", {"flasgo"}), ("plugin", {"flasgo-core", "flasgo-testing"})]
)
def test_a_project_that_a_checkout_makes_depends_on_the_checkout(
    tmp_path: Path, kind: Kind, names: set[str]
) -> None:
    create_project(kind, "shop", tmp_path / "shop", "0.1.0")
    project = tomllib.loads((tmp_path / "shop" / "pyproject.toml").read_text())
    sources = project["tool"]["uv"]["sources"]
    assert sources.keys() == names
    for name, source in sources.items():
        found = tomllib.loads((Path(source["path"]) / "pyproject.toml").read_text())
        assert found["project"]["name"] == name


@pytest.mark.parametrize("name", ["flasgo-greeting", "zeta", "Upper_Case-name"])
def test_a_new_plugin_names_its_entry_point(tmp_path: Path, name: str) -> None:
    files = create_project("plugin", name, tmp_path / name, "0.1.0")
    module = name.replace("-", "_").lower()
    plugin = name.lower().replace("_", "-").removeprefix("flasgo-")
    assert Path("src", module, "py.typed") in files
    text = (tmp_path / name / "pyproject.toml").read_text()
    assert f'{plugin} = "{module}.plugin:' in text
    assert "$" not in "".join((tmp_path / name / file).read_text() for file in files)


@pytest.mark.parametrize(
    "name", ["", "1shop", "my shop", "../shop", "class", "json", "flasgo", "a--b", "shop-", "é"]
)
def test_impossible_names_are_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        create_project("app", name, tmp_path / "here", "0.1.0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("flasgo-security", "flasgo-security is a package of Flasgo"),
        ("Flasgo_Core", "flasgo-core is a package of Flasgo"),
        ("auth", "the plugin 'auth' of flasgo-auth"),
        ("flasgo-health", "the plugin 'health' of flasgo-core"),
        ("request-ids", "the plugin 'request_ids' of flasgo-core"),
    ],
)
def test_a_plugin_does_not_take_the_name_of_one_of_flasgo(
    tmp_path: Path, name: str, holder: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(holder)):
        create_project("plugin", name, tmp_path / "here", "0.1.0")
    assert list(tmp_path.iterdir()) == []


def test_the_project_of_a_plugin_has_the_command_line_for_its_development(tmp_path: Path) -> None:
    create_project("plugin", "greeting", tmp_path / "greeting", "0.1.0")
    project = tomllib.loads((tmp_path / "greeting" / "pyproject.toml").read_text())
    assert project["project"]["dependencies"] == ["flasgo-core>=0.1,<0.2"]
    assert "flasgo-core[cli]>=0.1,<0.2" in project["dependency-groups"]["dev"]


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine")
    done = flasgo("new", "app", "shop", cwd=tmp_path)
    assert done.returncode == 1
    assert "not an empty folder" in done.stderr
    assert [file.name for file in (tmp_path / "shop").iterdir()] == ["mine.txt"]


def test_another_kind_is_refused(tmp_path: Path) -> None:
    done = flasgo("new", "site", "shop", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "app or a plugin" in done.stderr


def test_version_names_packages_and_servers(tmp_path: Path) -> None:
    found = json.loads(flasgo("version", "--json", cwd=tmp_path).stdout)
    assert {"flasgo-core", "Python", "flasgo-security", "uvicorn"} <= set(found)


def test_the_shell_has_the_app_and_a_client(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from flasgo import Flasgo\napp = Flasgo()\n@app.get('/')\ndef home(): return 'hi'\n"
    )
    done = flasgo("shell", "-c", "print(app.name, client.get('/').text)", cwd=tmp_path)
    assert done.stdout == "flasgo hi\n", done.stderr
    done = flasgo("shell", cwd=tmp_path, given="client.get('/').text\n")
    assert "'hi'" in done.stdout


def test_the_shell_ends_with_the_error_of_its_code(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from flasgo import Flasgo\napp = Flasgo()\n")
    done = flasgo("shell", "-c", "1 / 0", cwd=tmp_path)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr


def test_a_project_takes_flasgo_from_the_wheels_that_were_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip writes it down for `pip install dist/*.whl`."""
    wheel = tmp_path / "dist" / "flasgo-0.1.0-py3-none-any.whl"
    described = tmp_path / "site" / "flasgo-0.1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.4\nName: flasgo\nVersion: 0.1.0\n")
    (described / "direct_url.json").write_text(
        json.dumps({"archive_info": {}, "url": wheel.as_uri()})
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    create_project("app", "shop", tmp_path / "shop", "0.1.0")

    tool = tomllib.loads((tmp_path / "shop" / "pyproject.toml").read_text())["tool"]["uv"]
    assert tool["find-links"] == [str(wheel.parent)]
    assert tool["sources"]["flasgo"] == {"path": str(wheel)}
