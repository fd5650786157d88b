"""Advice on errors of objects that can be used in one thread only."""

from __future__ import annotations

__all__ = ["note_thread_bound"]


def note_thread_bound(error: BaseException) -> None:
    """Add a note to the error of an sqlite3 connection that was used in two threads.

    Args:
        error: What was raised.
    """
    # By its name: sqlite3 is not imported for this.
    if type(error).__name__ == "ProgrammingError" and "in that same thread" in str(error):
        error.add_note(
            "`async def` functions run in the thread of the event loop, the `def` functions of a "
            "request in a worker thread. Write all that uses this connection as `def` (a typed "
            "parameter reads a form or JSON there), or connect with check_same_thread=False."
        )
