"""Feature flags, whose values other plugins give: hooks that a plugin publishes."""

from __future__ import annotations

from flasgo import Connection, Flasgo, Registry, hookimpl, hookspec
from flasgo.plugin import Plugin

__all__ = ["FlagsPlugin"]


class FlagHooks:
    """What other plugins implement."""

    @hookspec(firstresult=True)
    def flag_value(self, request: Connection, name: str) -> bool | None:
        """Say whether a flag is on; the first answer counts."""

    @hookspec
    def flag_names(self) -> list[str] | None:
        """Name the flags that a plugin knows."""

    @hookspec(sync=True)
    def flag_read(self, request: Connection, name: str, value: bool) -> None:
        """Take note of a flag that was read."""


class FlagsPlugin(Plugin):
    """`await app.flag(request, name)`."""

    name = "flags"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.hookspecs(FlagHooks)
        registry.app_method("flag", self.flag)
        registry.app_method("flags", self.flags)

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        self.plugins = app.plugins

    async def flag(self, request: Connection, name: str) -> bool:
        value = bool(await self.plugins.call("flag_value", request, name))
        self.plugins.notify("flag_read", request, name, value)
        return value

    async def flags(self) -> list[str]:
        return sorted({name for names in await self.plugins.call("flag_names") for name in names})
