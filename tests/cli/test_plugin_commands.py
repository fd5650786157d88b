"""Commands of plugins: `registry.command`, with the app started and without (PLUG-11)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo, PluginError, hookimpl
from flasgo.cli import create_cli
from typer.testing import CliRunner

from tests.cli.conftest import environment
from tests.conftest import Connect

APP = """
import asyncio
from typing import Annotated
import typer
from flasgo import ConfigurationError, Flasgo, current_app, hookimpl

class Database:
    name = "database"
    is_open = False

    @hookimpl
    def plugin_setup(self, registry):
        registry.setting("FAILS", str, default="", help="What fails.")
        registry.command("db upgrade", self.upgrade, started=True)
        registry.command("db state", self.state)
        registry.command("say", self.say, started=True)

    @hookimpl
    def app_created(self, app):
        self.app = app

    @hookimpl
    async def app_startup(self, app):
        if app.settings["FAILS"] == "start":
            raise OSError("the database does not answer")
        self.is_open = True

    @hookimpl
    async def app_shutdown(self, app):
        print("closed")

    async def upgrade(self, steps: Annotated[int, typer.Argument(help="How many.")] = 1) -> None:
        "Bring the tables up to date."
        await asyncio.sleep(0)
        print(f"upgraded {steps}, open: {self.is_open}, app: {current_app.name}")

    def state(self) -> None:
        "Show where the tables are."
        print(f"open: {self.is_open}")

    async def say(self, word: str) -> None:
        "Say a word."
        fails = {"refuse": ConfigurationError("No such word."), "exit": typer.Exit(5)}
        if word in fails:
            raise fails[word]
        if word == "param":
            raise typer.BadParameter("too rude")
        if word == "bug":
            raise ZeroDivisionError("inside")
        print(word)

class Seeds:
    name = "seeds"

    @hookimpl
    def plugin_setup(self, registry):
        registry.command("db seed", lambda: print("seeded"))

app = Flasgo("shop", plugins=[Database, Seeds], discover=False)

@app.lifespan
async def around(app):
    print("up")
    yield
    print("down")
"""

pytestmark = pytest.mark.usefixtures("own_modules")


@pytest.fixture
def run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASGO_SECRET_KEY", "0f3b1c9a7d5e42608b1f6c2d9e7a4b53")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FLASGO_APP", raising=False)
    return lambda *arguments: CliRunner().invoke(create_cli(), arguments)


def test_a_command_runs_with_the_app_started_and_stopped_after_it(run: Any) -> None:
    result = run("db", "upgrade", "3")
    assert result.exit_code == 0
    assert result.output == "up\nupgraded 3, open: True, app: shop\ndown\nclosed\n"


def test_a_command_without_a_start_opens_nothing(run: Any) -> None:
    assert run("db", "state").output == "open: False\n"
    assert run("db", "seed").output == "seeded\n"


def test_help_shows_them(run: Any) -> None:
    output = run("--help").output
    assert "  db        Commands of database, seeds.\n" in output
    assert "  say       Say a word.\n" in output
    group = run("db", "--help").output
    assert "upgrade  Bring the tables up to date." in group
    assert "How many." in run("db", "upgrade", "--help").output


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        ("refuse", 1, "Error: No such word.\n"),
        ("exit", 5, ""),
        ("param", 2, "too rude"),
        ("bug", 1, "ZeroDivisionError: inside"),
    ],
)
def test_errors_end_the_command_and_the_app_is_stopped(
    run: Any, word: str, code: int, text: str
) -> None:
    result = run("say", word)
    assert (result.exit_code, text in result.stderr) == (code, True)
    assert result.stdout == "up\ndown\nclosed\n"
    assert ("Traceback" in result.stderr) == (word == "bug")
    assert "cli/declared.py" not in result.stderr


def test_a_start_up_that_fails_is_told_with_its_plugin(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FLASGO_FAILS", "start")
    result = run("db", "upgrade")
    assert result.exit_code == 1
    assert "Error: Plugin 'database' failed in app_startup: OSError: the database" in result.stderr
    assert "upgraded" not in result.stdout


def test_a_command_says_that_it_runs_without_an_app(
    tmp_path: Path,
) -> None:
    """Of a plugin that is installed, in a folder without an app."""
    module = tmp_path / "installed_database.py"
    module.write_text(APP)
    described = tmp_path / "database-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.4\nName: database\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(
        f"[flasgo.plugins]\ndatabase = {module.stem}:Database\n"
    )

    def run(*arguments: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "flasgo", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env=environment(PYTHONPATH=str(tmp_path)),
        )
        return done.stdout, done.stderr

    said = "No app found; this is what an app without settings would have.\n"
    assert run("db", "state") == ("open: False\n", said)
    assert run("db", "state", "--app", module.name) == ("open: False\n", "")
    help_, errors = run("db", "state", "--help")
    assert ("Show where the tables are." in help_, errors) == (True, "")


# --- Declarations ------------------------------------------------------------------------------


def declaring(name: str, *arguments: Any, **options: Any) -> Any:
    def plugin_setup(self: object, registry: Any) -> None:
        registry.command(*arguments, **options)

    return type(name, (), {"name": name, "plugin_setup": hookimpl(plugin_setup)})


@pytest.mark.parametrize("name", ["Greet", "", "a b c", "-x", 5, "a  b", "db "])
def test_a_malformed_name_is_refused(make_app: Callable[..., Flasgo], name: Any) -> None:
    with pytest.raises(PluginError, match=r"registry.command was given the name"):
        make_app(declaring("p", name, print))


def test_misuse_is_refused(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    with pytest.raises(PluginError, match="the command 'x' is 5; give a function"):
        make_app(declaring("p", "x", 5))
    with pytest.raises(PluginError, match="'a' and 'b' both bring the command 'x'"):
        make_app(declaring("a", "x", print), declaring("b", "x", print))
    for first, second in (("db", "db x"), ("db x", "db")):
        with pytest.raises(PluginError, match=f"'{second}' clashes with '{first}' of plugin 'a'"):
            make_app(declaring("a", first, print), declaring("b", second, print))
    assert "command db x" in make_app(declaring("a", "db x", print)).plugins["a"].brings


def test_a_name_of_core_is_refused(run: Any, tmp_path: Any) -> None:
    (tmp_path / "app.py").write_text(
        "from flasgo import Flasgo, hookimpl\n"
        "class P:\n"
        "    @hookimpl\n"
        "    def plugin_setup(self, registry):\n        registry.command('routes', print)\n"
        "app = Flasgo(plugins=[P], discover=False)\n"
    )
    result = run("nothing")
    assert result.exit_code == 1
    assert "adds a command 'routes', and there is one of that name already" in result.stderr


def test_an_async_command_of_the_hook_is_refused(run: Any, tmp_path: Any) -> None:
    (tmp_path / "app.py").write_text(
        "from flasgo import Flasgo, hookimpl\n"
        "async def greet() -> None: ...\n"
        "class P:\n"
        "    @hookimpl\n"
        "    def cli_commands(self, cli):\n        cli.command('greet')(greet)\n"
        "app = Flasgo(plugins=[P], discover=False)\n"
    )
    result = run("greet")
    assert result.exit_code == 1
    assert "Declare it with registry.command('greet', function)" in result.stderr
