"""The ASGI lifespan: plugins and the app's own functions start in order and stop in reverse."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from flasgo.errors import ConfigurationError, PluginError

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.asgi import Receive, Scope, Send
    from flasgo.implementation import Implementation

__all__ = ["Lifespan", "LifespanFunction"]

_logger = logging.getLogger("flasgo.app")

_Manager = Callable[..., AbstractAsyncContextManager[object]]
LifespanFunction = Callable[..., AbstractAsyncContextManager[object] | AsyncIterator[object]]
"""Takes the app, or nothing; what comes before its `yield` starts, what comes after stops."""


class Lifespan:
    """Start-up and shut-down of one app.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self._app = app
        self._functions: list[_Manager] = []

    def add(self, function: Callable[..., Any]) -> None:
        """Add a function to run around the time in which the app serves.

        Args:
            function: An async generator function with one `yield`, or a function that returns
                an async context manager. It takes the app, or nothing.

        Raises:
            ConfigurationError: When it is neither.
        """
        if inspect.isasyncgenfunction(function):
            self._functions.append(asynccontextmanager(function))
        elif callable(function) and not inspect.iscoroutinefunction(function):
            self._functions.append(function)
        else:
            raise ConfigurationError(
                f"app.lifespan was given {getattr(function, '__qualname__', function)!r}. Give an "
                "async function with one `yield`: what stands before it starts, what stands "
                "after it stops."
            )

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol with a server until it shuts down."""
        await receive()
        stack = AsyncExitStack()
        try:
            await self.start(stack)
        except Exception as exc:
            scope["flasgo.exception"] = exc
            _logger.exception("Start-up failed.")
            await send({"type": "lifespan.startup.failed", "message": _message(exc)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await stack.aclose()
        except Exception as exc:
            scope["flasgo.exception"] = exc
            _logger.exception("Shut-down failed.")
            await send({"type": "lifespan.shutdown.failed", "message": _message(exc)})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self, stack: AsyncExitStack) -> None:
        """Start everything, in order; what has started when one fails is stopped again.

        Args:
            stack: Receives what is to be undone.

        Raises:
            Exception: What failed, after the roll-back.
        """
        try:
            self._app.compile()
            stack.callback(self._app.threads.close)
            for plugin in self._plugins():
                await _enter(stack, plugin)
            for function in self._functions:
                takes_app = bool(inspect.signature(function).parameters)
                await _enter(stack, function(self._app) if takes_app else function())
        except BaseException:
            await _roll_back(stack)
            raise

    def _plugins(self) -> list[AbstractAsyncContextManager[None]]:
        startups = self._app.plugins.implementations("app_startup")
        shutdowns = {
            impl.plugin: impl for impl in self._app.plugins.implementations("app_shutdown")
        }
        return [
            *(self._around(impl, shutdowns.pop(impl.plugin, None)) for impl in startups),
            *(self._around(None, impl) for impl in shutdowns.values()),
        ]

    @asynccontextmanager
    async def _around(
        self, startup: Implementation | None, shutdown: Implementation | None
    ) -> AsyncGenerator[None, None]:
        if startup is not None:
            await self._call(startup)
        yield
        if shutdown is not None:
            await self._call(shutdown)

    async def _call(self, impl: Implementation) -> None:
        try:
            result = impl.call(self._app)
            if inspect.isawaitable(result):
                await result
        except Exception as exc:
            raise PluginError(
                f"{self._app.plugins.blame(impl.plugin)} failed in {impl.hook}: "
                f"{type(exc).__name__}: {exc}",
                plugin=impl.plugin,
            ) from exc


async def _enter(stack: AsyncExitStack, manager: AbstractAsyncContextManager[object]) -> None:
    """Start one part; on the way out it stops as usual, even where another one fails to."""
    await manager.__aenter__()
    stack.push_async_callback(manager.__aexit__, None, None, None)


async def _roll_back(stack: AsyncExitStack) -> None:
    """Stop what has started; a failure here must not hide why it has to stop."""
    try:
        await stack.aclose()
    except Exception:
        _logger.exception("Something could not be stopped after the failed start-up.")


def _message(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"
