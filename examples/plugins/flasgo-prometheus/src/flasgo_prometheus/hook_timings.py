"""How long the hooks of each plugin take."""

from __future__ import annotations

import dataclasses
import functools
from time import perf_counter

from flasgo.plugin import REQUEST_HOOKS, Implementation
from prometheus_client import CollectorRegistry, Summary

__all__ = ["HookTimings"]


class HookTimings:
    """Measures request hooks by plugin and hook, for `app.plugins.wrap_calls`.

    Args:
        registry: Where the metric is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Summary(
            "flasgo_hook_duration_seconds",
            "Calls of request hooks, waiting included.",
            ("plugin", "hook"),
            registry=registry,
        )

    def timed(self, impl: Implementation) -> Implementation:
        """Return an implementation that is measured; set-up hooks stay as they are.

        PERF: the labels are looked up here, once per implementation, and not per request.
        """
        if impl.hook not in REQUEST_HOOKS:
            return impl
        observe = self._seconds.labels(impl.plugin, impl.hook).observe
        call = impl.call

        if impl.is_async:

            @functools.wraps(call)
            async def timed_async(*args: object) -> object:
                started = perf_counter()
                try:
                    return await call(*args)
                finally:
                    observe(perf_counter() - started)

            return dataclasses.replace(impl, call=timed_async)

        @functools.wraps(call)
        def timed(*args: object) -> object:
            started = perf_counter()
            try:
                return call(*args)
            finally:
                observe(perf_counter() - started)

        return dataclasses.replace(impl, call=timed)
