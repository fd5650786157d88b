"""Finds the plugins that are installed, by their entry points, and those that come with core."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType

from msgspec import Struct

from flasgo.errors import PluginError
from flasgo.plugins.entry_points import EntryPoint, entry_points

__all__ = [
    "ENTRY_POINT_GROUP",
    "Candidate",
    "built_in_plugins",
    "candidate_of",
    "core_version",
    "discovered_plugins",
    "installed_plugins",
    "name_of",
]

ENTRY_POINT_GROUP = "flasgo.plugins"


class Candidate(Struct, frozen=True):
    """An installed plugin that has not been loaded yet.

    Attributes:
        name: The entry point's name.
        distribution: The distribution that brings it.
        version: The distribution's version; empty for plugins that come with core, see
            `core_version`.
        entry_point: Loads the plugin's class or module.
        is_builtin: Whether it comes with core.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint
    is_builtin: bool = False

    def load(self) -> object:
        """Import the plugin; make an instance where the entry point names a class.

        Raises:
            PluginError: When the import or the constructor fails, or the entry point names
                neither a class nor a module. The original exception is the cause.
        """
        try:
            target = self.entry_point.load()
            plugin = target() if isinstance(target, type) else target
        except Exception as exc:
            raise PluginError(
                f"Plugin {self.name!r} of distribution {self.distribution} {self.version} could "
                f"not be loaded from {self.entry_point.value!r}: {type(exc).__name__}: {exc}. "
                f"Repair or uninstall {self.distribution}, or switch the plugin off with "
                f"FLASGO_DISABLE_PLUGINS={self.name}.",
                plugin=self.name,
            ) from exc
        if not isinstance(target, type | ModuleType):
            raise PluginError(
                f"Plugin {self.name!r} of distribution {self.distribution} names "
                f"{self.entry_point.value!r}, which is a {type(target).__name__}. "
                "An entry point names a plugin class or a module.",
                plugin=self.name,
            )
        return plugin


@functools.cache
def installed_plugins() -> tuple[Candidate, ...]:
    """Return the installed plugins in the order of their names; the scan is once per process."""
    found: dict[tuple[str, str], Candidate] = {}
    for entry_point in entry_points(ENTRY_POINT_GROUP):
        candidate = Candidate(
            name=entry_point.name,
            distribution=entry_point.distribution,
            version=entry_point.version,
            entry_point=entry_point,
        )
        # One that is there twice, in two folders of sys.path, is the first one.
        found.setdefault((candidate.name, candidate.distribution), candidate)
    return tuple(found[key] for key in sorted(found))


def discovered_plugins() -> dict[str, Candidate]:
    """Return the installed plugins by name, for an app that loads them all.

    Raises:
        PluginError: When two distributions have an entry point of one name.
    """
    found: dict[str, Candidate] = {}
    for candidate in installed_plugins():
        other = found.setdefault(candidate.name, candidate)
        if other is not candidate:
            raise PluginError(
                f"Distributions {other.distribution} and {candidate.distribution} both have a "
                f"plugin named {candidate.name!r}. Uninstall one of them.",
                plugin=candidate.name,
            )
    return found


def built_in_plugins(targets: Mapping[str, str]) -> dict[str, Candidate]:
    """Return the plugins that come with core, by name; nothing is imported yet.

    Args:
        targets: The class of each, as an entry point names it.
    """
    return {
        name: Candidate(
            name=name,
            distribution="flasgo-core",
            version="",  # PERF: looked up where it is shown
            entry_point=EntryPoint(ENTRY_POINT_GROUP, name, target),
            is_builtin=True,
        )
        for name, target in targets.items()
    }


@functools.cache
def core_version() -> str:
    """Return the version of flasgo-core."""
    from importlib.metadata import version  # where it is shown

    return version("flasgo-core")


def name_of(plugin: object) -> str:
    """Return the name under which a plugin that was handed over is known.

    Args:
        plugin: An instance, class or module.
    """
    candidate = candidate_of(plugin)
    if candidate is not None:
        return candidate.name
    name = getattr(plugin, "name", None)
    if isinstance(name, str) and name:
        return name
    if isinstance(plugin, ModuleType):
        return plugin.__name__.rpartition(".")[2].lower()
    return _class_of(plugin).__name__.lower()


def candidate_of(plugin: object) -> Candidate | None:
    """Return the installed plugin that was handed over, as an instance, its class or its module.

    Args:
        plugin: An instance, class or module.
    """
    for candidate in installed_plugins():
        module, _, attribute = candidate.entry_point.value.partition(":")
        if isinstance(plugin, ModuleType):
            if not attribute and plugin.__name__ == module:
                return candidate
        elif (
            _class_of(plugin).__qualname__ == attribute
            and _class_of(plugin).__module__.partition(".")[0] == module.partition(".")[0]
        ):
            return candidate
    return None


def _class_of(plugin: object) -> type:
    return plugin if isinstance(plugin, type) else type(plugin)
