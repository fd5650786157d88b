"""Puts the command line together: core's commands, and those that plugins add."""

from __future__ import annotations

import inspect
import os
import platform
import re
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from flasgo.callables import is_async
from flasgo.cli.check import check
from flasgo.cli.dev import dev
from flasgo.cli.explain import explain
from flasgo.cli.loading import NO_APP
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

__all__ = ["CommandGroup", "app_in", "command_line", "create_cli", "main"]


# What can be nothing but an app: a file, or a module and a name in it.
_TARGET = re.compile(r"(?!-)\S+\.py(?::\S+)?|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:\(.*\))?")
# By this variable a shell asks what could come next; typer's scripts set it.
_COMPLETING = "_FLASGO_COMPLETE"
_HELP = frozenset({"-h", "--help"})
_WITHOUT_APP = frozenset({"new", "version"})


class CommandGroup(TyperGroup):
    """The commands of core, and once they are asked for, those of the app's plugins.

    Core's own commands never wait for an app to load.
    """

    _has_asked_plugins = False
    _of_plugins: tuple[Any, ...] = ()
    _stands_in = False  # the app that plugins were asked for is one without settings

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

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; every one takes the app as `--app`, `-a` and as its first argument."""
        if args:
            name, rest = args[0], args[1:]
            command = self.commands.get(name)
            target, others = app_in(rest, _flags_of(command) if command is not None else set())
            if target is not None and name not in _WITHOUT_APP:
                _use_app(target)
                args = [name, *others]
                if command is None:
                    # A plugin's: it is known now, and may take the option itself.
                    command = self.get_command(ctx, name)
                    if command is not None and {"-a", "--app"} & _flags_of(command):
                        args = [name, *rest]
        resolved = super().resolve_command(ctx, args)
        if self._stands_in and self._needs_app(resolved[1]) and not _HELP & set(args):
            note(NO_APP)
        return resolved

    # Any: as above.
    def _needs_app(self, command: Any) -> bool:
        """Whether a command is a plugin's, and does not look for the app itself."""
        return command in self._of_plugins and not {"-a", "--app"} & _flags_of(command)

    def _ask_plugins(self) -> None:
        if self._has_asked_plugins:
            return
        self._has_asked_plugins = True
        with ExitStack() as stack:
            if _is_completing():  # what the app's module prints is no command
                stack.enter_context(redirect_stdout(StringIO()))
            app, self._stands_in = _app_to_ask()
            found = _commands_of(app, taken=set(self.commands))
            self._of_plugins = (*found.values(),)
            self.commands.update(found)


def create_cli() -> typer.Typer:
    """Return the typer application with core's commands."""
    cli = typer.Typer(
        name="flasgo",
        cls=CommandGroup,
        no_args_is_help=True,
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


def app_in(arguments: list[str], flags: set[str]) -> tuple[str | None, list[str]]:
    """Return the app that the arguments of a command name, and the other arguments.

    Args:
        arguments: What follows the name of the command.
        flags: The options of the command, and `TARGET` where its argument is an app. What the
            command takes itself is left to it.
    """
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        flag, equals, value = argument.partition("=")
        if flag in ("-a", "--app") and flag not in flags:
            if equals:
                return value, [*arguments[:index], *arguments[index + 1 :]]
            if index + 1 < len(arguments):
                return arguments[index + 1], [*arguments[:index], *arguments[index + 2 :]]
    first = arguments[0] if arguments else ""
    if "TARGET" not in flags and _TARGET.fullmatch(first):
        return first, arguments[1:]
    return None, arguments


# Any: typer gives no public name to commands.
def _flags_of(command: Any) -> set[str]:
    flags = {flag for parameter in command.params for flag in parameter.opts}
    arguments = (each for each in command.params if each.param_type_name == "argument")
    return flags | {"TARGET"} if any(each.metavar == "TARGET" for each in arguments) else flags


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
            "-a",
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


def _is_completing() -> bool:
    """Whether a shell asks what could come next."""
    return _COMPLETING in os.environ


def _app_to_ask() -> tuple[Flasgo, bool]:
    """Return the app whose plugins add commands; where none is configured, one without settings.

    And whether it is that one.
    """
    from flasgo.app import Flasgo

    try:
        return load_app(), False
    except NoTargetError:
        is_broken = False
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises
        if not _is_completing():
            note(f"{user_error(error)}The app did not load, so commands of plugins are missing.")
        is_broken = True
    try:
        # The plugins that come with core add commands that can name another app.
        return Flasgo(discover=not is_broken), not is_broken
    except FlasgoError as error:
        fail(str(error))


def _commands_of(app: Flasgo, taken: set[str]) -> dict[str, Any]:
    """Ask each plugin for its commands; names have to be new."""
    from flasgo.cli.declared import declared_commands, own_commands

    found: dict[str, Any] = {}

    def add(plugin: str, name: str, command: Any) -> None:
        if name in taken:
            fail(
                f"Plugin {plugin!r} adds a command {name!r}, and there is one of that "
                "name already. Rename it, or disable the plugin."
            )
        taken.add(name)
        found[name] = command

    for impl in app.plugins.implementations("cli_commands"):
        cli = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        app.plugins.call_setup(impl, cli)
        for name, command in typer.main.get_group(cli).commands.items():
            if command.callback and is_async(inspect.unwrap(command.callback)):
                fail(
                    f"Plugin {impl.plugin!r} adds an async command {name!r}, which typer cannot "
                    f"run. Declare it with registry.command({name!r}, function)."
                )
            add(impl.plugin, name, command)
    for name, (plugin, command) in declared_commands(app).items():
        add(plugin, name, command)
    for name, command in own_commands(app).items():
        if name in taken:
            fail(
                f"The app has a command {name!r}, and there is one of that name already. Give it "
                f"another: @app.cli.command('my-{name}')."
            )
        found[name] = command
    return found


def command_line(app: Flasgo) -> typer.Typer:
    """Return the commands that an app adds to `flasgo`: its own, and those of its plugins.

    What a command raises goes on, for tests; the message of a FlasgoError is written before.

    Args:
        app: The app.
    """
    from flasgo.cli.declared import add_declared, add_own, new_typer

    cli = new_typer()
    add_own(app, cli, reports=False)
    add_declared(app, cli, reports=False)
    for impl in app.plugins.implementations("cli_commands"):
        app.plugins.call_setup(impl, cli)
    return cli
