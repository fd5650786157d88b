"""Text that is HTML already, and what turns other text into it."""

from markupsafe import Markup, escape

__all__ = ["Markup", "escape"]
