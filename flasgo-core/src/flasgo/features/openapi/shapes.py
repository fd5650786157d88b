"""JSON Schemas of types: what msgspec accepts for each, and what it writes."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.bodies import hidden_fields
from flasgo.binding.custom_types import custom_types
from flasgo.binding.types import check_numbers
from flasgo.http.json import encode

__all__ = [
    "NAMED",
    "JsonObject",
    "Shapes",
    "class_name",
    "origin_of",
    "plain_default",
    "plain_value",
]

JsonObject = dict[str, Any]
"""A JSON object. `Any`: whatever JSON holds."""

NAMED = (
    types.StructType,
    types.DataclassType,
    types.TypedDictType,
    types.NamedTupleType,
    types.EnumType,
)
"""The types that stand under `components`; others are written where they are used."""

_SETS = types.SetType | types.FrozenSetType
_BINARY = types.BytesType | types.ByteArrayType | types.MemoryViewType
# Since msgspec 0.22.
_DICTS = (types.DictType, getattr(types, "FrozenDictType", types.DictType))
_EMPTY_MAKERS = (list, dict, set, frozenset, bytearray)

# What msgspec reads and writes as a decimal, and so what "format: decimal" means here.
_DECIMAL_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?$"

_FORMATS: Mapping[type[types.Type], str] = {
    types.DateType: "date",
    types.TimeDeltaType: "duration",
    types.UUIDType: "uuid",
}
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


class Shapes:
    """Makes the schemas of types.

    Args:
        references: Where the schemas of classes stand.
    """

    def __init__(self, references: Mapping[Any, str]) -> None:
        self._references = references

    def of(self, info: types.Type) -> JsonObject:
        """Return the schema of a type; a reference where it has a name."""
        if isinstance(info, types.Metadata):
            # What is said about a type goes first; the type itself has the last word.
            return _merged(self.of(info.type), info.extra_json_schema or {})
        reference = self._references.get(getattr(info, "cls", None))
        return self.whole(info) if reference is None else {"$ref": reference}

    def whole(self, info: types.Type) -> JsonObject:
        """Return the schema of a type, written out."""
        for kinds, describe in self._DESCRIBED:
            if isinstance(info, kinds):
                return describe(self, info)
        schema = custom_types().schema_of(info.cls) if isinstance(info, types.CustomType) else None
        if schema is not None:
            return dict(schema)
        return {}  # Any, Raw, and classes that only the app's own code understands

    # --- Objects ----------------------------------------------------------------------------

    # `Any` for the type: each is called for the kinds that `_DESCRIBED` names.
    def _struct(self, info: Any) -> JsonObject:
        required = [field.encode_name for field in info.fields if field.required]
        hints, hidden = _hints(info.cls), hidden_fields(info.cls)
        shapes = {
            field.encode_name: self._field(field, hints.get(field.name, Any))
            | ({"readOnly": True} if field.name in hidden else {})
            for field in info.fields
        }
        tag = getattr(info, "tag_field", None)
        if tag is not None:
            shapes = {tag: _constants([info.tag]), **shapes}
            required.insert(0, tag)
        schema = _titled(info.cls)
        is_closed = getattr(info, "forbid_unknown_fields", False)
        if getattr(info, "array_like", False) or isinstance(info, types.NamedTupleType):
            needed = max((n for n, name in enumerate(shapes, 1) if name in required), default=0)
            schema |= {"type": "array", "prefixItems": list(shapes.values()), "minItems": needed}
            if is_closed or isinstance(info, types.NamedTupleType):
                schema["maxItems"] = len(shapes)
            return schema
        schema |= {"type": "object", "properties": shapes, "required": required}
        if is_closed:
            schema["additionalProperties"] = False
        return schema

    def _field(self, field: types.Field, annotation: Any) -> JsonObject:
        schema = self.of(field.type)
        default = field.default
        if field.default_factory in _EMPTY_MAKERS:
            default = field.default_factory()
        if default is not msgspec.NODEFAULT and default is not msgspec.UNSET:
            plain = plain_default(default, annotation)
            schema |= {} if plain is msgspec.NODEFAULT else {"default": plain}
        return schema

    def _dict(self, info: Any) -> JsonObject:
        schema: JsonObject = {"type": "object"}
        names = self.of(info.key_type)
        if names.get("type") == "string" or "$ref" in names:
            names.pop("type", None)  # it goes without saying of names
            schema |= {"propertyNames": names} if names else {}
        if not isinstance(info.value_type, types.AnyType):
            schema["additionalProperties"] = self.of(info.value_type)
        return schema | _bounds(info, "minProperties", "maxProperties")

    # --- Lists ------------------------------------------------------------------------------

    def _collection(self, info: Any) -> JsonObject:
        schema: JsonObject = {"type": "array"}
        if not isinstance(info.item_type, types.AnyType):
            schema["items"] = self.of(info.item_type)
        if isinstance(info, _SETS):
            schema["uniqueItems"] = True
        return schema | _bounds(info, "minItems", "maxItems")

    def _tuple(self, info: types.TupleType) -> JsonObject:
        count = len(info.item_types)
        schema: JsonObject = {"type": "array", "minItems": count, "maxItems": count}
        if count:
            schema |= {"prefixItems": [self.of(item) for item in info.item_types], "items": False}
        return schema

    # --- Alternatives -----------------------------------------------------------------------

    def _union(self, info: types.UnionType) -> JsonObject:
        tagged = [part for part in map(_bare, info.types) if _is_struct(part)]
        is_told_by_tag = len(tagged) > 1
        options = [
            self.of(part)
            for part in info.types
            if not (
                isinstance(part, types.NoneType) or (is_told_by_tag and _is_struct(_bare(part)))
            )
        ]
        nulls = [{"type": "null"} for part in info.types if isinstance(part, types.NoneType)]
        if not is_told_by_tag:
            return {"anyOf": [*options, *nulls]}
        told = {
            "anyOf": [self.of(part) for part in tagged],
            "discriminator": {
                "propertyName": tagged[0].tag_field,
                "mapping": {str(part.tag): self._references[part.cls] for part in tagged},
            },
        }
        return {"anyOf": [*options, told, *nulls]} if options or nulls else told

    def _enum(self, info: types.EnumType) -> JsonObject:
        return _titled(info.cls) | _constants(member.value for member in info.cls)

    def _literal(self, info: types.LiteralType) -> JsonObject:
        return _constants(info.values)

    # --- Simple ones ------------------------------------------------------------------------

    def _number(self, info: Any) -> JsonObject:
        limits = {
            "minimum": info.ge,
            "exclusiveMinimum": info.gt,
            "maximum": info.le,
            "exclusiveMaximum": info.lt,
            "multipleOf": info.multiple_of,
        }
        kind = "integer" if isinstance(info, types.IntType) else "number"
        return {"type": kind} | _without_none(limits)

    def _text(self, info: types.StrType) -> JsonObject:
        schema = {"type": "string"} | _bounds(info, "minLength", "maxLength")
        return schema | _without_none({"pattern": info.pattern})

    def _binary(self, info: Any) -> JsonObject:
        bounds = _bounds(info, "minLength", "maxLength")
        encoded = {name: 4 * ((length + 2) // 3) for name, length in bounds.items()}
        return {"type": "string", "contentEncoding": "base64", **encoded}

    def _formatted(self, info: types.Type) -> JsonObject:
        return {"type": "string", "format": _FORMATS[type(info)]}

    def _moment(self, info: types.DateTimeType) -> JsonObject:
        # "date-time" has a zone (RFC 3339), which msgspec takes unless it is forbidden.
        return {"type": "string"} | ({} if info.tz is False else {"format": "date-time"})

    def _time(self, info: types.TimeType) -> JsonObject:
        formats = {True: "time", False: "partial-time", None: None}
        return {"type": "string"} | _without_none({"format": formats[info.tz]})

    def _decimal(self, info: types.DecimalType) -> JsonObject:
        # It is written as text; numbers are read too. Documentation would invent wild ones.
        return {
            "type": ["string", "number"],
            "format": "decimal",
            "pattern": _DECIMAL_PATTERN,
            "examples": ["9.99"],
        }

    def _bool(self, info: types.BoolType) -> JsonObject:
        return {"type": "boolean"}

    def _none(self, info: types.NoneType) -> JsonObject:
        return {"type": "null"}

    _DESCRIBED: tuple[tuple[Any, Callable[[Shapes, Any], JsonObject]], ...] = (
        (types.StrType, _text),
        ((types.IntType, types.FloatType), _number),
        (types.BoolType, _bool),
        (types.NoneType, _none),
        (types.UnionType, _union),
        (types.CollectionType, _collection),
        (types.TupleType, _tuple),
        (_DICTS, _dict),
        (types.EnumType, _enum),
        (types.LiteralType, _literal),
        (NAMED, _struct),
        (types.DecimalType, _decimal),
        (tuple(_FORMATS), _formatted),
        (types.DateTimeType, _moment),
        (types.TimeType, _time),
        (_BINARY, _binary),
    )


def plain_value(value: object) -> Any:
    """Return a value as JSON has it.

    Raises:
        TypeError: When JSON has no such value; OverflowError and ValueError likewise.
    """
    return msgspec.json.decode(encode(value))


def plain_default(value: object, annotation: Any) -> Any:
    """Return a default as JSON has it, or NODEFAULT where that would not be one.

    What JSON cannot say, such as `inf`, and what is not of the type is left out: the value is
    optional all the same, and the document stays valid.

    Args:
        value: The default.
        annotation: The type that it is a default of. `Any`: an annotation.
    """
    try:
        check_numbers(value)
        encoded = encode(value)
        msgspec.json.decode(encoded, type=annotation)
        return msgspec.json.decode(encoded)
    except Exception:  # noqa: BLE001 - an annotation may raise anything
        return msgspec.NODEFAULT


def origin_of(kind: Any) -> type:
    """Return the class of a generic with arguments, such as `Page[Item]`; else the class."""
    return getattr(kind, "__origin__", kind)


def class_name(kind: Any, name_of: Callable[[type], str] = lambda kind: kind.__name__) -> str:
    """Return the name of a class, with those of its arguments where it is a generic.

    Args:
        kind: The class, or a generic with arguments.
        name_of: Names a single class.
    """
    name = name_of(origin_of(kind))
    arguments = getattr(kind, "__args__", ())
    if not arguments:
        return name
    told = [
        class_name(each, name_of) if isinstance(origin_of(each), type) else str(each)
        for each in arguments
    ]
    return f"{name}[{', '.join(told)}]"


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(origin_of(kind), include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may raise anything
        return {}


def _titled(kind: Any) -> JsonObject:
    schema: JsonObject = {"title": class_name(kind)}
    origin = origin_of(kind)
    doc = vars(origin).get("__doc__") or ""
    # What dataclasses, named tuples and enums have without a docstring of their own.
    is_made = doc == "An enumeration." or doc.startswith(f"{origin.__name__}(")
    return schema | ({} if is_made or not doc else {"description": inspect.cleandoc(doc)})


def _constants(values: Iterable[object]) -> JsonObject:
    known = list(values)
    kinds = {type(value) for value in known}
    name = _TYPES.get(kinds.pop()) if len(kinds) == 1 else None
    return ({"type": name} if name else {}) | {"enum": known}


def _bare(info: types.Type) -> Any:
    while isinstance(info, types.Metadata):
        info = info.type
    return info


def _is_struct(info: types.Type) -> bool:
    return isinstance(info, types.StructType) and not info.array_like


def _bounds(info: Any, least: str, most: str) -> JsonObject:
    return _without_none({least: info.min_length, most: info.max_length})


def _without_none(keywords: JsonObject) -> JsonObject:
    return {name: value for name, value in keywords.items() if value is not None}


def _merged(schema: JsonObject, said: JsonObject) -> JsonObject:
    both = {**schema, **said}
    for name in schema.keys() & said.keys():
        if isinstance(schema[name], dict) and isinstance(said[name], dict):
            both[name] = _merged(schema[name], said[name])
    return both
