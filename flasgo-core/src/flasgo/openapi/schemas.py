"""Collects the types of a document and has msgspec describe them all at once."""

from __future__ import annotations

from typing import Any

import msgspec

from flasgo.openapi.moments import Moments

__all__ = ["JsonObject", "Schemas"]

JsonObject = dict[str, Any]
"""A JSON object. `Any`: whatever JSON holds."""

REFERENCE = "#/components/schemas/{name}"

# What msgspec reads and writes as a decimal, and so what "format: decimal" means here.
_DECIMAL_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?$"


class Schemas:
    """Hands out schemas that are filled in at the end.

    Names are only known then: two classes of one name are told apart by their modules.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[Any, JsonObject, JsonObject]] = []

    def of(self, annotation: Any, **extra: Any) -> JsonObject:
        """Return the schema of a type, empty until `fill` is called.

        Args:
            annotation: The type; one that JSON cannot hold has a schema that allows everything.
            extra: Keywords to set besides, such as `default`.
        """
        schema: JsonObject = {}
        self._pending.append((annotation, schema, extra))
        return schema

    def describe(self, schema: JsonObject, description: str) -> None:
        """Give a schema that `of` has handed out a description of its own."""
        for _, pending, extra in self._pending:
            if pending is schema:
                extra["description"] = description
                return
        schema["description"] = description

    def fill(self) -> JsonObject:
        """Fill in all schemas, and return the named ones for `components`."""
        known = [entry for entry in self._pending if _is_describable(entry[0])]
        found, named = msgspec.json.schema_components(
            [annotation for annotation, _, _ in known],
            schema_hook=_anything,
            ref_template=REFERENCE,
        )
        moments = Moments(named)
        for (annotation, schema, extra), described in zip(known, found, strict=True):
            schema.update({**described, **extra})
            moments.tell(schema, annotation)
            _refine(schema)
        _refine(named)
        return dict(sorted(named.items()))


def _anything(kind: type) -> JsonObject:
    return {}


def _is_describable(annotation: Any) -> bool:
    try:
        msgspec.json.schema(annotation, schema_hook=_anything)
    except Exception:  # noqa: BLE001 - an annotation may raise anything
        return False
    return True


def _refine(schema: Any) -> None:
    """Say of decimals everywhere in a schema what text they are, and that numbers will do."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            schema["type"] = ["string", "number"]
            schema.setdefault("pattern", _DECIMAL_PATTERN)
        for part in schema.values():
            _refine(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _refine(part)
