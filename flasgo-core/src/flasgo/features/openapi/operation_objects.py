"""The operations of an app: which route stands where in the document, and what it says there."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from flasgo.binding import (
    Field,
    FileField,
    FormBody,
    JsonBody,
    Marker,
    PathParameter,
)
from flasgo.binding.signatures import MISSING
from flasgo.features.openapi.docstrings import Docs, docs_of
from flasgo.features.openapi.error_responses import answers_of, data_of
from flasgo.features.openapi.schemas import JsonObject, Schemas
from flasgo.features.openapi.shapes import plain_default, plain_value

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.routing import Route

__all__ = ["Placement", "describe", "operations", "placements"]

_logger = logging.getLogger("flasgo.app")

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PLAIN = ((str, "string"), (int, "integer"), (float, "number"))
_PARAMETER = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>")
# OpenAPI 3.1, section 4.8.12.1: these are described elsewhere, and ignored as parameters.
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


class Placement(NamedTuple):
    """Where a route stands in the document.

    Attributes:
        route: The route.
        template: The key in `paths`, such as `/widgets/{widget_id}`.
        method: The key of the operation there, in lower case.
        operation_id: Its unique name.
        names: What the parameters of the rule are called there.
    """

    route: Route
    template: str
    method: str
    operation_id: str
    names: dict[str, str]


def placements(app: Flasgo) -> list[Placement]:
    """Return where the routes of an app stand in its document.

    Two routes that differ in the names of parameters only are one path there; where both answer
    a method, the first is described, with a warning about the other.

    Args:
        app: The app.
    """
    templates: dict[str, str] = {}
    taken: dict[tuple[str, str], Route] = {}
    found: list[Placement] = []
    ids: set[str] = set()
    for route in app.routes:
        if not _is_described(route):
            continue
        own = _PARAMETER.sub(r"{\1}", route.path)
        template = templates.setdefault(_PARAMETER.sub("{}", route.path), own)
        names = dict(zip(_names(own), _names(template), strict=True))
        for method in _methods(route):
            other = taken.setdefault((template, method), route)
            if other is not route:
                _logger.warning(
                    "The API description has no place for %s %s: it is the same path as %s. "
                    "Register it with include_in_schema=False to silence this.",
                    method.upper(),
                    route.path,
                    other.path,
                )
                continue
            operation_id = _unique(_id_of(route, method), ids)
            found.append(Placement(route, template, method, operation_id, names))
    return found


def _is_described(route: Route) -> bool:
    return route.operation.include_in_schema and not route.is_websocket and route.mounted is None


def _names(template: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", template)


def _methods(route: Route) -> list[str]:
    methods = route.methods - {"HEAD"} if route.is_head_automatic else route.methods
    return [method for method in _METHODS if method.upper() in methods]


def _id_of(route: Route, method: str) -> str:
    name = route.operation.operation_id or re.sub(r"[^A-Za-z0-9_.-]", "_", route.endpoint)
    return name if len(_methods(route)) == 1 else f"{name}_{method}"


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def operations(app: Flasgo, document: JsonObject) -> Iterator[tuple[Route, JsonObject]]:
    """Iterate over the routes of an app with their operations; for `openapi_document` hooks.

    Args:
        app: The app.
        document: Its document, whose operations may be changed in place.
    """
    for place in placements(app):
        operation = document["paths"].get(place.template, {}).get(place.method)
        if operation is not None:
            yield place.route, operation


def describe(place: Placement, schemas: Schemas) -> JsonObject:
    """Return the operation of one route.

    Args:
        place: The route and where it stands.
        schemas: Takes the types.
    """
    route, said = place.route, place.route.operation
    docs = docs_of(route.handler)
    operation: JsonObject = {"operationId": place.operation_id}
    if said.tags:
        operation["tags"] = list(said.tags)
    summary = docs.summary if said.summary is None else said.summary
    description = docs.description if said.description is None else said.description
    operation |= {"summary": summary} if summary else {}
    operation |= {"description": description} if description else {}
    parameters = [*_path_parameters(place, docs, schemas), *_parameters(route, docs, schemas)]
    operation |= {"parameters": parameters} if parameters else {}
    body = None if route.plan is None else route.plan.body
    if body is not None:
        operation["requestBody"] = _request_body(body, docs, schemas)
    operation["responses"] = answers_of(route, schemas, docs.returns)
    if body is None and docs.examples:
        _add_examples(operation["responses"], docs.examples)
    operation |= {"deprecated": True} if said.deprecated else {}
    return operation


# --- Parameters -----------------------------------------------------------------------------


def _path_parameters(place: Placement, docs: Docs, schemas: Schemas) -> Iterator[JsonObject]:
    route = place.route
    asked = {} if route.plan is None else {each.name: each for each in route.plan.paths}
    for name, converter in route.parameters.items():
        if name not in place.names:
            continue  # part of the host
        found: PathParameter | None = asked.get(name)
        marker = Marker() if found is None else found.marker
        parameter: JsonObject = {
            "name": place.names[name],
            "in": "path",
            "required": True,
            **_told(marker, docs.parameters.get(name, "")),
        }
        annotation = MISSING if found is None else found.annotation
        # What the rule says of plain types is more exact: `<int:n>` has no sign.
        plain = next((name for kind, name in _PLAIN if kind is annotation), None)
        if annotation in (MISSING, object, Any) or plain == converter.schema.get("type"):
            parameter["schema"] = dict(converter.schema)
        else:
            parameter["schema"] = schemas.of(annotation)
        yield parameter


def _parameters(route: Route, docs: Docs, schemas: Schemas) -> Iterator[JsonObject]:
    seen: set[tuple[str, str]] = set()
    for field in () if route.plan is None else route.plan.fields:
        key = field.place, field.name
        if key in seen or (field.place == "header" and field.name in _IGNORED_HEADERS):
            continue
        seen.add(key)
        description = docs.parameters.get(field.name.replace("-", "_"), "")
        yield {
            "name": field.name,
            "in": field.place,
            **({"required": True} if field.is_required else {}),
            **_told(field.marker, description),
            "schema": _schema_of(field, schemas),
        }


def _told(marker: Marker, description: str) -> JsonObject:
    told: JsonObject = {}
    if marker.description or description:
        told["description"] = marker.description or description
    if marker.deprecated:
        told["deprecated"] = True
    if marker.examples:
        told["examples"] = _named(marker.examples)
    return told


def _named(examples: Iterable[object]) -> JsonObject:
    return {
        f"example_{number}": {"value": _plain(value)} for number, value in enumerate(examples, 1)
    }


def _plain(value: object) -> object:
    """Return a value as JSON has it; its repr where JSON has no such value."""
    try:
        return plain_value(value)
    except (TypeError, ValueError, OverflowError):
        return repr(value)


def _schema_of(field: Field | FileField, schemas: Schemas) -> JsonObject:
    if isinstance(field, FileField):
        file = {"type": "string", "format": "binary"}
        return {"type": "array", "items": file} if field.is_collection else file
    if field.schema is not None:
        return schemas.given(field.schema)
    extra = _default(field.shown_default, field.text.annotation)
    return schemas.of(field.text.annotation, **extra)


def _default(value: object, annotation: Any) -> JsonObject:
    if value is MISSING or value is None:
        return {}
    plain = plain_default(value, annotation)
    return {} if plain is msgspec.NODEFAULT else {"default": plain}


# --- Bodies ---------------------------------------------------------------------------------


def _request_body(body: JsonBody | FormBody, docs: Docs, schemas: Schemas) -> JsonObject:
    if isinstance(body, FormBody):
        return _form(body, docs, schemas)
    if body.has_fields:
        return _json_object(body, docs, schemas)
    part = body.parts[0]
    extra = _default(body.default, body.annotation)
    schema = schemas.of(body.annotation, **extra)
    examples = part.marker.examples or docs.examples
    shown = {"examples": _named(examples)} if examples else {}
    description = part.marker.description or docs.parameters.get(part.name, "")
    return {
        **({"description": description} if description else {}),
        "required": body.is_required,
        "content": data_of(schema, **shown),
    }


def _json_object(body: JsonBody, docs: Docs, schemas: Schemas) -> JsonObject:
    """Describe a body whose fields are parameters of their own."""
    properties: JsonObject = {}
    for part in body.parts:
        marker, extra = part.marker, {}
        description = marker.description or docs.parameters.get(part.name, "")
        extra |= {"description": description} if description else {}
        extra |= {"deprecated": True} if marker.deprecated else {}
        extra |= {"examples": list(map(_plain, marker.examples))} if marker.examples else {}
        extra |= _default(part.default, part.annotation)
        properties[part.name] = schemas.of(part.annotation, **extra)
    schema: JsonObject = {"type": "object", "properties": properties}
    required = [part.name for part in body.parts if part.default is MISSING]
    if required:
        schema["required"] = required
    shown = {"examples": _named(docs.examples)} if docs.examples else {}
    return {"required": body.is_required, "content": data_of(schema, **shown)}


def _form(body: FormBody, docs: Docs, schemas: Schemas) -> JsonObject:
    properties: JsonObject = {}
    for field in body.flat:
        properties[field.name] = _schema_of(field, schemas)
        description = field.marker.description or docs.parameters.get(field.name, "")
        if description:
            schemas.describe(properties[field.name], description)
    schema: JsonObject = {"type": "object", "properties": properties}
    required = [field.name for field in body.flat if field.is_required]
    if required:
        schema["required"] = required
    kinds: Sequence[str] = ("multipart/form-data",)
    if not body.has_files:
        kinds = ("application/x-www-form-urlencoded", *kinds)
    return {
        "required": body.is_required,
        "content": {kind: {"schema": schema} for kind in kinds},
    }


def _add_examples(answers: JsonObject, examples: Iterable[object]) -> None:
    for status, answer in answers.items():
        if status.startswith("2"):
            for media in answer.get("content", {}).values():
                media["examples"] = _named(examples)
