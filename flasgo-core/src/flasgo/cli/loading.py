"""Loads the app that a command is about."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from flasgo.app import Flasgo
from flasgo.cli.output import fail, note
from flasgo.errors import FlasgoError
from flasgo.serving.target import NoTargetError, TargetError, load_app, user_error

__all__ = [
    "NO_APP",
    "AppOption",
    "JsonOption",
    "app_for_command",
    "app_or_default",
    "end_with_user_error",
]

NO_APP = "No app found; this is what an app without settings would have."

AppOption = Annotated[
    str | None,
    typer.Option(
        "--app",
        "-a",
        metavar="TARGET",
        help="app.py, package.module:app or package.module:create_app(); by default FLASGO_APP, "
        "[tool.flasgo] in pyproject.toml, or app.py here.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def app_for_command(target: str | None) -> Flasgo:
    """Return the app, or end the command with what is wrong.

    Args:
        target: As for `load_app`.

    Raises:
        SystemExit: With status 1, when there is no app or its module raises; the user's part of
            the traceback is on standard error then.
    """
    try:
        return load_app(target)
    except TargetError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises
        end_with_user_error(error)


def app_or_default(target: str | None) -> Flasgo:
    """Return the app, or where none is configured one without routes.

    So that plugins and settings can be listed before there is an app.

    Args:
        target: As for `load_app`.

    Raises:
        SystemExit: As `app_for_command` does.
    """
    try:
        return load_app(target)
    except NoTargetError:
        note(NO_APP)
    except TargetError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the user's module raises
        end_with_user_error(error)
    try:
        return Flasgo()
    except FlasgoError as error:
        fail(str(error))


def end_with_user_error(error: Exception) -> NoReturn:
    """Show the user's part of a traceback and end with status 1."""
    note(user_error(error).rstrip())
    raise SystemExit(1)
