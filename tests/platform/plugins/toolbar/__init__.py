"""A toolbar at the foot of pages under DEBUG: routes, templates and static files of its own."""

from __future__ import annotations

from pathlib import Path

from flasgo import Blueprint, Connection, Flasgo, Registry, Response, hookimpl
from flasgo.plugin import Plugin

__all__ = ["ToolbarPlugin"]

HERE = Path(__file__).resolve().parent


class ToolbarPlugin(Plugin):
    """Shows under each page what its hooks took."""

    name = "toolbar"
    requires = ("timings", "templates", "static")

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        self.registry = registry
        self.timings = registry.instance("timings")

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        if not app.settings.DEBUG:
            return  # nothing of it is in the app then
        self.app = app
        pages = Blueprint(
            "toolbar",
            __name__,
            url_prefix="/-/toolbar",
            template_folder=HERE / "templates",
            static_folder=HERE / "static",
        )
        pages.get("/", endpoint="overview")(self.overview)
        app.register_blueprint(pages)
        self.registry.component("bar", Bar(self))

    def overview(self) -> str:
        seconds = sorted(self.timings.seconds.items(), key=lambda item: -item[1])
        return self.app.render_template("toolbar/overview.html", seconds=seconds)


class Bar:
    """Puts the bar into pages; registered under DEBUG alone."""

    def __init__(self, toolbar: ToolbarPlugin) -> None:
        self.app = toolbar.app
        self.timings = toolbar.timings

    @hookimpl(when=lambda route: route.blueprint != "toolbar")
    def response_finalize(self, request: Connection, response: Response) -> None:
        if response.is_streaming or response.mimetype != "text/html":
            return
        before, end, after = response.body.rpartition(b"</body>")
        if end:
            bar = self.app.render_template(
                "toolbar/bar.html", times=sorted(self.timings.times_of(request).items())
            )
            response.body = before + bar.encode() + end + after
