"""The test client."""

from __future__ import annotations

import base64
import secrets
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, overload
from urllib.parse import quote

import httpx2
from httpx2 import USE_CLIENT_DEFAULT, AsyncClient

from .app_call import AppCall
from .asgi import Address, ASGIApp
from .cookies import ClientCookies
from .errors import WebSocketDeniedError
from .loop_thread import LoopThread
from .options import BuildOptions, HandshakeOptions, RequestOptions
from .transport import STREAM_EXTENSION, AppTransport, bound_of
from .websocket import AsyncWebSocketSession, WebSocketSession
from .websocket_exchange import WebSocketExchange

if TYPE_CHECKING:
    from httpx2._client import UseClientDefault
    from httpx2._types import (
        AuthTypes,
        CookieTypes,
        HeaderTypes,
        QueryParamTypes,
        RequestContent,
        RequestData,
        RequestExtensions,
        RequestFiles,
        TimeoutTypes,
    )

    from .transaction import SessionTransaction

__all__ = ["TestClient"]

P = ParamSpec("P")
T = TypeVar("T")

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class TestClient(httpx2.Client):
    """An HTTP client whose requests go to an app in this process.

    It is an `httpx2.Client`: everything known from there works, answers are `httpx2.Response`.
    Used in a `with` block it runs the app's start-up and shut-down; without one it does not.
    The app runs on an event loop of its own in a background thread: the plain methods work in
    ordinary and in `async` tests, the `a...` methods are their awaitable twins, and both share
    cookies, headers and every other setting of the client.

    Args:
        app: A Flasgo app, or any other ASGI app.
        base_url: What relative URLs are resolved against.
        raise_server_exceptions: Raise in the test what the app raised. False shows the app's own
            error response instead, with what it raised in `answer.extensions["exception"]`.
        enforce_csrf: Send unsafe requests without the `Sec-Fetch-Site: same-origin` header, by
            which the app otherwise recognises them as coming from its own pages.
        follow_redirects: Whether to follow redirects where a request does not say.
        timeout: Seconds after which a request fails with `AppTimeoutError`; None waits for ever.
        client: The peer's address that the app sees; None for a server that does not know it.
            `extensions={"client": ("192.0.2.7", 4711)}` sends one request from elsewhere.
        root_path: The prefix under which a proxy mounted the app.
        headers: Headers for every request.
        cookies: Cookies to begin with.
        params: Query parameters for every request.
        auth: Credentials for every request, as in `httpx2`.
    """

    __test__ = False  # pytest would collect it by its name

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://localhost",
        raise_server_exceptions: bool = True,
        enforce_csrf: bool = False,
        follow_redirects: bool = False,
        timeout: float | None = 10.0,
        *,
        client: Address | None = ("127.0.0.1", 50000),
        root_path: str = "",
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        params: QueryParamTypes | None = None,
        auth: AuthTypes | None = None,
    ) -> None:
        self.app = app
        self.enforce_csrf = enforce_csrf
        self._loop_thread = LoopThread()
        self._app_transport = AppTransport(
            app,
            self._loop_thread,
            raise_app_errors=raise_server_exceptions,
            client=client,
            root_path=root_path,
        )
        self._has_started = False
        self._client_cookies = ClientCookies(httpx2.URL(base_url).host)
        super().__init__(
            transport=self._app_transport,
            base_url=base_url,
            follow_redirects=follow_redirects,
            timeout=timeout,
            headers=headers,
            params=params,
            auth=auth,
            trust_env=False,
        )
        self._client_cookies.update(cookies)
        self._async_client = AsyncClient(
            transport=self._app_transport, cookies=self._client_cookies.jar, trust_env=False
        )
        self._finalizer = weakref.finalize(self, self._loop_thread.stop)

    @property
    def cookies(self) -> ClientCookies:
        """The cookies that the client sends; assigning replaces them all."""
        return self._client_cookies

    @cookies.setter
    def cookies(self, cookies: CookieTypes) -> None:
        self._client_cookies.replace(cookies)

    # Building and sending

    def build_request(
        self,
        method: str,
        url: httpx2.URL | str,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: Any | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        timeout: TimeoutTypes | UseClientDefault = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> httpx2.Request:
        """Build a request without sending it, as `httpx2.Client.build_request` does.

        A URL that begins with a slash is a path, and reaches the app exactly as written: neither
        `//` nor `/../` is tidied up on the way.
        """
        raw_path = self._raw_path(url)
        if raw_path is not None:
            url = self._url_of_path(str(url), raw_path)
        request = super().build_request(
            method,
            url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            timeout=timeout,
            extensions=extensions,
        )
        if raw_path is not None:
            self._app_transport.targets[request] = raw_path
        if cookies and "cookie" not in httpx2.Headers(headers):
            request.headers.pop("cookie", None)
            self._client_cookies.with_extra(cookies).set_cookie_header(request)
        self._claim_same_origin(request)
        return request

    def request(
        self,
        method: str,
        url: httpx2.URL | str,
        *,
        content: RequestContent | None = None,
        data: RequestData | None = None,
        files: RequestFiles | None = None,
        json: Any | None = None,
        params: QueryParamTypes | None = None,
        headers: HeaderTypes | None = None,
        cookies: CookieTypes | None = None,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        timeout: TimeoutTypes | UseClientDefault = USE_CLIENT_DEFAULT,
        extensions: RequestExtensions | None = None,
    ) -> httpx2.Response:
        """Send a request and return the answer.

        Args:
            method: The HTTP method.
            url: A path, or a whole URL.
            content: The body, as text, bytes or an iterable of bytes.
            data: Form fields.
            files: Files of a multipart form, as in `httpx2`.
            json: Data to send as JSON.
            params: Query parameters.
            headers: Further headers.
            cookies: Cookies for this request only; they replace the client's of the same name.
            auth: Credentials.
            follow_redirects: Whether to follow redirects.
            timeout: Seconds until `AppTimeoutError`.
            extensions: `httpx2` extensions; `client` is the peer's address for this request.

        Returns:
            The answer, read to its end.

        Raises:
            Exception: What the app raised, unless `raise_server_exceptions=False`.
            AppTimeoutError: If the app did not answer in time.
            AppProtocolError: If its answer breaks HTTP or ASGI.
        """
        request = self.build_request(
            method,
            url,
            content=content,
            data=data,
            files=files,
            json=json,
            params=params,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            extensions=extensions,
        )
        return self.send(request, auth=auth, follow_redirects=follow_redirects)

    def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
    ) -> httpx2.Response:
        """Send a request built with `build_request`."""
        request.extensions = {**request.extensions, STREAM_EXTENSION: stream}
        return super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)

    # The awaitable twins

    async def arequest(
        self, method: str, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a request without blocking the test's event loop; see `request`."""
        return await self._asend(method, url, False, **options)

    async def aget(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `GET` request; see `request`."""
        return await self.arequest("GET", url, **options)

    async def ahead(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `HEAD` request; see `request`."""
        return await self.arequest("HEAD", url, **options)

    async def aoptions(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send an `OPTIONS` request; see `request`."""
        return await self.arequest("OPTIONS", url, **options)

    async def apost(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `POST` request; see `request`."""
        return await self.arequest("POST", url, **options)

    async def aput(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `PUT` request; see `request`."""
        return await self.arequest("PUT", url, **options)

    async def apatch(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `PATCH` request; see `request`."""
        return await self.arequest("PATCH", url, **options)

    async def adelete(
        self, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Send a `DELETE` request; see `request`."""
        return await self.arequest("DELETE", url, **options)

    @asynccontextmanager
    async def astream(
        self, method: str, url: httpx2.URL | str, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[httpx2.Response]:
        """Open a response and read its body piece by piece; leaving the block disconnects."""
        response = await self._asend(method, url, True, **options)
        try:
            yield response
        finally:
            await response.aclose()

    # WebSockets

    @contextmanager
    def websocket_connect(
        self,
        url: httpx2.URL | str,
        subprotocols: Sequence[str] = (),
        **options: Unpack[HandshakeOptions],
    ) -> Generator[WebSocketSession]:
        """Open a WebSocket: `with client.websocket_connect("/ws") as websocket`.

        Leaving the block closes the connection, and waits for the app to end.

        Args:
            url: A path, or a whole URL.
            subprotocols: What to offer, the best first.
            options: `headers`, `cookies`, `params`, `auth`, `timeout` and `extensions`, as for
                requests.

        Raises:
            WebSocketDeniedError: When the app does not accept; it carries the HTTP answer.
            AppTimeoutError: When the app does not answer in time.
            Exception: What the app raised, unless `raise_server_exceptions=False`.
        """
        session = WebSocketSession(*self._handshake(url, subprotocols, **options))
        try:
            self._client_cookies.extract_cookies(session.connect())
        except WebSocketDeniedError as error:
            self._client_cookies.extract_cookies(error.response)
            raise
        try:
            yield session
        except BaseException as error:
            with _noted_on(error):
                session.finish()
            raise
        session.finish()

    @asynccontextmanager
    async def awebsocket_connect(
        self,
        url: httpx2.URL | str,
        subprotocols: Sequence[str] = (),
        **options: Unpack[HandshakeOptions],
    ) -> AsyncGenerator[AsyncWebSocketSession]:
        """Open a WebSocket without blocking the test's event loop; see `websocket_connect`."""
        session = AsyncWebSocketSession(*self._handshake(url, subprotocols, **options))
        try:
            self._client_cookies.extract_cookies(await session.connect())
        except WebSocketDeniedError as error:
            self._client_cookies.extract_cookies(error.response)
            raise
        try:
            yield session
        except BaseException as error:
            with _noted_on(error):
                await session.finish()
            raise
        await session.finish()

    # Users and sessions

    def login(self, user: object) -> None:
        """Make the requests and WebSockets that follow come from a user.

        The app's authentication backends are not asked; `request.user` is the user from the first
        hook on. Permissions are checked as ever.

        Args:
            user: What `request.user` is to be: with flasgo-auth, a `User`.

        Raises:
            TypeError: When it is None.
            RuntimeError: When no plugin of the app brings `request.user`.
        """
        from .client_hooks import LOGIN_EXTENSION, Login, app_with_hooks

        if user is None:
            raise TypeError("login(None) names no user; call logout() to end the login.")
        app_with_hooks(self.app, attribute="user", method="login()")
        self._app_transport.extensions[LOGIN_EXTENSION] = Login(user)

    def logout(self) -> None:
        """Send the requests that follow without the user of `login`. Cookies stay."""
        from .client_hooks import LOGIN_EXTENSION

        self._app_transport.extensions.pop(LOGIN_EXTENSION, None)

    @contextmanager
    def session_transaction(self, path: str = "/") -> Generator[Any]:
        """Read and change the session of the client: `with client.session_transaction() as s`.

        The session is saved when the block is left, and not saved when it raises. The client
        must not send requests inside of the block: they would use the cookie of before.

        Args:
            path: Where the session's cookie applies.

        Raises:
            RuntimeError: When no plugin of the app brings `request.session`, or the app refuses
                the request.
        """
        transaction = self._transaction(path)
        session = transaction.open()
        try:
            yield session
        except BaseException:
            transaction.close(is_abandoned=True)
            raise
        self._client_cookies.extract_cookies(transaction.close(is_abandoned=False))

    @asynccontextmanager
    async def asession_transaction(self, path: str = "/") -> AsyncGenerator[Any]:
        """Read and change the session without blocking the loop; see `session_transaction`."""
        transaction = self._transaction(path)
        session = await transaction.aopen()
        try:
            yield session
        except BaseException:
            await transaction.aclose(is_abandoned=True)
            raise
        self._client_cookies.extract_cookies(await transaction.aclose(is_abandoned=False))

    # The app's event loop

    @overload
    def run(
        self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...

    @overload
    def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def run(self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> object:
        """Call a function on the event loop that the app runs on: `client.run(app.pool.fill, 3)`.

        What belongs to that loop, such as the connections, locks and queues of the app, can be
        used nowhere else.

        Args:
            function: The function, `async` or not; one that blocks holds up the app.
            args: Its arguments.
            kwargs: Its keywords.

        Returns:
            What the function returned.

        Raises:
            AppTimeoutError: When it takes longer than the client's timeout; it is cancelled then.
            BaseException: What the function raised.
        """
        return self._app_transport.run(AppCall(function, *args, **kwargs), self.timeout.read)

    @overload
    async def arun(
        self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...

    @overload
    async def arun(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def arun(
        self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs
    ) -> object:
        """Call a function on the app's loop without blocking the test's; see `run`."""
        call = AppCall(function, *args, **kwargs)
        return await self._app_transport.arun(call, self.timeout.read)

    # Life of the client

    def __enter__(self) -> Self:
        """Run the app's start-up. Errors in it surface here."""
        self._begin()
        try:
            self._app_transport.start_up(self.timeout.read)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Run the app's shut-down, and close the client. Errors in it surface here."""
        try:
            self._app_transport.shut_down(self.timeout.read)
        except Exception as error:  # noqa: BLE001 - judged in _raise_or_note
            _raise_or_note(error, exc_value)
        finally:
            self.close()

    async def __aenter__(self) -> Self:
        """Run the app's start-up without blocking the test's event loop."""
        self._begin()
        try:
            await self._app_transport.astart_up(self.timeout.read)
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Run the app's shut-down without blocking the test's event loop, and close the client."""
        try:
            await self._app_transport.ashut_down(self.timeout.read)
        except Exception as error:  # noqa: BLE001 - judged in _raise_or_note
            _raise_or_note(error, exc_value)
        finally:
            self.close()

    def close(self) -> None:
        """End the background thread. The client cannot be used afterwards."""
        super().close()
        self._finalizer.detach()
        self._loop_thread.close()

    # Details

    def _begin(self) -> None:
        if self._has_started or self.is_closed:
            raise RuntimeError(
                "A test client's `with` block can be entered once. "
                "Make a new client: app.test_client()."
            )
        self._has_started = True

    async def _asend(
        self,
        method: str,
        url: httpx2.URL | str,
        stream: bool,
        *,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        follow_redirects: bool | UseClientDefault = USE_CLIENT_DEFAULT,
        **options: Unpack[BuildOptions],
    ) -> httpx2.Response:
        if self.is_closed:
            raise RuntimeError("The test client is closed. Make a new one: app.test_client().")
        request = self.build_request(method, url, **options)
        body = request.stream
        if isinstance(body, httpx2.SyncByteStream) and not isinstance(body, httpx2.AsyncByteStream):
            request.stream = _SyncBody(body)
        request.extensions = {**request.extensions, STREAM_EXTENSION: stream}
        if follow_redirects is USE_CLIENT_DEFAULT:
            follow_redirects = self.follow_redirects
        return await self._async_client.send(
            request,
            stream=stream,
            auth=self.auth if auth is USE_CLIENT_DEFAULT else auth,
            follow_redirects=(
                self.follow_redirects
                if follow_redirects is USE_CLIENT_DEFAULT
                else follow_redirects
            ),
        )

    def _handshake(
        self,
        url: httpx2.URL | str,
        subprotocols: Sequence[str],
        *,
        auth: AuthTypes | UseClientDefault | None = USE_CLIENT_DEFAULT,
        **options: Unpack[BuildOptions],
    ) -> tuple[AppTransport, WebSocketExchange, httpx2.Request, float | None]:
        """Build the request that opens a WebSocket (RFC 6455, section 4.1)."""
        request = self.build_request("GET", _as_http(url), **options)
        request.headers.update(
            {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
            }
        )
        if subprotocols:
            request.headers["Sec-WebSocket-Protocol"] = ", ".join(subprotocols)
        flow = self._build_request_auth(request, auth).sync_auth_flow(request)
        request = next(flow)
        flow.close()
        exchange = self._app_transport.websocket(request, subprotocols)
        return self._app_transport, exchange, request, bound_of(request)

    def _transaction(self, path: str) -> SessionTransaction:
        from .client_hooks import app_with_hooks
        from .transaction import SessionTransaction

        app_with_hooks(self.app, attribute="session", method="session_transaction()")
        request = self.build_request("GET", path)
        return SessionTransaction(self._app_transport, request, bound_of(request))

    def _raw_path(self, url: httpx2.URL | str) -> bytes | None:
        """Return the path to send for a URL that is written as a path, else None."""
        if not isinstance(url, str) or not url.startswith("/"):
            return None
        path = url.partition("#")[0].partition("?")[0]
        prefix = self.base_url.raw_path.partition(b"?")[0].rstrip(b"/")
        return prefix + quote(path, safe=_PRINTABLE).encode("ascii")

    def _url_of_path(self, url: str, raw_path: bytes) -> httpx2.URL:
        _, mark, query = url.partition("#")[0].partition("?")
        target = raw_path.decode("ascii") + mark + quote(query, safe=_PRINTABLE)
        return self.base_url.copy_with(raw_path=target.encode("ascii"))

    def _claim_same_origin(self, request: httpx2.Request) -> None:
        """Say what a browser says when a page of the app itself sends the request.

        A test that sets `Sec-Fetch-Site`, or an `Origin` other than the app's, is about just that
        and gets what it asked for.
        """
        if self.enforce_csrf or request.method in _SAFE_METHODS:
            return
        origin = request.headers.get("origin")
        own = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        if origin is None or origin == own:
            request.headers.setdefault("Sec-Fetch-Site", "same-origin")


def _as_http(url: httpx2.URL | str) -> httpx2.URL | str:
    """Return the URL of a handshake; it is a request for `http` or `https`."""
    if isinstance(url, str) and url.startswith("/"):
        return url
    url = httpx2.URL(url)
    scheme = {"ws": "http", "wss": "https"}.get(url.scheme)
    return url.copy_with(scheme=scheme) if scheme else url


@contextmanager
def _noted_on(original: BaseException) -> Generator[None]:
    """Note an error next to the one that a test ends with already, in place of raising it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the test's own error is the one to raise
        if error is not original:
            original.add_note(f"The app failed as well: {error!r}")


class _SyncBody(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Lets the asynchronous client take a body that is iterated synchronously.

    It never does so itself: the transport reads the body, in a worker thread.
    """

    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)


def _raise_or_note(error: Exception, original: BaseException | None) -> None:
    """Raise an error of the shut-down, unless the block already ends with one of its own."""
    if original is None:
        raise error
    original.add_note(f"The app's shut-down failed as well: {error!r}")
