"""Falcon's ASGI application."""

from falcon.asgi import App, Request, Response

from benchmarks.asgi import ASGIApp


class Home:
    """The JSON route."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer through Falcon's own JSON media handler."""
        resp.media = {"framework": "falcon", "status": "ok"}


def app(scenario: str) -> ASGIApp:
    """Build the application; the scenario is always `json`."""
    application = App()
    application.add_route("/", Home())
    return application
