"""Limits as text: `"100/minute"`."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Limit", "parse_limit"]

_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 60 * 60,
    "day": 24 * 60 * 60,
    "week": 7 * 24 * 60 * 60,
    "month": 30 * 24 * 60 * 60,
    "year": 365 * 24 * 60 * 60,
}
_LONGEST_TEXT = 60
# SECURITY: each part begins with other characters than the one before ends with: linear.
_LIMIT = re.compile(
    r" *([0-9]{1,9}) *(?:/|per ) *(?:([0-9]{1,9}) *)?([a-z]+?)s? *", re.IGNORECASE | re.ASCII
)


class Limit(NamedTuple):
    """So many requests in any stretch of so many seconds."""

    requests: int
    per: float


def parse_limit(text: str) -> Limit:
    """Return the limit of a text.

    Args:
        text: `100/minute`, `5 per 10 seconds`, `1000/day`: a number, `/` or `per`, and a second,
            minute, hour, day, week, month (30 days) or year (365 days), or several of them.

    Raises:
        ValueError: When it is no limit; the message says what to write.
    """
    match = _LIMIT.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    unit = None if match is None else _SECONDS.get(match[3].lower())
    if match is None or unit is None:
        raise ValueError(
            f"{text[:_LONGEST_TEXT]!r} is not a limit; write '100/minute' or '5 per 10 seconds', "
            f"with one of {', '.join(_SECONDS)}"
        )
    requests, count = int(match[1]), int(match[2] or 1)
    if not (requests and count):
        raise ValueError(f"{text!r} is not a limit; both numbers are at least 1")
    return Limit(requests, float(count * unit))
