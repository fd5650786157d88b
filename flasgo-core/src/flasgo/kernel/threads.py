"""Worker threads for blocking code: the `def` functions of one request share thread and context.

At most `SYNC_WORKERS` functions run at a time. A request takes a thread with its first `def`
function and keeps it to its end, so that what belongs to a thread (sqlite3 connections, thread
locals, context variables) is there for all of them. Between them the thread is parked: it does
not count, and no other request gets it. Of too many parked threads the one parked longest ends.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flasgo.kernel.context import active_request
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio

    from flasgo.requests.connection import Connection
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["RequestThread", "WorkerThreads"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MOST_PARKED = 256
_MISSING: Any = object()
_PLAIN = frozenset({dict, str, list, bytes, type(None)})


class _Call:
    """One call that a thread is to make.

    Args:
        function: What to call.
        owner: The request whose thread has to make it; None for any thread.
        handled: The request, where no `def` function of it follows this one as far as is known.
    """

    __slots__ = ("_error", "_function", "_handled", "_loop", "_result", "future", "owner")

    def __init__(
        self,
        function: Callable[[], object],
        owner: RequestThread | None,
        handled: Connection | None,
    ) -> None:
        self._function = function
        self._handled = handled
        self._loop = asyncio.get_running_loop()
        self._result: object = None
        self._error: BaseException | None = None
        self.owner = owner
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def make(self) -> None:
        """Make the call, unless the caller has gone before; runs in the thread."""
        if self.future.cancelled():
            return
        try:
            self._result = self._function()
        except StopIteration as exc:
            # A future refuses StopIteration, and the caller would wait for ever.
            self._error = RuntimeError(f"{self._function!r} raised StopIteration")
            self._error.__cause__ = exc
        except BaseException as exc:  # noqa: BLE001 - raised in the caller
            self._error = exc

    @property
    def frees_thread(self) -> bool:
        """Whether no other function of the request needs the thread, now that this one is done."""
        request, result = self._handled, self._result
        if request is None or self._error is not None or request.peek("background") is not None:
            return False
        if isinstance(result, tuple):
            result = result[0] if result else None
        kind = type(result)
        return kind in _PLAIN or not (
            getattr(result, "is_streaming", False)
            or getattr(result, "background", None) is not None
            or hasattr(kind, "__next__")
            or hasattr(kind, "__await__")
        )

    def report(self) -> None:
        """Have the caller go on; runs in the thread."""
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:  # the loop has been closed meanwhile
            return

    def _settle(self) -> None:
        error, self._error = self._error, None
        if self.future.done():
            return
        if error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(error)


class _Thread:
    """One worker thread.

    Attributes:
        calls: What it is to do; None ends it.
        pending: How many calls it has not finished.
        owner: The request that it belongs to.
    """

    __slots__ = ("calls", "owner", "pending")

    def __init__(self) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self.pending = 0
        self.owner: RequestThread | None = None


def _work(thread: _Thread, pool: weakref.ref[WorkerThreads]) -> None:
    while True:
        call = thread.calls.get()
        if call is None:
            return
        call.make()
        threads = pool()
        if threads is not None:
            # Before the caller goes on, who would meet us at the lock.
            threads._finished(thread, call)
        call.report()
        del call  # nothing of a request outlives it in an idle thread
        if threads is None:
            return
        del threads


class WorkerThreads:
    """Threads for blocking calls. They start when they are needed.

    Args:
        limit: How many calls run at a time; further ones wait. Those of requests that have a
            thread already come first, so that requests are finished rather than begun.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._running = 0
        self._waiting: tuple[deque[_Call], deque[_Call]] = (deque(), deque())
        self._idle: list[_Thread] = []
        self._parked: dict[RequestThread, _Thread] = {}  # in the order in which they were parked
        self._is_closed = False
        self._names = itertools.count()
        self._threads: set[_Thread] = set()
        weakref.finalize(self, _end_all, self._threads).atexit = False
        _pools.add(self)

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a blocking function in any worker thread, in a copy of the caller's context.

        Args:
            function: The function.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        call = functools.partial(copy_context().run, function, *args, **kwargs)
        return await self._submit(call, None)

    async def run_for_request(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call a blocking function in the thread and the context of the current request.

        Like `run` where there is no request.

        Args:
            function: The function.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Returns:
            What the function returns; what it raises is raised here.
        """
        own = self._of_request()
        if own is None:
            return await self.run(function, *args, **kwargs)
        return await own.run(function, *args, **kwargs)

    async def finish_for_request(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call a blocking function like `run_for_request`; it is called although we are cancelled.

        For what closes and cleans up. Its end is waited for, unless we are cancelled twice.

        Args:
            function: The function.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Raises:
            CancelledError: When the caller was cancelled meanwhile.
        """
        own = self._of_request()
        if own is not None:
            return await own.finish(function, *args, **kwargs)
        own = RequestThread(self)
        try:
            return await own.finish(function, *args, **kwargs)
        finally:
            own.give_back()

    async def run_handler(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call a handler like `run_for_request`; the thread is free when none of it is needed.

        PERF: a handler that is the only `def` function of its route costs no more than that.

        Args:
            function: The handler.
            args: Its positional arguments.
            kwargs: Its keyword arguments.
        """
        connection = active_request.get(None)
        if connection is None or connection.route is None:
            return await self.run(function, *args, **kwargs)
        if connection.route.pipeline.keeps_thread:
            return await self.run_for_request(function, *args, **kwargs)
        own = connection._thread or RequestThread(self)
        try:
            return await own.run_last(connection, function, *args, **kwargs)
        finally:
            if own.thread is None:
                own.give_back()
            elif connection._thread is None:
                connection._thread = own
                connection._has_leftovers = True

    def _of_request(self) -> RequestThread | None:
        connection = active_request.get(None)
        if connection is None:
            return None
        own = connection._thread
        if own is None:
            own = connection._thread = RequestThread(self)
            connection._has_leftovers = True
        return own

    def close(self) -> None:
        """Let the threads end once they are done; a later call starts new ones."""
        with self._lock:
            self._is_closed = True
            for thread in (*self._idle, *self._parked.values()):
                self._end(thread)
            self._idle.clear()
            self._parked.clear()

    # --- Which thread makes which call; all of this holds the lock --------------------------

    def _submit(
        self,
        function: Callable[[], Any],
        owner: RequestThread | None,
        handled: Connection | None = None,
    ) -> asyncio.Future[Any]:
        call = _Call(function, owner, handled)
        with self._lock:
            self._is_closed = False
            if owner is not None:
                owner.unfinished += 1
            if self._running < self._limit:
                self._running += 1
                self._hand_over(call)
            else:
                self._waiting[owner is None or owner.thread is None].append(call)
        return call.future

    def _hand_over(self, call: _Call) -> None:
        owner = call.owner
        thread = None if owner is None else owner.thread
        if owner is not None and thread is not None:
            self._parked.pop(owner, None)
        else:
            thread = self._idle.pop() if self._idle else self._start()
            thread.owner = owner
            if owner is not None:
                owner.thread = thread
        thread.pending += 1
        thread.calls.put(call)

    def _start(self) -> _Thread:
        thread = _Thread()
        self._threads.add(thread)
        worker = threading.Thread(
            target=_work,
            args=(thread, weakref.ref(self)),
            name=f"flasgo_{next(self._names)}",
            daemon=True,
        )
        Context().run(worker.start)  # where threads inherit a context, not that of a request
        return thread

    def _finished(self, thread: _Thread, call: _Call) -> None:
        """Take note that a thread has made a call; called by the thread."""
        is_free = call.frees_thread
        with self._lock:
            thread.pending -= 1
            owner = call.owner
            if owner is not None:
                owner.unfinished -= 1
                if not owner.unfinished and (is_free or owner.is_over) and owner is thread.owner:
                    owner.thread = thread.owner = None
            if not thread.pending:
                self._rest(thread)
            first, others = self._waiting
            if first or others:
                self._hand_over((first or others).popleft())
            else:
                self._running -= 1

    def _rest(self, thread: _Thread) -> None:
        owner = thread.owner
        if owner is not None:
            self._parked[owner] = thread
            if len(self._parked) > _MOST_PARKED:
                longest = next(iter(self._parked))
                self._end(self._parked.pop(longest))
        elif self._is_closed or len(self._idle) >= self._limit:
            self._end(thread)
        else:
            self._idle.append(thread)

    def _end(self, thread: _Thread) -> None:
        if thread.owner is not None:
            thread.owner.thread = thread.owner = None
        self._threads.discard(thread)
        thread.calls.put(None)

    def _give_back(self, owner: RequestThread) -> None:
        with self._lock:
            thread = owner.thread
            if thread is not None and not owner.unfinished:
                owner.thread = thread.owner = None
                self._parked.pop(owner, None)
                self._rest(thread)


class RequestThread:
    """The thread and the context that the `def` functions of one request share.

    What a function sets in a context variable is set for the caller too, and the other way round.

    Args:
        threads: Where the thread comes from.

    Attributes:
        thread: The thread, while there is one.
        unfinished: How many calls have been asked for and not finished.
        is_over: Whether these are the last ones.
    """

    __slots__ = (
        "_callers",
        "_context",
        "_seen",
        "_shared",
        "_threads",
        "is_over",
        "thread",
        "unfinished",
    )

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads
        self._callers = 0  # that wait for a function
        self._context: Context | None = None
        self._seen: Context | None = None  # the caller's variables when we last looked
        self._shared: Context | None = None  # the functions' variables that the caller has got
        self.thread: _Thread | None = None
        self.unfinished = 0
        self.is_over = False

    async def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a blocking function; see `WorkerThreads.run_for_request`.

        While another caller waits for the thread, any other thread is taken: a function that is
        called by what the first one waits for would wait for ever.
        """
        return await self.run_last(None, function, *args, **kwargs)

    async def run_last(
        self,
        handled: Connection | None,
        function: Callable[_P, _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Call a blocking function like `run`; the thread is free where none of it is needed."""
        if self._callers:
            return await self._threads.run(function, *args, **kwargs)
        future = self._submit(functools.partial(function, *args, **kwargs), handled)
        self._callers += 1
        try:
            return await future
        finally:
            self._callers -= 1
            self._share()

    async def finish(
        self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call a blocking function; see `WorkerThreads.finish_for_request`."""
        future = self._submit(functools.partial(function, *args, **kwargs))
        interruption: BaseException | None = None
        while not future.done():
            try:
                await asyncio.wait((future,))
            except asyncio.CancelledError as exc:
                if interruption is not None:
                    raise
                interruption = exc
        self._share()
        if interruption is not None:
            raise interruption from future.exception()
        return future.result()

    def give_back(self) -> None:
        """Let other requests have the thread; a later call takes another one."""
        self._context = self._seen = self._shared = None  # which hold the request
        self.is_over = True
        if self.thread is not None:
            self._threads._give_back(self)

    def _submit(
        self, function: Callable[[], Any], handled: Connection | None = None
    ) -> asyncio.Future[Any]:
        current = copy_context()
        self.is_over = False
        seen, context = self._seen, self._context
        if seen is None or context is None:
            context = self._context = copy_context()
            self._shared = current
        else:
            changes = [
                (variable, value)
                for variable, value in current.items()
                if seen.get(variable, _MISSING) is not value
            ]
            if changes:
                function = functools.partial(_with_changes, changes, function)
        self._seen = current
        return self._threads._submit(functools.partial(context.run, function), self, handled)

    def _share(self) -> None:
        """Set for the caller what the function has set."""
        if self._context is None or self._shared is None:
            return
        shared, context = self._shared, self._context.copy()
        is_changed = False
        for variable, value in context.items():
            if shared.get(variable, _MISSING) is not value:
                variable.set(value)
                is_changed = True
        if is_changed:
            self._shared, self._seen = context, copy_context()


def _with_changes(
    changes: list[tuple[ContextVar[Any], Any]], function: Callable[[], object]
) -> object:
    for variable, value in changes:
        variable.set(value)
    return function()


def _end_all(threads: set[_Thread]) -> None:
    for thread in threads:
        thread.calls.put(None)


_pools: weakref.WeakSet[WorkerThreads] = weakref.WeakSet()


@atexit.register
def _wait_for_all() -> None:
    """Let what has begun come to its end before the interpreter does."""
    for pool in list(_pools):
        while pool._running:
            time.sleep(0.01)
