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

    Called when `READY_PATH` is asked, at most once a second. May be `async def`; `def` runs in a
    worker thread. All implementations together have `HEALTH_TIMEOUT_SECONDS`.

    Mark it `@hookimpl(optionalhook=True)`, so that the plugin works where `health` is switched off.

    Args:
        app: The app.

    Returns:
        None when all is well, or what is wrong: one line for the log. Clients are not told.
    """
