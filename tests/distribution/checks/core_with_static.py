"""flasgo-core and flasgo-static."""

import asyncio
import tempfile
from pathlib import Path

from flasgo import Flasgo

from .asgi import ask


async def main(folder: Path) -> None:
    (folder / "hello.txt").write_text("hello")
    app = Flasgo(static_folder=folder)
    assert [plugin.name for plugin in app.plugins if not plugin.builtin] == ["static"]
    answer = await ask(app, "/static/hello.txt")
    assert (answer.status, answer.body) == (200, b"hello"), answer
    assert (await ask(app, "/static/../hello.txt")).status in {400, 404}


with tempfile.TemporaryDirectory() as name:
    asyncio.run(main(Path(name)))
