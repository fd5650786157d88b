"""The names that templates get from the bundle's other plugins, for errors when one is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flasgo.plugins.manager import Plugins

__all__ = ["COMPANIONS", "Companion", "advise_on"]


class Companion(NamedTuple):
    """Who brings a name to templates.

    Attributes:
        plugin: The plugin's name.
        distribution: What to install.
    """

    plugin: str
    distribution: str


_SECURITY = Companion("security", "flasgo-security")

# Nothing here is imported, and nothing behaves differently for these names: a template that asks
# for one in vain gets an error that says where it comes from.
COMPANIONS: Mapping[str, Companion] = {
    "csp_nonce": _SECURITY,
    "csrf_input": _SECURITY,
    "csrf_token": _SECURITY,
    "get_flashed_messages": _SECURITY,
    "current_user": Companion("auth", "flasgo-auth"),
    "static_url": Companion("static", "flasgo-static"),
}
"""Names and who brings them."""


def advise_on(plugins: Plugins) -> Callable[[str], str]:
    """Return a function that says how a template gets a name.

    Args:
        plugins: The plugins of the app.
    """

    def advise(name: str) -> str:
        companion = COMPANIONS.get(name)
        if companion is None:
            return ""
        plugin, distribution = companion
        if plugin in plugins:
            return ""
        known = {info.name: info for info in plugins}.get(plugin)
        if known is not None:
            return (
                f"The plugin {plugin!r} would bring it, which is {known.status} for this app"
                f"{f': {known.reason}' if known.reason else ''}."
            )
        return (
            f"It is part of {distribution}, which is not installed or not active. Install it "
            f"with: pip install {distribution}"
        )

    return advise
