"""Filters and tests for asynchronous rendering, which give what they give otherwise."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from flasgo.plugin import called_by, is_async
from jinja2.async_utils import auto_await
from jinja2.defaults import DEFAULT_FILTERS

__all__ = ["AsyncFunctions"]

Function: TypeAlias = Callable[..., object]

# Jinja's filters that return an async generator whatever they are given.
_LAZY = {
    name: DEFAULT_FILTERS[name] for name in ("map", "select", "selectattr", "reject", "rejectattr")
}


class AsyncFunctions(Mapping[str, Function]):
    """A view of the filters (or tests) of an environment, for templates that may await.

    In these, Jinja's `map` and `select` return async generators, which `sort`, `batch`, `min` and
    most other filters, tests, operators and functions cannot iterate over (jinja#2081). Here they
    return an ordinary generator where they were given something ordinary, and what takes ordinary
    iterables only is given one: an async iterator is run to its end first.

    Args:
        functions: By name; what is added to it later is seen.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions
        self._adapted: dict[str, tuple[Function, Function]] = {}

    def __getitem__(self, name: str) -> Function:
        function = self._functions[name]
        known = self._adapted.get(name)
        if known is not None and known[0] is function:
            return known[1]
        adapted = _adapted(name, function)
        self._adapted[name] = (function, adapted)
        return adapted

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def _adapted(name: str, function: Function) -> Function:
    if function is _LAZY.get(name):
        return _running(function)
    takes_async = (
        getattr(function, "jinja_async_variant", False) is True
        or is_async(function)
        or inspect.isasyncgenfunction(called_by(function))
    )
    return function if takes_async else _collecting(function)


def _collecting(function: Function) -> Function:
    """Have a function be given ordinary generators in place of async ones."""

    @functools.wraps(function)
    def collecting(*args: object, **kwargs: object) -> object:
        # PERF: most calls are given nothing async, and need no coroutine.
        if any(map(_is_only_async, args)) or any(map(_is_only_async, kwargs.values())):
            return collected(args, kwargs)
        return function(*args, **kwargs)

    async def collected(args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        ordinary = [await _ordinary(value) for value in args]
        named = {name: await _ordinary(value) for name, value in kwargs.items()}
        return await auto_await(function(*ordinary, **named))

    return collecting


def _running(function: Function) -> Function:
    """Have a filter return an ordinary generator, unless it was given an async iterator."""

    @functools.wraps(function)
    async def running(context: object, value: object, *args: object, **kwargs: object) -> object:
        result = await auto_await(function(context, value, *args, **kwargs))
        return result if _is_only_async(value) else await _ordinary(result)

    return running


def _is_only_async(value: object) -> bool:
    return isinstance(value, AsyncIterable) and not isinstance(value, Iterable)


async def _ordinary(value: object) -> object:
    # A generator and not the list, so that what fails otherwise (such as its length) fails here.
    if isinstance(value, AsyncIterable) and not isinstance(value, Iterable):
        return _each([item async for item in value])
    return value


def _each(items: list[object]) -> Iterator[object]:
    yield from items
