"""Litestar with msgspec, its fast lane."""

import msgspec
from litestar import Litestar, get, post

from benchmarks.asgi import ASGIApp


class Order(msgspec.Struct):
    """The body of the `typed-body` scenario."""

    name: str
    quantity: int
    price: float
    tags: list[str] = []
    note: str | None = None


def app(scenario: str) -> ASGIApp:
    """Build the application for `json` or `typed-body`."""
    return Litestar(route_handlers=[home, create_order], openapi_config=None)


@get("/")
async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "litestar", "status": "ok"}


@post("/orders", status_code=200)
async def create_order(data: Order) -> dict[str, object]:
    """Use the parsed body."""
    return {"name": data.name, "total": data.quantity * data.price, "tags": len(data.tags)}
