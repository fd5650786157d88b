"""The plugin: its setting, and the adapter that it registers."""

from __future__ import annotations

from collections.abc import Iterator

from flasgo import Flasgo, Registry, hookimpl
from flasgo.plugin import Finding, Plugin

from flasgo_pydantic.adapter import PydanticModels

__all__ = ["PydanticPlugin"]


class PydanticPlugin(Plugin):
    """Reads, writes and describes pydantic models."""

    name = "pydantic"

    def __init__(self) -> None:
        self._models = PydanticModels()

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the setting, and take pydantic's models."""
        registry.setting(
            "PYDANTIC_EXCLUDE_NONE",
            bool,
            default=False,
            help="Leave fields that are None out of answers.",
        )
        registry.models(self._models)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Read the setting, before there are routes."""
        self._models.exclude_none = app.settings.read("PYDANTIC_EXCLUDE_NONE", bool)

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterator[Finding]:
        """Report models that clients can fill with fields of their own."""
        for name in self._models.open_models():
            yield Finding(
                "pydantic.I001",
                "info",
                f'The model {name} keeps fields that it does not declare: it has extra="allow".',
                'Declare them, or write extra="forbid" or "ignore", unless you want all of them.',
            )
