"""The plugin `access_log`: declares its settings, and is in a pipeline only where it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.plugin import Finding, Plugin, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report that query strings are logged."""
        if deploy and app.settings.read("ACCESS_LOG_QUERY", bool):
            yield Finding(
                "access_log.I001",
                "info",
                "ACCESS_LOG_QUERY is True: query strings are logged.",
                "Set it to False, the default, or keep the log as secret as what is in it.",
                "Tokens of links in mails, and personal data, end in the log (CWE-532).",
                "ACCESS_LOG_QUERY",
            )
