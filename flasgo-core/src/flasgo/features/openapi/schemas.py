"""Collects the types of a document, and names those that stand under `components`."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeGuard

from msgspec import inspect as types

from flasgo.binding.custom_types import custom_types
from flasgo.binding.types import parts_of
from flasgo.features.openapi.definitions import hoist
from flasgo.features.openapi.shapes import NAMED, JsonObject, Shapes, class_name, origin_of

__all__ = ["REFERENCE", "JsonObject", "Schemas"]

_logger = logging.getLogger("flasgo.app")

REFERENCE = "#/components/schemas/"
"""What a reference to a named schema begins with."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Schemas:
    """Hands out schemas that are filled in at the end.

    Names are only known then: two classes of one name are told apart by their modules.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[Any, JsonObject, JsonObject]] = []
        self._given: list[JsonObject] = []

    def of(self, annotation: Any, **extra: Any) -> JsonObject:
        """Return the schema of a type, empty until `fill` is called.

        Args:
            annotation: The type; one that JSON cannot hold has a schema that allows everything.
            extra: Keywords to set besides, such as `default`.
        """
        schema: JsonObject = {}
        self._pending.append((annotation, schema, extra))
        return schema

    def given(self, schema: Mapping[str, Any]) -> JsonObject:
        """Return a schema that is known; its `$defs` move to `components`.

        Args:
            schema: The schema.
        """
        own = dict(schema)
        self._given.append(own)
        return own

    def describe(self, schema: JsonObject, description: str) -> None:
        """Give a schema that `of` has handed out a description of its own."""
        for _, pending, extra in self._pending:
            if pending is schema:
                extra["description"] = description
                return
        schema["description"] = description

    def fill(self) -> JsonObject:
        """Fill in all schemas, and return the named ones for `components`."""
        infos = [_info_of(annotation) for annotation, _, _ in self._pending]
        classes: dict[Any, types.Type] = {}
        for info in infos:
            _collect(info, classes)
        names = _names_of(classes)
        shapes = Shapes({kind: REFERENCE + name for kind, name in names.items()})
        for info, (_, schema, extra) in zip(infos, self._pending, strict=True):
            schema.update({**shapes.of(info), **extra})
        named = {name: shapes.whole(classes[kind]) for kind, name in names.items()}
        inline = [schema for _, schema, _ in self._pending] + self._given
        hoist(named, inline, REFERENCE)
        return dict(sorted(named.items()))


def _info_of(annotation: Any) -> types.Type:
    try:
        return types.type_info(custom_types().whole(annotation))
    except Exception as error:  # noqa: BLE001 - an annotation may raise anything
        _logger.debug("The API description says nothing about %r: %s", annotation, error)
        return types.AnyType()


def _collect(info: types.Type, found: dict[Any, types.Type]) -> None:
    """Find all classes in a type that get a name, in the order in which they appear."""
    is_class = _is_adapted(info) and isinstance(custom_types().meant(info.cls), type)
    if is_class or isinstance(info, NAMED):
        if info.cls in found:
            return
        found[info.cls] = info
    for part in parts_of(info):
        _collect(part, found)


def _is_adapted(info: types.Type) -> TypeGuard[types.CustomType]:
    return isinstance(info, types.CustomType) and custom_types().adapter_of(info.cls) is not None


def _names_of(classes: dict[Any, types.Type]) -> dict[Any, str]:
    """Return what each class is called: its name, which others of that name make longer.

    The framework's own classes leave short names to those of the app.
    """
    short = {kind: _fit(class_name(kind)) for kind in classes}
    users = Counter(name for kind, name in short.items() if not _is_ours(kind))
    taken: set[str] = set()
    names: dict[Any, str] = {}
    for kind, name in short.items():
        is_alone = users[name] == (0 if _is_ours(kind) else 1)
        wanted = name if is_alone else _fit(class_name(kind, _full_name))
        candidate, number = wanted, 1
        while candidate in taken:  # classes that functions define have no other name
            number += 1
            candidate = f"{wanted}_{number}"
        taken.add(candidate)
        names[kind] = candidate
    return names


def _fit(name: str) -> str:
    return _UNFIT.sub("_", name).strip("_")


def _is_ours(kind: Any) -> bool:
    return origin_of(kind).__module__.startswith("flasgo.")


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
