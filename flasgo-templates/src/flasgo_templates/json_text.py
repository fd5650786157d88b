"""What the filter `tojson` writes: the JSON that answers write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from flasgo import Response
from jinja2 import Undefined

from flasgo_templates.undefined import current_place, names_of

__all__ = ["json_text"]

_MAX_DEPTH = 20
_FAULTS = (TypeError, ValueError, RecursionError, OverflowError)


def json_text(value: object, *, sort_keys: bool = True, indent: int | None = None) -> str:
    """Return a value as JSON; it takes what `Response.json` takes, and text that is marked safe.

    Args:
        value: What to encode.
        sort_keys: Whether to order the keys, where all are str.
        indent: How many blanks to indent by; None writes one line.

    Raises:
        UndefinedVariableError: When the value is not there, or something in it.
        TypeError: When it cannot be JSON; the error names variable, place and template line.
    """
    try:
        encoded = _encoded(value, sort_keys=sort_keys)
    except _FAULTS as error:
        raise TypeError(_complaint(value, error)) from error
    if indent is not None:
        encoded = msgspec.json.format(encoded, indent=indent)
    return encoded.decode()


def _encoded(value: object, *, sort_keys: bool) -> bytes:
    if not sort_keys:
        return _encode(value)
    try:
        return _encode_sorted(value)
    except TypeError:
        return _encode(value)  # msgspec orders no keys but str


def _replace(value: object) -> object:
    """Return what stands for a value that msgspec does not know."""
    if isinstance(value, Undefined):
        str(value)  # raises the error that names it
    if isinstance(value, str) or hasattr(type(value), "__html__"):  # Markup, {{ csrf_token }}
        return str.__str__(value) if isinstance(value, str) else str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    # SPEC TPL-1: whatever an answer can hold, now or later.
    return msgspec.Raw(Response.json(value).body)


_encode = msgspec.json.Encoder(enc_hook=_replace).encode
_encode_sorted = msgspec.json.Encoder(enc_hook=_replace, order="sorted").encode


def _complaint(value: object, error: Exception) -> str:
    where, names = current_place(), names_of(value)
    path, culprit, error = _culprit(value, error)
    subject = f"{names[0] if names else 'the value'}{path}"
    return (
        f"{f'{where}: ' if where else ''}tojson cannot write {subject}, which is "
        f"{type(culprit).__name__}: {error} Pass it what JSON answers take: dicts, lists, str, "
        "numbers, bool, None, dates, UUID, Decimal, dataclasses and Structs."
    )


def _culprit(value: object, error: Exception) -> tuple[str, object, Exception]:
    """Return the innermost part that cannot be written: its path, itself, and why."""
    path = ""
    for _ in range(_MAX_DEPTH):
        for step, part in _parts(value):
            try:
                _encode(part)
            except _FAULTS as reason:
                path, value, error = path + step, part, reason
                break
        else:
            break
    return path, value, error


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield f"[{key!r}]", part
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield f"[{position}]", part
