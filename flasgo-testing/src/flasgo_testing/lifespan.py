"""Start-up and shut-down of the app under test."""

from __future__ import annotations

import asyncio

from .asgi import ASGIApp, Message, Scope
from .errors import AppProtocolError, AppTimeoutError, LifespanError
from .hang_location import where_suspended
from .loop_thread import carrying_exits

__all__ = ["Lifespan"]


class Lifespan:
    """Plays the server for an app's lifespan. Everything here happens on the app's event loop."""

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, object] = {}
        self._app = app
        self._scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._has_lifespan = False

    async def start_up(self, seconds: float | None) -> None:
        """Run the app's start-up.

        Args:
            seconds: The bound; None waits for ever.

        Raises:
            Exception: Whatever the app raised.
            LifespanError: If it reported a failure without an exception.
            AppTimeoutError: If it took too long.
        """
        self._task = asyncio.get_running_loop().create_task(carrying_exits(self._run))
        await self._phase("startup", self._task, seconds)

    async def shut_down(self, seconds: float | None) -> None:
        """Run the app's shut-down. Raises like `start_up`; does nothing if the app has ended."""
        task = self._task
        if task is None or task.done():
            return
        await self._phase("shutdown", task, seconds)
        # What the app still does after its last message is its own; it may not take for ever.
        await asyncio.wait((task,), timeout=seconds)
        if task.done():
            task.result()

    async def _run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self._has_lifespan = True
        return await self._inbox.get()

    async def _send(self, message: Message) -> None:
        if not message["type"].startswith("lifespan."):
            # An app that answers everything as if it were a request: no server minds.
            self._has_lifespan = False
            raise AppProtocolError(f"The app sent {message['type']!r} in its lifespan.")
        self._outbox.put_nowait(message)

    async def _phase(self, phase: str, task: asyncio.Task[None], seconds: float | None) -> None:
        self._inbox.put_nowait({"type": f"lifespan.{phase}"})
        message = await self._next_message(phase, task, seconds)
        if message is None:
            self._judge_end(phase, task)
        elif message["type"] != f"lifespan.{phase}.complete":
            await self._raise_failure(phase, message, task)

    async def _next_message(
        self, phase: str, task: asyncio.Task[None], seconds: float | None
    ) -> Message | None:
        """Return the app's next message, or None if it ended without one."""
        answer = asyncio.ensure_future(self._outbox.get())
        try:
            done, _ = await asyncio.wait(
                (answer, task), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                place = where_suspended(task)
                task.cancel()
                raise AppTimeoutError(
                    f"The app's lifespan {phase} took longer than {seconds:g} s.{place}"
                )
            # Both may be done at once: the message came first.
            return answer.result() if answer.done() else None
        finally:
            answer.cancel()

    async def _raise_failure(self, phase: str, message: Message, task: asyncio.Task[None]) -> None:
        # Apps report the failure first and raise afterwards; the exception says more.
        await asyncio.wait((task,), timeout=1)
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
        task.cancel()
        if isinstance(error := self._scope.get("flasgo.exception"), BaseException):
            raise error
        text = message.get("message") or "it gave no reason."
        raise LifespanError(f"The app's {phase} failed: {text}")

    def _judge_end(self, phase: str, task: asyncio.Task[None]) -> None:
        """Tell an app without lifespan support, which servers put up with, from one that failed."""
        error = task.exception()
        if error is not None and (self._has_lifespan or phase == "shutdown"):
            raise error
        if error is None and self._has_lifespan:
            raise LifespanError(
                f"The app returned from its lifespan without finishing its {phase}."
            )
