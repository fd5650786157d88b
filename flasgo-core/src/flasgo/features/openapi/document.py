"""Puts the OpenAPI document of an app together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flasgo.features.openapi.error_responses import Error, HandledErrors, Problem
from flasgo.features.openapi.operation_objects import describe, placements
from flasgo.features.openapi.schemas import REFERENCE, JsonObject, Schemas

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
    places = placements(app)
    for place in places:
        operation = describe(place, schemas)
        paths.setdefault(place.template, {})[place.method] = operation
        tags.update(dict.fromkeys(place.route.operation.tags))
    # What plugins refer to, whether or not a route of the app does.
    for kind in (Error, Problem):
        schemas.of(kind)
    handled = HandledErrors(app, [place.route for place in places], schemas)
    named = schemas.fill()
    document: JsonObject = {
        "openapi": VERSION,
        "info": _info(app),
        "paths": paths,
        "components": {"schemas": dict(named)},
    }
    if tags:
        document["tags"] = [{"name": name} for name in tags]
    app.plugins.call_all("openapi_document", app, document)
    for place in places:
        operation = document["paths"].get(place.template, {}).get(place.method)
        if operation is not None:
            handled.apply(document, place.route, operation)
    _drop_unused(document, named)
    return document


def _drop_unused(document: JsonObject, named: Iterable[str]) -> None:
    """Take out the schemas of ours that nothing refers to.

    Args:
        document: The document.
        named: The names of our schemas; those that plugins have added stay.
    """
    schemas = document.get("components", {}).get("schemas", {})
    ours = {name: schemas[name] for name in named if name in schemas}
    for name in ours:
        del schemas[name]
    waiting: list[Any] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, str) and part.startswith(REFERENCE):
            # In `$ref`, and in the mapping of a discriminator.
            name = part.removeprefix(REFERENCE)
            if name in ours and name not in schemas:
                schemas[name] = ours[name]
                waiting.append(ours[name])
    if schemas:
        document["components"]["schemas"] = dict(sorted(schemas.items()))


def _info(app: Flasgo) -> JsonObject:
    settings = app.settings
    info: JsonObject = {
        "title": settings.API_TITLE or app.name,
        "version": settings.API_VERSION,
    }
    if settings.API_DESCRIPTION:
        info["description"] = settings.API_DESCRIPTION
    return info
