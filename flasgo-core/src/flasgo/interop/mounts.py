"""Other ASGI apps below a path: their requests and their lifespan."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from flasgo.asgi import ASGIApp, Message, Scope
from flasgo.errors import ConfigurationError, HTTPException
from flasgo.interop.relay import AppResponse
from flasgo.lazy_import import lazy_import
from flasgo.routing.paths import quote_path

if TYPE_CHECKING:
    import asyncio

    from flasgo.requests.connection import Connection
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["METHODS", "MOUNTED_IN", "Mount", "running"]

_logger = logging.getLogger("flasgo.app")

_STARTED, _STOPPED = "lifespan.startup.complete", "lifespan.shutdown.complete"

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""What a mount answers unless it says otherwise."""

MOUNTED_IN = "flasgo.mounted_in"
"""Where the scope of a mounted app holds the connection of the app around it."""


class Mount:
    """The handler of a mount: another app answers.

    Args:
        app: The ASGI app.
        prefix: The path below which it answers, without a slash at its end.
        name: The endpoint's name.
    """

    def __init__(self, app: ASGIApp, prefix: str, name: str) -> None:
        self.app = app
        self.name = name
        self.state: dict[str, object] = {}  # what its lifespan shares with its requests
        self._depth = prefix.count("/")

    async def __call__(self, connection: Connection) -> AppResponse:
        """Return the response that the app will send."""
        return AppResponse(self.app, self._scope(connection))

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which the app's lifespan runs."""
        return running(self.app, self.name, self.state)

    def _scope(self, connection: Connection) -> Scope:
        """Return the scope as the mounted app expects it (ASGI, HTTP connection scope)."""
        scope, path = connection.scope, connection.path
        root = connection.root_path + "/".join(path.split("/")[: self._depth + 1])
        full = connection.root_path + path
        raw = scope.get("raw_path")
        if raw is not None and scope["path"] != full:  # a server that leaves the root path out
            raw = quote_path(connection.root_path).encode() + raw
        if full == root:  # TRAILING_SLASH "ignore"
            full, raw = full + "/", None if raw is None else raw + b"/"
        if raw is not None and not _begins_with(raw, root):
            raise HTTPException(404, "Nothing is at this address; check the path.")
        inner = {**scope, "root_path": root, "path": full, MOUNTED_IN: connection}
        if raw is not None:
            inner["raw_path"] = raw
        if self.state or "state" in scope:
            inner["state"] = {**scope.get("state", {}), **self.state}
        return inner


def _begins_with(raw: bytes, root: str) -> bool:
    """Whether a path as sent has the segments of the root path.

    SECURITY: `/admin%2Fx` decodes to a path below `/admin`, but an app that cuts the root path
    off the raw path would read it in another way.
    """
    wanted = root.encode().split(b"/")
    segments = raw.split(b"/")[: len(wanted)]
    return [unquote_to_bytes(segment) for segment in segments] == wanted


@asynccontextmanager
async def running(app: ASGIApp, name: str, state: dict[str, object]) -> AsyncGenerator[None, None]:
    """Run the lifespan of a mounted app, as a server would; apps without one are fine.

    Args:
        app: The app.
        name: What to call it in errors.
        state: Receives what its lifespan shares with its requests.

    Raises:
        ConfigurationError: When it fails to start or to stop.
    """
    lifespan = _MountedLifespan(app, name, state)
    await lifespan.start()
    try:
        yield
    finally:
        await lifespan.stop()


class _MountedLifespan:
    """The server's side of one app's lifespan. It is a task of its own, like under a server."""

    def __init__(self, app: ASGIApp, name: str, state: dict[str, object]) -> None:
        self._app = app
        self._name = name
        self._state = state
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._has_received = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        message = await self._exchange("startup")
        error = self._error()
        if message is None:
            has_lifespan = error is not None and self._has_received
        else:  # an app may answer everything as if it were a request: no server minds
            has_lifespan = message["type"].startswith("lifespan.")
        if has_lifespan and message is not None and message["type"] == _STARTED:
            return
        await self._give_up()
        error = error or self._error()
        self._task = None
        if has_lifespan:
            raise self._failure("start", message, error)
        _logger.debug("The app mounted as %r has no lifespan.", self._name, exc_info=error)

    async def stop(self) -> None:
        if self._task is None:
            return
        message = await self._exchange("shutdown")
        error = self._error()
        await self._give_up()
        if message is None and error is None:
            return
        if message is None or message["type"] != _STOPPED:
            raise self._failure("stop", message, error)

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        await self._app(scope, self._receive, self._outbox.put)

    async def _receive(self) -> Message:
        self._has_received = True
        return await self._inbox.get()

    async def _exchange(self, phase: str) -> Message | None:
        """Announce a phase; return the app's answer, or None when it ended without one."""
        if self._task is None:
            return None
        self._inbox.put_nowait({"type": f"lifespan.{phase}"})
        answer = asyncio.ensure_future(self._outbox.get())
        try:
            await asyncio.wait((answer, self._task), return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            answer.cancel()

    def _error(self) -> BaseException | None:
        task = self._task
        if task is None or not task.done() or task.cancelled():
            return None
        return task.exception()

    async def _give_up(self) -> None:
        """Let the app end; an app that does not is cancelled."""
        task = self._task
        if task is None:
            return
        await asyncio.wait((task,), timeout=1)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=1)
        self._error()  # looked at, so that asyncio does not report it again

    def _failure(
        self, what: str, message: Message | None, error: BaseException | None
    ) -> ConfigurationError:
        reason = "" if message is None else str(message.get("message") or "")
        if error is not None:
            reason = f"{type(error).__name__}: {error}"
        failure = ConfigurationError(
            f"The app mounted as {self._name!r} failed to {what}: "
            f"{reason.strip() or 'it gave no reason'}"
        )
        failure.__cause__ = error
        return failure
