"""Starlette with what it takes to come near our defaults: hosts, signed sessions, headers."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.asgi import ASGIApp, Message, Receive, Scope, Send
from benchmarks.workload import SECRET_KEY, SESSION

HEADERS = [
    (b"content-security-policy", b"default-src 'self'; object-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class HeadersMiddleware:
    """The fastest way to add headers in Starlette: a plain ASGI wrapper, encoded once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap `send` for HTTP."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def app(scenario: str) -> ASGIApp:
    """Build the application for `json` or `session`."""
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1"]),
        Middleware(SessionMiddleware, secret_key=SECRET_KEY),
        Middleware(HeadersMiddleware),
    ]
    routes = [Route("/", home), Route("/login", login), Route("/session", read_session)]
    return Starlette(routes=routes, middleware=middleware)


async def home(request: Request) -> JSONResponse:
    """The JSON route."""
    return JSONResponse({"framework": "starlette-protected", "status": "ok"})


async def login(request: Request) -> JSONResponse:
    """Fill the session."""
    request.session.update(SESSION)
    return JSONResponse({"status": "ok"})


async def read_session(request: Request) -> JSONResponse:
    """Answer with what the session holds."""
    return JSONResponse({"user": request.session["user"], "visits": request.session["visits"]})
