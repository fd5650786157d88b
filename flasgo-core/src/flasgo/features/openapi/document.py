"""Puts the OpenAPI document of an app together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.features.openapi.error_responses import Error, Problem
from flasgo.features.openapi.operation_objects import describe, placements
from flasgo.features.openapi.schemas import JsonObject, Schemas

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["VERSION", "build_document"]

VERSION = "3.1.0"


def build_document(app: Flasgo) -> JsonObject:
    """Return the OpenAPI 3.1 document of an app, as its plugins leave it.

    Args:
        app: The app.

    Raises:
        PluginError: When a plugin's `openapi_document` hook fails.
    """
    schemas = Schemas()
    paths: dict[str, JsonObject] = {}
    tags: dict[str, None] = {}
    for place in placements(app):
        operation = describe(place, schemas)
        paths.setdefault(place.template, {})[place.method] = operation
        tags.update(dict.fromkeys(place.route.operation.tags))
    # What plugins refer to, whether or not a route of the app does.
    for kind in (Error, Problem):
        schemas.of(kind)
    document: JsonObject = {
        "openapi": VERSION,
        "info": _info(app),
        "paths": paths,
        "components": {"schemas": schemas.fill()},
    }
    if tags:
        document["tags"] = [{"name": name} for name in tags]
    app.plugins.call_all("openapi_document", app, document)
    return document


def _info(app: Flasgo) -> JsonObject:
    settings = app.settings
    info: JsonObject = {
        "title": settings.API_TITLE or app.name,
        "version": settings.API_VERSION,
    }
    if settings.API_DESCRIPTION:
        info["description"] = settings.API_DESCRIPTION
    return info
