"""FastAPI as its tutorial writes it."""

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.asgi import ASGIApp


class Order(BaseModel):
    """The body of the `typed-body` scenario."""

    name: str
    quantity: int
    price: float
    tags: list[str] = []
    note: str | None = None


def app(scenario: str) -> ASGIApp:
    """Build the application for `json` or `typed-body`."""
    application = FastAPI()
    application.get("/")(home)
    application.post("/orders")(create_order)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "fastapi", "status": "ok"}


async def create_order(order: Order) -> dict[str, object]:
    """Use the parsed body."""
    return {"name": order.name, "total": order.quantity * order.price, "tags": len(order.tags)}
