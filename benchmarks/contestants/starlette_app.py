"""Starlette with nothing but what the scenario needs."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY, SESSION, TEXT


def app(scenario: str) -> ASGIApp:
    """Build the application for a scenario."""
    if scenario == "session":
        middleware = [Middleware(SessionMiddleware, secret_key=SECRET_KEY)]
        routes = [Route("/login", login), Route("/session", read_session)]
        return Starlette(routes=routes, middleware=middleware)
    routes = [Route("/", home), Route("/text", show_text), Route("/items/{number:int}", show_item)]
    return Starlette(routes=routes)


async def home(request: Request) -> JSONResponse:
    """The JSON route."""
    return JSONResponse({"framework": "starlette", "status": "ok"})


async def show_text(request: Request) -> PlainTextResponse:
    """The text route."""
    return PlainTextResponse(TEXT)


async def show_item(request: Request) -> JSONResponse:
    """The route with a parameter."""
    return JSONResponse({"number": request.path_params["number"]})


async def login(request: Request) -> JSONResponse:
    """Fill the session."""
    request.session.update(SESSION)
    return JSONResponse({"status": "ok"})


async def read_session(request: Request) -> JSONResponse:
    """Answer with what the session holds."""
    return JSONResponse({"user": request.session["user"], "visits": request.session["visits"]})
