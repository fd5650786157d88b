"""Tells plugins of the routes of an app: `route_added` and `routes_ready`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Route

__all__ = ["RouteHooks"]


class RouteHooks:
    """What the plugins of one app know of its routes.

    Args:
        app: The app.
    """

    def __init__(self, app: Flasgo) -> None:
        self._app = app
        self._is_open = False
        self._has_news = True

    def open(self, routes: Iterable[Route]) -> None:
        """Tell of the routes that are there, now that all plugins have seen the app."""
        self._is_open = True
        self.tell(routes)

    def are_told(self) -> bool:
        """Note that routes come; return whether a plugin is told of each."""
        self._has_news = True
        return self._is_open and bool(self._app.plugins.implementations("route_added"))

    def tell(self, routes: Iterable[Route], only: str | None = None) -> None:
        """Call `route_added` of every plugin, or of one, for each route.

        Raises:
            PluginError: When a plugin refuses a route.
        """
        plugins = self._app.plugins
        impls = plugins.implementations("route_added")
        told = [impl for impl in impls if only in (None, impl.plugin.partition(".")[0])]
        for route in tuple(routes) if told else ():
            for impl in told:
                plugins.call_setup(impl, self._app, route)

    def take(self, routes: Iterable[Route], go_back: Callable[[], None] | None) -> None:
        """Tell of new routes, and take them away again where a plugin refuses one.

        Args:
            routes: The routes, registered already.
            go_back: Takes the app back; None where no plugin is told.

        Raises:
            PluginError: When a plugin refuses a route.
        """
        if go_back is None:
            return
        try:
            self.tell(routes)
        except BaseException:
            go_back()
            raise

    def ready(self) -> None:
        """Call `routes_ready`, where routes have changed since the last time.

        Raises:
            PluginError: When a plugin fails.
        """
        if not self._has_news:
            return
        self._has_news = False
        try:
            self._app.plugins.call_all("routes_ready", self._app)
        except BaseException:
            self._has_news = True  # so that the next attempt meets the same error
            raise
        # Routes that it has added are compiled with the others.
        self._has_news = False
