"""`flasgo shell`: Python with the app at hand."""

from __future__ import annotations

import code
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flasgo.cli.loading import AppOption, app_for_command
from flasgo.cli.run import TargetArgument

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["shell"]


def shell(
    target: TargetArgument = None,
    *,
    app: AppOption = None,
    command: Annotated[
        str | None,
        typer.Option("--command", "-c", metavar="CODE", help="Run this code and end."),
    ] = None,
) -> None:
    """Start Python with the app and a test client.

    `app` and `client` are at hand; IPython is used where it is installed.
    """
    loaded = app_for_command(target or app)
    with ExitStack() as stack:
        names = _names(loaded, stack)
        if command is not None:
            exec(compile(command, "<command>", "exec"), names)  # noqa: S102 - the user's own code
            return
        banner = f"Flasgo shell for {loaded.name!r}. At hand: {', '.join(names)}."
        if find_spec("IPython") is not None and sys.stdin.isatty():
            _start_ipython(banner, names)
        else:
            code.interact(banner=banner, local=names, exitmsg="")


def _names(app: Flasgo, stack: ExitStack) -> dict[str, Any]:
    """Return what a shell has at hand; the test client ends with the stack."""
    names: dict[str, Any] = {"app": app}
    make_client = getattr(app, "test_client", None)
    if make_client is not None:
        names["client"] = stack.enter_context(make_client())
    return names


def _start_ipython(banner: str, names: dict[str, Any]) -> None:  # pragma: no cover - a terminal
    from IPython.terminal.embed import InteractiveShellEmbed  # ty: ignore[import-not-found]

    InteractiveShellEmbed(banner1=banner, user_ns=names)()
