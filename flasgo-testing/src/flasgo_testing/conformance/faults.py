"""What the kit says about a plugin that does not conform."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CaseStopped", "ConformanceError", "shorten"]

_LONGEST = 200


class ConformanceError(AssertionError):
    """Raised when a plugin does not keep what plugins have to keep.

    Attributes:
        plugin: How the plugin is called.
        case: The name of the case.
        faults: What was found, one sentence or two each.
    """

    def __init__(self, plugin: str, case: str, faults: Sequence[str]) -> None:
        listed = "".join(f"\n  - {fault}" for fault in faults)
        super().__init__(f"{plugin} fails {case!r}:{listed}")
        self.plugin = plugin
        self.case = case
        self.faults = tuple(faults)


def shorten(value: object) -> str:
    """Return the text of a value or error, cut where it gets long."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


class CaseStopped(Exception):
    """Raised inside of a case when nothing more can be learnt; its message is a fault."""
