"""BlackSheep with one route."""

from blacksheep import Application, Response, Router, json, text

from benchmarks.asgi import ASGIApp
from benchmarks.workload import TEXT


def app(scenario: str) -> ASGIApp:
    """Build the application for `json`, `text` or `parameter`."""
    router = Router()
    router.add_get("/", home)
    router.add_get("/text", show_text)
    router.add_get("/items/{int:number}", show_item)
    return Application(router=router)


async def home() -> Response:
    """The JSON route."""
    return json({"framework": "blacksheep", "status": "ok"})


async def show_text() -> Response:
    """The text route."""
    return text(TEXT)


async def show_item(number: int) -> Response:
    """The route with a parameter."""
    return json({"number": number})
