"""JSON Schemas of pydantic's types, for the API description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

__all__ = ["schema_of"]

JsonObject = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Says nothing about what JSON cannot hold, such as an uploaded file."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    # `Any`: one of pydantic's many schemas.
    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        """Return a schema that allows everything."""
        return {}


# `Any`: a type, and what JSON Schema says of it.
def schema_of(kind: TypeAdapter[Any]) -> JsonObject:
    """Return the schema of what a type reads, and of the computed fields that it writes besides.

    Args:
        kind: The type.
    """
    read = kind.json_schema(mode="validation", schema_generator=_Generator)
    written = kind.json_schema(mode="serialization", schema_generator=_Generator)
    definitions = read.get("$defs", {})
    is_changed = False
    for name, schema in _objects(written):
        target = read if not name else definitions.setdefault(name, schema)
        known = target.setdefault("properties", {}) if "properties" in schema else {}
        for field, about in schema.get("properties", {}).items():
            if field not in known and about.get("readOnly"):
                known[field] = about
                is_changed = True
    if is_changed and definitions:
        read["$defs"] = definitions
    return read


def _objects(schema: Mapping[str, Any]) -> Iterator[tuple[str, JsonObject]]:
    yield "", dict(schema)
    yield from schema.get("$defs", {}).items()
