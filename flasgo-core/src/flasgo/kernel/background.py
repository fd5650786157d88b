"""Work that happens after the response: run in order, tracked, finished or reported at the end."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, ParamSpec, Union

from flasgo.callables import full_name, is_async
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio

    from flasgo.kernel.threads import WorkerThreads
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["Background", "BackgroundRunner", "BackgroundTasks", "as_tasks"]

_P = ParamSpec("_P")
_Call = functools.partial[object]

Background = Union["BackgroundTasks", Callable[[], object]]
"""What a response takes as `background`: tasks, or one function."""

_logger = logging.getLogger("flasgo.app")


class BackgroundTasks:
    """Functions to call once the response is out, in the order in which they were added.

    Hand them to a response, `Response(..., background=tasks)`, or use those of the request:
    `request.background.add(send_mail, user)`.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def add(self, function: Callable[_P, object], /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Add a function to call after the response.

        Args:
            function: `async def`, or `def` to run in a worker thread.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Raises:
            TypeError: When `function` is not callable, such as a coroutine.
        """
        if not callable(function):
            if inspect.iscoroutine(function):
                function.close()
            raise TypeError(
                f"A background task is a function, not {function!r}; write "
                "background.add(function, argument), without calling it."
            )
        self._calls.append(functools.partial(function, *args, **kwargs))

    def add_task(
        self, function: Callable[_P, object], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        """Add a function to call after the response, by the name that FastAPI has for `add`.

        Args:
            function: `async def`, or `def` to run in a worker thread.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Raises:
            TypeError: When `function` is not callable, such as a coroutine.
        """
        self.add(function, *args, **kwargs)

    def extend(self, other: Background) -> None:
        """Add the tasks of another list.

        Args:
            other: The other list, which stays as it is, or one function to call.

        Raises:
            TypeError: When it is neither.
        """
        self._calls.extend(as_tasks(other)._calls)

    def clear(self) -> None:
        """Forget all tasks."""
        self._calls.clear()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[_Call]:
        return iter(self._calls)


def as_tasks(background: Background) -> BackgroundTasks:
    """Return the tasks for what a response was given as `background`.

    Args:
        background: Tasks, or one function that takes no arguments.

    Raises:
        TypeError: When it is neither.
    """
    if isinstance(background, BackgroundTasks):
        return background
    tasks = BackgroundTasks()
    tasks.add(background)
    return tasks


class BackgroundRunner:
    """Runs the background tasks of one app and knows which of them are under way.

    Args:
        threads: Where `def` functions run.
    """

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads
        # What each of our asyncio tasks is busy with; a task without a reference is collected.
        self._running: dict[asyncio.Task[None], str] = {}
        # Set when pipelines are compiled; None where no plugin takes note.
        self.on_start: Callable[[str], Awaitable[None]] | None = None
        self.on_end: Callable[[str, BaseException | None], Awaitable[None]] | None = None

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, tasks: BackgroundTasks) -> None:
        """Run tasks one after the other; one that fails is logged and the next one runs.

        They go on when the caller is cancelled: a server that cuts the connection must not cut
        what the answer has promised.

        Args:
            tasks: The tasks.
        """
        calls = list(tasks)
        tasks.clear()
        task = asyncio.create_task(self._run_all(calls))
        self._running[task] = full_name(calls[0])
        task.add_done_callback(self._forget)
        await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)

    async def _run_all(self, calls: list[_Call]) -> None:
        task = asyncio.current_task()
        try:
            await self._run_each(calls, task)
        finally:
            own = self._threads._of_request()
            if own is not None:
                own.give_back()

    async def _run_each(self, calls: list[_Call], task: asyncio.Task[None] | None) -> None:
        for call in calls:
            name = full_name(call)
            if task is not None:
                self._running[task] = name
            if self.on_start is not None:
                await self.on_start(name)
            failure: BaseException | None = None
            try:
                if is_async(call):
                    result = call()
                else:
                    result = await self._threads.run_for_request(call)
                if inspect.isawaitable(result):
                    await result
            except (Exception, asyncio.CancelledError) as error:
                if task is not None and task.cancelling():
                    raise  # we are cancelled, not something that the function waited for
                failure = error
                _logger.error("The background task %s failed.", name, exc_info=error)
            if self.on_end is not None:
                await self.on_end(name, failure)

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way; cancel and report what takes too long.

        Args:
            seconds: How long to wait.
        """
        if not self._running:
            return
        _, late = await asyncio.wait(list(self._running), timeout=seconds)
        for task in late:
            _logger.error(
                "The background task %s was not finished %g seconds after the shut-down began; "
                "it is cancelled (a `def` function goes on in its thread). Give it more time with "
                "BACKGROUND_TASK_GRACE_SECONDS, or hand such work to a queue of its own.",
                self._running.get(task, "(unknown)"),
                seconds,
            )
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)
