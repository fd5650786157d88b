"""How long each hook of each plugin takes, in all and for each request."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from flasgo import Connection, Flasgo, Registry, Route, hookimpl
from flasgo.plugin import Implementation, Plugin

__all__ = ["TimingsPlugin"]

Times = dict[tuple[str, str], float]


def _no_times(request: Connection) -> Times:
    return defaultdict(float)


class TimingsPlugin(Plugin):
    """Adds up seconds by plugin and hook; `request.hook_times` has those of one request."""

    name = "timings"

    def __init__(self) -> None:
        self.seconds: Times = defaultdict(float)

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.app_property("hook_seconds", lambda: dict(self.seconds))
        self.times_of = registry.request_attribute("hook_times", _no_times)
        registry.command("hook-times", self.show, started=True)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.app = app
        app.plugins.wrap_calls(self.timed)

    @hookimpl
    def wrap_handler(
        self, route: Route, call: Callable[[Connection], Awaitable[object]]
    ) -> Callable[[Connection], Awaitable[object]]:
        async def timed(request: Connection) -> object:
            start = perf_counter()
            try:
                return await call(request)
            finally:
                self.note("app", "handler", start, (request,))

        return timed

    def timed(self, impl: Implementation) -> Implementation:
        """Return an implementation that is timed, whichever plugin publishes its hook."""

        def call(*args: Any) -> Any:
            start = perf_counter()
            try:
                return impl.call(*args)
            finally:
                self.note(impl.plugin, impl.hook, start, args)

        async def call_async(*args: Any) -> Any:
            start = perf_counter()
            try:
                return await impl.call(*args)
            finally:
                self.note(impl.plugin, impl.hook, start, args)

        return dataclasses.replace(impl, call=call_async if impl.is_async else call)

    def note(self, plugin: str, hook: str, start: float, args: tuple[object, ...]) -> None:
        seconds = perf_counter() - start
        self.seconds[plugin, hook] += seconds
        if args and isinstance(args[0], Connection):
            self.times_of(args[0])[plugin, hook] += seconds

    async def show(self, path: str) -> None:
        """Send one request and print what each hook took."""
        await self.app.test_client().aget(path)
        for plugin, hook in sorted(self.seconds):
            print(plugin, hook)
