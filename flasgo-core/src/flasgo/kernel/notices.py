"""Hooks that take note of WebSocket connections and of background tasks.

What they raise is logged with the plugin's name, and changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from flasgo.errors import HookError
from flasgo.kernel.context import active_request
from flasgo.kernel.error_handling import log_error

if TYPE_CHECKING:
    from flasgo.plugins.implementation import Implementation
    from flasgo.plugins.manager import Plugins
    from flasgo.requests.connection import Connection
    from flasgo.websocket import WebSocket

__all__ = ["closing_steps", "noting_accept", "noting_tasks"]

_UNKNOWN = 1006  # RFC 6455, section 7.1.5: the connection ended without a close frame


async def _notify(
    impls: Iterable[Implementation], connection: Connection, *arguments: object
) -> None:
    for impl in impls:
        try:
            result = impl.call(connection, *arguments)
            if impl.is_async:
                await result
        except Exception as failure:  # noqa: BLE001 - whatever a plugin raises
            error = HookError(
                f"Plugin {impl.plugin!r} failed in {impl.hook}: {type(failure).__name__}: "
                f"{failure}",
                plugin=impl.plugin,
                hook=impl.hook,
            )
            error.__cause__ = failure
            log_error(connection, error)


def noting_accept(impls: Sequence[Implementation]) -> Callable[[Connection], None]:
    """Return a gate that lets every connection pass, and has its acceptance noted.

    Args:
        impls: The implementations of `websocket_accepted` for the route.
    """

    async def accepted(websocket: WebSocket) -> None:
        await _notify(impls, websocket)

    def gate(connection: Connection) -> None:
        cast("WebSocket", connection)._on_accept = accepted

    return gate


def closing_steps(impls: Iterable[Implementation]) -> list[Implementation]:
    """Return what calls `websocket_closed` when a connection that was accepted is over.

    Args:
        impls: The implementations for the route.
    """
    return [dataclasses.replace(impl, call=_closing(impl), is_async=True) for impl in impls]


def _closing(impl: Implementation) -> Callable[..., Awaitable[None]]:
    async def closed(websocket: WebSocket, response: object, error: object) -> None:
        if websocket.is_accepted:
            result = impl.call(websocket, websocket._code_at_end(_UNKNOWN))
            if impl.is_async:
                await result

    return closed


def noting_tasks(plugins: Plugins, hook: str) -> Callable[..., Awaitable[None]] | None:
    """Return what calls a hook about background tasks, or None where no plugin has it.

    Args:
        plugins: The app's plugins.
        hook: `background_task_started` or `background_task_finished`.
    """
    impls = plugins.implementations(hook)
    if not impls:
        return None

    async def note(*arguments: object) -> None:
        connection = active_request.get(None)
        if connection is not None:
            await _notify(impls, connection, *arguments)

    return note
