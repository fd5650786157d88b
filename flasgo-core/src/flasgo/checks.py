"""What `flasgo check` reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One weakness that a check found.

    Attributes:
        code: A stable identifier.
        level: How bad it is.
        message: What was found.
        fix: What to do about it.
    """

    code: str
    level: Literal["info", "warning", "error"]
    message: str
    fix: str
