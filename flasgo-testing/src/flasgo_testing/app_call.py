"""A function that a test calls on the event loop of the app."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import ParamSpec

from .errors import AppTimeoutError
from .hang_location import where_suspended
from .loop_thread import carrying_exits

__all__ = ["AppCall"]

P = ParamSpec("P")


class AppCall:
    """One call of a function, `async` or not.

    Args:
        function: The function.
        args: Its arguments.
        kwargs: Its keywords.

    Attributes:
        name: The function's name, for messages.
    """

    def __init__(self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        self.name = f"{getattr(function, '__name__', None) or repr(function)}()"
        self._function = partial(function, *args, **kwargs)

    async def within(self, seconds: float | None) -> object:
        """Make the call, on the loop that runs already.

        Args:
            seconds: The bound; None waits for ever.

        Returns:
            What the function returned.

        Raises:
            AppTimeoutError: When it takes too long; it has been cancelled by then.
            BaseException: What the function raised.
        """
        task = asyncio.get_running_loop().create_task(carrying_exits(self._make))
        try:
            await asyncio.wait((task,), timeout=seconds)
            if not task.done():
                place = where_suspended(task)
                raise AppTimeoutError(f"{self.name} took longer than {seconds:g} s.{place}")
            return task.result()
        finally:
            task.cancel()

    async def _make(self) -> object:
        result = self._function()
        return await result if inspect.isawaitable(result) else result
