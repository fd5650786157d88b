"""Advice on errors of code that reads a body without awaiting it, as Flask lets it."""

from __future__ import annotations

import linecache
import re

__all__ = ["note_missing_await"]

# `request.form["x"]`, `request.json.get("x")`, `request.form()["x"]`: what Python says of each.
_OF_A_METHOD = re.compile(r"'(?:method|function|coroutine)' object|type 'method'|object method")
_USE = re.compile(r"\brequest\.(form|json|body|text)\b(\(\))?")


def note_missing_await(error: BaseException) -> None:
    """Add a note to an error that stems from `request.form["x"]` and the like.

    The line of the code is looked at, so this costs nothing before there is an error.

    Args:
        error: What was raised.
    """
    traceback = error.__traceback__
    if traceback is None or not isinstance(error, TypeError | AttributeError):
        return
    if _OF_A_METHOD.search(str(error)) is None:
        return
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    used = _USE.search(linecache.getline(code.co_filename, traceback.tb_lineno))
    if used is not None:
        name = used[1]
        error.add_note(
            f"The body is read when it is asked for: write `{name} = await request.{name}()` in an "
            f"`async def` handler and use `{name}`. A `def` handler takes the body as parameters: "
            "`form: FormData`, or a type with its fields."
        )
