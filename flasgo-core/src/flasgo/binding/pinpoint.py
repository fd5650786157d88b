"""Finds the key that msgspec leaves out when it says where in a mapping something is wrong."""

from __future__ import annotations

from typing import Any

import msgspec

from flasgo.binding.faults import ANY_KEY, Location, steps_of

__all__ = ["pinpoint"]

MAX_BYTES = 16 * 1024
"""Larger values are not searched: `"*"` stands for the key then. It bounds the work."""


def pinpoint(raw: bytes, annotation: Any, location: Location) -> Location:
    """Return a location with the keys of mappings in place of `"*"`.

    msgspec tells the way through structs and arrays, but not the keys of a `dict[str, int]`. The
    first key that fails is found by halving: the same conversion, with fewer and fewer keys.

    Args:
        raw: The JSON in which msgspec has found something wrong.
        annotation: The type it was decoded into. `Any`: an annotation.
        location: Where it is, relative to that JSON.
    """
    if ANY_KEY not in location or len(raw) > MAX_BYTES:
        return location
    try:
        data = msgspec.json.decode(raw)
        found = list(location)
        for place, step in enumerate(location):
            if step == ANY_KEY:
                found[place] = _culprit(data, annotation, found[:place], location)
    except (LookupError, TypeError, ValueError, RecursionError, OverflowError):
        return location  # data that no longer fails the same way: nothing is gained by guessing
    return tuple(found)


def _culprit(data: Any, annotation: Any, way: list[Any], location: Location) -> str:
    """Return the first key of a mapping that fails; the mapping is left with that key only."""
    mapping = data
    for step in way:
        mapping = mapping[step]
    items = list(mapping.items())
    low, high = 0, len(items)  # fails with the first `high` items, not with the first `low`
    while high - low > 1:
        middle = (low + high) // 2
        mapping.clear()
        mapping.update(items[:middle])
        if _failure(data, annotation) == location:
            high = middle
        else:
            low = middle
    mapping.clear()
    mapping.update(items[low:high])
    return items[low][0]


def _failure(data: Any, annotation: Any) -> Location | None:
    try:
        msgspec.convert(data, annotation, str_keys=True)
    except msgspec.ValidationError as error:
        return steps_of(error)
    return None
