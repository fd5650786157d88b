"""Commands of plugins, declared with `registry.command`: `def` or async, app started or not."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import typer

from flasgo.cli.loading import end_with_user_error
from flasgo.cli.output import fail
from flasgo.errors import FlasgoError

if TYPE_CHECKING:
    from types import TracebackType

    from flasgo.app import Flasgo
    from flasgo.plugins.cli_command import CliCommand

__all__ = ["declared_commands"]


# Any: typer gives no public name to commands.
def declared_commands(app: Flasgo) -> dict[str, tuple[str, Any]]:
    """Return the plugin and the command of each name; several plugins may share a group.

    Args:
        app: The app whose plugins have declared them.
    """
    cli = _new_typer()
    groups: dict[str, typer.Typer] = {}
    plugins: dict[str, list[str]] = {}
    for command in app.plugins.declarations.commands.values():
        *group, name = command.name.split(" ")
        target = cli
        if group:
            if group[0] not in groups:
                groups[group[0]] = _new_typer()
                cli.add_typer(groups[group[0]], name=group[0])
            target = groups[group[0]]
        target.command(name)(_running(app, command))
        plugins.setdefault(group[0] if group else name, []).append(command.plugin)
    for name, known in groups.items():
        known.info.help = f"Commands of {', '.join(sorted(set(plugins[name])))}."
    if not plugins:
        return {}
    found = typer.main.get_group(cli).commands
    return {name: (plugins[name][0], command) for name, command in found.items()}


def _new_typer() -> typer.Typer:
    # With a callback, a single command keeps its name.
    cli = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
    cli.callback()(lambda: None)
    return cli


def _running(app: Flasgo, command: CliCommand) -> Callable[..., object]:
    @functools.wraps(command.function)
    def run(*args: object, **kwargs: object) -> object:
        try:
            return asyncio.run(_run(app, command, args, kwargs))
        except FlasgoError as error:
            fail(str(error))
        except Exception as error:
            # What typer raises to end a command, or to complain about an argument.
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                raise
            end_with_user_error(error.with_traceback(_from_here(error.__traceback__)))

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
    app: Flasgo, command: CliCommand, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    async with AsyncExitStack() as stack:
        if command.is_started:
            await app._lifespan.start(stack)
        with app.app_context():
            result = command.function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result
