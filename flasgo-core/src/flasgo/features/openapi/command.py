"""`flasgo openapi`: the description of an app's API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from flasgo.cli.loading import AppOption, JsonOption, app_for_command
from flasgo.cli.output import fail, note, write_json
from flasgo.errors import FlasgoError

__all__ = ["openapi"]


def openapi(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this file instead of standard output."),
    ] = None,
    app: AppOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the OpenAPI 3.1 document of an app.

    It is JSON with and without --json.
    """
    try:
        document = app_for_command(app).openapi_spec()
    except FlasgoError as error:
        fail(f"The document cannot be made. {type(error).__name__}: {error}")
    if output is None:
        write_json(document)
        return
    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}. Give another --output.")
    if as_json:
        write_json({"output": str(output)})
    else:
        note(f"The document of {len(document['paths'])} paths is in {output}.")
