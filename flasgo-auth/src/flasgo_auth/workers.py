"""Runs what users wrote, sync or async, without blocking the event loop."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import CoroutineType
from typing import Concatenate, ParamSpec, TypeVar, cast

from flasgo import Connection
from flasgo.plugin import is_async, qualified_name, signature_of

__all__ = ["check_function", "finish", "run_at_once", "runner"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_at_once: ContextVar[bool] = ContextVar("flasgo_auth.at_once", default=False)


def run_at_once(
    function: Callable[_P, _T | Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Return what a function answers that never has to wait, `async def` or not.

    What `runner` would hand to a worker thread is called here, in the thread of the caller.

    Args:
        function: The function.
        *args: Its arguments.
        **kwargs: Its keyword arguments.

    Raises:
        RuntimeError: When it waits for something.
    """
    token = _at_once.set(True)
    try:
        answer = function(*args, **kwargs)
        if not inspect.isawaitable(answer):
            return cast("_T", answer)
        steps = answer.__await__()
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        name = qualified_name(function)
        raise RuntimeError(f"{name} is not `async def`, and what it returns has to be awaited.")
    finally:
        _at_once.reset(token)


async def finish(answer: _T | Awaitable[_T]) -> _T:
    """Await an answer that turned out to be awaitable, such as that of a lambda.

    Args:
        answer: What a function returned.
    """
    # PERF: the two usual answers; isawaitable takes longer than many a backend.
    if type(answer) is CoroutineType:
        return cast("_T", await answer)
    if answer is None or type(answer) is bool:
        return cast("_T", answer)
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
    if is_async(function):
        # PERF: its own coroutine is the one that is awaited.
        return lambda request, /, *args, **kwargs: function(*args, **kwargs)  # ty: ignore
    if blocking:

        async def run(request: Connection, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            if _at_once.get():
                return await finish(function(*args, **kwargs))
            return await finish(
                await request.app.threads.run_for_request(function, *args, **kwargs)
            )

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
        TypeError: When it is a class, cannot be called at all, or takes no such arguments.
    """
    # SECURITY: calling a class gives an instance, which would pass for an answer.
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"{where} takes a function {takes}, got {function!r}.")
    try:
        signature = signature_of(function)
    except ValueError:  # a function of C that does not say its arguments
        return
    count = takes.partition(")")[0].count(",") + 1
    try:
        signature.bind(*range(count))
    except TypeError as error:
        raise TypeError(
            f"{where} takes a function {takes}, and {qualified_name(function)}{signature} cannot "
            f"be called like that: {error}. What else it needs, such as the file of a database, "
            "it can read from `flasgo.current_app.state`."
        ) from None
