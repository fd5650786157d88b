"""What a session can hold: values that come back as they were, or as text."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

__all__ = ["check_round_trip", "encode_value", "json_fault", "to_json"]

_DEEPEST = 100
_AS_TEXT = (datetime, date, time, timedelta, UUID, Decimal)
_ADVICE = "Keep str, numbers, bool, None, lists and dicts with str keys in a session."

_decode = msgspec.json.Decoder().decode


def _plain(value: object) -> object:
    """Return an instance of a subclass of a builtin, such as `Markup`, as the builtin."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


to_json = msgspec.json.Encoder(enc_hook=_plain).encode
"""Return a value as JSON; what it becomes by that is for `check_round_trip` to judge."""


def encode_value(key: str, value: object) -> bytes:
    """Return one value of a session as JSON.

    Args:
        key: Its key, for the error message.
        value: The value.

    Raises:
        TypeError: When it cannot be JSON, or would come back as something else; the key is named.
    """
    try:
        data = to_json(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        # msgspec's words for a type that it does not know are about types, not about sessions.
        reason = json_fault(value) or str(error)
        raise TypeError(_refusal(key, value, reason)) from error
    check_round_trip(key, value, data)
    return data


def check_round_trip(key: str, value: object, data: bytes) -> None:
    """Refuse a value that JSON would change without a word.

    msgspec writes NaN as null, bytes as base64, a set as a list and the key 1 as "1".

    Args:
        key: Its key, for the error message.
        value: The value.
        data: Its JSON.

    Raises:
        TypeError: When it would come back as something else; the key is named.
    """
    # PERF: most values are equal to what they come back as, and that is quick to see.
    if _decode(data) == value:
        return
    reason = json_fault(value)
    if reason is not None:
        raise TypeError(_refusal(key, value, reason))


def _refusal(key: str, value: object, reason: str) -> str:
    return (
        f"session[{key!r}] holds {type(value).__name__}, which a session cannot keep: {reason}. "
        f"{_ADVICE}"
    )


def json_fault(value: object, depth: int = 0) -> str | None:
    """Return what in a value would not come back from JSON; None when all of it would.

    Args:
        value: The value.
        depth: How deep it lies in another one.
    """
    if depth > _DEEPEST:
        return "it is nested too deeply, or contains itself"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value!r} is not JSON"
    if value is None or isinstance(value, (str, int, float, _AS_TEXT)):
        return None
    if isinstance(value, (list, tuple)):
        return next(filter(None, (json_fault(item, depth + 1) for item in value)), None)
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                return f"the key {name!r} of a dict in it is {type(name).__name__}, not str"
            reason = json_fault(item, depth + 1)
            if reason is not None:
                return reason
        return None
    return f"{type(value).__name__} is not JSON"
