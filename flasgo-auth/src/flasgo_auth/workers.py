"""Runs what users wrote, sync or async, without blocking the event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

__all__ = ["finish", "in_thread", "is_async"]

_A = TypeVar("_A")
_T = TypeVar("_T")


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether calling a function, method or callable object gives a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is looked at
    )


async def in_thread(function: Callable[[_A], _T], argument: _A) -> _T:
    """Call a blocking function in a worker thread; the context variables go with it."""
    return await asyncio.to_thread(function, argument)


async def finish(answer: _T | Awaitable[_T]) -> _T:
    """Await an answer that turned out to be awaitable, such as that of a lambda."""
    if inspect.isawaitable(answer):
        return await cast("Awaitable[_T]", answer)
    return cast("_T", answer)
