"""The arguments of hook implementations: which of those that a hook has go where."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType

from flasgo.callables import fixed_names, signature_of

__all__ = ["accepting", "unfillable"]

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def unfillable(offered: Sequence[str], function: Callable[..., object]) -> list[str]:
    """Return the parameters that a function cannot be called without, and that its hook has not.

    Args:
        offered: The hook's arguments.
        function: The implementation.
    """
    plain = _plain_names(function)
    if plain is not None:
        return [name for name in plain if name not in offered]
    return [
        parameter.name
        for parameter in signature_of(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (*_BY_POSITION, inspect.Parameter.KEYWORD_ONLY)
        and parameter.name not in offered
    ]


def accepting(offered: tuple[str, ...], function: Callable[..., object]) -> Callable[..., object]:
    """Return a callable that takes all arguments of a hook by position and passes on the wanted.

    The function itself where it wants them all in order, so that the usual case costs nothing. A
    parameter with a default is filled where the hook has an argument of its name; `*args` and
    `**kwargs` take what the others leave.

    Args:
        offered: The hook's arguments.
        function: The implementation.
    """
    plain = _plain_names(function)
    positional, named = (plain, ()) if plain is not None else _wanted(offered, function)
    if positional == offered and not named:
        return function
    indices = tuple(offered.index(name) for name in positional)
    if not named:

        def call(*args: object) -> object:
            return function(*(args[index] for index in indices))

        return call
    places = tuple((name, offered.index(name)) for name in named)

    def call_by_name(*args: object) -> object:
        return function(
            *(args[index] for index in indices), **{name: args[index] for name, index in places}
        )

    return call_by_name


def _plain_names(function: Callable[..., object]) -> tuple[str, ...] | None:
    """Return the parameters of a function or method that has none but plain ones, else None.

    PERF: most hooks are such functions, and to make a signature takes a while.
    """
    code = getattr(function, "__code__", None)
    if (
        not isinstance(function, (FunctionType, MethodType))
        or code is None
        or function.__defaults__
        or code.co_kwonlyargcount
        or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        or hasattr(function, "__wrapped__")
    ):
        return None
    names = code.co_varnames[: code.co_argcount]
    return names[1:] if isinstance(function, MethodType) else names


def _wanted(
    offered: tuple[str, ...], function: Callable[..., object]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments that go by position, in the function's order, and those by name."""
    fixed = fixed_names(function)
    positional: list[str] = []
    named: list[str] = []
    has_gap = False  # a parameter that keeps its default: those after it go by name
    takes_rest = takes_any_name = False
    for parameter in signature_of(function).parameters.values():
        is_offered = parameter.name in offered and parameter.name not in fixed
        if parameter.kind is parameter.VAR_POSITIONAL:
            takes_rest = not has_gap
        elif parameter.kind is parameter.VAR_KEYWORD:
            takes_any_name = True
        elif parameter.kind in _BY_POSITION and not has_gap:
            has_gap = not is_offered
            positional += [parameter.name] if is_offered else []
        elif is_offered and parameter.kind is not parameter.POSITIONAL_ONLY:
            named.append(parameter.name)
    rest = [name for name in offered if name not in (*positional, *named, *fixed)]
    if takes_rest:
        positional += rest
    elif takes_any_name:
        named += rest
    return tuple(positional), tuple(named)
