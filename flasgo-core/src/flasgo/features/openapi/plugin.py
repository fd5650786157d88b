"""The plugin `openapi`: describes the app's routes, and serves the description where asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flasgo.binding.custom_types import using
from flasgo.plugin import Plugin
from flasgo.plugins.hooks import hookimpl

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.plugins.registry import Registry

__all__ = ["OpenAPIPlugin"]


class OpenAPIPlugin(Plugin):
    """Brings `app.openapi_spec()`, the OpenAPI document and Swagger UI."""

    name = "openapi"
    _app: Flasgo

    # First, so that another plugin which declares one of these settings is the one at fault.
    @hookimpl(tryfirst=True)
    def plugin_setup(self, registry: Registry) -> None:
        """Declare the settings of the description, and the method that returns it."""
        registry.app_method("openapi_spec", self.openapi_spec)
        registry.setting(
            "ENABLE_DOCS",
            bool,
            default=False,
            help="Serve the API description (OpenAPI) and Swagger UI.",
        )
        registry.setting(
            "DOCS_PATH",
            str,
            default="/docs",
            check=_url_path,
            help="Where Swagger UI is served, when ENABLE_DOCS is on.",
        )
        registry.setting(
            "OPENAPI_PATH",
            str,
            default="/openapi.json",
            check=_url_path,
            help="Where the OpenAPI document is served, when ENABLE_DOCS is on.",
        )
        registry.setting(
            "DOCS_AUTH_BACKEND",
            str | None,
            default=None,
            help="The auth backend whose users may read the API description; None leaves it to the "
            "app's other rules.",
        )
        registry.setting(
            "API_TITLE",
            str,
            default="",
            help="The title of the API description; the app's name when empty.",
        )
        registry.setting(
            "API_VERSION",
            str,
            default="0.1.0",
            help="The version of the API, in its description.",
        )
        registry.setting(
            "API_DESCRIPTION",
            str,
            default="",
            help="What the API is about, in its description; Markdown.",
        )

    # Last, so that the routes of other plugins come before those of the description.
    @hookimpl(trylast=True)
    def app_created(self, app: Flasgo) -> None:
        """Add the routes of the description, where ENABLE_DOCS is on.

        Raises:
            ConfigurationError: When `DOCS_AUTH_BACKEND` is set, and no plugin can enforce it.
        """
        self._app = app
        if app.settings.ENABLE_DOCS:
            from flasgo.features.openapi.docs_page import add_docs

            add_docs(app)

    @hookimpl
    def cli_commands(self, cli: Any) -> None:
        """Add `flasgo openapi`."""
        from flasgo.features.openapi.command import openapi

        cli.command()(openapi)

    def openapi_spec(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document of the app, made anew from its routes.

        `Any`: the members of a JSON document.

        Raises:
            PluginError: When a plugin's `openapi_document` hook fails.
        """
        from flasgo.features.openapi.document import build_document

        with using(self._app._declarations.custom_types):
            return build_document(self._app)


def _url_path(value: object) -> str | None:
    path = str(value)
    if path.startswith("/") and not path.startswith("//") and not set(path) & set("<>?#\\ "):
        return None
    return "it is a path such as /docs: it starts with one '/', and has no parameter, no query"
