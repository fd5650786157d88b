"""`flasgo new`: begin an application or a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flasgo.cli.output import fail, write
from flasgo.cli.projects import Kind, create_project
from flasgo.errors import ConfigurationError

__all__ = ["new"]

_NEXT = {
    "app": ("uv sync", "uv run flasgo dev"),
    "plugin": ("uv sync", "uv run pytest"),
}


def new(
    kind: Annotated[
        str, typer.Argument(metavar="app|plugin", help="What to begin.", show_default=False)
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name of its package.", show_default=False)
    ],
    *,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to put it; NAME here by default."),
    ] = None,
) -> None:
    """Begin an application or a plugin.

    What is written installs, and passes its own tests.
    """
    from flasgo import __version__

    chosen: Kind
    if kind == "app":
        chosen = "app"
    elif kind == "plugin":
        chosen = "plugin"
    else:
        fail(f"flasgo new makes an app or a plugin, not {kind!r}: flasgo new app {name}")
    folder = into or Path(name)
    try:
        written = create_project(chosen, name, folder, __version__)
    except ConfigurationError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{folder} cannot be written: {error.strerror or error}.")
    write(f"Made {chosen} {name} in {folder}:")
    for file in written:
        write(f"  {file}")
    write("Next:")
    for command in (f"cd {folder}", *_NEXT[chosen]):
        write(f"  {command}")
