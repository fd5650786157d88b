"""The transport that hands requests to an app instead of a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TypeVar
from weakref import WeakKeyDictionary

import httpx2

from .asgi import Address, ASGIApp, http_scope
from .body import body_pieces
from .errors import AppTimeoutError
from .exchange import Answer, Exchange
from .lifespan import Lifespan
from .loop_thread import LoopThread, WaitedTooLongError
from .whereabouts import where_blocked

__all__ = ["STREAM_EXTENSION", "AppTransport"]

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
        self._app = app
        self._loop = loop
        self._raise_app_errors = raise_app_errors
        self._client = client
        self._root_path = root_path
        self._lifespan = Lifespan(app)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a request of the synchronous client."""
        exchange, streamed = self._exchange(request, None), _is_streamed(request)
        seconds = _bound_of(request)
        answer = self._take(exchange, seconds, exchange.begin if streamed else exchange.collect)
        stream = _SyncPieces(self, exchange, seconds) if streamed else None
        return _response(answer, stream)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve a request of the asynchronous client."""
        exchange = self._exchange(request, asyncio.get_running_loop())
        streamed, seconds = _is_streamed(request), _bound_of(request)
        step = exchange.begin if streamed else exchange.collect
        answer = await self._atake(exchange, seconds, step)
        stream = _AsyncPieces(self, exchange, seconds) if streamed else None
        return _response(answer, stream)

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

    def _exchange(
        self, request: httpx2.Request, caller: asyncio.AbstractEventLoop | None
    ) -> Exchange:
        raw_path = self.targets.get(request) or request.url.raw_path.partition(b"?")[0]
        scope = http_scope(
            request,
            raw_path=raw_path,
            root_path=self._root_path,
            client=self._client,
            state=self._lifespan.state,
        )
        return Exchange(
            self._app,
            scope,
            body_pieces(request, caller),
            raise_app_errors=self._raise_app_errors,
            buffered=not _is_streamed(request),
        )

    def _take(self, exchange: Exchange, seconds: float | None, step: _Step[T]) -> T:
        async def bounded_step() -> T:
            return await exchange.within(seconds, step)

        with _BlockedLoop(exchange.name, self._loop):
            return self._loop.call(_with_grace(seconds), bounded_step)

    async def _atake(self, exchange: Exchange, seconds: float | None, step: _Step[T]) -> T:
        async def bounded_step() -> T:
            return await exchange.within(seconds, step)

        with _BlockedLoop(exchange.name, self._loop):
            return await self._loop.acall(_with_grace(seconds), bounded_step)


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
        take = self._transport._take
        while pieces := take(self._exchange, self._seconds, self._exchange.next_pieces):
            yield from pieces

    def close(self) -> None:
        """Leave, whether or not the body was read to its end."""
        self._transport._take(self._exchange, self._seconds, self._exchange.leave)


class _AsyncPieces(httpx2.AsyncByteStream):
    """The same for the asynchronous client."""

    def __init__(self, transport: AppTransport, exchange: Exchange, seconds: float | None) -> None:
        self._transport = transport
        self._exchange = exchange
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        take = self._transport._atake
        while pieces := await take(self._exchange, self._seconds, self._exchange.next_pieces):
            for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        """Leave, whether or not the body was read to its end."""
        await self._transport._atake(self._exchange, self._seconds, self._exchange.leave)


def _response(
    answer: Answer, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream | None
) -> httpx2.Response:
    return httpx2.Response(
        answer.status,
        headers=answer.headers,
        stream=stream or httpx2.ByteStream(answer.body),
        extensions={"http_version": b"HTTP/1.1"},
    )


def _is_streamed(request: httpx2.Request) -> bool:
    return bool(request.extensions.get(STREAM_EXTENSION))


def _bound_of(request: httpx2.Request) -> float | None:
    return request.extensions.get("timeout", {}).get("read")


def _with_grace(seconds: float | None) -> float | None:
    return None if seconds is None else seconds + _GRACE_SECONDS
