"""The app that a command is about: `--app`, `-a` or the first argument, in every command alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flasgo.cli import create_cli
from flasgo.cli.commands import app_in
from typer.testing import CliRunner

APP = """
from flasgo import Flasgo, hookimpl

class Notes:
    @hookimpl
    def cli_commands(self, cli):
        @cli.command()
        def count(times: int = 1) -> None:
            print("counted", times)

        @cli.command()
        def own(app: str = "none") -> None:
            print("own", app)

app = Flasgo("shop", plugins=[Notes])

@app.get("/shelves")
def shelves(): ...
"""
HOW = [["--app", "shop.py"], ["--app=shop.py"], ["-a", "shop.py"], ["shop.py"], ["shop:app"]]


@pytest.fixture
def invoke(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    (tmp_path / "shop.py").write_text(APP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Commands set the variable for the processes they start; it ends with the test.
    monkeypatch.setenv("FLASGO_APP", "")
    monkeypatch.delenv("FLASGO_APP")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(create_cli(), arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    yield run
    # Other tests have modules of this name.
    sys.modules.pop("shop", None)


@pytest.mark.parametrize("how", HOW, ids=" ".join)
def test_every_command_takes_the_app_alike(invoke: Callable[..., str], how: list[str]) -> None:
    assert "/shelves" in invoke("routes", *how)
    assert "/shelves" in invoke("routes", *how, "/shelves")
    assert "notes" in invoke("plugins", *how)
    assert "DEBUG" in invoke("settings", *how, "DEBUG")
    assert "'shop'" in invoke("shell", *how, "--command", "print(repr(app.name))")


@pytest.mark.parametrize("how", HOW, ids=" ".join)
def test_commands_of_plugins_do_too(invoke: Callable[..., str], how: list[str]) -> None:
    assert invoke("count", *how, "--times", "3") == "counted 3\n"
    assert invoke(*how, "count") == "counted 1\n" if how[0].startswith("-") else True


def test_a_command_keeps_an_option_of_its_own(invoke: Callable[..., str]) -> None:
    assert invoke("own", "--app", "shop.py") == "own shop.py\n"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["app.py"], ("app.py", [])),
        (["src/shop/app.py:make"], ("src/shop/app.py:make", [])),
        (["shop.web:create_app()", "x"], ("shop.web:create_app()", ["x"])),
        (["/notes"], (None, ["/notes"])),
        (["notes.show"], (None, ["notes.show"])),
        (["--", "-a", "x"], (None, ["--", "-a", "x"])),
        (["-a"], (None, ["-a"])),
        ([], (None, [])),
    ],
)
def test_what_is_taken_for_an_app(arguments: list[str], found: object) -> None:
    assert app_in(arguments, set()) == found


def test_what_the_command_takes_itself_is_left_to_it() -> None:
    assert app_in(["app.py"], {"TARGET"}) == (None, ["app.py"])
    assert app_in(["-a", "x"], {"-a", "--app"}) == (None, ["-a", "x"])
