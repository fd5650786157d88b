"""Puts the command line together: core's commands, and those that plugins add."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from flasgo.cli.check import check
from flasgo.cli.dev import dev
from flasgo.cli.explain import explain
from flasgo.cli.new import new
from flasgo.cli.output import fail, note, write
from flasgo.cli.plugins import plugins
from flasgo.cli.routes import routes
from flasgo.cli.run import run
from flasgo.cli.settings import settings
from flasgo.cli.shell import shell
from flasgo.cli.version import version
from flasgo.errors import FlasgoError
from flasgo.serving.target import VARIABLE, NoTargetError, load_app, user_error

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["CommandGroup", "create_cli", "main"]


class CommandGroup(TyperGroup):
    """The commands of core, and once they are asked for, those of the app's plugins.

    Core's own commands never wait for an app to load.
    """

    _has_asked_plugins = False

    # Any: typer gives no public name to contexts and commands.
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, for `--help`."""
        self._ask_plugins()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, or None."""
        if cmd_name not in self.commands:
            self._ask_plugins()
        return super().get_command(ctx, cmd_name)

    def _ask_plugins(self) -> None:
        if self._has_asked_plugins:
            return
        self._has_asked_plugins = True
        self.commands.update(_commands_of(_app_to_ask(), taken=set(self.commands)))


def create_cli() -> typer.Typer:
    """Return the typer application with core's commands."""
    cli = typer.Typer(
        name="flasgo",
        cls=CommandGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    cli.callback()(_options)
    for command in (run, dev, routes, plugins, settings, check, explain, shell, new, version):
        cli.command()(command)
    return cli


def main() -> None:
    """Run the command line."""
    create_cli()(prog_name="flasgo")


def _show_version(asked: bool) -> None:
    if asked:
        from flasgo import __version__

        write(f"Flasgo {__version__} (Python {platform.python_version()})")
        raise typer.Exit


def _use_app(target: str | None) -> str | None:
    # Eager, and through the environment: `flasgo --app x --help` lists the commands of x, and
    # the processes that a command starts find the same app.
    if target:
        os.environ[VARIABLE] = target
    return target


def _options(
    *,
    app: Annotated[
        str | None,
        typer.Option(
            "--app",
            metavar="TARGET",
            is_eager=True,
            callback=_use_app,
            help="The app, for commands that plugins add too.",
        ),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Serve and inspect Flasgo apps."""


def _app_to_ask() -> Flasgo:
    """Return the app whose plugins add commands; without one, an app without settings."""
    from flasgo.app import Flasgo

    try:
        return load_app()
    except NoTargetError:
        is_broken = False
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises
        note(f"{user_error(error)}The app did not load, so commands of plugins are missing.")
        is_broken = True
    try:
        # The plugins that come with core add commands that can name another app.
        return Flasgo(discover=not is_broken)
    except FlasgoError as error:
        fail(str(error))


def _commands_of(app: Flasgo, taken: set[str]) -> dict[str, Any]:
    """Ask each plugin for its commands; names have to be new."""
    found: dict[str, Any] = {}
    for impl in app.plugins.implementations("cli_commands"):
        cli = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        app.plugins.call_setup(impl, cli)
        for name, command in typer.main.get_group(cli).commands.items():
            if name in taken:
                fail(
                    f"Plugin {impl.plugin!r} adds a command {name!r}, and there is one of that "
                    "name already. Rename it, or disable the plugin."
                )
            taken.add(name)
            found[name] = command
    return found
