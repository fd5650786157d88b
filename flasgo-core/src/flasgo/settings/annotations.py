"""What an annotation stands for: seen through `Annotated`, `NewType`, aliases and unions.

`Any` throughout: an annotation can be any object.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Annotated, Any

__all__ = ["alternatives", "bare", "is_union", "unaliased", "union_of", "without_none"]

_UNIONS = (typing.Union, types.UnionType)


def unaliased(annotation: Any) -> Any:
    """Return what a `NewType` or the name of a `type` statement (Python 3.12) stands for.

    Args:
        annotation: The annotation; any other is returned as it is.
    """
    while not isinstance(annotation, type):
        alias = typing.get_origin(annotation)
        if hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif alias is not None and hasattr(alias, "__value__"):  # of a generic one: `Page[Item]`
            annotation = alias.__value__[typing.get_args(annotation)]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        else:
            break
    return annotation


def bare(annotation: Any) -> Any:
    """Return an annotation without its aliases and without `Annotated`.

    Args:
        annotation: The annotation.
    """
    annotation = unaliased(annotation)
    while typing.get_origin(annotation) is Annotated:
        annotation = unaliased(typing.get_args(annotation)[0])
    return annotation


def is_union(annotation: Any) -> bool:
    """Return whether an annotation is a union, such as `int | None`."""
    return typing.get_origin(annotation) in _UNIONS


def union_of(members: Sequence[Any]) -> Any:
    """Return the union of types; a single one is itself.

    Args:
        members: At least one type.
    """
    return typing.Union[tuple(members)]  # noqa: UP007 - made of values


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, however deep, as `bare` has them; else the type itself.

    Args:
        annotation: The annotation.
    """
    annotation = bare(annotation)
    if not is_union(annotation):
        return (annotation,)
    return tuple(kind for arg in typing.get_args(annotation) for kind in alternatives(arg))


def without_none(annotation: Any) -> Any:
    """Return a type without `None` among its alternatives; what `Annotated` says of it is kept.

    Args:
        annotation: The annotation.
    """
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is Annotated:
        inner, *metadata = typing.get_args(annotation)
        return Annotated[(without_none(inner), *metadata)]
    if is_union(annotation):
        arguments = typing.get_args(annotation)
        members = [arg for arg in arguments if arg is not types.NoneType]
        if members and len(members) < len(arguments):
            return union_of(members)
    return annotation
