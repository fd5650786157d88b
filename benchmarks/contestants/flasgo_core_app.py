"""Flasgo's core without a single plugin."""

from flasgo import Flasgo

from benchmarks.asgi import ASGIApp
from benchmarks.workload import SECRET_KEY


def app(scenario: str) -> ASGIApp:
    """Build the application; the scenario is always `json`."""
    application = Flasgo(settings={"SECRET_KEY": SECRET_KEY}, plugins=[], discover=False)
    application.get("/")(home)
    return application


async def home() -> dict[str, str]:
    """The JSON route."""
    return {"framework": "flasgo-core", "status": "ok"}
