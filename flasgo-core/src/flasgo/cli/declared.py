"""Commands of apps and plugins: `app.cli.command`, and what `registry.command` declares."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import typer

from flasgo.callables import is_async
from flasgo.cli.loading import end_with_user_error
from flasgo.cli.output import fail, note_error
from flasgo.errors import FlasgoError

if TYPE_CHECKING:
    from types import TracebackType

    from flasgo.app import Flasgo

__all__ = ["add_declared", "add_own", "declared_commands", "new_typer", "own_commands"]


# Any: typer gives no public name to commands.
def declared_commands(app: Flasgo) -> dict[str, tuple[str, Any]]:
    """Return the plugin and the command of each name; several plugins may share a group.

    Args:
        app: The app whose plugins have declared them.
    """
    cli = new_typer()
    plugins = add_declared(app, cli)
    if not plugins:
        return {}
    found = typer.main.get_group(cli).commands
    return {name: (plugins[name], command) for name, command in found.items()}


def own_commands(app: Flasgo) -> dict[str, Any]:
    """Return the commands that an app itself has, and the groups of its blueprints, by name.

    Args:
        app: The app.
    """
    if not app.cli:
        return {}
    cli = new_typer()
    add_own(app, cli)
    return dict(typer.main.get_group(cli).commands)


def add_declared(app: Flasgo, cli: typer.Typer, *, reports: bool = True) -> dict[str, str]:
    """Add the commands that plugins have declared, and return a plugin of each name.

    Args:
        app: The app.
        cli: What they are added to.
        reports: Whether what a command raises ends the process with status 1, and is reported; else
            the message of a FlasgoError is written, and what is raised goes on.
    """
    groups: dict[str, typer.Typer] = {}
    plugins: dict[str, list[str]] = {}
    for command in app.plugins.declarations.commands.values():
        *group, name = command.name.split(" ")
        target = cli
        if group:
            if group[0] not in groups:
                groups[group[0]] = new_typer()
                cli.add_typer(groups[group[0]], name=group[0])
            target = groups[group[0]]
        run = _running(app, command.function, is_started=command.is_started)
        target.command(name)(_reporting(run) if reports else _telling(run))
        plugins.setdefault(group[0] if group else name, []).append(command.plugin)
    for name, known in groups.items():
        known.info.help = f"Commands of {', '.join(sorted(set(plugins[name])))}."
    return {name: names[0] for name, names in plugins.items()}


def add_own(app: Flasgo, cli: typer.Typer, *, reports: bool = True) -> None:
    """Add the commands that an app itself has, and those of its blueprints in groups.

    Args:
        app: The app.
        cli: What they are added to.
        reports: Whether what a command raises ends the process with status 1, and is reported; else
            the message of a FlasgoError is written, and what is raised goes on.
    """
    groups = app.cli.groups
    for name, commands in (("", app.cli), *groups.items()):
        target = cli
        if name:
            target = new_typer()
            cli.add_typer(target, name=name, help=f"Commands of the blueprint {name}.")
        for each in commands:
            # A `def` command may run an event loop of its own.
            run = (
                _running(app, each.function, is_started=True)
                if is_async(each.function)
                else _in_context(app, each.function)
            )
            target.command(each.name, **each.options)(_reporting(run) if reports else _telling(run))


def new_typer() -> typer.Typer:
    """Return a typer application for commands."""
    # With a callback, a single command keeps its name.
    cli = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
    cli.callback()(lambda: None)
    return cli


def _in_context(app: Flasgo, function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        with app.app_context():
            return function(*args, **kwargs)

    return run


def _running(
    app: Flasgo, function: Callable[..., object], *, is_started: bool
) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        return asyncio.run(_run(app, function, is_started, args, kwargs))

    return run


def _reporting(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except FlasgoError as error:
            fail(str(error))
        except Exception as error:
            # What typer raises to end a command, or to complain about an argument.
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                raise
            end_with_user_error(error.with_traceback(_from_here(error.__traceback__)))

    return run


def _telling(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: object, **kwargs: object) -> object:
        try:
            return function(*args, **kwargs)
        except FlasgoError as error:
            note_error(str(error))
            raise

    return run


def _from_here(trace: TracebackType | None) -> TracebackType | None:
    """Return what of a traceback is the command's own."""
    found = trace
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == __file__:
            found = trace.tb_next
        trace = trace.tb_next
    return found


async def _run(
    app: Flasgo,
    function: Callable[..., object],
    is_started: bool,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> object:
    async with AsyncExitStack() as stack:
        if is_started:
            await app._lifespan.start(stack)
        with app.app_context():
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result
