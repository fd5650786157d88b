"""Finds the plugins that are installed, by their entry points."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from msgspec import Struct

from flasgo.errors import PluginError

__all__ = ["ENTRY_POINT_GROUP", "Candidate", "discovered_plugins", "installed_plugins"]

ENTRY_POINT_GROUP = "flasgo.plugins"


class Candidate(Struct, frozen=True):
    """An installed plugin that has not been loaded yet.

    Attributes:
        name: The entry point's name.
        distribution: The distribution that brings it.
        version: The distribution's version.
        entry_point: Loads the plugin's class or module.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

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
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        dist = entry_point.dist
        candidate = Candidate(
            name=entry_point.name,
            distribution=dist.name if dist else "unknown",
            version=dist.version if dist else "unknown",
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
