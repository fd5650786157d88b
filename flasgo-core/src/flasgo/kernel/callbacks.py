"""The app's own callbacks: before and after a request, at its end, and for errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from flasgo.callables import is_async, qualified_name, signature_of
from flasgo.errors import ConfigurationError

if TYPE_CHECKING:
    from flasgo.kernel.threads import WorkerThreads

__all__ = ["Callback", "Callbacks", "as_callback", "check_callback"]

Callback = Callable[..., Awaitable[object]]
"""An app callback, ready to be awaited with all the arguments of its kind, by position."""


class Callbacks(Struct):
    """What an app or a blueprint has registered to be called around its requests.

    Attributes:
        before: `before_request` functions, in the order of registration.
        after: `after_request` functions, likewise.
        teardown: `teardown_request` functions, likewise.
        errors: `errorhandler` functions, each with its status code or exception class.
    """

    before: list[Callable[..., object]] = field(default_factory=list)
    after: list[Callable[..., object]] = field(default_factory=list)
    teardown: list[Callable[..., object]] = field(default_factory=list)
    errors: list[tuple[int | type[Exception], Callable[..., object]]] = field(default_factory=list)

    def copy(self) -> Callbacks:
        """Return the same callbacks in lists of their own."""
        return Callbacks(self.before[:], self.after[:], self.teardown[:], self.errors[:])


_OFFERED = {
    "before_request": ("request",),
    "after_request": ("request", "response"),
    "teardown_request": ("request", "error"),
    "errorhandler": ("request", "error"),
}
"""The arguments of each kind of callback."""


def check_callback(kind: str, function: Callable[..., object]) -> None:
    """Check that a function can be a callback of a kind.

    Args:
        kind: The decorator's name.
        function: The function.

    Raises:
        ConfigurationError: When it asks for more arguments than there are.
    """
    _indices(kind, function)


def as_callback(kind: str, function: Callable[..., Any], threads: WorkerThreads) -> Callback:
    """Adapt a function to the arguments its kind of callback offers.

    Parameters named like an offered argument get that one. The others get what is left over,
    the last of the offered first: so `after_request` gives a lone parameter the response, and
    `errorhandler` the exception. Parameters with a default keep it, unless they are named like
    an argument or come first: Flask's `def close(error=None)` gets the error.

    Args:
        kind: The decorator's name, which says what is offered.
        function: `def` (run in a worker thread) or `async def`.
        threads: Where `def` functions run.

    Returns:
        An async callable that takes all offered arguments by position.

    Raises:
        ConfigurationError: When the function asks for more arguments than there are.
    """
    indices = _indices(kind, function)
    if is_async(function):

        async def call(*args: object) -> object:
            return await function(*(args[index] for index in indices))

    else:

        async def call(*args: object) -> object:
            result = await threads.run(function, *(args[index] for index in indices))
            # A `def` function may wrap an async one.
            return await result if inspect.isawaitable(result) else result

    return functools.update_wrapper(call, function)


def _indices(kind: str, function: Callable[..., object]) -> tuple[int, ...]:
    offered = _OFFERED[kind]
    names = [parameter.name for parameter in _wanted(function, offered)]
    if len(names) > len(offered):
        raise ConfigurationError(
            f"{kind} was given {qualified_name(function)!r}, which takes "
            f"{len(names)} arguments ({', '.join(names)}); it may take: {', '.join(offered)}."
        )
    left = [index for index, name in enumerate(offered) if name not in names]
    left = left[len(left) - sum(name not in offered for name in names) :]
    return tuple(offered.index(name) if name in offered else left.pop(0) for name in names)


def _wanted(
    function: Callable[..., object], offered: tuple[str, ...]
) -> Iterable[inspect.Parameter]:
    """Iterate over the parameters to fill; arguments go by position, so the first gap ends it."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature_of(function).parameters.values()
    for index, parameter in enumerate(parameters):
        is_optional = parameter.default is not parameter.empty and parameter.name not in offered
        if parameter.kind not in positional or (is_optional and index > 0):
            return
        yield parameter
