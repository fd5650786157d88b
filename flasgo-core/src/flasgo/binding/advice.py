"""What to write instead of types that a parameter or a model cannot have."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

from msgspec import inspect as types

from flasgo.binding.kinds import parts_of
from flasgo.binding.parameters import Depends, Marker
from flasgo.kernel.background import BackgroundTasks
from flasgo.requests.forms import UploadedFile
from flasgo.responses.response import Response

__all__ = ["advice_on", "stranger_in"]

# `Any` throughout: annotations are whatever developers write.

_JSON_VALUES = (dict, list, str, int, float, bool, type(None))


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
    if issubclass(kind, BackgroundTasks):
        return "take `request: Request` and call request.background.add(function, ...)"
    if issubclass(kind, UploadedFile):
        return "mark the parameter Form(): files come with forms, not with JSON"
    if hasattr(kind, "model_validate") and hasattr(kind, "model_fields"):
        return "write the pydantic model as a msgspec.Struct or a dataclass"
    return None


def stranger_in(annotation: Any) -> type | None:
    """Return a class that keeps JSON from ever fitting a type, or None.

    Args:
        annotation: The type.

    Raises:
        TypeError: When msgspec does not understand it.
        NameError: When an annotation in one of its classes cannot be evaluated.
    """
    return _stranger(types.type_info(annotation), set())


def _stranger(info: types.Type, seen: set[Any]) -> type | None:
    if isinstance(info, types.CustomType):
        return None if any(issubclass(each, info.cls) for each in _JSON_VALUES) else info.cls
    if isinstance(info, types.UnionType):
        strangers = [_stranger(part, seen) for part in info.types]
        return strangers[0] if all(strangers) else None
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
    return next(filter(None, (_stranger(part, seen) for part in parts)), None)
