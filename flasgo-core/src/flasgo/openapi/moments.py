"""Says of datetimes that they are date-times, which msgspec does only where a zone is demanded."""

from __future__ import annotations

from typing import Any

from msgspec import inspect as types

__all__ = ["Moments"]

_KEYED = types.StructType | types.DataclassType | types.TypedDictType
_SEQUENCES = types.CollectionType | types.VarTupleType


class Moments:
    """Walks through types and their schemas side by side.

    Args:
        named: The schemas of classes, by name; changed in place.
    """

    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._seen: set[type] = set()

    def tell(self, schema: dict[str, Any], annotation: Any) -> None:
        """Complete a schema and those of all classes in it.

        `Any`: an annotation, and the members of a schema.

        Args:
            schema: The schema.
            annotation: The type that it describes.
        """
        self._walk(schema, types.type_info(annotation))

    def _walk(self, schema: dict[str, Any], info: types.Type) -> None:
        if isinstance(info, types.Metadata):
            self._walk(schema, info.type)
        elif isinstance(info, types.DateTimeType):
            if schema.get("type") == "string":
                schema.setdefault("format", "date-time")
        elif isinstance(info, types.UnionType):
            self._walk_union(schema, info)
        elif isinstance(info, _SEQUENCES):
            if isinstance(schema.get("items"), dict):
                self._walk(schema["items"], info.item_type)
        elif isinstance(info, types.DictType):
            if isinstance(schema.get("additionalProperties"), dict):
                self._walk(schema["additionalProperties"], info.value_type)
        elif isinstance(info, _KEYED) and info.cls not in self._seen:
            self._seen.add(info.cls)
            properties = self._schema_of(info.cls).get("properties", {})
            for field in info.fields:
                if field.encode_name in properties:
                    self._walk(properties[field.encode_name], field.type)

    def _walk_union(self, schema: dict[str, Any], info: types.UnionType) -> None:
        parts = schema.get("anyOf", [])
        shown = [part for part in parts if part != {"type": "null"}]
        rest = [part for part in info.types if not isinstance(part, types.NoneType)]
        if len(shown) == len(rest) == 1:
            self._walk(shown[0], rest[0])
            return
        has_moment = any(isinstance(part, types.DateTimeType) for part in info.types)
        has_text = any(isinstance(part, types.StrType) for part in info.types)
        for part in parts:
            if has_moment and not has_text and part == {"type": "string"}:
                part["format"] = "date-time"
        for part in info.types:
            if isinstance(part, _KEYED):
                self._walk({}, part)

    def _schema_of(self, kind: type) -> dict[str, Any]:
        full = f"{kind.__module__}.{kind.__qualname__}"
        return self._named.get(full) or self._named.get(kind.__name__) or {}
