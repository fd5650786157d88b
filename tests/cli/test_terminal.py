"""Colours on terminals, shell completion, and what `flasgo shell` has at hand (CLI-2)."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from flasgo.cli import output

from tests.cli.conftest import PATIENCE_SECONDS, environment

APP = """
print("the module prints")
from flasgo import Flasgo, hookimpl

class Greeter:
    @hookimpl
    def plugin_setup(self, registry):
        registry.command("greet", lambda: None)

app = Flasgo(plugins=[Greeter])

@app.get("/notes/<int:id>")
def note(id: int): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def run(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flasgo", *arguments],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("env", "is_terminal", "is_coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], is_terminal: bool, is_coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    leader, follower = pty.openpty()
    reader, writer = os.pipe()
    with os.fdopen(follower if is_terminal else writer, "w") as stream:
        text = output.coloured("x", "red", stream)
    for descriptor in (leader, reader, writer if is_terminal else follower):
        os.close(descriptor)
    assert (text == "\x1b[31mx\x1b[0m") == is_coloured
    assert is_coloured or text == "x"


def test_listings_and_errors_have_colours_where_they_are_wanted(project: Path) -> None:
    wanted = run("routes", cwd=project, FORCE_COLOR="1")
    plain = run("routes", cwd=project)
    assert "\x1b[1mMethods" in wanted.stdout
    assert wanted.stdout.replace("\x1b[1m", "").replace("\x1b[0m", "") == plain.stdout
    failed = run("routes", "nowhere", cwd=project, FORCE_COLOR="1")
    assert "\x1b[31mError:\x1b[0m No route" in failed.stderr


def completions(cwd: Path, words: str) -> list[str]:
    count = str(len(words.split(" ")) - 1)
    env = {"_FLASGO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
    done = run(cwd=cwd, **env)
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_commands_those_of_plugins_and_options(project: Path) -> None:
    assert completions(project, "flasgo ro") == ["routes"]
    assert completions(project, "flasgo gr") == ["greet"]
    assert "--explain" in completions(project, "flasgo routes --ex")
    (project / "app.py").write_text("1 / 0")
    assert completions(project, "flasgo ro") == ["routes"]
    assert completions(project, "flasgo gr") == []
    assert "complete -o" in run("--show-completion", "bash", cwd=project).stdout


def test_the_shell_has_a_current_request(project: Path) -> None:
    code = (
        "from flasgo import current_request, url_for; "
        "print(request.path, request.query['x'], request.path_params, "
        "current_request() is request, url_for('note', id=8), client is not None)"
    )
    done = run("shell", "--path", "/notes/7?x=1", "-c", code, cwd=project)
    assert done.stdout.splitlines()[-1] == "/notes/7 1 {'id': 7} True /notes/8 True", done.stderr
    failed = run("shell", "--path", "notes", "-c", "1", cwd=project)
    assert (failed.returncode, "--path /notes" in failed.stderr) == (1, True)
