"""Flasgo's core without a single plugin."""

from flasgo import Flasgo

from benchmarks.asgi import ASGIApp
from benchmarks.workload import Order


def app(scenario: str) -> ASGIApp:
    """Build the application for `json` or `typed-body`."""
    application = Flasgo(plugins=[], discover=False)
    application.get("/")(home)
    if scenario == "typed-body":
        application.post("/orders")(create_order)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo-core", "status": "ok"}


async def create_order(order: Order) -> dict[str, object]:
    """Use the parsed body."""
    return {"name": order.name, "total": order.quantity * order.price, "tags": len(order.tags)}
