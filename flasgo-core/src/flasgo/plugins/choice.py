"""Which plugins an app asks for: by its arguments, its settings and the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from flasgo.errors import ConfigurationError
from flasgo.settings.settings import Sources, read_value

__all__ = ["PluginChoice", "choose"]


class PluginChoice(Struct, frozen=True):
    """Which plugins an app asks for.

    Attributes:
        explicit: Plugin instances, classes or modules handed to `Flasgo(plugins=...)`.
        built_in: The plugins that come with core: the class of each, as an entry point names it.
        discover: Whether installed plugins are loaded too.
        allowed: When not None, only these of the installed plugins are loaded.
        disabled: Plugins of these names are not loaded, wherever they come from.
        optional: These may fail to load.
    """

    explicit: tuple[object, ...] = ()
    built_in: Mapping[str, str] = MappingProxyType({})
    discover: bool = True
    allowed: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def allows(self, name: str) -> bool:
        """Whether an installed plugin may be loaded, as far as PLUGINS decides."""
        return self.allowed is None or name in self.allowed


def choose(
    sources: Sources,
    plugins: Iterable[object],
    disabled: Iterable[str],
    *,
    built_in: Mapping[str, str],
    discover: bool,
) -> PluginChoice:
    """Return which plugins an app asks for, by its arguments and its settings.

    Args:
        sources: Where the settings are read from.
        plugins: What was handed to `Flasgo(plugins=...)`.
        disabled: What was handed to `Flasgo(disable_plugins=...)`.
        built_in: The plugins that come with core.
        discover: Whether installed plugins are loaded.

    Raises:
        ConfigurationError: When an argument is no collection of what it should hold.
        SettingError: When one of the settings has a value that is not allowed.
    """
    allowed, off, optional = (
        _as_names(read_value(name, sources))
        for name in ("PLUGINS", "DISABLED_PLUGINS", "OPTIONAL_PLUGINS")
    )
    if isinstance(plugins, str) or not isinstance(plugins, Iterable):
        raise ConfigurationError(
            f"plugins={plugins!r} is not a list of plugins; write plugins=[...] with plugins "
            "or classes in it."
        )
    return PluginChoice(
        explicit=tuple(plugins),
        built_in=built_in,
        discover=discover,
        allowed=allowed,
        disabled=(_as_names(disabled) or frozenset()) | (off or frozenset()),
        optional=optional or frozenset(),
    )


def _as_names(value: object) -> frozenset[str] | None:
    if isinstance(value, str):
        raise ConfigurationError(
            f"disable_plugins={value!r} is a string; give a set of names: {{{value!r}}}."
        )
    return frozenset(map(str, value)) if isinstance(value, Iterable) else None
