"""The policy that marks routes to static files."""

from __future__ import annotations

from dataclasses import dataclass

from flasgo import Policy

__all__ = ["StaticFiles"]


@dataclass(frozen=True)
class StaticFiles(Policy):
    """Marks a route that serves a folder. Other plugins may look for it.

    Attributes:
        folder: The directory, absolute.
        cache_max_age: How long clients may keep a file, in seconds.
    """

    folder: str
    cache_max_age: int

    def explain(self) -> str:
        """Return the line that `flasgo routes --explain` shows."""
        return f"static files from {self.folder}, max-age {self.cache_max_age} s"
