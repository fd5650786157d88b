"""What answers the addresses for operators."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from flasgo.plugins.hooks import hookimpl
from flasgo.responses.response import Response

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.implementation import Implementation
    from flasgo.requests.connection import Connection
    from flasgo.routing import Route

__all__ = ["Probes"]

_logger = logging.getLogger("flasgo.health")

_HEALTH, _READY = "health", "ready"
_ENDPOINTS = frozenset({_HEALTH, _READY})
_KEPT_SECONDS = 1.0
"""How long an answer of the checks is used again: anyone may ask, as often as they like."""


def _is_probe(route: Route) -> bool:
    return route.endpoint in _ENDPOINTS and isinstance(
        getattr(route.handler, "__self__", None), Probes
    )


class Probes:
    """Answers before hosts, sessions, quotas and access policies are looked at.

    SECURITY: the answer says `ok` or `unavailable` and nothing else; the reason is in the log.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self._app = app
        self._is_stopping = False
        self._kept: tuple[float, bool] | None = None
        self._checking: asyncio.Task[bool] | None = None

    def add_routes(self) -> None:
        """Add the routes that the settings name."""
        settings = self._app.settings
        for path, handler, endpoint in (
            (settings.HEALTH_PATH, self.health, _HEALTH),
            (settings.READY_PATH, self.ready, _READY),
        ):
            if path is not None:
                self._app.add_route(path, handler, endpoint=endpoint, include_in_schema=False)

    async def health(self) -> Response:
        """Answer that the process serves requests."""
        return _answer(is_well=True)

    async def ready(self) -> Response:
        """Answer whether the app can do its work."""
        return _answer(is_well=await self._is_ready())

    @hookimpl(before="*", when=_is_probe)
    async def request_started(self, request: Connection) -> Response | None:
        """Answer at once, ahead of every other plugin."""
        if request.route is not None and request.route.endpoint == _READY:
            return await self.ready()
        return await self.health()

    @hookimpl(tryfirst=True)
    def app_shutdown(self, app: Flasgo) -> None:
        """Take no further work: a load balancer that asks is told so."""
        self._is_stopping = True

    async def _is_ready(self) -> bool:
        if self._is_stopping:
            return False
        if self._kept is not None and time.monotonic() - self._kept[0] < _KEPT_SECONDS:
            return self._kept[1]
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        # A client that leaves must not end the check for the others.
        return await asyncio.shield(self._checking)

    async def _check(self) -> bool:
        seconds = self._app.settings.HEALTH_TIMEOUT_SECONDS
        checks = self._app.plugins.implementations("health_check")
        results = await asyncio.gather(*(self._ask(impl, seconds) for impl in checks))
        is_well = all(results)
        self._kept = (time.monotonic(), is_well)
        return is_well

    async def _ask(self, impl: Implementation, seconds: float) -> bool:
        """Ask one plugin; log what is wrong."""
        try:
            async with asyncio.timeout(seconds):
                if impl.is_async:
                    fault = await impl.call(self._app)
                else:
                    fault = await self._app.threads.run(impl.call, self._app)
        except TimeoutError:
            fault = f"no answer within {seconds:g} s"
        except Exception as error:  # noqa: BLE001 - a check that fails is a fault like others
            fault = f"{type(error).__name__}: {error}"
        if fault is not None:
            _logger.warning("Not ready: plugin %r: %s", impl.plugin, fault)
        return fault is None


def _answer(*, is_well: bool) -> Response:
    status = "ok" if is_well else "unavailable"
    response = Response.json({"status": status}, 200 if is_well else 503)
    response.headers["cache-control"] = "no-store"
    return response
