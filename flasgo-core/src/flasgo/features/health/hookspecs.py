"""The hook that the plugin `health` publishes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from flasgo.plugins.hooks import hookspec

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["health_check"]


@hookspec
def health_check(app: Flasgo) -> Awaitable[str | None] | str | None:
    """Report whether what a plugin depends on can be used, such as a database.

    When:
        When `READY_PATH` is asked, at most once a second. `def` (in a worker thread) or
        `async def`. All implementations together have `HEALTH_TIMEOUT_SECONDS`.

    Args:
        app: The app.

    Returns:
        None when all is well, or what is wrong: one line for the log. Clients are not told.

    Example:
        ```python
        @hookimpl(optionalhook=True)
        async def health_check(self, app):
            return None if await self.pool.ping() else "the database does not answer"
        ```
    """
