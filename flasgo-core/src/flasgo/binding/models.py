"""Fields of queries, headers, cookies and forms, one by one or as a class that holds several."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.bodies import hidden_fields
from flasgo.binding.custom_types import ModelAdapter, custom_types
from flasgo.binding.fields import Field, FileField, Model, Place
from flasgo.binding.parameters import Cookie, Depends, Form, Header, Marker, Query
from flasgo.binding.signatures import MISSING, Asked, Site
from flasgo.binding.types import Text, is_file, split_annotated
from flasgo.settings.annotations import alternatives

__all__ = ["field_of", "is_marked", "model_of"]

_MARKERS = (Marker, Depends)
_MARKER_OF: Mapping[Place, type[Marker]] = {
    "query": Query,
    "header": Header,
    "cookie": Cookie,
    "form": Form,
}
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")


def field_of(
    site: Site,
    place: Place,
    name: str,
    annotation: Any,
    default: Any,
    shown_default: Any,
    marker: Marker,
) -> Field | FileField:
    """Return how a single value of a query, header, cookie or form is read.

    Args:
        site: The function that takes it, for error messages.
        place: Where it stands.
        name: The parameter's name.
        annotation: Its type. `Any`: an annotation, here and below.
        default: What it is where it is missing; MISSING when it must be there.
        shown_default: The default that the API description shows.
        marker: What the developer said about it.

    Raises:
        RouteError: When it cannot be read.
    """
    sent = marker.alias or (name.replace("_", "-").lower() if place == "header" else name)
    if place == "header":
        sent = sent.lower()
        if _HEADER_NAME.fullmatch(sent) is None:
            site.refuse(
                name,
                f"is the header {sent!r}, which no request can have (RFC 9110, section 5.1)",
                "give an alias of ASCII letters, digits and hyphens",
            )
    files = is_file(annotation)
    if files is not None:
        return FileField(sent, files, default, marker)
    text = Text.of(site, name, annotation)
    if place == "cookie" and text.is_collection:
        site.refuse(name, "is a list, and a cookie is one value", "annotate a single value")
    return Field(place, sent, text, default, marker, shown_default)


def model_of(site: Site, place: Place, asked: Asked, annotation: Any, marker: Marker) -> Model:
    """Return how a class whose fields are single values of one place is read.

    Args:
        site: The function that takes it, for error messages.
        place: Where the fields stand.
        asked: The parameter.
        annotation: Its type. `Any`: an annotation.
        marker: What the developer said about it.

    Raises:
        RouteError: When the class or one of its fields cannot be read.
    """
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    if len(kinds) != 1:
        site.refuse(asked.name, "is one of several classes", "annotate a single class")
    kind = kinds[0]
    adapter = custom_types().adapter_of(kind)
    if adapter is not None:
        return _adapted_model(site, place, asked, kind, adapter)
    try:
        info = types.type_info(kind)
        hints = typing.get_type_hints(typing.get_origin(kind) or kind, include_extras=True)
    except Exception as error:  # noqa: BLE001 - an annotation may raise anything
        site.refuse(asked.name, f"has the type {kind!r} ({error})", "correct its annotations")
    if not isinstance(info, types.StructType | types.DataclassType | types.TypedDictType):
        site.refuse(asked.name, f"has the type {kind!r}", "use a dataclass, Struct or TypedDict")
    hidden = hidden_fields(kind)
    members = [member for member in info.fields if member.name not in hidden]
    fields = []
    for member in members:
        bare, markers = split_annotated(hints[member.name], (Marker,))
        own = markers[0] if markers else type(marker)()
        own = own() if isinstance(own, type) else own
        if own.default is not MISSING or is_marked(member.default):
            site.refuse(
                asked.name,
                f"has the type {kind!r}, whose {member.name!r} has a marker with a default",
                f"give the field its default: {member.name}: Annotated[<type>, <marker>] = ...",
            )
        bare = own.constrained(bare)
        if own.alias is None:
            own = own.called(_sent_name(place, member.encode_name))
        shown = MISSING if member.default is msgspec.NODEFAULT else member.default
        default = MISSING if member.required else None
        fields.append(field_of(site, place, member.name, bare, default, shown, own))
    names = tuple(member.encode_name for member in members)
    return Model(place, kind, names, tuple(fields), asked.default)


def _adapted_model(
    site: Site, place: Place, asked: Asked, kind: type, adapter: ModelAdapter
) -> Model:
    """Return how a model of another family is read: as texts, which the family converts."""
    fields = []
    try:
        adapter.prepare(kind)
        members = tuple(adapter.fields(kind))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        site.refuse(asked.name, f"has the type {kind!r} ({error})", "correct the class")
    for member in members:
        is_list = any(
            (typing.get_origin(each) or each) in {list, set, frozenset, tuple}
            for each in alternatives(member.annotation)
        )
        text = list[str] if is_list else str
        if is_file(member.annotation) is not None:
            text = member.annotation
        default = MISSING if member.required else None
        sent, about = _sent_name(place, member.name), member.schema or {}
        marker = _MARKER_OF[place](alias=sent, description=str(about.get("description", "")))
        shown = MISSING if member.required else member.default
        field = field_of(site, place, member.name, text, default, shown, marker)
        if member.schema is not None and isinstance(field, Field):
            field = msgspec.structs.replace(
                field, schema=member.schema, takes_blank=_takes_blank(member.schema)
            )
        fields.append(field)
    names = tuple(member.name for member in members)
    return Model(place, kind, names, tuple(fields), asked.default, adapter)


def _takes_blank(schema: Mapping[str, Any]) -> bool:
    """Whether an empty text may be meant for a field: a text, and no date or number."""
    parts = (schema, *schema.get("anyOf", ()), schema.get("items", {}))
    return any(
        part.get("type") == "string"
        and part.get("format", "password") == "password"
        and "enum" not in part
        and "const" not in part
        for part in parts
    )


def _sent_name(place: Place, name: str) -> str:
    return name.replace("_", "-") if place == "header" else name


def is_marked(default: object) -> bool:
    """Whether a default is a marker, or the class of one."""
    return isinstance(default, _MARKERS) or (
        isinstance(default, type) and issubclass(default, _MARKERS)
    )
