"""The ASGI lifespan: plugins and the app's own functions start in order and stop in reverse."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from flasgo.callables import called_by, full_name, is_async, qualified_name, signature_of, source_of
from flasgo.errors import ConfigurationError, FlasgoError, PluginError, type_name
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio

    from flasgo.app import Flasgo
    from flasgo.asgi import Receive, Scope, Send
    from flasgo.interop.mounts import Mount
    from flasgo.plugins.implementation import Implementation
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["Lifespan", "LifespanFunction"]

_logger = logging.getLogger("flasgo.app")

_PART = "In the lifespan: "

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
        self._parts: list[tuple[str, _Manager]] = []  # what to call it, and what makes it
        self._mounted: dict[int, Mount] = {}  # apps by identity: some may not be hashable
        self._serving: _Serving | None = None

    def add(self, function: Callable[..., Any]) -> None:
        """Add a function to run around the time in which the app serves.

        Args:
            function: An async generator function with one `yield`, or a function that returns
                an async context manager. It takes the app, or nothing.

        Raises:
            ConfigurationError: When it is neither.
        """
        if inspect.isasyncgenfunction(called_by(function)):
            self._parts.append((_label(function), asynccontextmanager(function)))
        elif callable(function) and not _is_no_lifespan(function):
            self._parts.append((_label(function), function))
        else:
            raise ConfigurationError(
                f"app.lifespan was given {qualified_name(function)!r}. Give an "
                "async function with one `yield`: what stands before it starts, what stands "
                "after it stops."
            )

    def add_mount(self, mount: Mount) -> None:
        """Add a mounted app; one that is mounted several times starts once.

        Args:
            mount: The mount.
        """
        first = self._mounted.get(id(mount.app))
        if first is not None:
            mount.state = first.state  # what its one lifespan yields is there wherever it answers
            return
        self._mounted[id(mount.app)] = mount
        self._parts.append((f"the app mounted as {mount.name!r}", lambda: mount.running()))

    def checkpoint(self) -> Callable[[], None]:
        """Return a function that forgets what was added since now."""
        parts, mounted = self._parts[:], dict(self._mounted)

        def go_back() -> None:
            self._parts, self._mounted = parts, mounted

        return go_back

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak the lifespan protocol with a server until it shuts down."""
        await receive()
        stack = AsyncExitStack()
        try:
            await self.start(stack, scope.get("state"))
        except Exception as exc:
            scope["flasgo.exception"] = exc
            _logger.exception("Start-up failed. %s", _message(exc))
            await send({"type": "lifespan.startup.failed", "message": _message(exc)})
            return
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except BaseException:
            await _stop_early(stack)
            raise
        try:
            await stack.aclose()
        except Exception as exc:
            scope["flasgo.exception"] = exc
            _logger.exception("Shut-down failed. %s", _message(exc))
            await send({"type": "lifespan.shutdown.failed", "message": _message(exc)})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def start(
        self, stack: AsyncExitStack, state: MutableMapping[str, object] | None = None
    ) -> None:
        """Start everything, in order; what has started when one fails is stopped again.

        Args:
            stack: Receives what is to be undone.
            state: Receives the mappings that lifespan functions yield, for `request.state`.

        Raises:
            Exception: What failed, after the roll-back.
        """
        try:
            self._app._make_ready()
            self._app._event_streams.begin()
            stack.callback(self._app.threads.close)
            for plugin in self._plugins():
                await _enter(stack, plugin)
            for part in self._parts:
                await self._enter_part(stack, part, state)
            late = await stack.enter_async_context(AsyncExitStack())
            # Last in is first out: background tasks may need all that is still there.
            grace = self._app.settings.BACKGROUND_TASK_GRACE_SECONDS
            stack.push_async_callback(self._app._background.drain, grace)
            self._serving = _Serving(late, len(self._parts), state, _running_loop())
            stack.callback(self._stop_taking)
        except BaseException:
            await _roll_back(stack)
            raise

    async def _enter_part(
        self,
        stack: AsyncExitStack,
        part: tuple[str, _Manager],
        state: MutableMapping[str, object] | None,
    ) -> None:
        name, function = part
        takes_app = bool(signature_of(function).parameters)
        make = functools.partial(function, self._app) if takes_app else function
        value = await _enter(stack, _named(name, make))
        if state is not None and isinstance(value, Mapping):
            state.update(value)

    def _stop_taking(self) -> None:
        self._serving = None

    # --- Plugins that join while the app serves ---------------------------------------------

    def start_plugin(self, name: str) -> None:
        """Start a plugin that has joined, where the app serves already; wait until it has.

        Args:
            name: The plugin's name.

        Raises:
            PluginError: When it fails to start, or cannot be started from here.
        """
        serving = self._serving
        if serving is None or not self._has_to_start(name, serving):
            return
        loop = serving.loop
        if loop is None or loop is _running_loop():
            raise PluginError(
                f"{self._app.plugins._blame(name)} has to be started, and the app serves in this "
                "very thread, which cannot wait for it. Write "
                "`await app.plugins.register_async(plugin)`.",
                plugin=name,
            )
        asyncio.run_coroutine_threadsafe(self.astart_plugin(name), loop).result()

    async def astart_plugin(self, name: str) -> None:
        """Start a plugin that has joined, where the app serves already.

        Args:
            name: The plugin's name.

        Raises:
            PluginError: When it fails to start; what had started of it is stopped again.
        """
        serving = self._serving
        if serving is None:
            return
        own = AsyncExitStack()
        try:
            for manager in self._plugins(only=name):
                await _enter(own, manager)
            for part in self._parts[serving.parts :]:
                await self._enter_part(own, part, serving.state)
        except BaseException:
            await _roll_back(own)
            raise
        serving.parts = len(self._parts)
        serving.late.push_async_callback(own.aclose)

    def _has_to_start(self, name: str, serving: _Serving) -> bool:
        return bool(self._plugins(only=name)) or len(self._parts) > serving.parts

    def _plugins(self, only: str | None = None) -> list[AbstractAsyncContextManager[None]]:
        """Return what starts and stops each plugin, or one of them and its components."""

        def chosen(hook: str) -> list[Implementation]:
            impls = self._app.plugins.implementations(hook)
            return [impl for impl in impls if only in (None, impl.plugin.partition(".")[0])]

        startups = chosen("app_startup")
        shutdowns = {impl.plugin: impl for impl in chosen("app_shutdown")}
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
        except FlasgoError:
            raise
        except Exception as exc:
            plugins = self._app.plugins
            plugin, hook = plugins._implementer_at_fault(exc) or (impl.plugin, impl.hook)
            raise PluginError(
                f"{plugins._blame(plugin)} failed in {hook}: {type(exc).__name__}: {exc}",
                plugin=plugin,
            ) from exc


class _Serving(Struct):
    """What is known while the app serves.

    Attributes:
        late: Stops what joined after the start-up; it is left before all that started with it.
        parts: How many lifespan functions and mounted apps have started.
        state: Receives the mappings that lifespan functions yield.
        loop: The event loop, or None where it is none of asyncio's.
    """

    late: AsyncExitStack
    parts: int
    state: MutableMapping[str, object] | None
    loop: asyncio.AbstractEventLoop | None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _enter(stack: AsyncExitStack, manager: AbstractAsyncContextManager[object]) -> object:
    """Start one part; on the way out it stops as usual, even where another one fails to."""
    value = await manager.__aenter__()
    stack.push_async_callback(manager.__aexit__, None, None, None)
    return value


class _named(AbstractAsyncContextManager[object]):  # noqa: N801 - used like a function
    """One part of the lifespan, whose errors say which one it is.

    Args:
        name: What to call it.
        make: Makes the part.
    """

    _manager: AbstractAsyncContextManager[object]

    def __init__(self, name: str, make: _Manager) -> None:
        self._name = name
        self._make = make

    async def __aenter__(self) -> object:
        try:
            self._manager = _checked(self._make())
            return await self._manager.__aenter__()
        except Exception as exc:
            exc.add_note(f"{_PART}{self._name} failed to start.")
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._manager.__aexit__(kind, error, trace)
        except Exception as exc:
            exc.add_note(f"{_PART}{self._name} failed to stop.")
            raise


def _checked(manager: AbstractAsyncContextManager[object]) -> AbstractAsyncContextManager[object]:
    if not hasattr(type(manager), "__aenter__"):
        raise ConfigurationError(
            f"It returned {type_name(manager)}; a lifespan is an async function with one `yield`, "
            "or a function that returns an async context manager."
        )
    return manager


def _is_no_lifespan(function: Callable[..., Any]) -> bool:
    called = called_by(function)
    return is_async(function) or inspect.isgeneratorfunction(called)


def _label(function: Callable[..., Any]) -> str:
    return f"the lifespan function {full_name(function)} ({source_of(function)})"


async def _stop_early(stack: AsyncExitStack) -> None:
    """Stop everything before the server says so: it is cancelled, or a part of ours has ended.

    A task group in a lifespan function cancels us when one of its tasks fails, and raises what that
    failed with once it is left.
    """
    try:
        await stack.aclose()
    except Exception as exc:
        _logger.exception("The lifespan ended before the server stopped. %s", _message(exc))
        raise


async def _roll_back(stack: AsyncExitStack) -> None:
    """Stop what has started; a failure here must not hide why it has to stop."""
    try:
        await stack.aclose()
    except Exception:
        _logger.exception("Something could not be stopped after the failed start-up.")


def _message(exc: BaseException) -> str:
    parts = [note for note in getattr(exc, "__notes__", ()) if note.startswith(_PART)]
    return " ".join([*(part.removeprefix(_PART) for part in parts), f"{type(exc).__name__}: {exc}"])
