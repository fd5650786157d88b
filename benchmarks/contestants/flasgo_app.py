"""Flasgo as `pip install flasgo` gives it: every plugin on, every default as it is."""

import msgspec
from flasgo import Flasgo, Request, Response

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY, SESSION, TEXT


class Order(msgspec.Struct):
    """The body of the `typed-body` scenario."""

    name: str
    quantity: int
    price: float
    tags: list[str] = []
    note: str | None = None


def app(scenario: str) -> ASGIApp:
    """Build the application for a scenario."""
    # The only setting is the secret, so that no random one is made (with a warning) in each run.
    application = Flasgo(settings={"SECRET_KEY": SECRET_KEY})
    application.get("/")(home)
    application.get("/text")(show_text)
    application.get("/items/<int:number>")(show_item)
    if scenario == "typed-body":
        application.post("/orders")(create_order)
    if scenario == "session":
        application.get("/login")(login)
        application.get("/session")(read_session)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo", "status": "ok"}


async def show_text() -> Response:
    """The text route."""
    return Response.text(TEXT)


async def show_item(number: int) -> dict[str, int]:
    """The route with a parameter."""
    return {"number": number}


async def login(request: Request) -> dict[str, str]:
    """Fill the session."""
    request.session.update(SESSION)
    return {"status": "ok"}


async def read_session(request: Request) -> dict[str, object]:
    """Answer with what the session holds."""
    session = request.session
    return {"user": session["user"], "visits": session["visits"]}


async def create_order(order: Order) -> dict[str, object]:
    """Use the parsed body."""
    return {"name": order.name, "total": order.quantity * order.price, "tags": len(order.tags)}
