"""An answer that has to be awaited, and refuses to be taken for a yes until then."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, NoReturn, TypeVar

__all__ = ["Pending"]

_T = TypeVar("_T")


class Pending(Coroutine[Any, Any, _T]):
    """A coroutine whose truth is an error.

    SECURITY: a coroutine is true. `if verify_password(...)` without `await` would let every
    password through, with no more than a warning in the log (CWE-253).

    Args:
        coroutine: What is awaited.
        call: How the call is written, for the error message.
    """

    __slots__ = ("_call", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, _T], call: str) -> None:
        self._coroutine = coroutine
        self._call = call

    def __bool__(self) -> NoReturn:
        self._coroutine.close()
        raise TypeError(
            f"{self._call} was not awaited, so its answer is not known. Write `await {self._call}` "
            "in an `async def` function."
        )

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._coroutine.__await__()

    def send(self, value: Any, /) -> Any:
        """Go on with the coroutine; see `collections.abc.Coroutine`."""
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the coroutine; see `collections.abc.Coroutine`."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End the coroutine; see `collections.abc.Coroutine`."""
        self._coroutine.close()
