"""How the text of a path, query, header, cookie or form field becomes a value."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.advice import advice_on
from flasgo.binding.decimals import check_numbers
from flasgo.binding.signatures import Site
from flasgo.requests.forms import UploadedFile

__all__ = ["Text", "alternatives", "is_file", "split_annotated", "unaliased"]

# `Any` throughout: annotations are whatever developers write.

_COLLECTIONS = (list, set, frozenset, tuple)

_SIMPLE = (
    types.StrType,
    types.IntType,
    types.FloatType,
    types.BoolType,
    types.UUIDType,
    types.DateTimeType,
    types.DateType,
    types.TimeType,
    types.TimeDeltaType,
    types.DecimalType,
    types.EnumType,
    types.LiteralType,
)
_NUMBERS = (types.IntType, types.FloatType, types.BoolType, types.EnumType, types.LiteralType)

_ADVICE = (
    "annotate a simple type such as str, int, float, bool, UUID, date, an Enum, or a list of "
    "these; JSON comes with a dataclass, a Struct, a TypedDict or Annotated[..., Body()]"
)


class Text(msgspec.Struct, frozen=True):
    """A type that text can become.

    Attributes:
        annotation: The type without `None`: what is missing has the default, never a text.
        is_collection: Whether it takes all values of a name.
        convert: Takes one text, or a list of texts for a collection; raises
            `msgspec.ValidationError`.
        is_str: Whether every text will do.
        leaves: The simple types that it is made of.
    """

    annotation: Any
    is_collection: bool
    convert: Callable[[Any], object]
    is_str: bool
    leaves: tuple[types.Type, ...]

    @property
    def is_bool(self) -> bool:
        """Whether it is true or false, and nothing else."""
        return not self.is_collection and all(isinstance(e, types.BoolType) for e in self.leaves)

    @classmethod
    def of(cls, site: Site, name: str, annotation: Any) -> Text:
        """Return the way from text to an annotated type.

        Args:
            site: The function that has the parameter, for the error message.
            name: The parameter.
            annotation: Its annotation.

        Raises:
            RouteError: When no text can become that type.
        """
        target = _without_none(annotation)
        try:
            leaves = _leaves(types.type_info(target))
            problem = "which a path or query string cannot hold"
        except Exception as error:  # noqa: BLE001 - an annotation may raise anything
            leaves, problem = None, f"which msgspec does not know ({error})"
        if leaves is None:
            kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
            advice = next(filter(None, map(advice_on, kinds)), _ADVICE)
            site.refuse(name, f"has the type {annotation!r}, {problem}", advice)
        kinds = {unaliased(kind) for kind in alternatives(target)}
        collection = any((typing.get_origin(kind) or kind) in _COLLECTIONS for kind in kinds)
        return cls(
            target,
            collection,
            _converter(target, leaves),
            is_str=target is str,
            leaves=tuple(leaves),
        )


def _converter(target: Any, leaves: Sequence[types.Type]) -> Callable[[Any], object]:
    if target is str:
        return lambda text: text
    convert = msgspec.convert
    # "123" is no datetime here: what the API description says is what holds.
    strict = not any(isinstance(leaf, _NUMBERS) for leaf in leaves)
    if not any(isinstance(leaf, types.FloatType | types.DecimalType) for leaf in leaves):
        return lambda text: convert(text, target, strict=strict)

    def convert_number(text: str | list[str]) -> object:
        value = convert(text, target, strict=strict)
        check_numbers(value)
        return value

    return convert_number


def _leaves(info: types.Type) -> list[types.Type] | None:
    """Return the simple types that a type is made of; None when it has other parts."""
    if isinstance(info, types.Metadata):
        return _leaves(info.type)
    if isinstance(info, types.UnionType):
        parts = [_leaves(part) for part in info.types]
        return None if None in parts else [leaf for part in parts if part for leaf in part]
    if isinstance(info, types.CollectionType | types.VarTupleType):
        return _scalars(info.item_type)
    if isinstance(info, types.TupleType):
        parts = [_scalars(item) for item in info.item_types]
        return None if None in parts else [leaf for part in parts if part for leaf in part]
    return _scalars(info)


def _scalars(info: types.Type) -> list[types.Type] | None:
    if isinstance(info, types.Metadata):
        return _scalars(info.type)
    if isinstance(info, types.UnionType):
        parts = [_scalars(part) for part in info.types]
        return None if None in parts else [leaf for part in parts if part for leaf in part]
    return [info] if isinstance(info, _SIMPLE) else None


def unaliased(annotation: Any) -> Any:
    """Return what a `type` statement's name stands for (Python 3.12)."""
    kind = getattr(typing, "TypeAliasType", None)
    while kind is not None and isinstance(annotation, kind):
        annotation = annotation.__value__
    return annotation


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, however deep, without `Annotated`; else the type itself."""
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is Annotated:
        return alternatives(typing.get_args(annotation)[0])
    if _is_union(annotation):
        return tuple(kind for arg in typing.get_args(annotation) for kind in alternatives(arg))
    return (annotation,)


def split_annotated(annotation: Any, kinds: tuple[type, ...]) -> tuple[Any, list[Any]]:
    """Take the markers out of an annotation.

    Args:
        annotation: Perhaps `Annotated`, or a union with an `Annotated` member.
        kinds: The classes of markers; the classes themselves count as markers too.

    Returns:
        The annotation without them, and the markers.
    """
    annotation = unaliased(annotation)
    if _is_union(annotation):
        parts = [split_annotated(arg, kinds) for arg in typing.get_args(annotation)]
        found = [marker for _, markers in parts for marker in markers]
        return (_union([bare for bare, _ in parts]) if found else annotation), found
    if typing.get_origin(annotation) is not Annotated:
        return annotation, []
    inner, *metadata = typing.get_args(annotation)
    bare, markers = split_annotated(inner, kinds)
    kept = [item for item in metadata if not _is_marker(item, kinds)]
    markers += [item for item in metadata if _is_marker(item, kinds)]
    return (Annotated[(bare, *kept)] if kept else bare), markers


def _is_marker(item: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(item, kinds) or (isinstance(item, type) and issubclass(item, kinds))


def _is_union(annotation: Any) -> bool:
    return isinstance(annotation, UnionType) or typing.get_origin(annotation) is typing.Union


def _union(members: Sequence[Any]) -> Any:
    return typing.Union[tuple(members)]  # noqa: UP007 - made of values


def _without_none(annotation: Any) -> Any:
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is Annotated:
        inner, *metadata = typing.get_args(annotation)
        return Annotated[(_without_none(inner), *metadata)]
    if _is_union(annotation):
        members = [arg for arg in typing.get_args(annotation) if arg is not NoneType]
        if members and len(members) < len(typing.get_args(annotation)):
            return _union(members)
    return annotation


def is_file(annotation: Any) -> bool | None:
    """Tell whether an annotation is about uploaded files.

    Returns:
        True for a list of files, False for one file, None for anything else.
    """
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    if kinds == [UploadedFile]:
        return False
    if len(kinds) == 1 and typing.get_origin(kinds[0]) in _COLLECTIONS:
        return True if typing.get_args(kinds[0])[:1] == (UploadedFile,) else None
    return None
