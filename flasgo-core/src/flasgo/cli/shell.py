"""`flasgo shell`: Python with the app at hand."""

from __future__ import annotations

import code
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flasgo.cli.explain import request_for
from flasgo.cli.loading import AppOption, app_for_command
from flasgo.cli.output import fail
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
    path: Annotated[
        str, typer.Option("--path", metavar="PATH", help="The path and query of `request`.")
    ] = "/",
) -> None:
    """Start Python with the app, a test client and a request.

    `app`, `client` and `request` are at hand, and the request is the current one: `g`, `url_for`
    and `render_template` work. IPython is used where it is installed.
    """
    loaded = app_for_command(target or app)
    if not path.startswith("/"):
        fail(f"A path begins with a slash, and {path!r} does not: --path /{path}")
    with ExitStack() as stack:
        names = _names(loaded, stack, path)
        if command is not None:
            exec(compile(command, "<command>", "exec"), names)  # noqa: S102 - the user's own code
            return
        banner = f"Flasgo shell for {loaded.name!r}. At hand: {', '.join(names)}."
        if find_spec("IPython") is not None and sys.stdin.isatty():
            _start_ipython(banner, names)
        else:
            code.interact(banner=banner, local=names, exitmsg="")


def _names(app: Flasgo, stack: ExitStack, path: str) -> dict[str, Any]:
    """Return what a shell has at hand; the test client and the request end with the stack."""
    names: dict[str, Any] = {"app": app}
    make_client = getattr(app, "test_client", None)
    if make_client is not None:
        names["client"] = stack.enter_context(make_client())
    scope = request_for(app, "GET", path).scope
    names["request"] = stack.enter_context(app.request_context(scope)).request
    return names


def _start_ipython(banner: str, names: dict[str, Any]) -> None:  # pragma: no cover - a terminal
    from IPython.terminal.embed import InteractiveShellEmbed  # ty: ignore[import-not-found]

    InteractiveShellEmbed(banner1=banner, user_ns=names)()
