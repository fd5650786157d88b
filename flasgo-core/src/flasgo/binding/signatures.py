"""What a function asks for: its parameters, with annotations that are evaluated."""

from __future__ import annotations

import contextlib
import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NoReturn

from msgspec import Struct

from flasgo.callables import (
    called_by,
    fixed_names,
    qualified_name,
    signature_of,
    source_of,
    written_function,
)
from flasgo.errors import RouteError

__all__ = [
    "MISSING",
    "Asked",
    "Site",
    "asked_by",
    "check_wrapper",
    "is_context_manager",
    "return_annotation",
]

MISSING: Any = inspect.Parameter.empty
"""Stands for "no annotation" and "no default". `Any`: it takes the place of every type."""


class Site(Struct, frozen=True):
    """A function that gets arguments, for error messages.

    Attributes:
        rule: The rule of the route it is called for.
        function: The handler or dependency.
        role: `"handler"` or `"dependency"`.
    """

    rule: str
    function: Callable[..., object]
    role: str = "handler"

    @property
    def where(self) -> str:
        """The role, the function's name and the place of its definition."""
        name = f"{qualified_name(self.function)} " if self.role != "handler" else ""
        return f"the {self.role} {name}at {source_of(self.function)}"

    def refuse(self, name: str, found: str, advice: str) -> NoReturn:
        """Refuse a parameter.

        Raises:
            RouteError: Always; names the route, the parameter, the place and the way out.
        """
        raise RouteError(
            f"Route {self.rule!r}: parameter {name!r} of {self.where} {found}; {advice}."
        )


class Asked(Struct, frozen=True):
    """One parameter of a function.

    Attributes:
        name: Its name.
        annotation: Its annotation, evaluated; MISSING when there is none.
        default: Its default; MISSING when there is none.
        is_keyword: False where it takes its argument by position only.
        is_positional: False where it takes its argument by keyword only.
    """

    name: str
    annotation: Any
    default: Any
    is_keyword: bool
    is_positional: bool


def asked_by(site: Site) -> tuple[tuple[Asked, ...], bool]:
    """Return the parameters of a function, and whether it takes any keyword (`**rest`).

    Args:
        site: The function.

    Raises:
        RouteError: When it has no signature, or an annotation cannot be evaluated.
    """
    try:
        signature = signature_of(site.function)
    except (TypeError, ValueError) as error:
        raise RouteError(
            f"Route {site.rule!r}: {site.where} has no signature to read ({error}). Wrap it in a "
            "function."
        ) from error
    hints = _hints(site)
    fixed = fixed_names(site.function)
    parameters = signature.parameters.values()
    asked = tuple(
        Asked(
            parameter.name,
            hints.get(parameter.name, MISSING),
            parameter.default,
            is_keyword=parameter.kind is not parameter.POSITIONAL_ONLY,
            is_positional=parameter.kind is not parameter.KEYWORD_ONLY,
        )
        for parameter in parameters
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
        and parameter.name not in fixed
    )
    return asked, any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def return_annotation(function: Callable[..., object]) -> Any:
    """Return the evaluated return annotation of a function, or MISSING.

    `Any`: whatever the developer wrote there. One that cannot be evaluated documents nothing.
    """
    try:
        return _evaluated(function).get("return", MISSING)
    except Exception:  # noqa: BLE001 - an annotation may raise anything
        return MISSING


def _hints(site: Site) -> dict[str, Any]:
    try:
        return _evaluated(site.function)
    except Exception as error:
        raise RouteError(
            f"Route {site.rule!r}: an annotation of {site.where} cannot be evaluated: "
            f"{type(error).__name__}: {error}. Import or define the name at module level, outside "
            "of TYPE_CHECKING."
        ) from error


def _evaluated(function: Callable[..., object]) -> dict[str, Any]:
    if isinstance(function, type):
        own = typing.get_type_hints(function.__init__, include_extras=True)
        return {**typing.get_type_hints(function, include_extras=True), **own}
    target: Any = written_function(function)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError:
        names = _names_around(target)
        try:
            return typing.get_type_hints(target, localns=names, include_extras=True)
        except NameError:
            # The arguments do not depend on what the function returns.
            bare = _without_return(target)
            return typing.get_type_hints(bare, localns=names, include_extras=True)


def _without_return(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that has the same annotations but the one of what it returns."""
    own = getattr(function, "__func__", function)
    if not isinstance(own, FunctionType):
        return function
    copy = FunctionType(own.__code__, own.__globals__, own.__name__, None, own.__closure__)
    copy.__annotations__ = {
        name: annotation for name, annotation in _annotations(own).items() if name != "return"
    }
    return copy


def _annotations(function: FunctionType) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return get_annotations(function, format=Format.FORWARDREF)
    return function.__annotations__


def _names_around(function: Callable[..., object]) -> dict[str, Any]:
    """Return the local names of the functions that a function is defined in, while these run.

    String annotations of a handler that an app factory defines may name what else it defines.
    """
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    names: dict[str, Any] = {}
    frame = sys._getframe(1)
    while frame is not None:
        if code in frame.f_code.co_consts:
            names = {**frame.f_locals, **names}
            code = frame.f_code
        frame = frame.f_back
    return names


def is_context_manager(function: Callable[..., object]) -> bool:
    """Whether a callable is made by `contextmanager` or `asynccontextmanager`."""
    code = getattr(called_by(function), "__code__", None)
    return code is not None and code.co_filename == contextlib.__file__


def check_wrapper(site: Site, given: Sequence[Asked]) -> None:
    """Refuse a function that takes other arguments than the one it has wrapped.

    `functools.wraps` shows the signature of what is wrapped; the wrapper is called.

    Args:
        site: The function.
        given: What it is called with.

    Raises:
        RouteError: When it cannot be called so.
    """
    if not hasattr(site.function, "__wrapped__"):
        return
    try:
        signature = inspect.signature(site.function, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    positional = [None for asked in given if not asked.is_keyword]
    try:
        signature.bind(*positional, **{asked.name: None for asked in given if asked.is_keyword})
    except TypeError as error:
        raise RouteError(
            f"Route {site.rule!r}: {site.where} is wrapped by a function that takes other "
            f"arguments ({error}): functools.wraps hides them. Let the wrapper take *args and "
            "**kwargs, and the function what the wrapper needs."
        ) from None
