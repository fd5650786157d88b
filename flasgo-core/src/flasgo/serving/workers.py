"""Keeps several workers alive: uvicorn's supervisor, which ends healthy workers less readily."""

from __future__ import annotations

import logging
import time
from typing import Any

from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

__all__ = ["DID_NOT_START", "Supervisor"]

DID_NOT_START = 3
"""uvicorn's exit status for a worker that did not start."""

_logger = logging.getLogger("flasgo.serving")
_LONGEST_PAUSE_SECONDS = 30.0
_PATIENCE_SECONDS = 5.0
# uvicorn before 0.46 cannot tell whether a worker serves already: its own rules hold there.
_CAN_TELL_READINESS = hasattr(Process, "is_ready")


class Supervisor(Multiprocess):
    """Starts workers and replaces those that end.

    A worker that does not start is fatal as long as none has served: then the app is broken. Later
    it may be a dependency that is down, so a replacement is tried again, with growing pauses, while
    the other workers serve.

    Attributes:
        has_failed: Whether no worker could be started.
    """

    # Any: uvicorn's own arguments, passed on untouched.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_failed = False
        self._has_served = False
        self._failures: dict[int, int] = {}
        # When to start a replacement, by the place of the worker that has ended.
        self._due: dict[int, float] = {}

    def keep_subprocess_alive(self) -> None:
        """Look at each worker, and replace those that have ended or hang."""
        if not _CAN_TELL_READINESS:
            super().keep_subprocess_alive()
            statuses = [process.process.exitcode for process in self.processes]
            self.has_failed = DID_NOT_START in statuses and self.should_exit.is_set()
            return
        for place in range(len(self.processes)):
            if self.should_exit.is_set():
                return
            if place not in self._due:
                self._look_at(place)
            elif time.monotonic() >= self._due[place]:
                del self._due[place]
                self._start(place)
        for place in [place for place in self._due if place >= len(self.processes)]:
            del self._due[place]  # SIGTTOU has taken it away

    def _look_at(self, place: int) -> None:
        process = self.processes[place]
        patience = getattr(self.config, "timeout_worker_healthcheck", _PATIENCE_SECONDS)
        if process.process.is_alive():
            if process.is_ready(patience):
                self._has_served = True
                self._failures.pop(place, None)
                return
            if process.ping(patience):
                return  # it starts
        process.kill()  # one that hangs, too
        process.join()
        if process.process.exitcode != DID_NOT_START:
            _logger.warning("Worker %s has ended; another takes its place.", process.pid)
            self._start(place)
        elif self._has_served:
            pause = min(_LONGEST_PAUSE_SECONDS, 2.0 ** self._failures.get(place, 0))
            self._failures[place] = self._failures.get(place, 0) + 1
            self._due[place] = time.monotonic() + pause
            _logger.error(
                "The new worker %s did not start; the others go on. The next attempt is in %g "
                "seconds.",
                process.pid,
                pause,
            )
        else:
            _logger.error("Worker %s did not start, and none has so far: ending.", process.pid)
            self.has_failed = True
            self.should_exit.set()

    def _start(self, place: int) -> None:
        process = Process(self.config, self.sockets)
        process.start()
        self.processes[place] = process

    def terminate_all(self) -> None:
        """End all workers."""
        # As long as one process has these open, the kernel takes connections that are never
        # answered.
        for sock in self.sockets:
            sock.close()
        super().terminate_all()
