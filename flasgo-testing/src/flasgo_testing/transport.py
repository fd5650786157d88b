"""The transport that hands requests to an app instead of a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx2

from .app_call import AppCall
from .asgi import Address, ASGIApp, Scope, http_scope, websocket_scope
from .body import body_pieces
from .conversation import ERROR_EXTENSION, Conversation
from .errors import AppTimeoutError
from .exchange import Answer, Exchange
from .hang_location import where_blocked
from .lifespan import Lifespan
from .loop_thread import LoopThread, WaitedTooLongError, running_loop
from .websocket_exchange import WebSocketExchange

__all__ = ["CLIENT_EXTENSION", "STREAM_EXTENSION", "AppTransport", "bound_of"]

CLIENT_EXTENSION = "client"
"""Request extension: the peer's address for this one request, or None."""

STREAM_EXTENSION = "flasgo_testing.stream"
"""Request extension: true if the body of the answer is wanted piece by piece."""

# The app's loop keeps the bound itself and can say more; this is for a loop that is blocked.
_GRACE_SECONDS = 1.0

T = TypeVar("T")
_Step = Callable[[], Coroutine[None, None, T]]


class AppTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Serves both kinds of `httpx2` client from one app on one background loop.

    Args:
        app: Any ASGI app.
        loop: The thread to run it on.
        raise_app_errors: Raise what the app raised, instead of showing its answer.
        client: The peer's address in the scope, or None.
        root_path: The prefix that a proxy stripped.

    Attributes:
        targets: The paths of requests that have to arrive as they were written.
        extensions: What every scope gets besides what a server would put there.
    """

    def __init__(
        self,
        app: ASGIApp,
        loop: LoopThread,
        *,
        raise_app_errors: bool,
        client: Address | None,
        root_path: str,
    ) -> None:
        self.targets: WeakKeyDictionary[httpx2.Request, bytes] = WeakKeyDictionary()
        self.extensions: dict[str, object] = {}
        self._app = app
        self._loop = loop
        self._raise_app_errors = raise_app_errors
        self._client = client
        self._root_path = root_path
        self._lifespan = Lifespan(app)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a request of the synchronous client."""
        exchange, streamed = self.exchange(request, None), _is_streamed(request)
        seconds = bound_of(request)
        answer = self.take(exchange, seconds, exchange.begin if streamed else exchange.collect)
        stream = _SyncPieces(self, exchange, seconds) if streamed else None
        return _response(exchange, answer, stream)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a request of the asynchronous client."""
        exchange = self.exchange(request, running_loop())
        streamed, seconds = _is_streamed(request), bound_of(request)
        step = exchange.begin if streamed else exchange.collect
        answer = await self.atake(exchange, seconds, step)
        stream = _AsyncPieces(self, exchange, seconds) if streamed else None
        return _response(exchange, answer, stream)

    def start_up(self, seconds: float | None) -> None:
        """Run the app's lifespan start-up, raising what it raises."""
        with _BlockedLoop("The app's lifespan startup", self._loop):
            self._loop.call(_with_grace(seconds), lambda: self._lifespan.start_up(seconds))

    def shut_down(self, seconds: float | None) -> None:
        """Run the app's lifespan shut-down, raising what it raises."""
        with _BlockedLoop("The app's lifespan shutdown", self._loop):
            self._loop.call(_with_grace(seconds), lambda: self._lifespan.shut_down(seconds))

    async def astart_up(self, seconds: float | None) -> None:
        """Run the app's lifespan start-up without blocking the caller's loop."""
        with _BlockedLoop("The app's lifespan startup", self._loop):
            await self._loop.acall(_with_grace(seconds), lambda: self._lifespan.start_up(seconds))

    async def ashut_down(self, seconds: float | None) -> None:
        """Run the app's lifespan shut-down without blocking the caller's loop."""
        with _BlockedLoop("The app's lifespan shutdown", self._loop):
            await self._loop.acall(_with_grace(seconds), lambda: self._lifespan.shut_down(seconds))

    def run(self, call: AppCall, seconds: float | None) -> object:
        """Make a call on the app's loop, raising what it raises."""
        with _BlockedLoop(call.name, self._loop):
            return self._loop.call(_with_grace(seconds), lambda: call.within(seconds))

    async def arun(self, call: AppCall, seconds: float | None) -> object:
        """Make a call on the app's loop without blocking the caller's."""
        with _BlockedLoop(call.name, self._loop):
            return await self._loop.acall(_with_grace(seconds), lambda: call.within(seconds))

    def exchange(
        self,
        request: httpx2.Request,
        caller: asyncio.AbstractEventLoop | None,
        **extensions: object,
    ) -> Exchange:
        """Make the exchange for a request; nothing of it happens yet.

        Args:
            request: The request.
            caller: The loop to iterate an asynchronous body on; None for a synchronous call.
            extensions: What its scope gets besides.
        """
        return Exchange(
            self._app,
            self._scope(request, **extensions),
            body_pieces(request, caller),
            raise_app_errors=self._raise_app_errors,
            buffered=not _is_streamed(request),
        )

    def websocket(self, request: httpx2.Request, subprotocols: Sequence[str]) -> WebSocketExchange:
        """Make the exchange for the WebSocket that a request asks for."""
        return WebSocketExchange(
            self._app,
            websocket_scope(self._scope(request), subprotocols),
            raise_app_errors=self._raise_app_errors,
        )

    def take(
        self,
        exchange: Conversation,
        seconds: float | None,
        step: _Step[T],
        *,
        missed: str = "was not answered",
        ends_app: bool = True,
    ) -> T:
        """Take one step of an exchange on the app's loop and wait for it.

        Args:
            exchange: The exchange.
            seconds: The bound; None waits for ever.
            step: The bound method.
            missed: What to say when it takes too long.
            ends_app: Whether the app is cancelled then.

        Raises:
            AppTimeoutError: When it takes too long.
        """

        async def bounded_step() -> T:
            return await exchange.within(seconds, step, missed=missed, ends_app=ends_app)

        with _BlockedLoop(exchange.name, self._loop):
            return self._loop.call(_with_grace(seconds), bounded_step)

    async def atake(
        self,
        exchange: Conversation,
        seconds: float | None,
        step: _Step[T],
        *,
        missed: str = "was not answered",
        ends_app: bool = True,
    ) -> T:
        """Do the same without blocking the caller's loop."""

        async def bounded_step() -> T:
            return await exchange.within(seconds, step, missed=missed, ends_app=ends_app)

        with _BlockedLoop(exchange.name, self._loop):
            return await self._loop.acall(_with_grace(seconds), bounded_step)

    def _scope(self, request: httpx2.Request, **extensions: object) -> Scope:
        raw_path = self.targets.get(request) or request.url.raw_path.partition(b"?")[0]
        scope = http_scope(
            request,
            raw_path=raw_path,
            root_path=self._root_path,
            client=request.extensions.get(CLIENT_EXTENSION, self._client),
            state=self._lifespan.state,
        )
        scope.update(self.extensions, **extensions)
        return scope


class _BlockedLoop:
    """Turns the silence of a blocked event loop into an error that says who blocks it."""

    def __init__(self, name: str, loop: LoopThread) -> None:
        self._name = name
        self._loop = loop

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, WaitedTooLongError):
            place = where_blocked(self._loop.thread)
            raise AppTimeoutError(f"{self._name} got no answer in time.{place}") from None


class _SyncPieces(httpx2.SyncByteStream):
    """A response body that is fetched from the running app."""

    def __init__(self, transport: AppTransport, exchange: Exchange, seconds: float | None) -> None:
        self._transport = transport
        self._exchange = exchange
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        take = self._transport.take
        while pieces := take(self._exchange, self._seconds, self._exchange.next_pieces):
            yield from pieces

    def close(self) -> None:
        """Leave, whether or not the body was read to its end."""
        self._transport.take(self._exchange, self._seconds, self._exchange.leave)


class _AsyncPieces(httpx2.AsyncByteStream):
    """The same for the asynchronous client."""

    def __init__(self, transport: AppTransport, exchange: Exchange, seconds: float | None) -> None:
        self._transport = transport
        self._exchange = exchange
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        take = self._transport.atake
        while pieces := await take(self._exchange, self._seconds, self._exchange.next_pieces):
            for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        """Leave, whether or not the body was read to its end."""
        await self._transport.atake(self._exchange, self._seconds, self._exchange.leave)


def _response(
    exchange: Exchange,
    answer: Answer,
    stream: httpx2.SyncByteStream | httpx2.AsyncByteStream | None,
) -> httpx2.Response:
    extensions: dict[str, Any] = {"http_version": b"HTTP/1.1"}
    if exchange.app_error is not None:
        extensions[ERROR_EXTENSION] = exchange.app_error
    return httpx2.Response(
        answer.status,
        headers=answer.headers,
        stream=stream or httpx2.ByteStream(answer.body),
        extensions=extensions,
    )


def _is_streamed(request: httpx2.Request) -> bool:
    return bool(request.extensions.get(STREAM_EXTENSION))


def bound_of(request: httpx2.Request) -> float | None:
    """Return after how many seconds a request fails; None for never."""
    return request.extensions.get("timeout", {}).get("read")


def _with_grace(seconds: float | None) -> float | None:
    return None if seconds is None else seconds + _GRACE_SECONDS
