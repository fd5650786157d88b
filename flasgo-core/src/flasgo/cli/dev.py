"""`flasgo dev`: serve an app while it is written."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flasgo.cli.run import TargetArgument, run

__all__ = ["dev"]


def dev(
    target: TargetArgument = None,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
) -> None:
    """Serve an app with DEBUG on; restart when a file changes."""
    # Read by the processes of --reload too; a DEBUG in the app's own settings wins.
    os.environ["FLASGO_DEBUG"] = "true"
    run(target, host=host, port=port, reload=True)
