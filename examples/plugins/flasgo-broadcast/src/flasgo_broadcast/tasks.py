"""Ends background tasks."""

from __future__ import annotations

import asyncio

__all__ = ["end_task"]

_AGAIN_SECONDS = 0.2


async def end_task(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, and wait until it has ended.

    Until Python 3.12 `asyncio.wait_for`, which redis-py uses, can lose a cancellation that comes
    as it returns. So it is cancelled again.

    Args:
        task: The task; None does nothing.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_AGAIN_SECONDS)
