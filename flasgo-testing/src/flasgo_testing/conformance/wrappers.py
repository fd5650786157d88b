"""Notes what functions do that plugins have put around handlers: the hook `wrap_handler`."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Awaitable, Callable

from flasgo import Connection
from flasgo.plugin import Implementation, is_async

from flasgo_testing.recording import HookCall

__all__ = ["WrapperError", "WrapperMarks"]

_Call = Callable[[Connection], Awaitable[object]]


class WrapperError(Exception):
    """Says what is wrong with a wrapper; never raised."""


class WrapperMarks:
    """Given to `app.plugins.wrap_calls`: makes a `HookCall` of each call of a wrapper.

    Args:
        calls: Takes the calls. The error of a call is what the wrapper itself has raised, and not
            what the handler did.
        observe: Called when one begins and ends.
    """

    def __init__(self, calls: list[HookCall], observe: Callable[[HookCall], None]) -> None:
        self._calls = calls
        self._observe = observe
        self._numbers = itertools.count(-1, -1)

    def __call__(self, impl: Implementation) -> Implementation:
        if impl.hook != "wrap_handler":
            return impl

        @functools.wraps(impl.call)
        def wrap(route: object, call: _Call) -> object:
            noted = _Noted(call)
            wrapper = impl.call(route, noted.call)
            # What is no async function is refused by the core.
            return self._marked(impl, noted, wrapper) if is_async(wrapper) else wrapper

        return dataclasses.replace(impl, call=wrap)

    def _marked(self, impl: Implementation, noted: _Noted, wrapper: object) -> _Call:
        async def marked(connection: Connection) -> object:
            record = HookCall(next(self._numbers), impl.hook, impl.plugin, connection, True)
            self._calls.append(record)
            self._observe(record)
            noted.ended.pop(connection, None)
            try:
                return await wrapper(connection)  # ty: ignore[not-callable]
            except BaseException as error:
                if error is not noted.raised.get(connection):
                    record.error = error
                raise
            finally:
                noted.raised.pop(connection, None)
                if noted.ended.pop(connection, 0) > 1:
                    record.error = WrapperError(
                        "calls the handler again after it has returned: what it does is done twice."
                    )
                record.is_done = True
                self._observe(record)

        return marked


class _Noted:
    """A handler's call, with what came of it by request."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self.raised: dict[Connection, BaseException] = {}
        self.ended: dict[Connection, int] = {}

    async def call(self, connection: Connection) -> object:
        try:
            result = await self._call(connection)
        except BaseException as error:
            self.raised[connection] = error
            raise
        self.ended[connection] = self.ended.get(connection, 0) + 1
        return result
