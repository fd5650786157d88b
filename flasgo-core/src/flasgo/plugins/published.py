"""Calls of the hooks that plugins publish, while the app serves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flasgo.errors import HookError, HTTPException

if TYPE_CHECKING:
    from flasgo.plugins.implementation import Implementation
    from flasgo.plugins.manager import Plugins

__all__ = ["PublishedHooks"]

_logger = logging.getLogger("flasgo.plugins")


class PublishedHooks:
    """Knows the implementations of published hooks, until the plugins of the app change.

    Args:
        plugins: The app's plugins.
    """

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._known: dict[str, tuple[Implementation, ...]] = {}

    def forget(self) -> None:
        """Look the implementations up anew."""
        self._known.clear()

    def is_implemented(self, hook: str) -> bool:
        """Return whether there is any."""
        return bool(self._of(hook))

    def _of(self, hook: str) -> tuple[Implementation, ...]:
        known = self._known.get(hook)
        if known is None:
            known = self._known[hook] = tuple(self._plugins.implementations(hook))
        return known

    def is_heard(self, hook: str) -> bool:
        """Whether there is any."""
        return bool(self._of(hook))

    def notify(self, hook: str, *args: object) -> None:
        """Call all; what one raises is logged with its plugin's name."""
        for impl in self._of(hook):
            try:
                impl.call(*args)
            except Exception as failure:
                error = _failure(impl, failure)
                _logger.error("%s", error, exc_info=failure)

    # Any: what the specification says.
    async def call(self, hook: str, *args: object) -> Any:
        """Call all in order, or those up to the first answer, as the specification says."""
        impls = self._of(hook)
        is_first = self._plugins._is_firstresult(hook)
        answers = []
        for impl in impls:
            try:
                answer = impl.call(*args)
                if impl.is_async:
                    answer = await answer
            except HTTPException:
                raise
            except Exception as failure:
                raise _failure(impl, failure) from failure
            if answer is not None:
                if is_first:
                    return answer
                answers.append(answer)
        return None if is_first else answers


def _failure(impl: Implementation, failure: Exception) -> HookError:
    return HookError(
        f"Plugin {impl.plugin!r} failed in {impl.hook}: {type(failure).__name__}: {failure}",
        plugin=impl.plugin,
        hook=impl.hook,
    )
