"""The bundle's plugins by name: lazy re-exports, install hints and static types.

The one file of flasgo-core that names plugins. Nothing here is imported from them until a
developer asks for a name, and nothing in the core behaves differently for these plugins.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

__all__ = ["PLUGINS", "AppMembers", "RequestMembers", "load_name"]

PLUGINS: Mapping[str, str] = {
    "auth": "flasgo-auth",
    "security": "flasgo-security",
    "static": "flasgo-static",
    "templates": "flasgo-templates",
    "testing": "flasgo-testing",
}
"""Plugin names and their distributions."""

_EXPORTS: Mapping[str, tuple[str, ...]] = {
    "flasgo_auth": (),
    "flasgo_security": (),
    "flasgo_static": (),
    "flasgo_templates": (),
    "flasgo_testing": (),
}

_APP_MEMBERS: Mapping[str, tuple[str, ...]] = {}

_REQUEST_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {}

_OPTIONS: Mapping[str, tuple[str, ...]] = {}

_SETTINGS: Mapping[str, tuple[str, ...]] = {}

_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

if TYPE_CHECKING:

    class AppMembers:
        """What the bundle's plugins add to `Flasgo`, for editors and type checkers."""

    class RequestMembers:
        """What the bundle's plugins add to requests, for editors and type checkers."""

else:

    class AppMembers:
        """Empty at run time: the methods come from the plugins that are active."""

    class RequestMembers:
        """Empty at run time: the attributes come from the plugins that are active."""


def exported_names() -> tuple[str, ...]:
    """Return the names that `flasgo` re-exports from the bundle's plugins."""
    return tuple(_MODULE_OF)


def load_name(name: str) -> object:
    """Return a name of one of the bundle's plugins.

    Args:
        name: What was asked of the module `flasgo`.

    Raises:
        AttributeError: When no plugin of the bundle has the name.
        ImportError: When the plugin that has it is not installed; the install command is named.
    """
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'flasgo' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as exc:
        if exc.name != module:
            raise
        distribution = module.replace("_", "-")
        raise ImportError(
            f"{name} is part of {distribution}, which is not installed. "
            f"Install it with: pip install {distribution}",
            name=module,
        ) from None


def missing_app_member(name: str) -> str | None:
    """Return how to get `app.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_APP_MEMBERS, name, f"app.{name} is")


def missing_request_attribute(name: str) -> str | None:
    """Return how to get `request.<name>`, when a plugin of the bundle would bring it."""
    return _advice(_REQUEST_ATTRIBUTES, name, f"request.{name} is")


def owner_of_option(name: str) -> str | None:
    """Return how to get a keyword of `Flasgo(...)`, when a plugin of the bundle declares it."""
    return _advice(_OPTIONS, name, f"{name}= is")


def owner_of_setting(name: str) -> str | None:
    """Return the distribution that declares a setting, when it is one of the bundle's."""
    return next((owner for owner, names in _SETTINGS.items() if name in names), None)


def _advice(table: Mapping[str, tuple[str, ...]], name: str, subject: str) -> str | None:
    for distribution, names in table.items():
        if name in names:
            return (
                f"{subject} part of {distribution}, which is not installed or not active. "
                f"Install it with: pip install {distribution}"
            )
    return None
