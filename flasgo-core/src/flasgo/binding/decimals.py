"""Decimals that are no numbers: `NaN`, infinities, and exponents that would fill the memory."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["check_numbers", "guarded"]

# SECURITY: `int(Decimal("1e999999999"))` is a gigabyte of digits.
_MAX_EXPONENT = 10**7
_LARGE_EXPONENT = re.compile(rb"e[+-]?[0-9]{7}").search
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


def guarded(decode: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return a JSON decoder that refuses decimals that are no usual numbers.

    Args:
        decode: Decodes a type with decimals in it.
    """

    def decode_and_check(body: bytes) -> object:
        value = decode(body)
        # PERF: only what may hold such a decimal is looked at value by value.
        if _is_suspect(body):
            check_numbers(value)
        return value

    return decode_and_check


def _is_suspect(body: bytes) -> bool:
    # `Decimal("n_an")` is NaN to Python, and digits of all scripts are digits.
    if not body.isascii() or b"\\u" in body:
        return True
    text = body.lower().replace(b"_", b"")
    return b"nan" in text or b"inf" in text or _LARGE_EXPONENT(text) is not None


def check_numbers(value: object) -> None:
    """Look at all decimals and floats in a value.

    Args:
        value: Any value that msgspec has made.

    Raises:
        msgspec.ValidationError: When one is infinite, NaN, or has a huge exponent.
    """
    if isinstance(value, Decimal | float) and _is_usual(value):
        return
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,), enc_hook=_nothing)
    # PERF: where it is matters only once there is one.
    if all(map(_is_usual, _leaves(plain))):
        return
    waiting: list[tuple[Any, str]] = [(plain, "$")]
    while waiting:
        part, place = waiting.pop()
        if isinstance(part, dict):
            waiting += ((each, f"{place}{_step(key)}") for key, each in part.items())
            waiting += ((key, f"{place}[...]") for key in part)
        elif isinstance(part, list | tuple):
            waiting += ((each, f"{place}[{index}]") for index, each in enumerate(part))
        elif not _is_usual(part):
            # The words of msgspec, which `faults.explain` reads.
            suffix = "" if place == "$" else f" - at `{place}`"
            raise msgspec.ValidationError(f"{_problem(part)}{suffix}")


def _leaves(plain: Any) -> Iterator[object]:
    """Iterate over the values in a value that are neither lists nor dicts."""
    waiting = [plain]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
        else:
            yield part


def _nothing(value: object) -> None:
    """Stands for what msgspec cannot write, such as `msgspec.Raw`."""


def _step(key: object) -> str:
    return f".{key}" if isinstance(key, str) and _NAME.match(key) else "[...]"


def _is_usual(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and (not value or abs(value.adjusted()) < _MAX_EXPONENT)
    return not isinstance(value, float) or math.isfinite(value)


def _problem(value: object) -> str:
    is_finite = isinstance(value, Decimal) and value.is_finite()
    return "Number out of range" if is_finite else "Expected a finite number"
