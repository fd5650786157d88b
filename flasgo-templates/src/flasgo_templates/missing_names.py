"""Advice for template errors: which plugin of the bundle adds a name that is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flasgo.plugin import Plugins

__all__ = ["PROVIDERS", "Provider", "advise_on"]


class Provider(NamedTuple):
    """The plugin that adds a name to templates.

    Attributes:
        plugin: The plugin's name.
        distribution: What to install.
    """

    plugin: str
    distribution: str


_SECURITY = Provider("security", "flasgo-security")

# Nothing here is imported, and nothing behaves differently for these names: the error for one that
# is missing says which package adds it.
PROVIDERS: Mapping[str, Provider] = {
    "csp_nonce": _SECURITY,
    "csrf_input": _SECURITY,
    "csrf_token": _SECURITY,
    "get_flashed_messages": _SECURITY,
    "current_user": Provider("auth", "flasgo-auth"),
    "static_url": Provider("static", "flasgo-static"),
}
"""Names of template variables and functions, with the plugins that add them."""


def advise_on(plugins: Plugins) -> Callable[[str], str]:
    """Return a function that says how a template gets a name.

    Args:
        plugins: The plugins of the app.
    """

    def advise(name: str) -> str:
        provider = PROVIDERS.get(name)
        if provider is None:
            return ""
        plugin, distribution = provider
        if plugin in plugins:
            return ""
        known = {info.name: info for info in plugins}.get(plugin)
        if known is not None:
            return (
                f"The plugin {plugin!r} adds it, which is {known.status} for this app"
                f"{f': {known.reason}' if known.reason else ''}."
            )
        return (
            f"It is part of {distribution}, which is not installed or not active. Install it "
            f"with: pip install {distribution}"
        )

    return advise
