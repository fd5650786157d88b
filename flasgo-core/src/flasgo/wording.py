"""Fragments of error messages."""

from __future__ import annotations

__all__ = ["printable", "type_name"]

_MAX_SHOWN = 60


def printable(text: str) -> str:
    """Return what a client sent in a form that is fit for a message: short and printable.

    Args:
        text: The client's text.
    """
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_SHOWN])


def type_name(value: object) -> str:
    """Return the name of a value's type, with its module unless it is a built-in one.

    Args:
        value: Any value.
    """
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
