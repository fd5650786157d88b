"""The settings and options that distributions declare in their metadata, for plugins not loaded.

A plugin that is switched off is not imported, so it cannot say which settings are its own. Its
distribution can, in the entry-point groups `flasgo.settings`, `flasgo.options`,
`flasgo.blueprint_options` and `flasgo.blueprint_methods`: a name on the left, the plugin's name on
the right. A setting or option that ends with `_` stands for all that begin with it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection

from msgspec import Struct

from flasgo import _bundle
from flasgo.errors import closest
from flasgo.plugins.entry_points import entry_points

__all__ = [
    "BLUEPRINT_METHODS_GROUP",
    "BLUEPRINT_OPTIONS_GROUP",
    "OPTIONS_GROUP",
    "SETTINGS_GROUP",
    "Inactive",
    "declared_in",
    "declaring_distribution",
    "names_of_inactive",
]

_logger = logging.getLogger("flasgo.app")

SETTINGS_GROUP = "flasgo.settings"
OPTIONS_GROUP = "flasgo.options"
BLUEPRINT_OPTIONS_GROUP = "flasgo.blueprint_options"
BLUEPRINT_METHODS_GROUP = "flasgo.blueprint_methods"
_GROUPS = (SETTINGS_GROUP, OPTIONS_GROUP, BLUEPRINT_OPTIONS_GROUP, BLUEPRINT_METHODS_GROUP)


class Inactive(Struct, frozen=True):
    """A plugin that an app does not use.

    Attributes:
        name: Its name.
        state: The end of a sentence that begins with its name: why it is not active.
        distribution: The distribution that brings it, if it is installed as one.
        declared: Settings and options that it declared before it failed.
    """

    name: str
    state: str
    distribution: str | None
    declared: frozenset[str]

    def owns(self, name: str) -> bool:
        """Whether a setting or option is its own, as far as its metadata and its name tell.

        Args:
            name: A setting or an option.
        """
        if name in self.declared or self.distribution in _bundle.owners_of(name):
            return True
        if self.declares_names:
            return any(
                _covers(declared, name)
                for declared, (plugin, _) in _declarations().items()
                if plugin == self.name
            )
        # By convention the names of a plugin begin with its own.
        prefix = self.name.lower().replace("-", "_")
        return name.lower() == prefix or name.lower().startswith(f"{prefix}_")

    @property
    def declares_names(self) -> bool:
        """Whether the metadata of its distribution says which names are its own."""
        return self.distribution is not None and (
            self.distribution in _bundle.PLUGINS.values()
            or any(owner == self.distribution for _, owner in _declarations().values())
        )


def names_of_inactive(
    names: Collection[str],
    find: Callable[[], Collection[Inactive]],
    known: Collection[str],
    where: str = "",
) -> set[str]:
    """Return which unknown names belong to inactive plugins, and warn that they have no effect.

    So that switching a plugin off does not make its configuration an error. A plugin whose
    distribution declares nothing may own any name that does not resemble a known one.

    Args:
        names: Settings or options that no active plugin declares.
        find: Returns the inactive plugins of the app; not called where all names are known.
        known: The names that active plugins declare.
        where: What has the names, for the warning: ` of the blueprint 'notes'`.
    """
    if not names:
        return set()
    inactive = find()
    silent = [plugin for plugin in inactive if not plugin.declares_names]
    found: set[str] = set()
    for name in sorted(names):
        owner = next((plugin for plugin in inactive if plugin.owns(name)), None)
        if owner is not None:
            _logger.warning(
                "%s%s has no effect: it belongs to plugin %r, which %s.",
                name,
                where,
                owner.name,
                owner.state,
            )
        elif silent and not _bundle.owners_of(name) and closest(name, known) is None:
            _logger.warning(
                "%s%s has no effect: no active plugin declares it. It may belong to one of these, "
                "which are not active and whose distributions do not say which settings are "
                "theirs: %s.",
                name,
                where,
                ", ".join(plugin.name for plugin in silent),
            )
        else:
            continue
        found.add(name)
    return found


def declaring_distribution(name: str) -> str | None:
    """Return the distribution that owns a setting: one of the bundle, or an installed one.

    Args:
        name: The setting's name.
    """
    bundled = _bundle.owner_of_setting(name)
    if bundled is not None:
        return bundled
    found = (owner for declared, (_, owner) in _declarations().items() if _covers(declared, name))
    return next(found, None)


def _covers(declared: str, name: str) -> bool:
    return name.startswith(declared) if declared.endswith("_") else name == declared


@functools.cache
def _declarations() -> dict[str, tuple[str, str]]:
    """Return all declared names, each with its plugin and its distribution."""
    return {
        entry_point.name: (entry_point.value, entry_point.distribution)
        for entry_point in entry_points(*_GROUPS)
    }


@functools.cache
def declared_in(group: str) -> frozenset[str]:
    """Return the names that installed distributions declare in one of the groups."""
    return frozenset(entry_point.name for entry_point in entry_points(group))
