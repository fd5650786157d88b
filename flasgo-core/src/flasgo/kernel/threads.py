"""Worker threads for blocking code, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import ParamSpec, TypeVar

__all__ = ["WorkerThreads"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class WorkerThreads:
    """A bounded pool of threads that starts with the first call.

    Args:
        limit: The most threads at a time; further calls wait their turn.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a blocking function in a worker thread, in a copy of the caller's context.

        Args:
            function: The function.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        call = functools.partial(_guarded, function, *args, **kwargs)
        return await asyncio.wrap_future(self.submit(copy_context(), call))

    def submit(self, context: Context, function: Callable[[], _T]) -> Future[_T]:
        """Have a blocking function called in a worker thread.

        Args:
            context: What it is called in; one context can only be in use once at a time.
            function: The function; it does not raise StopIteration.

        Returns:
            What the function will return or raise. Once it runs, nothing cancels it.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._limit, thread_name_prefix="flasgo")
        call: Callable[[], _T] = functools.partial(context.run, function)
        return self._executor.submit(call)

    def close(self) -> None:
        """Let the threads end once they are done; a later call starts new ones."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


def _guarded(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return function(*args, **kwargs)
    except StopIteration as exc:
        # A future refuses StopIteration, and the caller would wait for ever.
        raise RuntimeError(f"{function!r} raised StopIteration") from exc
