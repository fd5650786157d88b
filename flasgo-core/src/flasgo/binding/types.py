"""The types of parameters and bodies: what they are made of, and how text becomes one.

`Any` throughout: annotations are whatever developers write.
"""

from __future__ import annotations

import copy
import math
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import inspect as types

from flasgo import _bundle
from flasgo.binding.custom_types import custom_types
from flasgo.binding.parameters import Depends, Marker
from flasgo.binding.signatures import Site
from flasgo.requests.forms import UploadedFile
from flasgo.responses.response import Response
from flasgo.settings.annotations import (
    alternatives,
    is_union,
    unaliased,
    union_of,
    without_none,
)
from flasgo.settings.types import FALSE_WORDS, TRUE_WORDS

__all__ = [
    "Text",
    "advice_on",
    "check_numbers",
    "checking_numbers",
    "class_unfit_for_json",
    "copier",
    "ignored_constraint",
    "is_file",
    "kinds_in",
    "parts_of",
    "prepare_models",
    "split_annotated",
]

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

# The words that settings take too; `1` and `0` are left to msgspec, for they may be numbers.
_BOOLEANS = {
    **dict.fromkeys(FALSE_WORDS - {"0"}, False),
    **dict.fromkeys(TRUE_WORDS - {"1"}, True),
}

_ADVICE = (
    "annotate a simple type such as str, int, float, bool, UUID, date, an Enum, or a list of "
    "these; JSON comes with a dataclass, a Struct, a TypedDict or Annotated[..., Body()]"
)

_JSON_VALUES = (dict, list, str, int, float, bool, type(None))

# Packages whose constraints msgspec passes over.
_CHECKED_ELSEWHERE = frozenset({"annotated_types", "pydantic"})

# SECURITY: `int(Decimal("1e999999999"))` is a gigabyte of digits.
_MAX_EXPONENT = 10**7
_LARGE_EXPONENT = re.compile(rb"e[+-]?[0-9]{7}").search
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")

_UNCHANGING = (
    NoneType,
    bool,
    int,
    float,
    str,
    bytes,
    Enum,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
    type,
)


# --- What types are made of ----------------------------------------------------------------------


def parts_of(info: types.Type) -> Iterator[types.Type]:
    """Iterate over the types that a type consists of directly.

    Args:
        info: The type.
    """
    for attribute in ("type", "item_type", "key_type", "value_type"):
        part = getattr(info, attribute, None)
        if isinstance(part, types.Type):
            yield part
    for attribute in ("item_types", "types"):
        yield from getattr(info, attribute, ())
    for field in getattr(info, "fields", ()):
        yield field.type


def kinds_in(annotation: Any) -> Iterator[types.Type]:
    """Iterate over a type and all that it consists of, however deep; each class once.

    Args:
        annotation: The type. `Any`: an annotation.

    Raises:
        TypeError: When msgspec does not understand it.
        NameError: When an annotation in one of its classes cannot be evaluated.
    """
    waiting, seen = [types.type_info(annotation)], set()
    while waiting:
        info = waiting.pop()
        if hasattr(info, "fields"):
            kind = getattr(info, "cls", None)
            if kind in seen:
                continue
            seen.add(kind)
        yield info
        waiting += parts_of(info)


# --- Text ----------------------------------------------------------------------------------------


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
    def is_text(self) -> bool:
        """Whether it is made of text alone, so that an empty one may be meant."""
        return all(isinstance(leaf, types.StrType) for leaf in self.leaves)

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
        target = without_none(annotation)
        try:
            leaves = _leaves(types.type_info(target))
            problem = "which a path or query string cannot hold"
        except Exception as error:  # noqa: BLE001 - an annotation may raise anything
            leaves, problem = None, f"which msgspec does not know ({error})"
        if leaves is None:
            kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
            parts = [part for kind in kinds for part in typing.get_args(kind)]
            advice = next(filter(None, map(advice_on, [*kinds, *parts])), _ADVICE)
            site.refuse(name, f"has the type {annotation!r}, {problem}", advice)
        collection = any(
            (typing.get_origin(kind) or kind) in _COLLECTIONS for kind in alternatives(target)
        )
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
    convert: Callable[..., object] = msgspec.convert
    if any(isinstance(leaf, types.BoolType) for leaf in leaves):
        convert = _convert_words
    # "123" is not a datetime here: what the API description says is what holds.
    strict = not any(isinstance(leaf, _NUMBERS) for leaf in leaves)
    if not any(isinstance(leaf, types.FloatType | types.DecimalType) for leaf in leaves):
        return lambda text: convert(text, target, strict=strict)

    def convert_number(text: str | list[str]) -> object:
        value = convert(text, target, strict=strict)
        check_numbers(value)
        return value

    return convert_number


def _convert_words(text: str | list[str], target: Any, *, strict: bool) -> object:
    """Convert text to a type with booleans, which browsers and people spell in many ways."""
    words = [_BOOLEANS.get(word.lower(), word) for word in ([text] if type(text) is str else text)]
    try:
        return msgspec.convert(words[0] if type(text) is str else words, target, strict=strict)
    except msgspec.ValidationError:
        # Such as a number where a boolean is one of several types.
        return msgspec.convert(text, target, strict=strict)


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


def split_annotated(annotation: Any, kinds: tuple[type, ...]) -> tuple[Any, list[Any]]:
    """Take the markers out of an annotation.

    Args:
        annotation: Perhaps `Annotated`, or a union with an `Annotated` member.
        kinds: The classes of markers; the classes themselves count as markers too.

    Returns:
        The annotation without them, and the markers.
    """
    annotation = unaliased(annotation)
    if is_union(annotation):
        parts = [split_annotated(arg, kinds) for arg in typing.get_args(annotation)]
        found = [marker for _, markers in parts for marker in markers]
        return (union_of([bare for bare, _ in parts]) if found else annotation), found
    if typing.get_origin(annotation) is not Annotated:
        return annotation, []
    inner, *metadata = typing.get_args(annotation)
    bare, markers = split_annotated(inner, kinds)
    kept = [item for item in metadata if not _is_marker(item, kinds)]
    markers += [item for item in metadata if _is_marker(item, kinds)]
    return (Annotated[(bare, *kept)] if kept else bare), markers


def ignored_constraint(annotation: Any) -> object | None:
    """Return what pydantic would check of a type and nothing does here, or None.

    Args:
        annotation: The type. Where a plugin takes it as a whole, the plugin checks it.
    """
    known = custom_types()
    try:
        taken = known.whole(annotation)
    except Exception:  # noqa: BLE001 - an adapter may raise anything; it is asked again, and blamed
        return None
    if known.meant(taken) is not taken:
        return None
    annotation = unaliased(annotation)
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        for item in parts[1:]:
            if type(item).__module__.partition(".")[0] in _CHECKED_ELSEWHERE:
                return item
        parts = parts[:1]
    if typing.get_origin(annotation) is Literal:
        return None
    return next((found for each in parts if (found := ignored_constraint(each)) is not None), None)


def _is_marker(item: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(item, kinds) or (isinstance(item, type) and issubclass(item, kinds))


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


# --- JSON ----------------------------------------------------------------------------------------


def advice_on(annotation: Any) -> str | None:
    """Return what to do about a type that people try, or None for others.

    Args:
        annotation: The type.
    """
    if isinstance(annotation, Marker | Depends):
        name = type(annotation).__name__
        return f"a marker stands beside the type: Annotated[<type>, {name}(...)]"
    kind = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    if issubclass(kind, Response):
        return "return a Response, or a tuple (body, status, headers)"
    if issubclass(kind, UploadedFile):
        return "mark the parameter Form(): files come with forms, not with JSON"
    if hasattr(kind, "model_validate") and hasattr(kind, "model_fields"):
        distribution = _bundle.MODEL_FAMILIES["pydantic"]
        return (
            f"`pip install {distribution}` for pydantic models, or write it as a msgspec.Struct or "
            "a dataclass"
        )
    return None


def class_unfit_for_json(annotation: Any) -> type | None:
    """Return a class that keeps JSON from ever fitting a type, or None.

    Args:
        annotation: The type.

    Raises:
        TypeError: When msgspec does not understand it.
        NameError: When an annotation in one of its classes cannot be evaluated.
    """
    return _unfit(types.type_info(annotation), set())


def prepare_models(annotation: Any) -> None:
    """Let adapters make ready for the models in a type, before there are requests.

    Args:
        annotation: The type.

    Raises:
        Exception: Whatever an adapter raises, or `class_unfit_for_json`.
    """
    known = custom_types()
    for info in kinds_in(annotation) if known.adapters else ():
        if isinstance(info, types.CustomType):
            adapter = known.adapter_of(info.cls)
            if adapter is not None:
                adapter.prepare(known.meant(info.cls))


def _unfit(info: types.Type, seen: set[Any]) -> type | None:
    if isinstance(info, types.CustomType):
        is_plain = any(issubclass(each, info.cls) for each in _JSON_VALUES)
        return None if is_plain or custom_types().leaves(info.cls) else info.cls
    if isinstance(info, types.UnionType):
        unfit = [_unfit(part, seen) for part in info.types]
        return unfit[0] if all(unfit) else None
    if isinstance(info, types.EnumType | types.LiteralType):
        return None
    parts: Iterable[types.Type] = parts_of(info)
    fields = getattr(info, "fields", None)
    if fields is not None:
        kind = getattr(info, "cls", None)
        if kind in seen:
            return None
        seen.add(kind)
        # What may be left out can stay what the class makes of it.
        parts = [field.type for field in fields if field.required]
    return next(filter(None, (_unfit(part, seen) for part in parts)), None)


# --- Numbers -------------------------------------------------------------------------------------


def checking_numbers(decode: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return a JSON decoder that refuses decimals that are no usual numbers.

    Args:
        decode: Decodes a type with decimals in it.
    """

    def decode_and_check(body: bytes) -> object:
        value = decode(body)
        # PERF: only what may hold such a decimal is looked at value by value.
        if _is_suspect(body):
            check_numbers(value)
        return value

    return decode_and_check


def _is_suspect(body: bytes) -> bool:
    # `Decimal("n_an")` is NaN to Python, and digits of all scripts are digits.
    if not body.isascii() or b"\\u" in body:
        return True
    text = body.lower().replace(b"_", b"")
    return b"nan" in text or b"inf" in text or _LARGE_EXPONENT(text) is not None


def check_numbers(value: object) -> None:
    """Look at all decimals and floats in a value.

    Args:
        value: Any value that msgspec has made.

    Raises:
        msgspec.ValidationError: When one is infinite, NaN, or has a huge exponent.
    """
    if isinstance(value, Decimal | float) and _is_usual(value):
        return
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,), enc_hook=_nothing)
    # PERF: where it is matters only once there is one.
    if all(map(_is_usual, _values_in(plain))):
        return
    waiting: list[tuple[Any, str]] = [(plain, "$")]
    while waiting:
        part, place = waiting.pop()
        if isinstance(part, dict):
            waiting += ((each, f"{place}{_key_step(key)}") for key, each in part.items())
            waiting += ((key, f"{place}[...]") for key in part)
        elif isinstance(part, list | tuple):
            waiting += ((each, f"{place}[{index}]") for index, each in enumerate(part))
        elif not _is_usual(part):
            # Worded as by msgspec: `errors.explain` reads it.
            suffix = "" if place == "$" else f" - at `{place}`"
            raise msgspec.ValidationError(f"{_problem(part)}{suffix}")


def _values_in(plain: Any) -> Iterator[object]:
    """Iterate over the values in a value that are neither lists nor dicts."""
    waiting = [plain]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
        else:
            yield part


def _nothing(value: object) -> None:
    """Stands for what msgspec cannot write, such as `msgspec.Raw`."""


def _key_step(key: object) -> str:
    return f".{key}" if isinstance(key, str) and _PLAIN_NAME.match(key) else "[...]"


def _is_usual(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and (not value or abs(value.adjusted()) < _MAX_EXPONENT)
    return not isinstance(value, float) or math.isfinite(value)


def _problem(value: object) -> str:
    is_finite = isinstance(value, Decimal) and value.is_finite()
    return "Number out of range" if is_finite else "Expected a finite number"


# --- Defaults ------------------------------------------------------------------------------------


def copier(default: object) -> Callable[[Any], object] | None:
    """Return the function that copies a default, or None where all requests can share it.

    SECURITY: what one request adds to a default such as `[]` must not reach the next one.

    Args:
        default: The default of a parameter.
    """
    if _is_unchanging(default):
        return None
    # PERF: the usual ones are flat, and empty.
    if type(default) in (list, set) and all(map(_is_unchanging, default)):  # ty: ignore[invalid-argument-type]
        return copy.copy
    try:
        copy.deepcopy(default)
    except Exception:  # noqa: BLE001 - a class may refuse in any way; then it is meant to be shared
        return None
    return copy.deepcopy


def _is_unchanging(value: object) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_unchanging, value))
    return isinstance(value, _UNCHANGING)
