"""Finds the line at which an app hangs, for the error message of the test client."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from pathlib import Path
from types import FrameType

__all__ = ["where_blocked", "where_suspended"]

# Frames of the machinery are of no help to the person who reads the message.
_THREADS = (threading.__file__, str(Path(concurrent.futures.__file__).parent))
_WORKER_PREFIX = "flasgo_"  # as flasgo.kernel.threads names them
_UNHELPFUL = (str(Path(asyncio.__file__).parent), str(Path(__file__).parent))


def where_suspended(task: asyncio.Task[object] | None) -> str:
    """Name the line at which a task awaits.

    Args:
        task: The task, suspended.

    Returns:
        A sentence with a leading blank, or "" if the place cannot be seen.
    """
    awaited: object = task.get_coro() if task is not None else None
    # The line of the app that waits says more than the line of the framework that it waits in.
    own: FrameType | None = None
    innermost: FrameType | None = None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None and _is_helpful(frame):
            innermost = frame
            own = own if _is_framework(frame) else frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    if own is None and innermost is not None and _is_framework(innermost):
        # A `def` handler is not on the task's stack: it runs in a thread of the app's.
        at_work = ", ".join(_place(frame) for frame in _frames_of_workers())
        if at_work:
            return f" It was waiting for a worker thread, at {at_work}."
    shown = own or innermost
    return f" It was waiting at {_place(shown)}." if shown is not None else ""


def where_blocked(thread: threading.Thread | None) -> str:
    """Name the line at which a thread runs.

    Args:
        thread: The thread whose event loop does not answer.

    Returns:
        A sentence with a leading blank, or "" if the place cannot be seen.
    """
    ident = thread.ident if thread is not None else None
    frame = sys._current_frames().get(ident) if ident is not None else None
    while frame is not None and not _is_helpful(frame):
        frame = frame.f_back
    if frame is None:
        return ""
    return f" It blocks its event loop at {_place(frame)}: make that call in a worker thread."


def _frames_of_workers() -> list[FrameType]:
    """Return where each of the worker threads of apps is in code that may be a handler's."""
    frames = sys._current_frames()
    found = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident) if thread.ident is not None else None
        if not thread.name.startswith(_WORKER_PREFIX):
            continue
        while frame is not None and not _is_handlers(frame):
            frame = frame.f_back
        if frame is not None:
            found.append(frame)
    return found


def _is_handlers(frame: FrameType) -> bool:
    return not (
        _is_framework(frame) or frame.f_code.co_filename.startswith((*_UNHELPFUL, *_THREADS))
    )


def _is_helpful(frame: FrameType) -> bool:
    return not frame.f_code.co_filename.startswith(_UNHELPFUL)


def _is_framework(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] == "flasgo"


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}()"
