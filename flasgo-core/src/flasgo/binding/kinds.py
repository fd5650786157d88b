"""What types are made of, as msgspec sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import inspect as types

__all__ = ["kinds_in", "parts_of"]


def parts_of(info: types.Type) -> Iterator[types.Type]:
    """Iterate over the types that a type consists of directly.

    Args:
        info: The type.
    """
    for attribute in ("type", "item_type", "key_type", "value_type"):
        part = getattr(info, attribute, None)
        if isinstance(part, types.Type):
            yield part
    for attribute in ("item_types", "types"):
        yield from getattr(info, attribute, ())
    for field in getattr(info, "fields", ()):
        yield field.type


def kinds_in(annotation: Any) -> Iterator[types.Type]:
    """Iterate over a type and all that it consists of, however deep; each class once.

    Args:
        annotation: The type. `Any`: an annotation.

    Raises:
        TypeError: When msgspec does not understand it.
        NameError: When an annotation in one of its classes cannot be evaluated.
    """
    waiting, seen = [types.type_info(annotation)], set()
    while waiting:
        info = waiting.pop()
        if hasattr(info, "fields"):
            kind = getattr(info, "cls", None)
            if kind in seen:
                continue
            seen.add(kind)
        yield info
        waiting += parts_of(info)
