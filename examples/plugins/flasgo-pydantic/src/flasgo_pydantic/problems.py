"""What pydantic has found wrong, in words that repeat nothing of what was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

__all__ = ["problems_of"]

Location = tuple[str | int, ...]

_MANY = 1000
"""With more problems than this the answer tells their number: listing them takes seconds."""

# SECURITY: pydantic's own messages of these types quote the input.
_QUOTING: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "union_tag_invalid": lambda context: (
        f"Tag {context['discriminator']} should be one of: {context['expected_tags']}"
    ),
    "uuid_parsing": lambda _: "Input should be a valid UUID",
    "url_parsing": lambda _: "Input should be a valid URL",
    "url_syntax_violation": lambda _: "Input should be a valid URL",
}


# `Any`: data as JSON has it.
def problems_of(error: ValidationError, data: Any) -> list[tuple[Location, str]]:
    """Return where something is wrong, and what.

    Args:
        error: What pydantic raised.
        data: What it looked at; None where that is no data.
    """
    count = error.error_count()
    if count > _MANY:
        return [((), f"There are {count} problems")]
    found = error.errors(include_url=False, include_input=False)
    return [(_location(each, data), _message(each)) for each in found]


def _message(problem: ErrorDetails) -> str:
    told = _QUOTING.get(problem["type"])
    return problem["msg"] if told is None else told(problem.get("ctx", {}))


def _location(problem: ErrorDetails, data: Any) -> Location:
    """Return the place in the data: pydantic's, without the names of alternatives in it.

    pydantic says `("pet", "cat", "name")` for the field `name` of a pet that is a cat.
    """
    steps = problem["loc"]
    if data is None:
        return steps
    found: list[str | int] = []
    for number, step in enumerate(steps, 1):
        is_missing = number == len(steps) and problem["type"] == "missing"
        if _has(data, step):
            found.append(step)
            data = data[step]
        elif is_missing and isinstance(data, Mapping):
            found.append(step)
    return tuple(found)


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, Mapping):
        return step in data
    is_list = isinstance(data, Sequence) and not isinstance(data, str | bytes)
    return is_list and isinstance(step, int) and 0 <= step < len(data)
