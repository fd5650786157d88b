"""Moves `$defs`, which JSON Schemas of other libraries bring along, to `components`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flasgo.features.openapi.shapes import JsonObject

__all__ = ["hoist"]

_LOCAL = "#/$defs/"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def hoist(named: dict[str, JsonObject], inline: Iterable[JsonObject], reference: str) -> None:
    """Give every definition within schemas a name of its own, and refer to it there.

    Args:
        named: The schemas that have a name; changed in place.
        inline: Those that stand where they are used; changed in place.
        reference: What a reference to a named schema begins with.
    """
    for name in list(named):
        named[name] = _hoisted(named[name], name, named, reference)
    for schema in inline:
        if "$defs" in schema:
            changed = _hoisted(schema, "", named, reference)
            schema.clear()
            schema.update(changed)


def _hoisted(
    schema: JsonObject, name: str, named: dict[str, JsonObject], reference: str
) -> JsonObject:
    """Move the definitions of a schema to the named ones, and return the schema without them.

    Args:
        schema: The schema.
        name: Its name; empty for none.
        named: The schemas that have a name.
        reference: What a reference to one of them begins with.
    """
    definitions = schema.pop("$defs", None)
    if not definitions:
        return schema
    itself = schema.get("$ref", "").removeprefix(_LOCAL)
    targets: dict[str, str] = {}
    # A class that refers to itself is one of its own definitions.
    if name and itself in definitions:
        targets[itself] = name
        schema = definitions[itself]
    for each in definitions:
        targets.setdefault(each, _target(each, definitions[each], named))
    references = {_LOCAL + each: reference + target for each, target in targets.items()}
    for each, target in targets.items():
        if target != name:
            named[target] = _rewritten(definitions[each], references)
    return _rewritten(schema, references)


def _target(name: str, schema: JsonObject, named: dict[str, JsonObject]) -> str:
    """Return the name for a definition: that of the same class, or one that is free."""
    wanted = _UNFIT.sub("_", name).strip("_")
    candidate, number = wanted, 1
    while candidate in named and not _is_same(named[candidate], schema):
        number += 1
        candidate = f"{wanted}_{number}"
    return candidate


def _is_same(one: JsonObject, other: JsonObject) -> bool:
    """Whether two schemas describe the same class; where they refer to others does not count."""
    return _without_references(one) == _without_references(other)


# `Any`: a part of a JSON document.
def _without_references(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_references(v) for k, v in part.items() if k not in {"$ref", "$defs"}}
    return [_without_references(each) for each in part] if isinstance(part, list) else part


def _rewritten(part: Any, references: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _entry(key, value, references) for key, value in part.items()}
    return [_rewritten(each, references) for each in part] if isinstance(part, list) else part


def _entry(key: str, value: Any, references: dict[str, str]) -> Any:
    if key == "$ref" and isinstance(value, str):
        return references.get(value, value)
    if key == "mapping" and isinstance(value, dict):  # of a discriminator
        return {
            tag: references.get(where, where)
            if isinstance(where, str)
            else _rewritten(where, references)
            for tag, where in value.items()
        }
    return _rewritten(value, references)
