"""Which origins CORS rules name: exact text, one label of a pattern, or the word of a function."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from flasgo import SettingError
from flasgo.plugin import is_async, qualified_name

from flasgo_security.origins import parse_origin

if TYPE_CHECKING:
    from flasgo import Request

__all__ = [
    "ANY",
    "OriginFunc",
    "OriginPattern",
    "check_function",
    "function_fault",
    "named_function",
    "split_origins",
]

ANY = "*"

OriginFunc: TypeAlias = Callable[[str, "Request"], bool]
"""A `def` function of an origin and the request: may its pages read? It must not block."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class OriginPattern:
    """`https://*.example.com`: every host with one more label.

    SECURITY: compared as text, never as a regular expression (Litestar, CVE-2026-25479).

    Attributes:
        scheme: What an origin begins with, such as `https://`.
        rest: What it ends with, such as `.example.com:8443`.
    """

    scheme: str
    rest: str

    def matches(self, origin: str) -> bool:
        """Whether an origin, as a browser writes it, has this form."""
        if not (origin.startswith(self.scheme) and origin.endswith(self.rest)):
            return False
        label = origin[len(self.scheme) : len(origin) - len(self.rest)]
        return _LABEL.fullmatch(label) is not None


def split_origins(
    origins: frozenset[str],
) -> tuple[frozenset[str], tuple[OriginPattern, ...]]:
    """Return the exact origins, `*` among them, and the patterns.

    Raises:
        ValueError: When an entry is neither; the message says what to write.
    """
    patterns: list[OriginPattern] = []
    exact: set[str] = set()
    for origin in origins:
        if isinstance(origin, str) and ANY in origin and origin != ANY:
            patterns.append(_pattern(origin))
        else:
            if origin != ANY:
                _check_origin(origin)
            exact.add(origin)
    return frozenset(exact), tuple(sorted(patterns, key=lambda pattern: pattern.rest))


def _pattern(origin: str) -> OriginPattern:
    scheme, found, rest = origin.partition("://*.")
    host = rest.partition(":")[0]
    if not found or ANY in rest or parse_origin(f"{scheme}://{rest}") is None:
        raise ValueError(
            f"{origin!r} is not an origin; '*' stands for one label only, and the first one: "
            "'https://*.example.com'"
        )
    if "." not in host and host != "localhost":
        raise ValueError(f"{origin!r} would be every site of a top-level domain; name the domain")
    _check_origin(f"{scheme}://{rest}")
    return OriginPattern(f"{scheme}://", f".{rest}")


def _check_origin(origin: object) -> None:
    if origin == "null":
        raise ValueError(
            "'null' is every sandboxed page and every local file of any author; leave it out"
        )
    canonical = parse_origin(origin) if isinstance(origin, str) else None
    if canonical is None:
        raise ValueError(
            f"{origin!r} is not an origin; write scheme and host, such as "
            "'https://app.example.com' or 'https://*.example.com', without a path"
        )
    if canonical != origin:
        raise ValueError(f"{origin!r} would never match; browsers write {canonical!r}")


def check_function(function: object) -> OriginFunc | None:
    """Return a function that tells which origins may read, when it can be one.

    Raises:
        ValueError: When it cannot; the message says why.
    """
    if function is None:
        return None
    if not callable(function) or isinstance(function, type):
        raise ValueError(f"origin_func is a function (origin, request) -> bool, not {function!r}")
    if is_async(function):
        raise ValueError(
            f"origin_func {qualified_name(function)} is `async def`; it has to be `def`, and must "
            "not block"
        )
    return cast("OriginFunc", function)


def named_function(value: object) -> object:
    """Return the function of a dotted name such as `shop.access.may_read`; others as they are.

    Raises:
        SettingError: When there is no such thing.
    """
    if not isinstance(value, str):
        return value
    module, _, attribute = value.replace(":", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(
            f"CORS_ORIGIN_FUNC is {value!r}, which cannot be imported: {error}. Give a function, "
            "or its dotted name.",
            name="CORS_ORIGIN_FUNC",
        ) from error


def function_fault(value: object) -> str | None:
    """Return what is wrong with the setting `CORS_ORIGIN_FUNC`, or None."""
    try:
        check_function(named_function(value))
    except (ValueError, SettingError) as error:
        return str(error)
    return None
