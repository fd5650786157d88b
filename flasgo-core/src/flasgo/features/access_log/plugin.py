"""The plugin `access_log`: declares its settings, and is in a pipeline only where it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.plugin import Plugin, hookimpl

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.registry import Registry

__all__ = ["AccessLogPlugin"]


class AccessLogPlugin(Plugin):
    """Logs each request once it is answered (logger `flasgo.access`)."""

    name = "access_log"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings."""
        self._registry = registry
        registry.setting(
            "ACCESS_LOG",
            bool,
            default=False,
            help="Log each request with its route, status and duration (logger `flasgo.access`). "
            "`flasgo run --log-format` switches it on.",
        )
        registry.setting(
            "ACCESS_LOG_QUERY",
            bool,
            default=False,
            help="Log query strings too. They often hold personal data and tokens.",
        )

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Add the hooks where they are wanted."""
        if app.settings.ACCESS_LOG:
            from flasgo.features.access_log.lines import AccessLines

            lines = AccessLines(with_query=app.settings.ACCESS_LOG_QUERY)
            self._registry.component("lines", lines)
