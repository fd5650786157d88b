"""The background thread whose event loop runs the app under test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, wait as wait_for_futures
from typing import NamedTuple, TypeVar

__all__ = ["LoopThread", "WaitedTooLongError", "carrying_exits", "running_loop"]

T = TypeVar("T")

_JOIN_SECONDS = 5.0


class WaitedTooLongError(Exception):
    """Raised when a coroutine did not finish within its bound; it has been cancelled by then."""


class _ExitCarrier(Exception):
    """Carries an exit out of a task: raised as itself, it would end the event loop."""

    def __init__(self, exit_: BaseException) -> None:
        self.exit = exit_


async def carrying_exits(function: Callable[[], Awaitable[T]]) -> T:
    """Call a coroutine function whose `SystemExit` or `KeyboardInterrupt` is to reach the test.

    For what runs as a task of its own on a `LoopThread`, whose callers raise it.
    """
    try:
        return await function()
    except (SystemExit, KeyboardInterrupt) as error:
        raise _ExitCarrier(error) from None


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of a test that awaits the client.

    Raises:
        RuntimeError: If it is none of asyncio's.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "The client's awaited methods need a test that runs on asyncio, and this one does "
            "not. Under trio use the plain methods, such as client.get(); they work in every "
            "test. With anyio's pytest plugin, a fixture `anyio_backend` that returns 'asyncio' "
            "keeps the tests on it."
        ) from None


class _Serving(NamedTuple):
    """A running loop, and the event that ends it."""

    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class LoopThread:
    """One daemon thread with one event loop, started by the first call.

    The app runs here and the test elsewhere, so a plain function call in a test can wait for the
    app no matter whether the test itself runs inside an event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._serving: _Serving | None = None
        self._closed = False

    def call(
        self,
        seconds: float | None,
        function: Callable[[], Coroutine[None, None, T]],
    ) -> T:
        """Run a coroutine function on the loop and block until it returns.

        Args:
            seconds: The bound; None waits for ever.
            function: The coroutine function.

        Returns:
            What the coroutine returned.

        Raises:
            WaitedTooLongError: If it took longer than `seconds`.
            RuntimeError: If the thread was closed, or the call comes from the loop itself.
            BaseException: What the coroutine raised, `SystemExit` included.
        """
        future = self._submit(function)
        try:
            wait_for_futures((future,), seconds)
            if not future.done():
                raise WaitedTooLongError
            return future.result()
        except _ExitCarrier as carrier:
            raise carrier.exit from None
        finally:
            future.cancel()

    async def acall(
        self,
        seconds: float | None,
        function: Callable[[], Coroutine[None, None, T]],
    ) -> T:
        """Run a coroutine function on the loop, and await it from the caller's own loop.

        Arguments, result and exceptions are those of `call`.
        """
        caller = running_loop()
        future = asyncio.wrap_future(self._submit(function), loop=caller)
        try:
            await asyncio.wait((future,), timeout=seconds)
            if not future.done():
                raise WaitedTooLongError
            return future.result()
        except _ExitCarrier as carrier:
            raise carrier.exit from None
        finally:
            future.cancel()

    @property
    def thread(self) -> threading.Thread | None:
        """The thread, once it has been started."""
        return self._thread

    def stop(self) -> None:
        """Ask the loop to cancel what is left and end. Does not wait, and may be called twice."""
        with self._lock:
            self._closed = True
            serving, self._serving = self._serving, None
        if serving is not None:
            serving.loop.call_soon_threadsafe(serving.stop.set)

    def close(self) -> None:
        """Stop, and wait until the thread has ended.

        A thread stuck in blocking code is left behind after a few seconds; it is a daemon and does
        not keep the interpreter alive.
        """
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    def _submit(
        self,
        function: Callable[[], Coroutine[None, None, T]],
    ) -> Future[T]:
        serving = self._ensure_running()
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "The test client was called from the event loop that runs its app, so the answer "
                "could never arrive. Call it from the test, or from a `def` handler."
            )
        return asyncio.run_coroutine_threadsafe(carrying_exits(function), serving.loop)

    def _ensure_running(self) -> _Serving:
        with self._lock:
            if self._closed:
                raise RuntimeError("The test client is closed. Make a new one: app.test_client().")
            if self._serving is None:
                started: Future[_Serving] = Future()
                self._thread = threading.Thread(
                    target=_serve, args=(started,), name="test-client", daemon=True
                )
                self._thread.start()
                self._serving = started.result()
            return self._serving


def _serve(started: Future[_Serving]) -> None:
    async def until_stopped() -> None:
        stop = asyncio.Event()
        started.set_result(_Serving(asyncio.get_running_loop(), stop))
        await stop.wait()

    # The runner cancels leftover tasks and closes generators, worker threads and the loop.
    with asyncio.Runner() as runner:
        runner.run(until_stopped())
