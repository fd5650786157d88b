"""flasgo-core and flasgo-templates."""

import asyncio
import tempfile
from pathlib import Path

from flasgo import Flasgo, Response

from .asgi import ask


async def main(folder: Path) -> None:
    (folder / "home.html").write_text("<h1>{{ title }}</h1>")
    app = Flasgo()
    assert [plugin.name for plugin in app.plugins if not plugin.builtin] == ["templates"]
    app.configure_templates(folder)

    @app.get("/")
    def home() -> Response:
        return Response.template("home.html", templates=app.templates, context={"title": "<ok>"})

    answer = await ask(app, "/")
    assert (answer.status, answer.body) == (200, b"<h1>&lt;ok&gt;</h1>"), answer


with tempfile.TemporaryDirectory() as name:
    asyncio.run(main(Path(name)))
