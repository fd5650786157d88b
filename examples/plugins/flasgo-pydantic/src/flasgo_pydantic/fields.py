"""The fields of a model where they are texts: in a form, a query, cookies or headers."""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any

from flasgo import UploadedFile
from flasgo.plugin import ModelField
from pydantic import AliasChoices, AliasPath
from pydantic.fields import FieldInfo

__all__ = ["fields_of"]

_TEXTS = (str, bytes)


# `Any`: classes, types, and JSON Schemas.
def fields_of(
    kind: Any, schema: Mapping[str, Any], is_model: Callable[[type], bool]
) -> Iterator[ModelField]:
    """Iterate over the fields of a model.

    Args:
        kind: The class.
        schema: Its JSON Schema.
        is_model: Whether a class is a model.

    Raises:
        TypeError: When texts cannot fill one of them.
    """
    whole = schema
    if "$ref" in schema:  # a class that refers to itself
        whole = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    properties = whole.get("properties", {})
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    fields: Mapping[str, FieldInfo] = kind.__pydantic_fields__
    if set(fields) == {"root"} and not properties:
        raise TypeError("a RootModel has no fields; texts cannot fill it")
    for name, info in fields.items():
        annotation = info.annotation
        for each in _alternatives(annotation):
            if isinstance(each, type) and (is_model(each) or issubclass(each, dict)):
                raise TypeError(
                    f"its field {name!r} is a {each.__name__}, and texts cannot fill that: "
                    "write its fields into the model, or take the model from a JSON body"
                )
        sent = _sent_name(name, info)
        about = properties.get(sent)
        yield ModelField(
            sent,
            list[str] if _is_collection(annotation) else annotation,
            required=info.is_required(),
            default=None if info.is_required() else info.get_default(),
            schema=None if about is None else {**about, **(definitions if _refers(about) else {})},
        )


def _sent_name(name: str, info: FieldInfo) -> str:
    """Return the name that a field has where it is sent."""
    alias = info.validation_alias or info.alias or name
    if isinstance(alias, AliasChoices):
        alias = next((each for each in alias.choices if isinstance(each, str)), name)
    if isinstance(alias, AliasPath):
        raise TypeError(f"its field {name!r} has an AliasPath, and texts have no paths in them")
    return alias


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def _alternatives(annotation: Any) -> Iterator[Any]:
    """Iterate over the alternatives of a type, or over those of its items."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin is typing.Union or origin is UnionType or _is_list(annotation):
        for each in typing.get_args(annotation):
            yield from _alternatives(each)
    else:
        yield annotation if origin is None else origin


def _is_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) or annotation
    # Not `hasattr`: the class of enumerations has `__iter__`, their members do not.
    return (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, (*_TEXTS, dict))
    )


def _is_collection(annotation: Any) -> bool:
    """Whether all values of a name make one field: lists of files stay what they are."""
    arguments = [each for each in typing.get_args(annotation) if each is not NoneType]
    if typing.get_origin(annotation) in {typing.Union, UnionType}:
        return any(map(_is_collection, arguments))
    return _is_list(annotation) and not any(
        isinstance(each, type) and issubclass(each, UploadedFile) for each in arguments
    )
