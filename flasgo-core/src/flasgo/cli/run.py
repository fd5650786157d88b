"""`flasgo run`: serve an app."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flasgo.cli.loading import end_with_user_error
from flasgo.cli.output import fail
from flasgo.serving.runner import ServingError, run as serve
from flasgo.serving.target import TargetError

__all__ = ["TargetArgument", "run"]

_DISABLE = "FLASGO_DISABLE_PLUGINS"

TargetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET",
        help="app.py, package.module:app or package.module:create_app(); by default "
        "FLASGO_APP, [tool.flasgo] in pyproject.toml, or app.py here.",
    ),
]

Grace = Annotated[
    int,
    typer.Option(
        metavar="SECONDS",
        help="How long requests under way may take when the server stops; 2 with --reload.",
    ),
]


def run(
    target: TargetArgument = None,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew when source, templates or .env change.")
    ] = False,
    reload_dir: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER", help="Folder to watch; the app's own by default. Repeatable."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    disable_plugin: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Do not load this plugin. Repeatable."),
    ] = None,
    trace_hooks: Annotated[
        bool,
        typer.Option("--trace-hooks", help="Log every step of each request, with its plugin."),
    ] = False,
    log_format: Annotated[
        str | None,
        typer.Option(metavar="text|json", help="Log requests and records with their request."),
    ] = None,
    access_log: Annotated[bool, typer.Option(help="Log requests.")] = True,
    grace: Grace = 10,
    server: Annotated[str, typer.Option(help="uvicorn, or granian.")] = "uvicorn",
) -> None:
    """Serve an app."""
    if log_format is not None:
        if log_format not in ("text", "json"):
            fail(f"--log-format is text or json, not {log_format!r}.")
        os.environ["FLASGO_LOG_FORMAT"] = log_format
        os.environ["FLASGO_ACCESS_LOG"] = str(access_log).lower()
    if trace_hooks:
        os.environ["FLASGO_TRACE_HOOKS"] = "true"
    if disable_plugin:
        # Read by the processes of --reload and --workers too.
        names = [*os.environ.get(_DISABLE, "").split(","), *disable_plugin]
        os.environ[_DISABLE] = ",".join(name.strip() for name in names if name.strip())
    try:
        serve(
            target,
            host=host,
            port=port,
            reload=reload,
            workers=workers,
            reload_dirs=reload_dir or (),
            access_log=access_log,
            graceful_seconds=grace,
            server=server,
        )
    except (TargetError, ServingError) as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises
        end_with_user_error(error)
