"""Commands of an app's own, and contexts outside of requests that end as requests do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Blueprint, ConfigurationError, Flasgo, current_app, g, has_app_context, url_for

from tests.conftest import Connect

MakeApp = Callable[..., Flasgo]

PROGRAM = """
from flasgo import Blueprint, Flasgo, current_app

app = Flasgo("shop", settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
notes = Blueprint("notes")


@app.cli.command("init-db", help="Make the tables.")
def init_db(days: int = 3):
    print("made", days, current_app.name)


@notes.cli.command
def purge(name: str):
    print("purged", name)


app.register_blueprint(notes)
"""


def test_flasgo_knows_the_commands_of_an_app(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(PROGRAM)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flasgo", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={**os.environ, "FLASGO_APP": "shop.py"},
        )
        return done.stdout + done.stderr

    assert run("init-db", "--days", "5") == "made 5 shop\n"
    assert run("notes", "purge", "old") == "purged old\n"
    assert "Make the tables." in run("--help")


@pytest.mark.parametrize("name", ["routes", "openapi"])
def test_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "shop.py").write_text(PROGRAM.replace("init-db", name))
    done = subprocess.run(
        [sys.executable, "-m", "flasgo", "--app", "shop.py", "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode != 0
    assert f"The app has a command '{name}', and there is one of that name already" in done.stderr


def test_commands_run_in_the_app_context(make_app: MakeApp) -> None:
    app, seen = make_app(), []
    app.get("/x", endpoint="x")(lambda: "x")

    @app.cli.command()
    def show_url(upper: bool = False) -> None:
        g.kept = 1
        text = url_for("x")
        seen.append((current_app.name, text.upper() if upper else text))

    @app.cli.command("fail")
    def fails() -> None:
        raise ValueError("told")

    runner = app.test_cli_runner()
    assert runner.invoke("show-url").exit_code == 0
    assert runner.invoke(show_url, ["--upper"]).exit_code == 0
    assert runner.invoke(args=["show-url"]).exit_code == 0
    assert seen == [("flasgo", "/x"), ("flasgo", "/X"), ("flasgo", "/x")]
    result = runner.invoke(["fail"])
    assert (result.exit_code, str(result.exception)) == (1, "told")
    with pytest.raises(LookupError, match=r"app\.cli\.command"):
        runner.invoke(print)


def test_the_output_of_a_command_has_the_error_that_ended_it(make_app: MakeApp) -> None:
    app = make_app()

    @app.cli.command("refuse")
    def refuse() -> None:
        raise ConfigurationError("There are no tables. Run init-db.")

    result = app.test_cli_runner().invoke("refuse")
    assert (result.exit_code, type(result.exception)) == (1, ConfigurationError)
    assert result.output == "Error: There are no tables. Run init-db.\n"


def test_without_typer_the_runner_says_what_to_install(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = make_app().test_cli_runner()
    monkeypatch.setitem(sys.modules, "typer.testing", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'flasgo-core\[cli\]'"):
        runner.invoke("routes")


def test_an_async_command_runs_while_the_app_is_started(make_app: MakeApp) -> None:
    app, seen = make_app(), []

    @app.lifespan
    async def pool() -> Any:
        seen.append("start")
        yield
        seen.append("stop")

    @app.cli.command
    async def load() -> None:
        await asyncio.sleep(0)
        seen.append(current_app.name)

    result = app.test_cli_runner().invoke("load")
    assert (result.exception, seen) == (None, ["start", "flasgo", "stop"])


def test_groups_of_blueprints(make_app: MakeApp) -> None:
    app, notes, empty = make_app(), Blueprint("notes"), Blueprint("empty")
    inner = Blueprint("inner")
    notes.cli.command()(lambda: print("lambda"))
    inner.cli.add_command(lambda: print("inner"), "run")
    notes.register_blueprint(inner)
    app.register_blueprint(notes)
    app.register_blueprint(empty)
    runner = app.test_cli_runner()
    assert runner.invoke("notes.inner run").output == "inner\n"
    assert set(app.cli.groups) == {"notes", "notes.inner"}
    assert "empty" not in runner.invoke("--help").output


def test_what_is_no_command_is_refused(make_app: MakeApp) -> None:
    import click

    app = make_app()
    with pytest.raises(ConfigurationError, match="is made by click's decorators"):
        app.cli.add_command(click.Command("init-db"))
    with pytest.raises(ConfigurationError, match="is made by click's decorators"):
        app.cli.command("x")(click.argument("name")(print_name))
    with pytest.raises(ConfigurationError, match="A command is a function, not 5"):
        app.cli.add_command(of(5))


def print_name(name: str) -> None:
    """Print a name."""


def of(thing: Any) -> Any:
    return thing


# --- The end of a context -------------------------------------------------------------------


def test_a_context_ends_like_a_request(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()
    closed: list[object] = []

    @app.teardown_appcontext
    def close(error: object = None) -> None:
        closed.append((g.get("db"), error))

    app.teardown_appcontext(lambda: closed.append("last first"))

    @app.get("/")
    def use() -> str:
        g.db = "of a request"
        with app.app_context():  # does not end what the request keeps
            return str(g.db)

    assert connect(app).get("/").text == "of a request"
    assert closed == ["last first", ("of a request", None)]
    closed.clear()
    with app.app_context() as context:
        g.db = "of a script"
        with context:
            pass
        assert closed == []
    assert closed == ["last first", ("of a script", None)]
    closed.clear()
    with app.test_request_context("/"):
        g.db = "of a test"
    assert closed == ["last first", ("of a test", None)]
    closed.clear()
    error = ValueError("told")
    with pytest.raises(ValueError, match="told"), app.app_context():
        raise error
    assert closed == ["last first", (None, error)]


def test_all_of_a_context_is_ended_whatever_fails(make_app: MakeApp) -> None:
    app, seen = make_app(), []

    @app.teardown_appcontext
    def first() -> None:
        seen.append("first")

    @app.teardown_appcontext
    def fails() -> None:
        raise ValueError("told")

    with pytest.raises(ValueError, match="told"), app.app_context():
        pass
    assert seen == ["first"]
    assert not has_app_context()


def test_what_cannot_end_a_context_is_refused(make_app: MakeApp) -> None:
    async def waits() -> None: ...

    with pytest.raises(ConfigurationError, match="teardown_request for"):
        make_app().teardown_appcontext(waits)
    with pytest.raises(ConfigurationError, match="it may take: error"):
        make_app().teardown_appcontext(lambda request, error: None)
