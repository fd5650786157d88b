"""What the plugin adds to `Flasgo`, for editors and type checkers."""

from __future__ import annotations

from typing import Any

__all__ = ["AppMembers"]


class AppMembers:
    """The methods that `openapi` adds to `Flasgo`."""

    # Any: the members of a JSON document.
    def openapi_spec(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document of the app, made anew from its routes.

        Raises:
            PluginError: When a plugin's `openapi_document` hook fails.
        """
        raise NotImplementedError
