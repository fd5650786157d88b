"""Cases about what a plugin leaves behind: tasks, threads, files, processes, memory."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from flasgo_testing.asgi import Message, Scope, websocket_scope
from flasgo_testing.loop_thread import LoopThread, WaitedTooLongError

from .faults import CaseStopped
from .probes import PREFIX
from .rig import Rig
from .subject import Subject
from .watch import FileWatch

__all__ = ["keeps_memory_bounded", "leaves_nothing_behind"]

_SETTLING_SECONDS = 1.0
_PROC = Path("/proc/self")


def leaves_nothing_behind(subject: Subject) -> Iterator[str]:
    """Yield what lives on after the shut-down: tasks, threads, files and processes."""
    children = _children()
    try:
        seen = set(_cycle(subject))  # what is opened once, and kept for the next app, may stay
        yield from seen
        gc.collect()
        open_before, children_before = _open_files(), _children()
        with FileWatch() as files:
            yield from (fault for fault in _cycle(subject) if fault not in seen)
            for path in files.left():
                yield (
                    f"After the shut-down {path!r} is still there, and each start leaves another. "
                    "Remove it in app_shutdown."
                )
        for number, name in _open_files().items():
            if number not in open_before:
                yield (
                    f"After the shut-down the file descriptor of {name!r} is still open. Close it "
                    "in app_shutdown."
                )
        for child in _children() - children_before:
            yield (
                f"After the shut-down the process {_command_of(child)!r} still runs, or was not "
                "waited for. End it in app_shutdown, and wait for it."
            )
    finally:
        for child in _children() - children:
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def _cycle(subject: Subject) -> Iterator[str]:
    """Start, serve and stop; yield the tasks and threads that live on."""
    threads = set(threading.enumerate())
    rig = Rig(subject)
    with rig:
        rig.probes.gate.set()
        for path in (*rig.probes.paths, f"{PREFIX}/stream", f"{PREFIX}/raise"):
            rig.ask(path)
        for path in rig.probes.websockets:
            rig.converse(rig.scope(path, situation="a WebSocket"))
        rig.leave(rig.scope(f"{PREFIX}/forever", situation="a request whose client leaves"))
        rig.stop()
        for name in rig.call(_tasks_left):
            yield (
                f"After the shut-down the task {name} still runs. Keep it, and cancel it in "
                "app_shutdown."
            )
        loop = rig.loop.thread
    for thread in set(threading.enumerate()) - threads - {loop}:
        thread.join(_SETTLING_SECONDS)
        if thread.is_alive():
            yield (
                f"After the shut-down the thread {thread.name!r} still runs. Tell it to end in "
                "app_shutdown, and join it."
            )


async def _tasks_left() -> list[str]:
    here = asyncio.current_task()
    others = {task for task in asyncio.all_tasks() if task is not here and not _is_ours(task)}
    if others:
        await asyncio.wait(others, timeout=_SETTLING_SECONDS)
    return [_name_of(task) for task in others if not task.done()]


def _is_ours(task: asyncio.Task[object]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename == sys.modules[LoopThread.__module__].__file__


def _name_of(task: asyncio.Task[object]) -> str:
    coroutine = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    name = getattr(coroutine, "__qualname__", task.get_name())
    return f"{name!r}{place}" if not inspect.isgenerator(coroutine) else repr(task.get_name())


# --- Files and processes ----------------------------------------------------------------------


def _open_files() -> dict[int, str]:
    """Return what is open, where the system tells (Linux)."""
    found: dict[int, str] = {}
    with suppress(OSError):
        for entry in list((_PROC / "fd").iterdir()):
            with suppress(OSError):  # the one that reads this very folder is gone by now
                found[int(entry.name)] = str(entry.readlink())
    return found


def _children() -> set[int]:
    """Return the process ids of this process's children, where the system tells (Linux)."""
    found: set[int] = set()
    with suppress(OSError):
        for task in (_PROC / "task").iterdir():
            with suppress(OSError):
                found.update(map(int, (task / "children").read_text().split()))
    return found


def _command_of(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    return b" ".join(words).decode("utf-8", "replace").strip() or f"with the id {process}"


# --- Memory -----------------------------------------------------------------------------------

# Caches of some thousand entries are full by then. Half of the requests have a path of their own.
_WARM_UP = 4200
_ROUND = 200
_ROUNDS = 3
_MOST_SECONDS = 3.0
_FEWEST = 0.4


def keeps_memory_bounded(subject: Subject) -> Iterator[str]:
    """Yield it when each request leaves something in memory."""
    with Rig(subject, is_recorded=False) as rig:

        async def measure() -> list[int]:
            return await _growth(rig)

        before = logging.root.manager.disable
        logging.disable()  # what collects records, as pytest does, would grow
        try:
            grown = rig.loop.call(_MOST_SECONDS * 4 + subject.seconds, measure)
        except WaitedTooLongError:
            raise CaseStopped(
                "A few thousand requests in a row are not answered in time."
            ) from None
        finally:
            logging.disable(before)
        if grown and min(grown) >= _FEWEST * _ROUND:
            yield (
                f"Memory grows with each request, by about {min(grown) / _ROUND:.1f} objects, "
                f"after {_WARM_UP} requests too. Bound what is kept, and key it by what clients "
                "cannot choose: request.route.path, and not request.path."
            )


async def _growth(rig: Rig) -> list[int]:
    """Return by how many blocks of memory each round has grown; nothing where it takes long."""
    deadline = time.monotonic() + _MOST_SECONDS
    for first in range(0, _WARM_UP, _ROUND):
        await _serve(rig, first)
        if time.monotonic() > deadline:
            return []
    grown = []
    for index in range(_ROUNDS):
        gc.collect()
        before = sys.getallocatedblocks()
        await _serve(rig, _WARM_UP + index * _ROUND)
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
    return grown


async def _serve(rig: Rig, first: int) -> None:
    plain = rig.probes.paths[0]
    for number in range(first, first + _ROUND):
        if number % 20 == 0:
            scope = websocket_scope(rig.scope(rig.probes.websockets[0], situation=""), ())
            first_message = "websocket.connect"
        else:
            path = plain if number % 2 else f"/conformance-{number}"
            scope = rig.scope(path, situation="", query_string=b"q=%d" % number)
            first_message = "http.request"
        await _exchange(rig, scope, first_message)


async def _exchange(rig: Rig, scope: Scope, first_message: str) -> None:
    messages = iter((first_message,))

    async def receive() -> Message:
        await asyncio.sleep(0)
        kind = next(messages, scope["type"] + ".disconnect")
        return {"type": kind, "body": b"", "more_body": False, "code": 1001}

    async def send(message: Message) -> None:
        return None

    with suppress(Exception):  # judged by other cases
        await rig.app(scope, receive, send)
