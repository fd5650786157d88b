"""Runs what users wrote, sync or async, without blocking the event loop."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

__all__ = ["finish", "is_async"]

_T = TypeVar("_T")


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether calling a function, method or callable object gives a coroutine.

    Args:
        function: What would be called.
    """
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is looked at
    )


async def finish(answer: _T | Awaitable[_T]) -> _T:
    """Await an answer that turned out to be awaitable, such as that of a lambda.

    Args:
        answer: What a function returned.
    """
    if inspect.isawaitable(answer):
        return await cast("Awaitable[_T]", answer)
    return cast("_T", answer)
