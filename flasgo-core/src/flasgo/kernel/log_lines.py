"""Log lines with level and name where the application has configured no logging."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

__all__ = ["UnclaimedHandler", "ensure_log_lines"]


class UnclaimedHandler(logging.StreamHandler):
    """Prints Flasgo's log records as long as no other handler gets them.

    Args:
        stream: Where to; standard error as it is at that moment when left out.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._follows_stderr = stream is None

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit the record unless another handler gets it anyway.

        Args:
            record: The record.
        """
        at: logging.Logger | None = logging.getLogger(record.name)
        while at is not None:
            if any(not isinstance(handler, UnclaimedHandler) for handler in at.handlers):
                return False
            at = at.parent if at.propagate else None
        if self._follows_stderr and sys.stderr is not None:
            self.stream = sys.stderr
        return bool(super().handle(record))


def ensure_log_lines() -> None:
    """Give Flasgo's loggers a handler where they have none.

    Python's own last resort prints the message alone: neither how grave it is nor where it comes
    from.
    """
    ours = logging.getLogger("flasgo")
    if not ours.handlers:
        handler = UnclaimedHandler()
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(levelname)s: %(name)s: %(message)s"))
        ours.addHandler(handler)
