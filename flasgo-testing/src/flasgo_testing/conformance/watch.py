"""Notices when a hook blocks the event loop: by what Python's audit events tell, and by a clock.

CPython raises an audit event (PEP 578) for connecting, starting processes and opening files, and
tells a profiler of every call of `time.sleep`. Listening to both finds a `time.sleep(0.001)`
without measuring any time. What shows in neither, such as waiting for a lock, is found by looking
from another thread.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Self

from flasgo_testing.recording import HookCall

__all__ = ["FileWatch", "HookWatch", "current_call"]

current_call: ContextVar[HookCall | None] = ContextVar("flasgo_testing.hook", default=None)
"""The hook call that the current task is in."""

_BLOCKING = {
    "open": "open()",
    "os.listdir": "os.listdir()",
    "os.scandir": "os.scandir()",
    "os.system": "os.system()",
    "socket.connect": "a socket's connect()",
    "socket.getaddrinfo": "a DNS look-up",
    "socket.gethostbyname": "a DNS look-up",
    "sqlite3.connect": "sqlite3.connect()",
    "subprocess.Popen": "subprocess.Popen()",
    "urllib.Request": "urllib.request.urlopen()",
}
# Events about files that come to be, and which of their arguments is the path.
_MAKING = {
    "open": 0,
    "os.link": 1,
    "os.mkdir": 0,
    "os.rename": 1,
    "os.symlink": 1,
    "sqlite3.connect": 0,
    "tempfile.mkdtemp": 0,
    "tempfile.mkstemp": 0,
}
# A hook that imports something at its first call, or that logs an error, is not to blame.
_EXCUSED = ("importlib", "linecache", "logging", "traceback", "warnings", "zipimport")
_STALL_SECONDS = 0.5
# What waits for other threads; the rest of the standard library waits by these.
_WAITS = {threading.Condition.wait.__code__, threading.Thread.join.__code__}
_MACHINERY = frozenset({"flasgo", "flasgo_testing"})
# What `signal.signal` and a loop's `add_signal_handler` call.
_SIGNAL_CALLS = ("signal", "set_wakeup_fd")

_listeners: list[Callable[[str, tuple[object, ...]], None]] = []
_is_listening = False


def _listen(event: str, args: tuple[object, ...]) -> None:
    if _listeners and (event in _BLOCKING or event in _MAKING):
        for listener in tuple(_listeners):
            listener(event, args)


def _start_listening() -> None:
    # An audit hook cannot be taken out again; without a listener it does next to nothing.
    global _is_listening
    if not _is_listening:
        sys.addaudithook(_listen)
        _is_listening = True


class HookWatch:
    """Watches the hook calls of one app; the observer of a `HookRecorder`.

    Use it in a `with` block.

    Attributes:
        found: The calls that block, each with what it did.
        times: Of each hook call: processor time, and time on the clock where it is a `def`.
        signals: Where signal handlers were installed, where calls are heard of too.
    """

    def __init__(self) -> None:
        self.found: list[tuple[HookCall, str]] = []
        self.signals: list[str] = []
        self.times: list[tuple[HookCall, float, float]] = []
        self._begun: dict[int, tuple[float, float]] = {}
        self._running: HookCall | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._look, name="flasgo-conformance-watch", daemon=True
        )

    def __enter__(self) -> Self:
        _start_listening()
        _listeners.append(self._hear)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self._hear)
        self._ended.set()
        self._thread.join()

    def observe(self, call: HookCall) -> None:
        """Take note that a hook call begins or ends."""
        now = time.thread_time(), time.perf_counter()
        if call.is_done:
            processor, clock = self._begun.pop(call.order, now)
            waited = 0.0 if call.is_async else now[1] - clock
            self.times.append((call, now[0] - processor, waited))
        else:
            self._begun[call.order] = now
        current_call.set(None if call.is_done else call)
        if not call.is_async:
            self._running = None if call.is_done else call

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        call = current_call.get()
        if (
            event not in _BLOCKING
            or call is None
            or call.connection is None
            or threading.current_thread() not in _loops
        ):
            return
        self._blame(call, _BLOCKING[event], sys._getframe(1))

    async def profile(self) -> None:
        """Hear of the calls of this thread too; to be awaited on the app's loop."""
        sys.setprofile(self._hear_call)

    async def profile_no_more(self) -> None:
        """Hear of audit events alone; to be awaited on the app's loop."""
        sys.setprofile(None)

    def _hear_call(self, frame: FrameType, event: str, function: object) -> None:
        if event == "call" and frame.f_code in _WAITS:
            self._hear_wait(frame)
        if event != "c_call":
            return
        if function is time.sleep:
            call = current_call.get()
            if call is not None and call.connection is not None:
                self._blame(call, "time.sleep()", frame)
        elif (
            getattr(function, "__module__", "") == "_signal"
            and getattr(function, "__name__", "") in _SIGNAL_CALLS
        ):
            outside = frame
            while outside.f_back is not None and _is_of_library(outside):
                outside = outside.f_back
            self.signals.append(f"{outside.f_code.co_filename}:{outside.f_lineno}")

    def _hear_wait(self, frame: FrameType) -> None:
        call = current_call.get()
        waiter = frame.f_locals.get("self")
        if call is None or call.connection is None:
            return
        if isinstance(waiter, threading.Thread) and not waiter.is_alive():
            return
        # What the plugin has called, such as Future.result(), says more than what that waits by.
        outermost = frame
        while outermost.f_back is not None and _is_waiting(outermost.f_back):
            outermost = outermost.f_back
        name = f"{outermost.f_globals.get('__name__', '')}.{outermost.f_code.co_qualname}()"
        if outermost.f_back is not None:
            self._blame(call, name, outermost.f_back)

    def _blame(self, call: HookCall, what: str, frame: FrameType) -> None:
        blamed = _blamed(frame)
        if blamed is not None:
            place = f"{blamed.f_code.co_filename}:{blamed.f_lineno}"
            self.found.append((call, f"calls {what} at {place}"))

    def _look(self) -> None:
        seen: HookCall | None = None
        while not self._ended.wait(_STALL_SECONDS):
            running = self._running
            if running is not None and running is seen and running.connection is not None:
                self.found.append((running, f"keeps the loop for {_STALL_SECONDS:g} s and more"))
            seen = running


class FileWatch:
    """Notes which files and folders are made in its `with` block, by any thread."""

    def __init__(self) -> None:
        self._made: dict[str, None] = {}

    def __enter__(self) -> Self:
        _start_listening()
        _listeners.append(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self._hear)

    def left(self) -> list[str]:
        """Return those that are still there; what is in a folder of them is left out."""
        there = [path for path in self._made if os.path.lexists(path)]
        return [path for path in there if not any(path.startswith(f + os.sep) for f in there)]

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        position = _MAKING.get(event)
        if position is None or len(args) <= position:
            return
        given = args[position]
        # open() tells its flags; what does not create is of no interest.
        if event == "open" and not (isinstance(args[2], int) and args[2] & os.O_CREAT):
            return
        if isinstance(given, (str, bytes, os.PathLike)):
            path = os.path.abspath(os.fsdecode(given))  # noqa: PTH100 - no Path for each file
            if "__pycache__" not in path and not os.path.lexists(path):
                self._made[path] = None


_loops: set[threading.Thread] = set()
"""The threads whose event loops must not be blocked."""


def guard(thread: threading.Thread | None) -> None:
    """Hold hooks to not blocking the loop of this thread."""
    if thread is not None:
        _loops.add(thread)


def release(thread: threading.Thread | None) -> None:
    """Forget a thread that has ended."""
    _loops.discard(thread) if thread is not None else None


def _is_waiting(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name in ("threading", "queue") or name.startswith("concurrent.futures")


def _is_of_library(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("asyncio", "signal")


def _blamed(frame: FrameType | None) -> FrameType | None:
    """Return the frame that made the call, or None when it is excused.

    Where the standard library made it, that is the frame outside of it which asked for that.
    """
    found: FrameType | None = None
    own: FrameType | None = None
    is_inside = True  # of what a hook has called
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_EXCUSED) or "importlib" in frame.f_code.co_filename:
            return None
        if found is None and name != __name__:
            found = frame
        top = name.partition(".")[0]
        is_inside = is_inside and (top not in _MACHINERY or name == __name__)
        if own is None and is_inside and top not in sys.stdlib_module_names and name != __name__:
            own = frame
        frame = frame.f_back
    return own or found
