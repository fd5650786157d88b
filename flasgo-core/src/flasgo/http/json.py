"""JSON (RFC 8259) as the app sends and takes it: one encoder, one decoder, one limit of depth.

msgspec knows the types of Python's standard library that have a usual form in JSON. What it lacks
is added here, so that an answer, a message and an event take the same values.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from itertools import accumulate
from typing import Any

import msgspec

__all__ = [
    "MAX_DEPTH",
    "MissingAwaitError",
    "add_types",
    "check_depth",
    "decode",
    "encode",
    "to_json_type",
]

MAX_DEPTH = 500
"""How deep arrays and objects may nest; Python versions differ in what they could take."""

_TEXTUAL = (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
_DEPTHS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(byte for byte in range(256) if byte not in {*_DEPTHS, ord('"')})
_STRING = re.compile(rb'"[^"]*"')
_ROUNDS = 8

_decode = msgspec.json.Decoder().decode
# Filled at import, from above: this module knows no app. `Any`: whatever msgspec has no form for.
_MORE_TYPES: list[Callable[[Any], tuple[object] | None]] = []


class MissingAwaitError(TypeError):
    """Raised for a coroutine, or another awaitable, in what is to be sent."""


# `Any`: whatever msgspec has no form for.
def to_json_type(value: Any) -> object:
    """Return what stands in JSON for a value that msgspec cannot encode; its `enc_hook`.

    Args:
        value: The value.

    Raises:
        MissingAwaitError: For a coroutine or another awaitable.
        TypeError: When JSON has nothing for it.
    """
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, _TEXTUAL):
        return str(value)
    for plain in (str, int, float):  # subclasses, such as Markup
        if isinstance(value, plain):
            return getattr(plain, f"__{plain.__name__}__")(value)
    if isinstance(value, Mapping):
        return dict(value)
    if inspect.isawaitable(value):
        raise MissingAwaitError(_without_await(value))
    for knows in _MORE_TYPES:
        found = knows(value)
        if found is not None:
            return found[0]
    raise TypeError(f"Encoding objects of type {type(value).__qualname__} is unsupported")


def add_types(knows: Callable[[Any], tuple[object] | None]) -> None:
    """Have a function asked for values that nothing else has a form for.

    Args:
        knows: Returns it in a tuple, or None.
    """
    _MORE_TYPES.append(knows)


encode = msgspec.json.Encoder(enc_hook=to_json_type).encode


def _without_await(value: Awaitable[object]) -> str:
    if not inspect.iscoroutine(value):
        return f"there is a {type(value).__qualname__} in it: an `await` is missing"
    value.close()
    return f"there is a coroutine of {value.__qualname__} in it: an `await` is missing"


# `Any`: JSON is whatever was sent.
def decode(text: bytes | str) -> Any:
    """Return decoded JSON.

    Args:
        text: The JSON.

    Raises:
        ValueError: When it is not valid.
        RecursionError: When it nests deeper than `MAX_DEPTH`.
    """
    check_depth(text)
    return _decode(text)


def check_depth(text: bytes | str) -> None:
    """Refuse JSON that nests too deeply (RFC 8259, section 9).

    Args:
        text: The JSON, not yet known to be valid.

    Raises:
        RecursionError: When it nests deeper than `MAX_DEPTH`.
    """
    # PERF: what is short, or has few brackets, needs no closer look.
    if len(text) <= MAX_DEPTH:
        return
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise RecursionError(f"JSON that nests deeper than {MAX_DEPTH} levels")


def _depth(raw: bytes) -> int:
    """Return how deep JSON nests, or a small number where it is certain not to nest deeply.

    PERF: all but the last step is done by the methods of `bytes`, a few milliseconds a megabyte.
    """
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side may go: what is in a string stays in one.
    brackets = raw.translate(None, _OTHERS).replace(b'""', b"")
    if b'"' in brackets:
        brackets = _STRING.sub(b"", brackets)
    rest = brackets
    for _ in range(_ROUNDS):
        if len(rest) <= MAX_DEPTH:
            break
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    if 2 * _ROUNDS + len(rest) <= MAX_DEPTH:  # a round takes two levels at most
        return 0
    return max(accumulate(map(_DEPTHS.__getitem__, brackets)), default=0)
