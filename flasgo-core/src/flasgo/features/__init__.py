"""What comes with core and is made of plugins: each can be replaced or switched off by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flasgo.features.openapi.members import AppMembers as AppMembers
else:

    class AppMembers:
        """Empty at run time: the methods come from the plugins that are active."""


__all__ = ["BUILT_IN", "AppMembers"]

BUILT_IN: Mapping[str, str] = {
    "access_log": "flasgo.features.access_log.plugin:AccessLogPlugin",
    "error_pages": "flasgo.features.error_pages.plugin:ErrorPagesPlugin",
    "health": "flasgo.features.health.plugin:HealthPlugin",
    "openapi": "flasgo.features.openapi.plugin:OpenAPIPlugin",
    "request_ids": "flasgo.features.request_ids.plugin:RequestIdsPlugin",
}
"""The plugins that come with core, by name: where each is imported from once it is loaded."""
