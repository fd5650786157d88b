"""Turns what was configured into the type a setting declares, or says why it cannot."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

import msgspec

from flasgo.settings.annotations import bare, is_union

__all__ = ["convert_text", "convert_value", "type_text"]

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})

_SEQUENCE_BUILDERS: dict[object, Callable[[Iterable[object]], object]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}
_MAPPING_ORIGINS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

Convert = Callable[[object, object], object]


def convert_value(value: object, target: object) -> object:
    """Convert a Python value to a setting's type.

    Scalars are taken strictly (`"1"` and `True` are not an int, an int is accepted as float);
    list, tuple, set and frozenset stand in for each other. Containers are always new objects,
    so that two apps never share one.

    Args:
        value: What was configured in Python.
        target: The type the setting declares.

    Returns:
        The converted value.

    Raises:
        ValueError: When the value does not fit; the message is the reason, without the value.
    """
    if typing.get_origin(target) is typing.Annotated:
        return _constrain(convert_value(value, bare(target)), target)
    target = bare(target)
    args = typing.get_args(target)
    if is_union(target):
        if value is None and types.NoneType in args:
            return None
        return _first_fit(value, _without_none(args), convert_value)
    if _is_literal(target):
        for allowed in args:
            if type(allowed) is type(value) and allowed == value:
                return value
        raise ValueError("it is not one of the allowed values")
    if isinstance(value, (list, tuple, set, frozenset)) and _sequence_builder(target) is not None:
        return _convert_items(value, target, convert_value)
    if isinstance(value, Mapping) and _origin(target) in _MAPPING_ORIGINS:
        return _convert_pairs(value, target, convert_value)
    if isinstance(value, str) and isinstance(target, type) and issubclass(target, PurePath):
        return target(value)
    return _convert_strictly(value, target)


def convert_text(text: str, target: object) -> object:
    """Convert the text of an environment variable to a setting's type.

    Booleans are 1/0, true/false, yes/no or on/off; collections a JSON array or comma separated;
    mappings a JSON object; empty text is None where the type allows None.

    Args:
        text: The variable's value.
        target: The type the setting declares.

    Returns:
        The converted value.

    Raises:
        ValueError: When the text does not fit; the message is the reason, without the text.
    """
    if typing.get_origin(target) is typing.Annotated:
        return _constrain(convert_text(text, bare(target)), target)
    target = bare(target)
    args = typing.get_args(target)
    if target in (str, object, typing.Any):
        return text
    if is_union(target):
        return _convert_union_text(text, args)
    if _is_literal(target):
        for allowed in args:
            if str(allowed) == text.strip():
                return allowed
        raise ValueError("it is not one of the allowed values")
    if target is bool:
        return _text_to_bool(text)
    if _sequence_builder(target) is not None:
        return _convert_items(_split(text), target, _convert_item_text)
    if _origin(target) in _MAPPING_ORIGINS:
        return _convert_pairs(_decode_json_object(text), target, convert_value)
    return _convert_loosely(text, target)


def type_text(target: object) -> str:
    """Return a type as a reader would write it, for messages and listings.

    Args:
        target: The type a setting declares.
    """
    target = bare(target)
    if _is_literal(target):
        return " | ".join(repr(arg) for arg in typing.get_args(target))
    if is_union(target):
        return " | ".join(type_text(arg) for arg in typing.get_args(target))
    if target is types.NoneType:
        return "None"
    if isinstance(target, type) and not typing.get_args(target):
        return target.__qualname__
    return str(target).replace("typing.", "").replace("collections.abc.", "")


def _constrain(value: object, target: object) -> object:
    """Apply the bounds that an `Annotated[..., msgspec.Meta(...)]` adds to its type."""
    try:
        return msgspec.convert(value, target, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(f"msgspec says: {error}") from None


def _origin(target: object) -> object:
    return typing.get_origin(target) or target


def _is_literal(target: object) -> bool:
    return typing.get_origin(target) is typing.Literal


def _without_none(args: Iterable[object]) -> list[object]:
    return [arg for arg in args if arg is not types.NoneType]


def _sequence_builder(target: object) -> Callable[[Iterable[object]], object] | None:
    origin = _origin(target)
    return tuple if origin is tuple else _SEQUENCE_BUILDERS.get(origin)


def _first_fit(value: object, members: Iterable[object], convert: Convert) -> object:
    reasons: list[str] = []
    for member in members:
        try:
            return convert(value, member)
        except ValueError as error:
            reasons.append(str(error))
    if len(reasons) == 1:
        raise ValueError(reasons[0])
    raise ValueError("it fits none of these types")


def _convert_items(values: Iterable[object], target: object, convert: Convert) -> object:
    args = typing.get_args(target)
    items = list(values)
    builder = _sequence_builder(target)
    if builder is None:
        raise ValueError("it is a collection")
    if builder is tuple and args and args[-1] is not Ellipsis:
        if len(items) != len(args):
            raise ValueError(f"it has {len(items)} items, not {len(args)}")
        item_types: Iterable[object] = args
    else:
        item_types = [args[0] if args else object] * len(items)
    converted: list[object] = []
    for position, (item, item_type) in enumerate(zip(items, item_types, strict=True)):
        try:
            converted.append(convert(item, item_type))
        except ValueError as error:
            raise ValueError(f"item {position}: {error}") from None
    try:
        return builder(converted)
    except TypeError:
        raise ValueError("an item cannot be hashed, so it cannot be in a set") from None


def _convert_pairs(
    values: Mapping[typing.Any, object], target: object, convert: Convert
) -> dict[object, object]:
    args = typing.get_args(target)
    key_type, value_type = args if len(args) == 2 else (object, object)
    try:
        return {convert(key, key_type): convert(value, value_type) for key, value in values.items()}
    except ValueError as error:
        raise ValueError(f"in one of its entries: {error}") from None


def _convert_strictly(value: object, target: object) -> object:
    if isinstance(target, type) and not typing.get_args(target) and type(value) is target:
        return value
    try:
        return msgspec.convert(value, target, strict=True)
    except msgspec.ValidationError:
        raise ValueError(_mismatch(value, target)) from None
    except (TypeError, ValueError):
        # SECURITY: a type msgspec has no rule for is never waved through unless it cannot be
        # checked at all (a Protocol that is not runtime checkable).
        origin = _origin(target)
        if isinstance(origin, type):
            try:
                if isinstance(value, origin):
                    return value
            except TypeError:
                return value
        raise ValueError(_mismatch(value, target)) from None


def _convert_item_text(value: object, target: object) -> object:
    # The items of a JSON array are already typed; those of a comma separated list are text.
    return convert_text(value, target) if isinstance(value, str) else convert_value(value, target)


def _convert_union_text(text: str, args: tuple[object, ...]) -> object:
    if types.NoneType in args and not text.strip():
        return None
    # Every text fits `str`, so that member is tried last.
    members = _without_none(args)
    return _first_fit(text, sorted(members, key=lambda arg: arg is str), _convert_item_text)


def _convert_loosely(text: str, target: object) -> object:
    if isinstance(target, type) and issubclass(target, PurePath):
        return target(text)
    if target is bytes:
        return text.encode()
    stripped = text.strip()
    if not stripped:
        raise ValueError("it is empty")
    try:
        return msgspec.convert(stripped, target, strict=False)
    except (msgspec.ValidationError, TypeError, ValueError):
        pass
    if stripped[0] in "[{":
        try:
            return msgspec.convert(msgspec.json.decode(stripped), target, strict=False)
        except (msgspec.ValidationError, msgspec.DecodeError, TypeError, ValueError):
            pass
    raise ValueError(f"the text cannot be read as {type_text(target)}")


def _text_to_bool(text: str) -> bool:
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("write one of 1, 0, true, false, yes, no, on, off")


def _split(text: str) -> list[object]:
    stripped = text.strip()
    if not stripped.startswith("["):
        return [item for part in stripped.split(",") if (item := part.strip())]
    try:
        return msgspec.json.decode(stripped, type=list)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise ValueError("it starts like a JSON array but is not a valid one") from None


def _decode_json_object(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text.strip() or "{}", type=dict)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise ValueError('write it as a JSON object, such as {"key": "value"}') from None


def _mismatch(value: object, target: object) -> str:
    if isinstance(value, str) and _sequence_builder(target) is not None:
        return "a lone str is not a collection; put it in brackets"
    return f"its type is {type(value).__name__}"
