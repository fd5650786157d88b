"""Takes the pictures of the documentation, in Chromium, from the tutorial and the examples.

    uv run python docs/pictures.py

Run it when a page that is shown has changed. What it writes to `docs/assets` is in the repository.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from tutorial_code import parts  # noqa: E402 - the path above finds it

from tests.pages.browser import Page, browser  # noqa: E402

ASSETS = ROOT / "docs" / "assets"
WIDTH, START_SECONDS = 760, 30
ENTRIES = (
    ("Charles", "One day it will be finished. I have drawings."),
    ("Ada", "The engine weaves algebraical patterns.\nI like it here."),
)


@contextmanager
def served(folder: Path) -> Generator[str]:
    """Serve the application of a folder with `DEBUG` on; yield its address.

    Args:
        folder: The folder of `app.py`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flasgo", "run", "app.py", "--port", str(port)]
    with subprocess.Popen(  # noqa: S603 - fixed
        command, cwd=folder, env={**os.environ, "FLASGO_DEBUG": "true"}
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address)
            yield address
        finally:
            process.terminate()


def _wait(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urlopen(address, timeout=5).close()  # noqa: S310 - the address of this machine
        except HTTPError:
            return
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{address} does not answer.")


def fill(page: Page, **fields: str) -> None:
    """Fill in the first form of the page that has a field for it, and send it.

    Args:
        page: The page.
        fields: Values of fields, by name.
    """
    for name, value in fields.items():
        page.evaluate(f"document.querySelector('[name={name}]').value = {value!r}")
    name = next(iter(fields))
    page.submit(f"document.querySelector('[name={name}]').form.querySelector('button').click()")


def shoot(page: Page, name: str, height: int) -> None:
    """Save a picture.

    Args:
        page: The page.
        name: The name of the file, without its ending.
        height: The height of the picture, in pixels.
    """
    page.evaluate("document.activeElement.blur()")
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=WIDTH,
        height=height,
        deviceScaleFactor=1,
        mobile=False,
    )
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(ASSETS / f"{name}.png")


def take(page: Page, scratch: Path) -> None:
    """Take all pictures.

    Args:
        page: A tab of the browser.
        scratch: An empty folder.
    """
    state = {part.page.stem: part for part in parts()}
    for stem, name, height in (
        ("1-page", "tutorial-first", 160),
        ("2-templates", "tutorial-templates", 300),
    ):
        state[stem].write(scratch / stem)
        with served(scratch / stem) as address:
            page.open(address, width=WIDTH)
            shoot(page, name, height)
    state["4-errors"].write(scratch / "errors")
    template = scratch / "errors" / "templates" / "book.html"
    with served(scratch / "errors") as address:
        page.open(address, width=WIDTH)
        fill(page, name="", text="")
        shoot(page, "tutorial-problems", 480)
    template.write_text(template.read_text().replace("entry.name", "entry.nmae"))
    with served(scratch / "errors") as address:
        page.open(address, width=WIDTH)
        fill(page, name="Ada", text="Hello.")
        shoot(page, "tutorial-debug", 720)
    state["8-deployment"].write(scratch / "last")
    with served(scratch / "last") as address:
        for name, text in ENTRIES:
            page.open(address, width=WIDTH)
            fill(page, name=name, text=text)
        shoot(page, "tutorial-book", 620)
        page.open(f"{address}/admin/login", width=WIDTH)
        fill(page, password="correct horse battery")  # noqa: S106 - that of the tutorial
        shoot(page, "tutorial-admin", 760)


def take_api(page: Page) -> None:
    """Take the picture of Swagger UI.

    Args:
        page: A tab of the browser.
    """
    with served(ROOT / "examples" / "widgets") as address:
        page.open(f"{address}/docs", width=WIDTH)
        shown = (
            "document.querySelectorAll('.opblock').length > 3 ? done(true) : setTimeout(wait, 50)"
        )
        page.evaluate(f"new Promise(done => {{ const wait = () => {shown}; wait(); }})")
        shoot(page, "api-docs", 640)


def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with browser(scratch / "profile") as page:
            take(page, scratch)
            take_api(page)


if __name__ == "__main__":
    main()
