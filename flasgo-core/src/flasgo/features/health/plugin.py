"""The plugin `health`: declares its settings, and adds its routes where they are set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.features.health import hookspecs
from flasgo.plugin import Plugin
from flasgo.plugins.hooks import hookimpl

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.registry import Registry

__all__ = ["HealthPlugin"]


def _check_path(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value.startswith("/") and "<" not in value):
        return None
    return "must be a path that begins with a slash, without parameters, such as '/healthz'"


def _check_timeout(value: object) -> str | None:
    return None if isinstance(value, float | int) and 0 < value <= 60 else "must be from 0 to 60"


class HealthPlugin(Plugin):
    """Answers `HEALTH_PATH` and `READY_PATH`; both are off by default."""

    name = "health"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings and the hook."""
        self._registry = registry
        registry.hookspecs(hookspecs)
        registry.setting(
            "HEALTH_PATH",
            str | None,
            default=None,
            help="Answers 200 while the process serves requests, whatever it depends on.",
            check=_check_path,
        )
        registry.setting(
            "READY_PATH",
            str | None,
            default=None,
            help="Answers 200 when every plugin's health_check passes, and 503 otherwise.",
            check=_check_path,
        )
        registry.setting(
            "HEALTH_TIMEOUT_SECONDS",
            float,
            default=2.0,
            help="How long the checks of READY_PATH may take together, in seconds.",
            check=_check_timeout,
        )

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Add what is switched on; the rest is in no pipeline."""
        settings = app.settings
        if settings.HEALTH_PATH is None and settings.READY_PATH is None:
            return
        from flasgo.features.health.probes import Probes

        probes = Probes(app)
        self._registry.component("probes", probes)
        probes.add_routes()
