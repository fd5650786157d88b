"""What a request and a WebSocket have in common: the scope, read lazily."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from flasgo import _bundle
from flasgo.asgi import Receive, Scope
from flasgo.errors import HTTPException, did_you_mean
from flasgo.http.cookies import parse_cookies
from flasgo.http.headers import Headers
from flasgo.http.multidict import MultiDict, State
from flasgo.http.urlencoded import TooManyFieldsError, parse_urlencoded
from flasgo.kernel.background import BackgroundTasks
from flasgo.requests.lazy import lazy
from flasgo.requests.target import PATH_SAFE, routed_path, sent_path

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.kernel.threads import RequestThread
    from flasgo.routing import Route

__all__ = ["Connection"]

_MAX_QUERY_FIELDS = 1000
# A host as RFC 3986, section 3.2.2 has it; anything else never gets into a URL that we build.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
# What may stay unescaped in a query (RFC 3986, section 3.4), and "%": escapes stay as they are.
_QUERY_SAFE = "/!$&'()*+,;=:@~-._?%"


class _UnknownAttributeError(AttributeError):
    """An AttributeError that writes its message when it is read.

    `getattr(request, "session", None)` in a plugin that works with and without sessions happens on
    every request; looking for similar names each time would be slow.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        super().__init__(name, name=name)
        self._wanted = name
        self._kind = type(connection)
        self._app = connection.__dict__.get("app")

    def __str__(self) -> str:
        from flasgo.advice.names_elsewhere import advice

        registered = () if self._app is None else self._app._declarations.request_attributes
        public = [known for known in dir(self._kind) if not known.startswith("_")]
        message = f"{self._kind.__name__} has no attribute {self._wanted!r}."
        own = advice("websocket", self._wanted) if self._kind.__name__ == "WebSocket" else None
        hint = own or advice("request", self._wanted)
        if hint is None:
            message += did_you_mean(self._wanted, [*public, *registered])
            hint = _bundle.missing_request_attribute(self._wanted)
        return f"{message} {hint}" if hint else message


class Connection(_bundle.RequestMembers):
    """One HTTP request or WebSocket handshake, as the ASGI server described it.

    Everything beyond the scope itself is computed when it is first asked for, and kept. Plugins
    add attributes of their own, such as `request.session`; they are computed once as well and may
    be assigned.

    Args:
        app: The app that serves the connection.
        scope: The ASGI scope.
        receive: The ASGI receive callable.
        head: The first value of each header by lower-case name, from `read_head`.
    """

    app: Flasgo
    scope: Scope
    # The dispatcher fills these in once the route is known.
    route: Route | None = None
    _path_params: dict[str, object] | None = None
    _thread: RequestThread | None = None  # that of its `def` functions, once one was called
    # PERF: whether there is anything to do or to let go of when the request is over.
    _has_leftovers: bool = False
    # What `after_this_request` was given, and whether it is too late for more.
    _after_this: list[Callable[..., Awaitable[object]]] | None = None
    _is_finalizing: bool = False

    def __init__(
        self, app: Flasgo, scope: Scope, receive: Receive, head: dict[bytes, bytes]
    ) -> None:
        self.app = app
        self.scope = scope
        self._receive = receive
        self._head = head

    if TYPE_CHECKING:

        @property
        def id(self) -> str:
            """What identifies the request in logs; see the setting REQUEST_ID_HEADER."""

    if not TYPE_CHECKING:
        # Hidden from type checkers, which know the bundle's attributes by `_bundle.RequestMembers`.
        def __getattr__(self, name: str) -> object:
            own = self.__dict__
            app = own.get("app")
            if app is not None and not name.startswith("__"):
                attributes = app._declarations.request_attributes
                compute = attributes.get(name)
                if compute is not None:
                    try:
                        value = own[name] = compute(self)
                    except AttributeError as error:
                        # As an AttributeError it would read as "there is no such attribute", and
                        # getattr(request, "user", None) would quietly go on without a user.
                        raise RuntimeError(f"Computing request.{name} failed: {error}") from error
                    return value
            raise _UnknownAttributeError(self, name)

    def __dir__(self) -> list[str]:
        app = self.__dict__.get("app")
        contributed = () if app is None else app._declarations.request_attributes
        return sorted({*super().__dir__(), *contributed})

    def __repr__(self) -> str:
        scope = self.scope
        return f"<{type(self).__name__} {scope.get('method', 'GET')} {scope.get('path')!r}>"

    def _close(self) -> None:
        """Let go of what the connection holds; the dispatcher calls this when it is over."""

    def peek(self, name: str) -> object | None:
        """Return a request attribute if it was computed or assigned already, else None.

        Args:
            name: The attribute's name; nothing is ever computed.
        """
        return self.__dict__.get(name)

    def preferred_type(self, *offers: str) -> str:
        """Return which of some media types the client likes best, by its `Accept` header.

        Args:
            offers: Media types such as `"text/html"`, the server's own favourite first: it is the
                answer for a client that likes several equally, or none.

        Raises:
            ValueError: When nothing is offered.
        """
        if not offers:
            raise ValueError("preferred_type needs at least one media type to choose from.")
        from flasgo.http.negotiation import preferred_type

        return preferred_type(self.headers.get("accept"), offers)

    def raw_header(self, name: bytes) -> bytes | None:
        """Return the first value of a header as received, or None.

        Args:
            name: The header's name in lower case.
        """
        return self._head.get(name)

    @property
    def method(self) -> str:
        """The method in upper case; that of a WebSocket handshake is GET."""
        return self.scope.get("method", "GET")

    @property
    def path_params(self) -> dict[str, object]:
        """The converted parameters of the route's path."""
        params = self._path_params
        if params is None:
            params = self._path_params = {}
        return params

    @path_params.setter
    def path_params(self, params: dict[str, object]) -> None:
        self._path_params = params

    @property
    def path(self) -> str:
        """The path below the root path, percent-decoded once, by the server."""
        scope = self.scope
        return routed_path(scope) if scope.get("root_path") else scope["path"]

    @lazy
    def root_path(self) -> str:
        """The path under which the app is mounted, without a slash at its end."""
        return self.scope.get("root_path", "").rstrip("/")

    @lazy
    def scheme(self) -> str:
        """`"http"`, `"https"`, `"ws"` or `"wss"`, as the server saw it."""
        scope = self.scope
        return scope.get("scheme") or ("ws" if scope["type"] == "websocket" else "http")

    @lazy
    def is_secure(self) -> bool:
        """Whether the connection is encrypted, as far as the server knows."""
        return self.scheme in ("https", "wss")

    @lazy
    def url(self) -> str:
        """The URL of the request.

        The host is the one of the `Host` header when that is a well-formed host (the security
        plugin checks it against `ALLOWED_HOSTS`), else the server's own address. The path is the
        one that was sent.
        """
        return f"{self.scheme}://{self._host()}{sent_path(self.scope)}{self._query_suffix()}"

    @property
    def base_url(self) -> str:
        """The URL without the query."""
        return self.url.partition("?")[0]

    @property
    def host_url(self) -> str:
        """The URL of the host: scheme, host and `/`; the host is that of `url`."""
        return f"{self.scheme}://{self._host()}/"

    @property
    def full_path(self) -> str:
        """The path below the root path and the query, percent-encoded as they were sent."""
        root, sent = quote(self.root_path, safe=PATH_SAFE), sent_path(self.scope)
        path = sent[len(root) :] if sent.startswith(root) else quote(self.path, safe=PATH_SAFE)
        return (path or "/") + self._query_suffix()

    def _query_suffix(self) -> str:
        query = quote(self.query_string, safe=_QUERY_SAFE)
        return f"?{query}" if query else ""

    def _host(self) -> str:
        host = self._head.get(b"host")
        if host is not None and _HOST.fullmatch(host):
            return host.decode("ascii").lower()
        name, port = self.scope.get("server") or ("localhost", None)
        if port is None:  # a Unix socket, or a server that does not say
            return "localhost"
        if ":" in name:
            name = f"[{name}]"
        return name if port == _DEFAULT_PORTS.get(self.scheme) else f"{name}:{port}"

    @lazy
    def headers(self) -> Headers:
        """The request's headers."""
        return Headers(self.scope["headers"], self._head)

    @lazy
    def cookies(self) -> MultiDict:
        """The cookies received. They are not checked: a client can send any."""
        value = self._head.get(b"cookie")
        if value is None:
            return MultiDict(kind="cookie")
        headers = self.scope["headers"]
        if len(headers) != len(self._head):
            value = b"; ".join([value for name, value in headers if name == b"cookie"])
        return parse_cookies(value)

    @property
    def query_string(self) -> bytes:
        """The query as received, without the question mark."""
        return self.scope.get("query_string") or b""

    @lazy
    def query(self) -> MultiDict:
        """The parameters of the query.

        Raises:
            HTTPException: 400 when there are more than a thousand, or as many broken escapes.
        """
        raw = self.query_string
        if not raw:
            return MultiDict(kind="query parameter")
        try:
            return MultiDict(parse_urlencoded(raw, _MAX_QUERY_FIELDS), kind="query parameter")
        except TooManyFieldsError:
            raise HTTPException(
                400, f"The query has more than {_MAX_QUERY_FIELDS} parameters; send fewer."
            ) from None
        except ValueError as error:
            raise HTTPException(
                400, f"The query has {error}; send %25 for a percent sign."
            ) from None

    @lazy
    def background(self) -> BackgroundTasks:
        """What is to be called after the response; forgotten when the handler raises."""
        self._has_leftovers = True
        return BackgroundTasks()

    @property
    def args(self) -> MultiDict:
        """The parameters of the query, as Flask calls it."""
        return self.query

    @property
    def query_params(self) -> MultiDict:
        """The parameters of the query, as Starlette calls it."""
        return self.query

    @property
    def view_args(self) -> dict[str, object]:
        """The converted parameters of the route's path, as Flask calls it."""
        return self.path_params

    @property
    def endpoint(self) -> str | None:
        """The name of the route for `url_for`; None where no route matched."""
        route = self.route
        return route.endpoint if route is not None and route.methods else None

    @property
    def blueprint(self) -> str | None:
        """The full name of the innermost blueprint of the route, or None."""
        return None if self.route is None else self.route.blueprint

    @property
    def remote_addr(self) -> str | None:
        """The address of the direct peer, as Flask calls it; see `client_ip`."""
        return self.client_ip

    @property
    def user_agent(self) -> str:
        """The `User-Agent` header, `""` without one."""
        return self.headers.get("user-agent", "")

    @property
    def referrer(self) -> str | None:
        """The `Referer` header, or None; a claim of the client, like all headers."""
        return self.headers.get("referer")

    @property
    def origin(self) -> str | None:
        """The `Origin` header, or None."""
        return self.headers.get("origin")

    @lazy
    def client_ip(self) -> str | None:
        """The address of the direct peer, or None when the server does not know it."""
        client = self.scope.get("client")
        return client[0] if client else None

    @lazy
    def state(self) -> State:
        """A namespace for this request, begun with what the server's lifespan state holds."""
        return State(self.scope.get("state"))

    @property
    def g(self) -> State:
        """The same namespace as `state`, under the name Flask gives it."""
        return self.state
