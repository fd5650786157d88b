"""Dependencies: functions whose results are arguments, and what is to be done when they end."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from flasgo.callables import generator_of, is_async
from flasgo.errors import ConfigurationError
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager

    from flasgo.kernel.threads import WorkerThreads
    from flasgo.requests.connection import Connection
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = [
    "Dependency",
    "DependencyOverrides",
    "Exits",
    "Node",
    "Solve",
    "clean_up",
    "exits_of",
    "solver",
]

_ATTRIBUTE = "_dependency_exits"

Dependency = Callable[..., object]

# `Any`: dependencies return whatever their authors like.
Solve = Callable[["Exits", list[Any], dict[str, Any]], Awaitable[Any]]
"""Calls a dependency with positional and keyword arguments."""


class DependencyOverrides(MutableMapping[Dependency, Dependency]):
    """What stands in for which dependency: `app.dependency_overrides[get_db] = fake_db`.

    The routes that use the dependency are compiled anew, so a substitute may ask for arguments of
    its own.

    Args:
        changed: Called after each change.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._substitutes: dict[Dependency, Dependency] = {}
        self._changed = changed

    def __getitem__(self, dependency: Dependency) -> Dependency:
        return self._substitutes[dependency]

    def __setitem__(self, dependency: Dependency, substitute: Dependency) -> None:
        for given in (dependency, substitute):
            if not callable(given):
                raise ConfigurationError(
                    f"app.dependency_overrides takes functions, not {given!r}; write "
                    "app.dependency_overrides[get_db] = lambda: fake."
                )
        self._become({**self._substitutes, dependency: substitute})

    def __delitem__(self, dependency: Dependency) -> None:
        kept = dict(self._substitutes)
        del kept[dependency]
        self._become(kept)

    def clear(self) -> None:
        """Take every substitute away."""
        self._become({})

    def _become(self, substitutes: dict[Dependency, Dependency]) -> None:
        previous, self._substitutes = self._substitutes, substitutes
        try:
            self._changed()
        except BaseException:
            self._substitutes = previous
            self._changed()
            raise

    def __iter__(self) -> Iterator[Dependency]:
        return iter(self._substitutes)

    def __len__(self) -> int:
        return len(self._substitutes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._substitutes!r})"


class Exits:
    """The generators of one request that are to be ended when its response was sent.

    Attributes:
        error: What the handler or a dependency raised, or None.
    """

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.error: BaseException | None = None

    async def close(self, error: BaseException | None) -> None:
        """End the generators, the last one first.

        Args:
            error: What went wrong after the handler, such as a streamed body that failed.

        Raises:
            BaseException: What a generator raised that is not the error it was given.
        """
        error = self.error or error
        trace = None if error is None else error.__traceback__
        await self.stack.__aexit__(None if error is None else type(error), error, trace)


async def clean_up(connection: Connection, response: object, error: Exception | None) -> None:
    """End the generators of a request; the last step of the pipelines that have any.

    Args:
        connection: The request.
        response: What was sent.
        error: The unhandled exception of the request, or None.
    """
    exits = cast("Exits | None", connection.peek(_ATTRIBUTE))
    if exits is not None:
        await exits.close(error)


def exits_of(connection: Connection) -> Exits:
    """Return a new `Exits` that `clean_up` will find."""
    exits = Exits()
    setattr(connection, _ATTRIBUTE, exits)
    return exits


class Node(Struct, frozen=True):
    """One dependency of a plan: called once its own arguments are known.

    Attributes:
        solve: Calls it.
        positional: Which values of the plan it takes by position.
        named: Which ones by keyword.
        is_generator: Whether it has to be ended.
    """

    solve: Solve
    positional: tuple[int, ...]
    named: tuple[tuple[str, int], ...]
    is_generator: bool

    def __call__(self, exits: Exits, values: list[object]) -> Awaitable[object]:
        """Call the dependency.

        Args:
            exits: Takes the generators.
            values: The values of the plan so far.
        """
        return self.solve(
            exits,
            [values[index] for index in self.positional],
            {name: values[index] for name, index in self.named},
        )


def solver(function: Dependency, threads: WorkerThreads, *, blocking: bool) -> tuple[Solve, bool]:
    """Decide once how a dependency is called.

    Args:
        function: The dependency.
        threads: Where `def` functions run.
        blocking: False calls a `def` function on the event loop.

    Returns:
        The way to call it, and whether it has to be ended.
    """
    generator = generator_of(function)
    if inspect.isasyncgenfunction(generator):
        return _async_generator(function), True
    if generator is not None:
        return _generator(function, threads, blocking=blocking), True
    if is_async(function):

        async def solve_async(exits: Exits, args: list[Any], kwargs: dict[str, Any]) -> Any:
            return await cast("Any", function(*args, **kwargs))

        return solve_async, False

    async def solve(exits: Exits, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if blocking:
            result = await threads.run_for_request(function, *args, **kwargs)
        else:
            result = function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return solve, False


def _async_generator(function: Callable[..., Any]) -> Solve:
    manager = asynccontextmanager(_plain(function))

    async def solve(exits: Exits, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return await exits.stack.enter_async_context(manager(*args, **kwargs))

    return solve


def _generator(function: Callable[..., Any], threads: WorkerThreads, *, blocking: bool) -> Solve:
    manager = contextmanager(_plain(function))

    async def solve(exits: Exits, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not blocking:
            return exits.stack.enter_context(manager(*args, **kwargs))
        return await _enter_in_thread(exits, manager(*args, **kwargs), threads)

    return solve


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls any callable: what names a context manager has to be one."""
    return function if inspect.isfunction(function) else lambda *a, **k: function(*a, **k)


async def _enter_in_thread(
    exits: Exits, manager: AbstractContextManager[Any], threads: WorkerThreads
) -> Any:
    has_entered = may_have_entered = False

    def enter() -> Any:
        nonlocal has_entered
        value = manager.__enter__()
        has_entered = True
        return value

    def leave(*error: Any) -> bool | None:
        return manager.__exit__(*error) if has_entered else None

    async def leave_in_thread(*error: Any) -> bool | None:
        if not has_entered and not may_have_entered:
            return None
        return await threads.finish_for_request(leave, *error)

    # Before it is entered: the thread goes on when the request is cancelled meanwhile, and what
    # it opens has to be closed. The request's thread leaves only after it has entered.
    exits.stack.push_async_exit(leave_in_thread)
    try:
        return await threads.run_for_request(enter)
    except asyncio.CancelledError:
        may_have_entered = True
        raise
