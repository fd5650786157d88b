"""Records the hook calls of an app: which plugin's, in which order, and what came of them."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from flasgo import Connection, Flasgo

if TYPE_CHECKING:
    from flasgo.plugin import Implementation

__all__ = ["HookCall", "HookRecorder"]


@dataclass(slots=True, eq=False)
class HookCall:
    """One call of one hook implementation.

    Attributes:
        order: Its number among the calls of the recording, from 0.
        hook: The hook's name.
        plugin: The plugin's name, or `<plugin>.<component>`.
        connection: The request or WebSocket it was about; None for a set-up hook.
        is_async: Whether it is an `async def`.
        is_done: Whether it has returned or raised.
        result: What it returned; None if it raised.
        error: What it raised, or None.
    """

    order: int
    hook: str
    plugin: str
    connection: Connection | None
    is_async: bool
    is_done: bool = False
    # Any: a hook that returns junk is what somebody may be looking for.
    result: Any = None
    error: BaseException | None = None

    @property
    def path(self) -> str | None:
        """The path of the request; None for a set-up hook."""
        return self.connection.path if self.connection is not None else None

    @property
    def method(self) -> str | None:
        """The method of the request, `WEBSOCKET` for one of those; None for a set-up hook."""
        if self.connection is None:
            return None
        return self.connection.scope.get("method", "WEBSOCKET")

    def __str__(self) -> str:
        about = f" for {self.method} {self.path}" if self.connection is not None else ""
        if not self.is_done:
            outcome = "is not done"
        elif self.error is not None:
            outcome = f"raised {type(self.error).__name__}: {self.error}"
        else:
            outcome = f"returned {self.result!r}"
        return f"{self.hook} of {self.plugin}{about} {outcome}"


class HookRecorder(Sequence[HookCall]):
    """The hook calls of an app while it records, in the order in which they began.

    A sequence of `HookCall`. In a test it is the fixture `recorded_hooks`.

    Args:
        app: The app.
        observer: Called around every call, for those who want to see more than what is kept.
    """

    def __init__(self, app: Flasgo, observer: Callable[[HookCall], None] | None = None) -> None:
        self._app = app
        self._observer = observer
        self._calls: list[HookCall] = []
        self._numbers = itertools.count()
        self._undo: Callable[[], None] | None = None

    def start(self) -> None:
        """Record from now on: the app's pipelines are compiled anew, with recording callables."""
        self.stop()
        self._undo = self._app.plugins.wrap_calls(self._recording)

    def stop(self) -> None:
        """Record no more."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    def clear(self) -> None:
        """Forget what has been recorded."""
        self._calls.clear()

    def of(
        self,
        hook: str | None = None,
        *,
        plugin: str | None = None,
        path: str | None = None,
    ) -> list[HookCall]:
        """Return the calls that match, in order.

        Args:
            hook: Only those of this hook.
            plugin: Only those of this plugin and its components.
            path: Only those for requests to this path.
        """
        return [
            call
            for call in self._calls
            if (hook is None or call.hook == hook)
            and (plugin is None or call.plugin.partition(".")[0] == plugin or call.plugin == plugin)
            and (path is None or call.path == path)
        ]

    def requests(self) -> list[list[HookCall]]:
        """Return the calls grouped by the request they were about, in order; set-up left out."""
        groups: dict[int, list[HookCall]] = {}
        for call in self._calls:
            if call.connection is not None:
                groups.setdefault(id(call.connection), []).append(call)
        return list(groups.values())

    @property
    def names(self) -> list[tuple[str, str]]:
        """Hook and plugin of every call, in order."""
        return [(call.hook, call.plugin) for call in self._calls]

    @overload
    def __getitem__(self, index: int) -> HookCall: ...
    @overload
    def __getitem__(self, index: slice) -> list[HookCall]: ...
    def __getitem__(self, index: int | slice) -> HookCall | list[HookCall]:
        return self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[HookCall]:
        return iter(list(self._calls))

    def __repr__(self) -> str:
        return "<HookRecorder\n" + "".join(f"  {call}\n" for call in self._calls) + ">"

    def _recording(self, impl: Implementation) -> Implementation:
        if impl.is_async:

            @functools.wraps(impl.call)
            async def call_async(*args: object) -> object:
                record = self._begin(impl, args)
                try:
                    record.result = await impl.call(*args)
                except BaseException as error:
                    record.error = error
                    raise
                finally:
                    self._end(record)
                return record.result

            return dataclasses.replace(impl, call=call_async)

        @functools.wraps(impl.call)
        def call(*args: object) -> object:
            record = self._begin(impl, args)
            try:
                record.result = impl.call(*args)
            except BaseException as error:
                record.error = error
                raise
            finally:
                self._end(record)
            return record.result

        return dataclasses.replace(impl, call=call)

    def _begin(self, impl: Implementation, args: tuple[object, ...]) -> HookCall:
        connection = _connection_of(args)
        record = HookCall(next(self._numbers), impl.hook, impl.plugin, connection, impl.is_async)
        self._calls.append(record)
        if self._observer is not None:
            self._observer(record)
        return record

    def _end(self, record: HookCall) -> None:
        record.is_done = True
        if self._observer is not None:
            self._observer(record)


def _connection_of(args: tuple[object, ...]) -> Connection | None:
    """Return what a call is about: the request, or that of an event."""
    for arg in args:
        if isinstance(arg, Connection):
            return arg
    found = (getattr(arg, "request", None) for arg in args)
    return next((each for each in found if isinstance(each, Connection)), None)
