"""Finds the name a developer probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["closest", "did_you_mean"]


def closest(name: str, options: Iterable[str]) -> str | None:
    """Return the option most like `name`, or None when nothing comes near.

    Case is ignored, so that `secret_key` finds `SECRET_KEY`.

    Args:
        name: What was written.
        options: What is allowed.
    """
    by_lower = {option.lower(): option for option in sorted(options, reverse=True)}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return a sentence to append to an error message, or an empty string.

    Args:
        name: What was written.
        options: What is allowed.

    Returns:
        `" Did you mean 'x'?"` with its leading space, or `""`.
    """
    match = closest(name, options)
    return f" Did you mean {match!r}?" if match else ""
