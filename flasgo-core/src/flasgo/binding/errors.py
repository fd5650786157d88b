"""What is wrong with the values of a request, in words that repeat none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from flasgo.errors import HTTPException

__all__ = [
    "ANY_KEY",
    "MAX_FAULTS",
    "Fault",
    "InvalidError",
    "Location",
    "explain",
    "refusal",
]

MAX_FAULTS = 20
"""How many faults one answer lists."""

_MAX_MESSAGE = 200
_MAX_DEPTH = 32
_MAX_NAME = 64

# How msgspec ends its messages: where in the data it was.
_PLACE = re.compile(r"(?s)(?P<what>.*?) - at (?:`(?P<key>key)` in )?`(?P<path>\$.*)`\Z")
_STEP = re.compile(r"\[(?P<index>\d+|\.\.\.)\]|\.(?P<name>[^.\[]+)")
_FIELD = re.compile(r"Object (?P<problem>missing required|contains unknown) field `(?P<name>.*)`\Z")
# SECURITY: msgspec quotes what the client sent in these, and only in these.
_QUOTING = re.compile(r"Invalid (?:enum )?value\b")
_SENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")

Location = tuple[str | int, ...]
"""Where a value stands: `("body", "items", 3, "price")`."""

ANY_KEY = "*"
"""Stands in a location for a key that is not known."""

_KINDS = {
    "query": "Query parameter",
    "header": "Header",
    "cookie": "Cookie",
    "form": "Form field",
    "body": "Body",
}


class Fault(msgspec.Struct, frozen=True):
    """One value that is not what it should be.

    Attributes:
        location: Where it stands.
        message: What is wrong with it.
    """

    location: Location
    message: str

    def as_data(self) -> dict[str, object]:
        """Return what the answer shows."""
        return {"loc": list(self.location), "msg": self.message}

    def __str__(self) -> str:
        place, *rest = self.location
        kind = _KINDS.get(str(place), str(place))
        if not rest:
            return f"{kind}: {self.message}"
        if place == "body":
            return f"{kind} field {'.'.join(map(str, rest))!r}: {self.message}"
        inner = f" at {'.'.join(map(str, rest[1:]))}" if rest[1:] else ""
        return f"{kind} {rest[0]!r}{inner}: {self.message}"


class InvalidError(Exception):
    """Raised inside a call plan when values of the request are not valid.

    Attributes:
        faults: What is wrong.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__("the request is not valid")
        self.faults = tuple(faults)


def explain(
    error: msgspec.ValidationError,
    location: Location,
    *,
    is_text: bool = False,
) -> Fault:
    """Return the fault that msgspec has found.

    Args:
        error: What msgspec raised.
        location: Where the value that it looked at stands.
        is_text: Whether that value was text, which goes without saying then.
    """
    message, inner = str(error), ()
    found = _PLACE.match(message)
    if found:
        message, inner = found["what"], _steps(found["path"])
        if found["key"]:
            message = f"The key is not valid: {message[:1].lower()}{message[1:]}"
    field = _FIELD.match(message)
    if field:
        is_missing = field["problem"] == "missing required"
        message = "is required" if is_missing else "is not a known field"
        if is_missing or _SENT_NAME.match(field["name"]):
            inner = (*inner, field["name"])
    elif _QUOTING.match(message) and error.__cause__ is None:
        message = "is not one of the allowed values"
    elif is_text:
        message = message.removesuffix(", got `str`")
    return Fault(_bounded((*location, *inner)), _shortened(message))


def _steps(path: str) -> Location:
    return tuple(_step(step) for step in _STEP.finditer(path[1:]))


def _step(step: re.Match[str]) -> str | int:
    index = step["index"]
    if index is None:
        return step["name"]
    return ANY_KEY if index == "..." else int(index)


def _bounded(location: Location) -> Location:
    steps = [_short_step(step) for step in location[:_MAX_DEPTH]]
    return (*steps, "...") if len(location) > _MAX_DEPTH else tuple(steps)


def _short_step(step: str | int) -> str | int:
    """Return a key in a form that is fit for an answer: clients choose the keys of mappings."""
    if isinstance(step, int):
        return step
    text = "".join(char if char.isprintable() else "?" for char in step[:_MAX_NAME])
    return f"{text}..." if len(step) > _MAX_NAME else text


def _shortened(message: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in message[:_MAX_MESSAGE])
    return f"{text}..." if len(message) > _MAX_MESSAGE else text


def refusal(faults: Sequence[Fault]) -> HTTPException:
    """Return the 422 for faults: the first in words, all of them in `errors`, up to a limit.

    Args:
        faults: At least one.
    """
    different = list(dict.fromkeys(faults))
    others = len(different) - 1
    more = f" There {'is' if others == 1 else 'are'} {others} more; see errors." if others else ""
    if others >= MAX_FAULTS:  # nobody has counted them all
        more = f" There are more; errors has the first {MAX_FAULTS}."
    shown = different[:MAX_FAULTS]
    return HTTPException(
        422,
        f"{_printable(shown[0])}.{more}",
        error="validation_failed",
        errors=[fault.as_data() for fault in shown],
    )


def _printable(fault: Fault) -> str:
    """Return a fault as the end of a sentence that is fit for one line."""
    return "".join(char if char.isprintable() else "?" for char in str(fault))[: 2 * _MAX_MESSAGE]
