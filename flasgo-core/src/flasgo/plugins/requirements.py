"""What plugins require of each other: `requires = {"sqlalchemy": "flasgo-sqlalchemy"}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flasgo import _bundle

__all__ = ["ORDERED_HOOKS", "requirements_of"]

ORDERED_HOOKS = frozenset(
    {"plugin_setup", "app_created", "route_added", "routes_ready", "app_startup"}
)
"""The hooks in which a required plugin comes before those that require it."""


def requirements_of(plugin: object) -> dict[str, str | None]:
    """Return the names of the plugins that a plugin requires, each with its distribution.

    Args:
        plugin: Its attribute `requires` holds names, or maps names to distributions.

    Raises:
        TypeError: When it is something else.
    """
    given = getattr(plugin, "requires", ())
    if isinstance(given, str):
        given = (given,)
    names: Mapping[object, object]
    if isinstance(given, Mapping):
        names = given
    elif isinstance(given, Iterable):
        names = dict.fromkeys(given)
    else:
        raise TypeError(f"its requires is {given!r}")
    found: dict[str, str | None] = {}
    for name, distribution in names.items():
        if not isinstance(name, str) or not (distribution is None or isinstance(distribution, str)):
            raise TypeError(f"its requires has {name!r}: {distribution!r} in it")
        found[name] = distribution or _bundle.PLUGINS.get(name)
    return found
