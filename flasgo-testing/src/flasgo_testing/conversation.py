"""What exchanges have in common: an app that runs as a task, and a test that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .asgi import ASGIApp, Message, Scope
from .errors import AppProtocolError, AppTimeoutError
from .hang_location import where_suspended
from .loop_thread import carrying_exits

__all__ = ["ERROR_EXTENSION", "Conversation"]

ERROR_EXTENSION = "exception"
"""Extension of an answer: what the app raised, where the client shows the answer instead."""

T = TypeVar("T")


class Conversation:
    """Plays the server for one connection. Everything here happens on the app's event loop.

    Args:
        app: The app.
        scope: The connection's scope.
        raise_app_errors: Raise what the app raised, in place of showing its answer.
    """

    def __init__(self, app: ASGIApp, scope: Scope, *, raise_app_errors: bool) -> None:
        self._app = app
        self._scope = scope
        self._raise_app_errors = raise_app_errors
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._left = False
        self._app_error: BaseException | None = None

    @property
    def name(self) -> str:
        """The request's method and path, for messages."""
        return f"{self._scope.get('method', 'WebSocket')} {self._scope['path']}"

    @property
    def app_error(self) -> BaseException | None:
        """What the app raised, or left in the scope as the cause of its answer."""
        return self._app_error or self._scope.get("flasgo.exception")

    async def within(
        self,
        seconds: float | None,
        step: Callable[[], Awaitable[T]],
        *,
        missed: str = "was not answered",
        ends_app: bool = True,
    ) -> T:
        """Take one step of the conversation, or raise `AppTimeoutError`.

        Args:
            seconds: The bound; None waits for ever.
            step: The bound method.
            missed: What to say of the connection when the step takes too long.
            ends_app: Whether the app is cancelled when the step is not finished.

        Returns:
            What the step returned.
        """
        task = asyncio.ensure_future(carrying_exits(step))
        try:
            done, _ = await asyncio.wait((task,), timeout=seconds)
            if not done:
                place = where_suspended(self._task)
                raise AppTimeoutError(f"{self.name} {missed} within {seconds:g} s.{place}")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                if ends_app:
                    self.start().cancel()

    def start(self) -> asyncio.Task[None]:
        """Return the task that runs the app, started by the first call."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return self._task

    async def _run(self) -> None:
        task = asyncio.current_task()
        try:
            await self._app(self._scope, self._receive, self._send)
        except asyncio.CancelledError as error:
            if task is not None and task.cancelling():
                raise
            self._app_error = AppProtocolError(f"{self.name}: the app cancelled itself.")
            self._app_error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - pytest.fail() in a handler is one of these
            self._app_error = error
        finally:
            self._changed.set()

    async def _receive(self) -> Message:
        raise NotImplementedError

    async def _send(self, message: Message) -> None:
        raise NotImplementedError

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
