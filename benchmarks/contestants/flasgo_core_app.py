"""Flasgo's core without a single plugin."""

import msgspec
from flasgo import Flasgo, Response

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY, TEXT


class Order(msgspec.Struct):
    """The body of the `typed-body` scenario."""

    name: str
    quantity: int
    price: float
    tags: list[str] = []
    note: str | None = None


def app(scenario: str) -> ASGIApp:
    """Build the application for a scenario."""
    application = Flasgo(settings={"SECRET_KEY": SECRET_KEY}, plugins=[], discover=False)
    application.get("/")(home)
    application.get("/text")(show_text)
    application.get("/items/<int:number>")(show_item)
    application.post("/orders")(create_order)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo-core", "status": "ok"}


async def show_text() -> Response:
    """The text route."""
    return Response.text(TEXT)


async def show_item(number: int) -> dict[str, int]:
    """The route with a parameter."""
    return {"number": number}


async def create_order(order: Order) -> dict[str, object]:
    """Use the parsed body."""
    return {"name": order.name, "total": order.quantity * order.price, "tags": len(order.tags)}
