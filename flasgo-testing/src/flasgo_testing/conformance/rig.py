"""Runs an app with the plugin under test, asks it things, and keeps what its hooks did."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from flasgo import ClientDisconnect, HTTPException, Response
from flasgo.plugin import REQUEST_HOOKS

from flasgo_testing.asgi import Scope, websocket_scope
from flasgo_testing.conversation import Conversation
from flasgo_testing.errors import (
    AppProtocolError,
    AppTimeoutError,
    WebSocketClosedError,
    WebSocketDeniedError,
)
from flasgo_testing.exchange import Answer, Exchange
from flasgo_testing.hang_location import where_blocked
from flasgo_testing.lifespan import Lifespan
from flasgo_testing.loop_thread import LoopThread, WaitedTooLongError
from flasgo_testing.recording import HookCall, HookRecorder
from flasgo_testing.websocket_exchange import WebSocketExchange

from . import watch
from .faults import CaseStopped, shorten
from .probes import Probes
from .subject import Subject
from .wrappers import WrapperError, WrapperMarks

__all__ = ["Rig"]

T = TypeVar("T")

_GRACE_SECONDS = 1.0
_GATES = ("request_started", "authorize", "ratelimit_check", "wrap_handler")
_MACHINERY = frozenset({"flasgo", "pluggy", *sys.stdlib_module_names})
_LABEL = "flasgo_testing.situation"


class Rig:
    """An app that is started when its `with` block is entered.

    Args:
        subject: The plugin.
        neighbours: Further plugins.
        discover: Whether all installed plugins are loaded as well.
        settings: Further settings.
        has_lifespan: Whether the app is started and stopped.
        is_profiled: Whether the watch hears of calls that no audit event tells.
        is_recorded: Whether hook calls are kept.

    Attributes:
        made: The app, and the plugin in it.
        probes: The routes.
        recorder: The hook calls.
        watch: Notices hooks that block.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        neighbours: Iterable[object] = (),
        discover: bool = False,
        settings: Mapping[str, object] | None = None,
        has_lifespan: bool = True,
        is_profiled: bool = False,
        is_recorded: bool = True,
    ) -> None:
        self.subject = subject
        self.made = subject.make(neighbours=neighbours, discover=discover, settings=settings)
        self.app = self.made.app
        self.probes = Probes(self.app, subject.policies)
        self.watch = watch.HookWatch()
        self.recorder = HookRecorder(self.app, self.watch.observe)
        self._wrapper_calls: list[HookCall] = []
        self.loop = LoopThread()
        self.faults: list[str] = []
        self._lifespan: Lifespan | None = None
        self._has_lifespan = has_lifespan
        self._is_profiled = is_profiled
        self._is_recorded = is_recorded
        self._is_blocked = False

    def __enter__(self) -> Self:
        if self._is_recorded:
            self.recorder.start()
            self.app.plugins.wrap_calls(WrapperMarks(self._wrapper_calls, self.watch.observe))
        self.watch.__enter__()
        try:
            self.loop.call(
                self.subject.seconds, self.watch.profile if self._is_profiled else _nothing
            )
            watch.guard(self.loop.thread)
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.stop()
        finally:
            self._close()

    def start(self) -> None:
        """Run the app's start-up."""
        if self._has_lifespan:
            lifespan = self._lifespan = Lifespan(self.app)
            self._phase("start-up", lambda: lifespan.start_up(self.subject.seconds))

    def stop(self) -> None:
        """Run the app's shut-down."""
        if self._lifespan is not None:
            lifespan, self._lifespan = self._lifespan, None
            self._phase("shut-down", lambda: lifespan.shut_down(self.subject.seconds))

    def _phase(self, name: str, step: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            self.call(step)
        except CaseStopped:
            raise
        except Exception as error:
            raise CaseStopped(f"The {name} fails: {type(error).__name__}: {error}") from error

    def _close(self) -> None:
        self.watch.__exit__()
        self.recorder.stop()
        watch.release(self.loop.thread)
        if self._is_blocked:
            self.loop.stop()  # it may stay blocked for as long as the plugin likes
        else:
            self.loop.close()

    # --- Asking -----------------------------------------------------------------------------

    def call(self, step: Callable[[], Coroutine[None, None, T]]) -> T:
        """Run a coroutine function on the app's loop, within a bound."""
        try:
            return self.loop.call(self.subject.seconds + _GRACE_SECONDS, step)
        except WaitedTooLongError:
            self._is_blocked = True
            place = where_blocked(self.loop.thread)
            raise CaseStopped(f"The event loop does not answer any more.{place}") from None

    def scope(
        self,
        path: str,
        method: str = "GET",
        headers: Iterable[tuple[bytes, bytes]] | None = None,
        *,
        situation: str,
        # Any: values of a scope, which ASGI leaves open.
        **changes: Any,
    ) -> Scope:
        """Return the scope of a request as a server would build it, with some changes.

        Args:
            path: The path, decoded.
            method: The method.
            headers: All headers; None for those of an ordinary client.
            situation: What is special about it, for messages.
            changes: Keys to set.
        """
        ordinary = {"host": "localhost", "user-agent": "conformance", **self.subject.headers}
        if headers is None:
            headers = [(name.lower().encode(), v.encode()) for name, v in ordinary.items()]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path, errors="surrogatepass").encode(),
            "root_path": "",
            "query_string": b"",
            "headers": list(headers),
            "client": ("127.0.0.1", 50000),
            "server": ("localhost", 80),
            "state": {},
            "extensions": {},
            _LABEL: situation,
            **changes,
        }

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        situation: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer | None:
        """Send an ordinary request and return the answer; None when it breaks the protocol."""
        scope = self.scope(path, method, situation=situation or f"{method} {path}")
        scope["headers"] += [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        return self.send(scope, body)

    def send(self, scope: Scope, body: bytes = b"") -> Answer | None:
        """Send a request; see `ask`."""
        exchange = self.exchange(scope, body)
        return self.take(exchange, exchange.collect)

    def exchange(
        self, scope: Scope, body: bytes | AsyncIterator[bytes] = b"", *, buffered: bool = True
    ) -> Exchange:
        """Return an exchange that has not begun."""
        pieces = _pieces(body) if isinstance(body, bytes) else body
        return Exchange(self.app, scope, pieces, raise_app_errors=False, buffered=buffered)

    def take(
        self, exchange: Conversation, step: Callable[[], Coroutine[None, None, T]]
    ) -> T | None:
        """Take a step of an exchange.

        Returns:
            Its result, or None when the answer breaks the protocol: that is among the faults.

        Raises:
            CaseStopped: When it takes too long.
        """

        async def bounded() -> T:
            return await exchange.within(self.subject.seconds, step)

        try:
            return self.call(bounded)
        except AppTimeoutError as error:
            raise CaseStopped(self._hang(str(error))) from None
        except AppProtocolError as error:
            self.faults.append(f"The answer breaks the protocol: {error}")
            return None

    def _hang(self, otherwise: str) -> str:
        for call in self.calls():
            if not call.is_done:
                return (
                    f"{_subject_of(call)} hangs: it did not return within "
                    f"{self.subject.seconds:g} s. Bound what it waits for. {otherwise}"
                )
            if isinstance(call.error, asyncio.CancelledError):
                return (
                    f"{_subject_of(call)} hangs: it was cancelled after "
                    f"{self.subject.seconds:g} s. Bound what it waits for. {otherwise}"
                )
        return f"A request hangs. {otherwise}"

    def converse(self, scope: Scope) -> bool:
        """Open a WebSocket, exchange a message where it is accepted, and leave.

        Returns:
            Whether it was accepted.
        """
        exchange = WebSocketExchange(self.app, websocket_scope(scope, ()), raise_app_errors=False)
        accepted = False

        async def talk() -> None:
            nonlocal accepted
            try:
                await exchange.connect()
                accepted = True
                await exchange.send("hello")
                await exchange.receive()
            except (WebSocketDeniedError, WebSocketClosedError):
                pass
            await exchange.close(1000, "")
            await exchange.finish()

        self.take(exchange, talk)
        return accepted

    def leave(self, scope: Scope) -> None:
        """Send a request and disconnect before it is answered."""
        exchange = self.exchange(scope, buffered=False)

        async def come_and_go() -> None:
            task = exchange.start()
            for _ in range(50):
                if task.done() or self.recorder.of("request_started"):
                    break
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait((task,))

        self.take(exchange, come_and_go)

    # --- Judging ----------------------------------------------------------------------------

    def calls(self) -> Iterator[HookCall]:
        """Yield the plugin's own hook calls about requests."""
        for call in (*self.recorder, *self._wrapper_calls):
            if call.connection is not None and self.made.owns(call.plugin):
                yield call

    def refusal(self, path: str) -> str:
        """Return which hook of the plugin has answered for a path, as the end of a sentence."""
        for call in reversed([*self.calls()]):
            answers = isinstance(call.result, Response) or isinstance(call.error, HTTPException)
            if answers and call.hook in _GATES and call.path == path:
                return (
                    f" by {_subject_of(call)}. Where it refuses requests on purpose, give settings "
                    "with which they pass: conformance.suite(..., settings={...})"
                )
        return ""

    def judge(self) -> Iterator[str]:
        """Yield what was wrong with the hook calls so far, each fault once, and forget them."""
        seen: set[tuple[object, ...]] = set()
        for call in self.calls():
            fault = _fault_of(call)
            key = (call.hook, call.plugin, type(call.error), type(call.result))
            if fault and key not in seen:
                seen.add(key)
                yield fault
        yield from self.faults
        self.faults.clear()
        self.recorder.clear()
        self._wrapper_calls.clear()


def _fault_of(call: HookCall) -> str | None:
    what = f"{_subject_of(call)} for {_situation_of(call)}"
    error = call.error
    if error is not None:
        if isinstance(error, (asyncio.CancelledError, ClientDisconnect)):
            return None
        if isinstance(error, WrapperError):
            return f"{what} {error}"
        is_answer = isinstance(error, HTTPException) and not isinstance(error, KeyError)
        if is_answer and call.hook in _GATES:
            return None
        return f"{what} raised {type(error).__name__}: {shorten(error)}{_line_of(error)}"
    if not call.is_done or call.result is None or call.hook not in REQUEST_HOOKS:
        return None
    if call.hook == "request_finished":
        return f"{what} returned {shorten(repr(call.result))}; request_finished returns nothing."
    if isinstance(call.result, Response):
        return None
    kind = "a coroutine" if inspect.iscoroutine(call.result) else shorten(repr(call.result))
    return f"{what} returned {kind}; it has to be a Response or None."


def _subject_of(call: HookCall) -> str:
    return f"{call.hook} of {call.plugin!r}"


def _situation_of(call: HookCall) -> str:
    scope = call.connection.scope if call.connection is not None else {}
    return scope.get(_LABEL) or f"{call.method} {call.path}"


def _line_of(error: BaseException) -> str:
    places = [
        (frame.f_globals.get("__name__", "").partition(".")[0], frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    # The last line of the plugin says more than the line in what it called.
    own = [place for place in places if place[0] != "flasgo_testing"]
    outside = [place for place in own if place[0] not in _MACHINERY]
    shown = [place for place in outside if place[0] == outside[0][0]] or own
    return f" ({shown[-1][1]}:{shown[-1][2]})" if shown else ""


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _nothing() -> None:
    return None
