"""Finds all that is wrong in a JSON body; msgspec stops at the first fault."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Sequence
from types import NoneType
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.errors import ANY_KEY, MAX_FAULTS, Fault, Location, explain
from flasgo.binding.texts import alternatives

__all__ = ["Explorer"]

MAX_BYTES = 64 * 1024
"""Values larger than this are not taken apart: only their first fault is told."""

_MAX_DEPTH = 8
_KEYED = types.StructType | types.DataclassType | types.TypedDictType
_LISTS = (list, set, frozenset, tuple)

# `Any` throughout: annotations are whatever developers write.
Part = tuple[str | int, Any, msgspec.Raw | None]
"""A part of a JSON value: its key, its type, and its JSON; None where a required one is missing."""


class Explorer:
    """Decodes a JSON value part by part, to tell of each part what is wrong with it.

    Args:
        annotation: The type of the whole.
        check: Looks at a decoded value, and raises msgspec.ValidationError; None has no wishes.
    """

    def __init__(self, annotation: Any, check: Callable[[object], None] | None = None) -> None:
        self._annotation = annotation
        self._check = check

    def faults(self, body: bytes, error: msgspec.ValidationError) -> list[Fault]:
        """Return what is wrong, in the order of the type's fields; at least one fault.

        Args:
            body: The JSON.
            error: What decoding the whole has raised.
        """
        found: list[Fault] = []
        self._explore(body, self._annotation, ("body",), error, found)
        return found

    def _explore(
        self,
        raw: bytes,
        annotation: Any,
        location: Location,
        error: msgspec.ValidationError,
        found: list[Fault],
    ) -> None:
        inner: list[Fault] = []
        try:
            for key, kind, value in _parts(raw, annotation, len(location)):
                if len(found) + len(inner) > MAX_FAULTS:
                    break
                if value is None:
                    inner.append(Fault((*location, key), "is required"))
                    continue
                problem = self._problem(bytes(value), kind)
                if problem is not None:
                    self._explore(bytes(value), kind, (*location, key), problem, inner)
        except (ValueError, RecursionError, OverflowError):
            inner.clear()  # such as keys that are no text
        own = explain(error, location)
        reach = len(location) + 1
        # Else it is about the whole: a field too many, too few items, a check of the class itself.
        starts = {fault.location[:reach] for fault in inner}
        # msgspec does not tell the keys of a mapping.
        is_of_some_key = bool(inner) and own.location[reach - 1 : reach] == (ANY_KEY,)
        is_of_a_part = is_of_some_key or own.location[:reach] in starts
        found += inner if is_of_a_part else [own, *inner]

    def _problem(self, raw: bytes, annotation: Any) -> msgspec.ValidationError | None:
        try:
            value = msgspec.json.decode(raw, type=annotation)
            if self._check is not None:
                self._check(value)
        except msgspec.ValidationError as error:
            return error
        return None


def _parts(raw: bytes, annotation: Any, depth: int) -> Iterator[Part]:
    """Take a JSON value apart, as far as its type has parts."""
    is_small = len(raw) <= MAX_BYTES and depth <= _MAX_DEPTH
    kind = _chosen(raw, annotation)
    origin = typing.get_origin(kind) or kind
    arguments = typing.get_args(kind)
    fields = _fields_of(kind) if depth == 1 or is_small else ()
    if fields:
        sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        for name, hint, is_required in fields:
            if name in sent or is_required:
                yield name, hint, sent.get(name)
    elif not is_small or not arguments:
        return
    elif origin is dict:
        for key, value in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items():
            yield key, arguments[1], value
    elif origin in _LISTS:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
        is_fixed = origin is tuple and arguments[-1] is not Ellipsis
        kinds = arguments if is_fixed else arguments[:1] * len(items)
        yield from zip(range(len(items)), kinds, items, strict=False)


def _chosen(raw: bytes, annotation: Any) -> Any:
    """Return the type that a value is meant to have: of a union, the one that its tag names."""
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    if len(kinds) == 1:
        return None if raw == b"null" else kinds[0]
    tags = [getattr(typing.get_origin(kind) or kind, "__struct_config__", None) for kind in kinds]
    if not all(config is not None and config.tag is not None for config in tags):
        return None
    sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    for kind, config in zip(kinds, tags, strict=True):
        tag = None if config is None else sent.get(config.tag_field)
        if config is not None and tag is not None and msgspec.json.decode(tag) == config.tag:
            return kind
    return None


def _fields_of(kind: Any) -> Sequence[tuple[str, Any, bool]]:
    """Return the fields of an object as JSON has them; nothing where it is not one object."""
    try:
        info = types.type_info(kind)
        if not isinstance(info, _KEYED) or getattr(info, "array_like", False):
            return ()
        hints = typing.get_type_hints(typing.get_origin(kind) or kind, include_extras=True)
        arguments = _arguments_of(kind)
        return tuple(
            (field.encode_name, _applied(hints[field.name], arguments), field.required)
            for field in info.fields
        )
    except Exception:  # noqa: BLE001 - an annotation may raise anything; then it has no parts
        return ()


def _arguments_of(kind: Any) -> dict[Any, Any]:
    """Return what the type variables of a generic and of its bases stand for.

    Raises:
        LookupError: When one variable stands for different types in them.
    """
    origin = typing.get_origin(kind) or kind
    own = dict(zip(getattr(origin, "__parameters__", ()), typing.get_args(kind), strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        if getattr(typing.get_origin(base), "__parameters__", ()):
            for variable, argument in _arguments_of(base).items():
                if own.setdefault(variable, _applied(argument, own)) != _applied(argument, own):
                    raise LookupError(variable)
    return own


def _applied(hint: Any, arguments: dict[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, hint)
    variables = getattr(hint, "__parameters__", ())
    if not variables or isinstance(hint, type):
        return hint
    return hint[tuple(arguments[variable] for variable in variables)]
