"""Falcon's ASGI application."""

from falcon.asgi import App, Request, Response

from benchmarks.asgi import ASGIApp
from benchmarks.workload import TEXT


class Home:
    """The JSON route."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer through Falcon's own JSON media handler."""
        resp.media = {"framework": "falcon", "status": "ok"}


class Text:
    """The text route."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with text."""
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = TEXT


class Item:
    """The route with a parameter."""

    async def on_get(self, req: Request, resp: Response, number: int) -> None:
        """Answer with the parameter."""
        resp.media = {"number": number}


def app(scenario: str) -> ASGIApp:
    """Build the application for `json`, `text` or `parameter`."""
    application = App()
    application.add_route("/", Home())
    application.add_route("/text", Text())
    application.add_route("/items/{number:int}", Item())
    return application
