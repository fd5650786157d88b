"""An httpx2 transport that connects to checked addresses only; needs the extra `httpx2`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flasgo_security.outbound.guard import SSRFGuard

try:
    import httpcore2
    import httpx2
except ImportError as missing:
    raise ImportError(
        "SSRFTransport needs httpx2, which is not installed. "
        "Next: pip install 'flasgo-security[httpx2]'"
    ) from missing

if TYPE_CHECKING:
    SocketOptions = Iterable[tuple[Any, ...]] | None

__all__ = ["SSRFTransport"]

_Failures = (httpcore2.ConnectError, httpcore2.ConnectTimeout)


class SSRFTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Sends the requests of an httpx2 client to addresses that a guard has checked.

    For `httpx2.Client` and `httpx2.AsyncClient`. Each request, and with `follow_redirects` each
    redirect, is checked. The host is resolved once, and what was checked is what is connected to:
    a name that changes its answer in between (DNS rebinding) gains nothing. `Host`, SNI and the
    check of the certificate stay on the name. Proxies from the environment are not used.

    Args:
        guard: Decides where requests may go.
        verify: False, or an SSL context with other authorities; as httpx2 takes it.
        http2: Whether HTTP/2 is offered; needs `httpx2[http2]`.
        limits: How many connections are kept.
    """

    def __init__(
        self,
        guard: SSRFGuard,
        *,
        verify: ssl.SSLContext | bool = True,
        http2: bool = False,
        limits: httpx2.Limits | None = None,
    ) -> None:
        self.guard = guard
        limits = httpx2.Limits(max_connections=100) if limits is None else limits
        options: dict[str, Any] = {
            "ssl_context": httpx2.create_ssl_context(verify=verify),
            "max_connections": limits.max_connections,
            "max_keepalive_connections": limits.max_keepalive_connections,
            "keepalive_expiry": limits.keepalive_expiry,
            "http2": http2,
        }
        self._pool = httpcore2.ConnectionPool(network_backend=_PinnedBackend(guard), **options)
        self._async_pool = httpcore2.AsyncConnectionPool(
            network_backend=_AsyncPinnedBackend(guard), **options
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check and send one request.

        Args:
            request: The request.

        Raises:
            SSRFViolation: When the server must not go there.
        """
        with _httpx_errors():
            answer = self._pool.handle_request(self._checked(request))
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_SyncBody(answer.stream),
            extensions=answer.extensions,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check and send one request.

        Args:
            request: The request.

        Raises:
            SSRFViolation: When the server must not go there.
        """
        with _httpx_errors():
            answer = await self._async_pool.handle_async_request(self._checked(request))
        return httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_AsyncBody(answer.stream),
            extensions=answer.extensions,
        )

    def _checked(self, request: httpx2.Request) -> httpcore2.Request:
        checked = self.guard.check_url(str(request.url))
        # SECURITY: SNI and the certificate belong to the URL's host, however the request was built.
        extensions = {
            key: value for key, value in request.extensions.items() if key != "sni_hostname"
        }
        return httpcore2.Request(
            method=request.method,
            # SECURITY: as the guard has read it, so that no second reading can differ.
            url=httpcore2.URL(
                scheme=checked.scheme,
                host=checked.host,
                port=checked.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=extensions,
        )

    def close(self) -> None:
        """Close the connections of a synchronous client."""
        self._pool.close()

    async def aclose(self) -> None:
        """Close the connections of an asynchronous client."""
        await self._async_pool.aclose()

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        with _httpx_errors():
            self._pool.__exit__(exc_type, exc_value, traceback)

    async def __aenter__(self) -> Self:
        await self._async_pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        with _httpx_errors():
            await self._async_pool.__aexit__(exc_type, exc_value, traceback)


class _PinnedBackend(httpcore2.NetworkBackend):
    """Connects to the addresses that the guard returns for a host, in their order."""

    def __init__(self, guard: SSRFGuard) -> None:
        self._guard = guard
        self._network: httpcore2.NetworkBackend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in self._guard.addresses_of(host, port):
            try:
                return self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except _Failures as error:
                failure = error
        raise failure or httpcore2.ConnectError("there is no address")

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _AsyncPinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that the guard returns for a host, in their order."""

    def __init__(self, guard: SSRFGuard) -> None:
        self._guard = guard
        # Any: typed twice in httpcore2, for where anyio is missing.
        self._network: Any = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._guard.aaddresses_of(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except _Failures as error:
                failure = error
        raise failure or httpcore2.ConnectError("there is no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class _SyncBody(httpx2.SyncByteStream):
    """The body of an answer, with httpx2's errors."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    def close(self) -> None:
        closer = getattr(self._stream, "close", None)
        if closer is not None:
            closer()


class _AsyncBody(httpx2.AsyncByteStream):
    """The body of an answer, with httpx2's errors."""

    def __init__(self, stream: Any) -> None:
        self._stream: AsyncIterable[bytes] = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        closer = getattr(self._stream, "aclose", None)
        if closer is not None:
            await closer()


@contextmanager
def _httpx_errors() -> Generator[None]:
    """Raise httpx2's errors in place of httpcore2's, which bear the same names."""
    try:
        yield
    except Exception as error:
        for kind in type(error).__mro__:
            if kind.__module__.startswith("httpcore2"):
                translated = getattr(httpx2, kind.__name__, None)
                if translated is not None:
                    raise translated(str(error)) from error
        raise
