"""BlackSheep with one route."""

from blacksheep import Application, Response, Router, json

from benchmarks.asgi import ASGIApp


def app(scenario: str) -> ASGIApp:
    """Build the application; the scenario is always `json`."""
    router = Router()
    router.add_get("/", home)
    return Application(router=router)


async def home() -> Response:
    """The JSON route."""
    return json({"framework": "blacksheep", "status": "ok"})
