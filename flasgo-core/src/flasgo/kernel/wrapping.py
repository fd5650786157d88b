"""Wraps the calls of handlers, as the plugins' `wrap_handler` hooks ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, cast

from flasgo.callables import is_async
from flasgo.errors import ClientDisconnect, HookError, HTTPException, PluginError, type_name

if TYPE_CHECKING:
    from flasgo.plugins.implementation import Implementation
    from flasgo.plugins.manager import Plugins
    from flasgo.requests.connection import Connection
    from flasgo.routing import Route

__all__ = ["wrap_call"]

_Call = Callable[["Connection"], Awaitable[object]]


def wrap_call(
    route: Route, call: _Call, impls: Iterable[Implementation], plugins: Plugins
) -> tuple[_Call, list[Implementation]]:
    """Ask each plugin once whether it wraps the handler of a route.

    Args:
        route: The route.
        call: Runs the handler.
        impls: The implementations of `wrap_handler` for the route, the outermost first.
        plugins: Names the plugin that is at fault.

    Returns:
        What to call in the handler's place, and the implementations that wrap it.

    Raises:
        PluginError: When an implementation fails, or returns no async callable.
    """
    wrapping: list[Implementation] = []
    for impl in reversed(tuple(impls)):
        inner = _inner(call)
        try:
            outer = plugins.call_setup(impl, route, inner)
        except PluginError as error:
            raise PluginError(
                f"{error} The route is {route.path!r}.", plugin=error.plugin
            ) from error
        if outer is None:
            continue
        if not callable(outer) or not is_async(outer):
            raise PluginError(
                f"{plugins._blame(impl.plugin)}: wrap_handler returned {type_name(outer)} for "
                f"route {route.path!r}. Return an `async def` function that takes the request and "
                "awaits call(request), or None to leave the handler as it is.",
                plugin=impl.plugin,
            )
        call = _guarded(cast("_Call", outer), impl)
        wrapping.insert(0, impl)
    return call, wrapping


def _inner(call: _Call) -> _Call:
    async def wrapped_call(request: Connection) -> object:
        return await call(request)

    return wrapped_call


async def _never(request: Connection) -> object:
    return request


_INNER_CODE = _inner(_never).__code__  # ty: ignore[missing-attribute]


def _guarded(outer: Callable[..., Awaitable[object]], impl: Implementation) -> _Call:
    """Return the wrapper's call, whose own errors carry the plugin's name."""

    async def guarded_call(request: Connection) -> object:
        try:
            return await outer(request)
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as error:
            if _comes_from_within(error):
                raise
            raise HookError(
                f"Plugin {impl.plugin!r} failed in {impl.hook}: {type(error).__name__}: {error}",
                plugin=impl.plugin,
                hook=impl.hook,
            ) from error

    return guarded_call


def _comes_from_within(error: Exception) -> bool:
    """Whether what was wrapped has raised an error, and not the wrapper: its traceback tells."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is _INNER_CODE:
            return True
        trace = trace.tb_next
    return False
