"""CLI-2, PLUG-5: the commands that inspect an app, and those that plugins add."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Finding, Flasgo
from flasgo.cli import create_cli
from flasgo.cli.output import facts, table
from flasgo.plugins.checks import collect_findings, is_failure
from typer.testing import CliRunner

GOOD_KEY = "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"
APP = """
from dataclasses import dataclass
from flasgo import Finding, Flasgo, Policy, attach_policy, has_policy, hookimpl

@dataclass(frozen=True)
class Internal(Policy):
    reason: str
    def explain(self):
        return f"internal ({self.reason})"

class Doorman:
    @hookimpl
    def plugin_setup(self, registry):
        registry.enforces(Internal)
        registry.setting("DOOR_CODE", str, default="kappa-9", secret=True, help="Opens the door.")
        registry.app_method("door", lambda: "open")

    @hookimpl(when=has_policy(Internal))
    async def authorize(self, request): ...

    @hookimpl
    def check_app(self, app, deploy):
        if deploy:
            yield Finding("door.W001", "warning", "The door code is the default.", "Set DOOR_CODE.")

    @hookimpl
    def cli_commands(self, cli):
        @cli.command()
        def knock(times: int = 1) -> None:
            "Knock at the door."
            print("knock " * times)

app = Flasgo(plugins=[Doorman], disable_plugins={"static"})

@app.get("/")
async def home(): ...

@app.post("/notes/<int:id>", endpoint="note")
def note(id: int): ...

@app.get("/metrics")
async def metrics(): ...
attach_policy(metrics, Internal("numbers"))

@app.websocket("/live")
async def live(websocket): ...
"""

Write = Callable[[str, str], Path]
Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("own_modules")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASGO_SECRET_KEY", GOOD_KEY)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FLASGO_APP", raising=False)

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(create_cli(), arguments, catch_exceptions=False)

    return invoke


@pytest.fixture
def app_run(run: Run, write: Write) -> Run:
    write("app.py", APP)
    return run


# --- the command line itself ------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_needs_no_app(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    for command in ("run", "routes", "plugins", "settings", "check"):
        assert f"\n  {command} " in result.output
    assert all(len(line) <= 80 and line.isascii() for line in result.output.splitlines())
    assert "Traceback" not in result.output


def test_help_lists_the_commands_of_plugins(app_run: Run) -> None:
    assert "knock     Knock at the door." in app_run("--help").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("knock", "--app", "other.py"),
        ("knock", "--app=other.py", "--times", "1"),
        ("--app", "other.py", "knock"),
    ],
)
def test_a_command_of_a_plugin_takes_the_app_in_front_or_behind(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FLASGO_APP", "")  # what the option sets is taken back
    write("other.py", APP)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == "knock \n"


def test_help_works_beside_a_broken_app(run: Run, write: Write) -> None:
    write("app.py", "1 / 0\n")
    result = run("--help")
    assert result.exit_code == 0
    assert "ZeroDivisionError" in result.stderr
    assert "commands of plugins are missing" in result.stderr


def test_a_wrong_plugin_name_in_the_environment_is_an_error_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASGO_DISABLE_PLUGINS", "statik")
    result = run("plugins")
    assert result.exit_code == 1
    assert "Error: No plugin 'statik' is installed. Did you mean 'static'?" in result.stderr


def test_no_command_is_cut_short_in_the_help(run: Run) -> None:
    commands = run("--help").output.partition("Commands:")[2]
    assert commands
    assert "..." not in commands


@pytest.mark.parametrize(
    ("command", "usage"), [("routes", "[PATH]"), ("settings", "[NAME]"), ("run", "[TARGET]")]
)
def test_what_may_be_left_out_is_in_brackets_once(run: Run, command: str, usage: str) -> None:
    assert f" [OPTIONS] {usage}\n" in run(command, "--help").stdout


def test_version(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("Flasgo 0.")


def test_commands_of_plugins_run(app_run: Run) -> None:
    assert app_run("knock", "--times", "2").output == "knock knock \n"


def test_the_app_can_be_named_for_commands_of_plugins(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASGO_APP", "nothing.py")
    write("other.py", APP)
    assert run("--app", "other.py", "knock").output == "knock \n"


def test_an_unknown_command_gets_a_suggestion(app_run: Run) -> None:
    result = app_run("knok")
    assert result.exit_code == 2
    assert "Did you mean 'knock'?" in result.stderr


def test_a_plugin_cannot_replace_a_command(run: Run, write: Write) -> None:
    write("app.py", APP.replace("def knock(", "def check("))
    result = run("nothing")
    assert result.exit_code == 1
    assert "Plugin 'doorman' adds a command 'check'" in result.stderr


@pytest.mark.parametrize("command", ["routes", "plugins", "settings", "check"])
def test_a_wrong_app_is_named(run: Run, command: str) -> None:
    result = run(command, "--app", "nothing.py")
    assert result.exit_code == 1
    assert "there is no file" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["routes", "plugins", "settings", "check"])
def test_a_broken_app_shows_its_traceback(
    run: Run, write: Write, tmp_path: Path, command: str
) -> None:
    write("app.py", "def helper():\n    1 / 0\nhelper()\n")
    result = run(command)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[1].strip().startswith(f'File "{tmp_path / "app.py"}", line 3')
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_flasgo_as_a_module(flasgo: Callable[..., Any]) -> None:
    assert flasgo("--version").stdout.startswith("Flasgo 0.")


def test_core_alone_names_the_remedy() -> None:
    code = "import sys; sys.modules['typer'] = None; from flasgo.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'flasgo-core[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


# --- flasgo plugins ---------------------------------------------------------------------------


def test_plugins(app_run: Run) -> None:
    output = app_run("plugins").output
    assert "auth  flasgo-auth 0." in output
    assert "doorman  given to Flasgo()  active" in output
    assert "  hooks     authorize, check_app, cli_commands, plugin_setup\n" in output
    assert "  settings  DOOR_CODE\n" in output
    assert "  methods   door\n" in output
    assert "static  flasgo-static 0.1.0  disabled\n  reason  disabled by name" in output
    assert all(len(line) <= 80 for line in output.splitlines())


def test_plugins_as_json(app_run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(app_run("plugins", "--json").stdout)}
    assert rows["doorman"] == {
        "name": "doorman",
        "distribution": None,
        "version": None,
        "hooks": ["authorize", "check_app", "cli_commands", "plugin_setup"],
        "settings": ["DOOR_CODE"],
        "methods": ["door"],
        "status": "active",
        "reason": "",
        "builtin": False,
        "requires": [],
        "brings": ["policy app.Internal"],
    }
    assert rows["openapi"]["builtin"] is True
    assert rows["static"]["status"] == "disabled"


def test_plugins_without_an_app(run: Run) -> None:
    result = run("plugins", "--json")
    assert result.exit_code == 0
    assert "No app found" in result.stderr
    assert "security" in {row["name"] for row in json.loads(result.stdout)}


# --- flasgo routes ----------------------------------------------------------------------------


def test_routes(app_run: Run) -> None:
    lines = [line.split() for line in app_run("routes").stdout.splitlines()]
    assert lines[0] == ["Methods", "Path", "Endpoint"]
    assert ["POST", "/notes/<int:id>", "note"] in lines
    assert ["WEBSOCKET", "/live", "live"] in lines


def test_routes_as_json(app_run: Run) -> None:
    rows = {row["endpoint"]: row for row in json.loads(app_run("routes", "--json").stdout)}
    assert rows["metrics"]["policies"] == ["internal (numbers)"]
    assert rows["note"]["methods"] == ["POST"]
    assert rows["live"]["methods"] == ["WEBSOCKET"]
    assert "stages" not in rows["note"]


@pytest.mark.parametrize("path", ["/metrics", "metrics"])
def test_explain_says_which_plugin_and_why(app_run: Run, path: str) -> None:
    output = app_run("routes", "--explain", path).stdout
    assert "/metrics  (endpoint metrics)" in output
    assert "policy: internal (numbers)" in output
    assert all(len(line) <= 80 for line in output.splitlines())
    (row,) = json.loads(app_run("routes", "--explain", path, "--json").stdout)
    stages = {stage["stage"]: stage for stage in row["stages"]}
    assert stages["authorize"]["plugin"] == "doorman"
    assert stages["authorize"]["kind"] == "async"
    assert stages["authorize"]["reason"] == "internal (numbers)"
    assert stages["handler"]["callable"] == "app.metrics"


def test_explain_leaves_out_what_does_not_apply(app_run: Run) -> None:
    (row,) = json.loads(app_run("routes", "/", "--explain", "--json").stdout)
    assert "doorman" not in {stage["plugin"] for stage in row["stages"]}


@pytest.mark.parametrize(
    ("path", "endpoint"), [("/notes/5", "note"), ("/notes/<int:id>", "note"), ("/live", "live")]
)
def test_a_route_is_found_by_what_it_serves(app_run: Run, path: str, endpoint: str) -> None:
    (row,) = json.loads(app_run("routes", path, "--json").stdout)
    assert row["endpoint"] == endpoint


@pytest.mark.parametrize("path", ["/metric", "/notes/x", "hom"])
def test_an_unknown_path(app_run: Run, path: str) -> None:
    result = app_run("routes", path)
    assert result.exit_code == 1
    assert f"No route serves {path!r}." in result.stderr


def test_a_path_with_a_slash_too_many_is_led_to_the_right_one(app_run: Run) -> None:
    assert "Did you mean '/notes/5'?" in app_run("routes", "/notes/5/").stderr


def test_explain_of_an_app_with_an_open_door(run: Run, write: Write) -> None:
    write("app.py", APP.replace("registry.enforces(Internal)", "pass"))
    result = run("routes", "--explain")
    assert result.exit_code == 1
    assert "UnenforcedPolicyError" in result.stderr


def test_an_app_without_routes(run: Run, write: Write) -> None:
    write("app.py", "from flasgo import Flasgo\napp = Flasgo(discover=False)\n")
    assert "No routes." in run("routes").stdout


# --- flasgo settings --------------------------------------------------------------------------


def test_settings(app_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASGO_SYNC_WORKERS", "3")
    output = app_run("settings").stdout
    assert "\ndoorman:\n" in output
    assert GOOD_KEY not in output
    assert "kappa-9" not in output
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "ContentSecurityPolicy" not in output, "a policy is shown as its header value"
    assert "environment FLASGO_SYNC_WORKERS\n" in output, "a computed default says nothing"
    one = app_run("settings", "sync_workers").stdout
    for part in ("value    3", "source   environment FLASGO_SYNC_WORKERS", "owner    core"):
        assert part in one
    assert "Did you mean 'SYNC_WORKERS'?" in app_run("settings", "SYNC_WORKER").stderr
    assert "`flasgo settings` lists them." in app_run("settings", "ZZZ").stderr


def test_settings_as_json(app_run: Run) -> None:
    text = app_run("settings", "--json").stdout
    rows = {row["name"]: row for row in json.loads(text)}
    assert GOOD_KEY not in text
    assert rows["SECRET_KEY"]["source"] == "environment FLASGO_SECRET_KEY"
    assert rows["DOOR_CODE"] == {
        "name": "DOOR_CODE",
        "value": "********",
        "default": "********",
        "source": "default",
        "owner": "doorman",
        "help": "Opens the door.",
        "type": "str",
        "secret": True,
    }
    assert rows["DISABLED_PLUGINS"]["value"] == []
    changed = json.loads(app_run("settings", "--changed", "--json").stdout)
    assert [row["name"] for row in changed] == ["SECRET_KEY"]


# --- flasgo check -----------------------------------------------------------------------------


def codes(result: Any) -> set[str]:
    return {finding["code"] for finding in json.loads(result.stdout)}


def test_check_of_a_good_app(app_run: Run) -> None:
    result = app_run("check", "--json")
    # That routes are open to everybody is said, and is no fault.
    assert (result.exit_code, set(codes(result))) == (0, {"auth.I001"})


def test_warnings_fail_with_deploy_only(app_run: Run) -> None:
    result = app_run("check", "--deploy", "--json")
    assert result.exit_code == 1
    assert "door.W001" in codes(result)
    text = app_run("check", "--deploy").stdout
    assert "WARNING  door.W001\n  found  The door code is the default.\n" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "core.E002"),
        ({"SECRET_KEY": "replace-in-production"}, "core.E003"),
        ({"SECRET_KEY": "dev"}, "core.E003"),
        ({"SECRET_KEY": GOOD_KEY, "DEBUG": True}, "core.E004"),
        ({"SECRET_KEY": GOOD_KEY, "SECRET_KEY_FALLBACKS": ["old"]}, "core.W001"),
    ],
)
def test_deploy_fails_on_what_is_fine_for_development(
    run: Run,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, object],
    code: str,
) -> None:
    monkeypatch.delenv("FLASGO_SECRET_KEY")
    write("app.py", f"from flasgo import Flasgo\napp = Flasgo(settings={settings!r})\n")
    assert run("check").exit_code == 0
    result = run("check", "--deploy", "--json")
    assert result.exit_code == 1
    assert code in codes(result)


def test_deploy_names_what_uvicorn_does_with_trailers(run: Run, write: Write) -> None:
    write("app.py", "from flasgo import Flasgo\napp = Flasgo()\n")
    (found,) = [
        finding
        for finding in json.loads(run("check", "--deploy", "--json").stdout)
        if finding["code"] == "core.I002"
    ]
    assert found["level"] == "info"
    assert "--http h11" in found["fix"]
    assert "core.I002" not in codes(run("check", "--json"))


def test_an_open_door_is_an_error_at_any_time(run: Run, write: Write) -> None:
    write("app.py", APP.replace("registry.enforces(Internal)", "pass"))
    result = run("check", "--json")
    assert result.exit_code == 1
    assert "core.E001" in codes(result)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield Finding('a.I1', 'info', 'm', 'f'); raise RuntimeError('lost')", "lost"),
        ("return [Finding('a.I1', 'info', 'm', 'f'), 'junk']", "found str"),
        ("return [Finding('a.I1', 'info', 'm', 'f'), Finding('a', 'bad', '', '')]", "level 'bad'"),
        ("return 5", "found int"),
    ],
)
def test_a_broken_check_is_a_finding(write: Write, run: Run, body: str, said: str) -> None:
    write(
        "app.py",
        "from flasgo import Finding, Flasgo, hookimpl\nclass Odd:\n    @hookimpl\n"
        f"    def check_app(self, app, deploy):\n        {body}\napp = Flasgo(plugins=[Odd])\n",
    )
    result = run("check", "--json")
    assert result.exit_code == 1
    (broken,) = [found for found in json.loads(result.stdout) if found["code"] == "core.E005"]
    assert "'odd'" in broken["message"]
    assert said in broken["message"]
    assert ("a.I1" in codes(result)) is (body != "return 5")


def test_findings_are_sorted_and_judged() -> None:
    app = Flasgo(discover=False, settings={"SECRET_KEY": "dev"})
    levels = [finding.level for finding in collect_findings(app, deploy=True)]
    assert levels == ["error", "info", "info"]
    warning = Finding("x.W1", "warning", "m", "f")
    assert is_failure([warning], deploy=True)
    assert not is_failure([warning], deploy=False)


# --- tables -----------------------------------------------------------------------------------


def test_tables_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [("name_of_something", "a.very.long.dotted.name.of.something", ""), ("b", "", "")]
    assert table(("Name", "Callable", "Empty"), rows).splitlines() == [
        "Name               Callable",
        "-----------------  ---------------------",
        "name_of_something  a.very.long.dotted.",
        "                   name.of.something",
        "b",
    ]
    assert facts({"a": "x " * 30, "long": "y", "none": ""}).splitlines()[-1] == "  long  y"
