"""The app's own callbacks: before and after a request, at its end, and for errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from flasgo.binding.parameters import Depends, Marker
from flasgo.callables import fixed_names, is_async, qualified_name, signature_of
from flasgo.errors import ConfigurationError

if TYPE_CHECKING:
    from flasgo.kernel.threads import WorkerThreads

__all__ = ["Callback", "Callbacks", "as_callback", "call_now", "check_callback"]

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

    def extend(self, other: Callbacks) -> None:
        """Add another's callbacks behind these."""
        self.before += other.before
        self.after += other.after
        self.teardown += other.teardown
        self.errors += other.errors

    def copy(self) -> Callbacks:
        """Return the same callbacks in lists of their own."""
        return Callbacks(self.before[:], self.after[:], self.teardown[:], self.errors[:])


_OFFERED = {
    "before_request": ("request",),
    "after_request": ("request", "response"),
    "teardown_request": ("request", "error"),
    "errorhandler": ("request", "error"),
    "teardown_appcontext": ("error",),
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
    _arguments(kind, function)


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def as_callback(kind: str, function: Callable[..., Any], threads: WorkerThreads) -> Callback:
    """Adapt a function to the arguments its kind of callback offers.

    Parameters named like an offered argument get that one. The others get what is left over,
    the last of the offered first: so `after_request` gives a lone parameter the response, and
    `errorhandler` the exception. Parameters with a default keep it, unless they are named like
    an argument or come first: Flask's `def close(error=None)` gets the error. `*args` takes what
    the others leave, in the order of the kind; keyword-only parameters and `**kwargs` go by name.

    Args:
        kind: The decorator's name, which says what is offered.
        function: `def` (run in a worker thread) or `async def`.
        threads: Where `def` functions run.

    Returns:
        An async callable that takes all offered arguments by position.

    Raises:
        ConfigurationError: When the function asks for more arguments than there are.
    """
    indices, named = _arguments(kind, function)
    run = function
    if named:
        run = _by_name(function, len(indices), tuple(named))
        indices = (*indices, *named.values())

    # What cleans up runs to its end, although the request is cancelled.
    is_last = kind == "teardown_request"
    run_in_thread = threads.finish_for_request if is_last else threads.run_for_request

    if is_async(function):

        async def call(*args: object) -> object:
            return await run(*(args[index] for index in indices))

    else:

        async def call(*args: object) -> object:
            result = await run_in_thread(run, *(args[index] for index in indices))
            # A `def` function may wrap an async one.
            return await result if inspect.isawaitable(result) else result

    return functools.update_wrapper(call, function)


def call_now(kind: str, function: Callable[..., object], *args: object) -> object:
    """Call a `def` function with those of the arguments of its kind that it asks for.

    Args:
        kind: The decorator's name, which says what is offered.
        function: The function.
        args: What is offered.
    """
    indices, named = _arguments(kind, function)
    return function(
        *(args[index] for index in indices), **{name: args[index] for name, index in named.items()}
    )


def _by_name(
    function: Callable[..., Any], count: int, names: tuple[str, ...]
) -> Callable[..., Any]:
    """Return a function that takes by position what the given one takes by name, after `count`."""

    def call(*args: object) -> Any:
        return function(*args[:count], **dict(zip(names, args[count:], strict=True)))

    return call


def _arguments(
    kind: str, function: Callable[..., object]
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Return which of the offered arguments a function takes by position, and which by name.

    Raises:
        ConfigurationError: When it asks for more arguments than there are.
    """
    offered = _OFFERED[kind]
    parameters = signature_of(function).parameters.values()
    marked = next((p.name for p in parameters if isinstance(p.default, Marker | Depends)), None)
    if marked is not None:
        raise ConfigurationError(
            f"{kind} was given {qualified_name(function)!r}, whose parameter {marked!r} has a "
            "marker: only handlers and dependencies have their parameters bound. It may take: "
            f"{', '.join(offered)}."
        )
    asked = _Asked.by(function, offered)
    names = [*asked.positional, *asked.named]
    if len(names) > len(offered) or not set(asked.named) <= set(offered):
        raise ConfigurationError(
            f"{kind} was given {qualified_name(function)!r}, which takes {len(names)} arguments "
            f"({', '.join(names)}); it may take: {', '.join(offered)}."
        )
    left = [index for index, name in enumerate(offered) if name not in names]
    nameless = sum(name not in offered for name in asked.positional)
    # The last ones go to parameters of other names; `*args` takes all.
    last = left if asked.takes_rest else left[len(left) - nameless :]
    indices = [offered.index(name) if name in offered else last.pop(0) for name in asked.positional]
    named = {name: offered.index(name) for name in asked.named}
    if asked.takes_rest:
        indices += last
    elif asked.takes_any_name:
        rest = set(range(len(offered))) - {*indices, *named.values()}
        named |= {offered[index]: index for index in sorted(rest)}
    return tuple(indices), named


class _Asked(Struct, frozen=True):
    """The parameters of a callback that are to be filled.

    Attributes:
        positional: The names of those that go by position.
        named: The names of those that go by keyword only.
        takes_rest: Whether it has `*args`.
        takes_any_name: Whether it has `**kwargs`.
    """

    positional: tuple[str, ...]
    named: tuple[str, ...]
    takes_rest: bool
    takes_any_name: bool

    @classmethod
    def by(cls, function: Callable[..., object], offered: tuple[str, ...]) -> Self:
        """Return what a function asks for.

        Args:
            function: The callback.
            offered: The names of the arguments of its kind.
        """
        parameters = tuple(signature_of(function).parameters.values())
        positional: list[str] = []
        for index, parameter in enumerate(parameters):
            is_optional = parameter.default is not parameter.empty
            # Arguments go by position, so the first gap ends it.
            if parameter.kind not in _BY_POSITION or (
                is_optional and index > 0 and parameter.name not in offered
            ):
                break
            positional.append(parameter.name)
        fixed = fixed_names(function)
        named = [
            parameter.name
            for parameter in parameters
            if parameter.kind is parameter.KEYWORD_ONLY
            and parameter.name not in fixed
            and (parameter.name in offered or parameter.default is parameter.empty)
        ]
        kinds = {parameter.kind for parameter in parameters}
        is_gapless = len(positional) == sum(p.kind in _BY_POSITION for p in parameters)
        return cls(
            tuple(positional),
            tuple(named),
            takes_rest=is_gapless and inspect.Parameter.VAR_POSITIONAL in kinds,
            takes_any_name=inspect.Parameter.VAR_KEYWORD in kinds,
        )
