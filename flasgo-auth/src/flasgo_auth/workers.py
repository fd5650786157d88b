"""Runs what users wrote, sync or async, without blocking the event loop."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from flasgo import Connection
from flasgo.plugin import is_async

__all__ = ["check_function", "finish", "runner"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def finish(answer: _T | Awaitable[_T]) -> _T:
    """Await an answer that turned out to be awaitable, such as that of a lambda.

    Args:
        answer: What a function returned.
    """
    if inspect.isawaitable(answer):
        return await cast("Awaitable[_T]", answer)
    return cast("_T", answer)


def runner(
    function: Callable[_P, _T | Awaitable[_T]], *, blocking: bool
) -> Callable[Concatenate[Connection, _P], Awaitable[_T]]:
    """Decide once how a user's function is called: awaited, inline, or in a worker thread.

    Args:
        function: The function, `def` or `async def`.
        blocking: Whether a `def` function may block.

    Returns:
        An async function of the request, whose app lends the thread, and the arguments.
    """
    if blocking and not is_async(function):

        async def run(request: Connection, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            return await finish(await request.app.threads.run(function, *args, **kwargs))

    else:

        async def run(request: Connection, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            return await finish(function(*args, **kwargs))

    return run


def check_function(function: object, where: str, takes: str) -> None:
    """Refuse what is not a function that a backend can call.

    Args:
        function: What was passed.
        where: The name of the function that it was passed to.
        takes: The signature that is wanted, such as `(token) -> User | None`.

    Raises:
        TypeError: When it is a class, or cannot be called at all.
    """
    # SECURITY: calling a class gives an instance, which would pass for an answer.
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"{where} takes a function {takes}, got {function!r}.")
