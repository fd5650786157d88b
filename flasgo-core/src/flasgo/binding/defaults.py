"""Defaults of parameters: each request gets one of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

__all__ = ["copier"]

_UNCHANGING = (
    NoneType,
    bool,
    int,
    float,
    str,
    bytes,
    Enum,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
    type,
)


def copier(default: object) -> Callable[[Any], object] | None:
    """Return the function that copies a default, or None where all requests can share it.

    SECURITY: what one request adds to a default such as `[]` must not reach the next one.

    Args:
        default: The default of a parameter.
    """
    if _is_unchanging(default):
        return None
    # PERF: the usual ones are flat, and empty.
    if type(default) in (list, set) and all(map(_is_unchanging, default)):  # ty: ignore[invalid-argument-type]
        return copy.copy
    try:
        copy.deepcopy(default)
    except Exception:  # noqa: BLE001 - a class may refuse in any way; then it is meant to be shared
        return None
    return copy.deepcopy


def _is_unchanging(value: object) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_unchanging, value))
    return isinstance(value, _UNCHANGING)
