"""The notes example as people meet it: served by `flasgo run`, in a real browser without script."""

import json
import math
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages.browser import Page, browser

from .conftest import ROOT, Serve, Server

NOTES = ROOT / "examples" / "notes"
PASSWORD = "correct horse battery"
PHONE = (390, 844)
DESKTOP = (1280, 900)
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is not installed"
)

# A page that scrolls sideways, and text whose contrast is below WCAG 2.2 AA, 4.5 to 1.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FAINT = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${node.tagName} ${node.textContent.trim()}: ${ratio}`);
  }
  return faint;
})()"""
UNLABELLED = """[...document.querySelectorAll("input:not([type=hidden]), textarea")]
  .filter(field => !field.labels.length).map(field => field.name)"""


def png(path: Path, colour: Callable[[float, float], tuple[int, int, int]]) -> Path:
    """Write a real picture: a gradient of 120 x 90 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    width, height = 120, 90
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in colour(x / width, y / height))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


class Visitor:
    """Somebody who visits the site with a browser whose scripts are switched off."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.screen(DESKTOP)
        page.call("Emulation.setScriptExecutionDisabled", value=True)

    def screen(self, size: tuple[int, int], *, dark: bool = False) -> None:
        phone = size == PHONE
        self.page.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.page.call("Emulation.setEmulatedMedia", features=[scheme])

    def _until_loaded(self, act: Callable[[], object]) -> None:
        self.page._loaded = False
        act()
        while not self.page._loaded:
            self.page._receive()

    def go(self, path: str) -> None:
        self._until_loaded(lambda: self.page.call("Page.navigate", url=self.url + path))

    def click(self, selector: str) -> None:
        """Click where a page follows; a click of a person, as far as the browser knows."""
        expression = f"document.querySelector({json.dumps(selector)}).click()"
        self._until_loaded(
            lambda: self.page.call("Runtime.evaluate", expression=expression, userGesture=True)
        )

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.see(f"document.getElementById({json.dumps(name)}).value = {json.dumps(value)}")

    def attach(self, selector: str, file: Path) -> None:
        root = self.page.call("DOM.getDocument")["root"]["nodeId"]
        node = self.page.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    # Any: a value of JavaScript.
    def see(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    @property
    def path(self) -> str:
        return self.see("location.pathname + location.search")

    @property
    def text(self) -> str:
        return self.see("document.body.innerText")

    def until(self, expression: str) -> None:
        """Wait for a picture that is still on its way."""
        deadline = time.monotonic() + 20
        while not self.see(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.05)


@pytest.fixture
def server(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FLASGO_NOTES_DATA", str(tmp_path / "data"))
    command = ("flasgo", "run", "examples/notes/app.py", "--port", "{port}")
    return serve(*command, cwd=ROOT)


@pytest.fixture
def visitor(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        visitor = Visitor(page, server.url)
        yield visitor
        # Whatever the test was about: no page may have broken the policy, or the console.
        assert page.complaints == []


def register(visitor: Visitor, name: str = "ada") -> None:
    visitor.go("/register")
    visitor.fill(name=name, password=PASSWORD, again=PASSWORD)
    visitor.click("main button")
    assert visitor.path == "/notes"


@needs_chromium
def test_a_visit_from_registering_to_logging_out(visitor: Visitor, tmp_path: Path) -> None:
    visitor.go("/notes?q=tea")
    assert visitor.path == "/login?next=%2Fnotes%3Fq%3Dtea"
    register(visitor)
    assert "Welcome, ada" in visitor.text
    picture = png(tmp_path / "sunset.png", lambda x, y: (250, int(200 - 90 * y), int(90 + 90 * x)))

    visitor.click(".heading a.button")
    visitor.fill(title="Sunset <b>on</b> the pass", body="copper\n\nand quiet, 100%")
    visitor.attach("#picture", picture)
    visitor.click("main button")
    assert visitor.path == "/notes/1"
    assert "Saved." in visitor.text
    assert visitor.see("document.querySelector('h1').innerText") == "Sunset <b>on</b> the pass"
    visitor.until("document.querySelector('article img').naturalWidth === 120")

    visitor.go("/notes/new")
    visitor.fill(title="Sourdough", body="500 g flour")
    visitor.click("main button")
    visitor.go("/notes")
    assert visitor.see("[...document.querySelectorAll('h2')].map(h => h.innerText)") == [
        "Sourdough",
        "Sunset <b>on</b> the pass",
    ]
    visitor.fill(q="100%")
    visitor.click(".search button")
    assert visitor.path == "/notes?q=100%25"
    assert visitor.see("[...document.querySelectorAll('h2')].length") == 1

    visitor.click(".card a")
    visitor.see("document.querySelector('details').open = true")
    visitor.click("details button")
    assert visitor.path == "/notes"
    assert "is deleted" in visitor.text
    visitor.click("header button")
    assert "You are logged out" in visitor.text
    visitor.go("/notes/2")
    visitor.fill(name="ada", password=PASSWORD)
    visitor.click("main button")
    assert visitor.path == "/notes/2"
    assert "500 g flour" in visitor.text


@needs_chromium
def test_what_is_wrong_is_shown(visitor: Visitor, tmp_path: Path) -> None:
    visitor.go("/register")
    visitor.fill(name="9", password="short")
    visitor.see("document.querySelector('main form').noValidate = true")
    visitor.click("main button")
    assert visitor.page.status == 422
    assert visitor.see("document.querySelectorAll('[aria-invalid]').length") == 2
    assert visitor.see("document.activeElement.id") == "name"
    register(visitor)

    fake = tmp_path / "fake.png"
    fake.write_text("<svg onload=alert(1)>")
    visitor.go("/notes/new")
    visitor.fill(title="x")
    visitor.attach("#picture", fake)
    visitor.click("main button")
    assert visitor.page.status == 422
    assert "not a PNG" in visitor.text

    # Refused long before all of it was sent: the browser shows the page none the less.
    huge = tmp_path / "huge.png"
    huge.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(9 << 20))
    visitor.fill(title="x")
    visitor.attach("#picture", huge)
    visitor.click("main button")
    assert (visitor.page.status, visitor.see("document.querySelector('h1').innerText")) == (
        413,
        "That is too large",
    )


@needs_chromium
def test_the_pages_fit_are_legible_and_labelled(visitor: Visitor, tmp_path: Path) -> None:
    found: dict[str, object] = {}

    def look(paths: tuple[str, ...]) -> None:
        for size in (DESKTOP, PHONE, (320, 640)):
            for dark in (False, True):
                visitor.screen(size, dark=dark)
                for path in paths:
                    visitor.go(path)
                    sins = [
                        visitor.see(OVERFLOW) or [],
                        visitor.see(FAINT),
                        visitor.see(UNLABELLED),
                    ]
                    if any(sins):
                        found[f"{path} {size} dark={dark}"] = sins
                    assert visitor.see("document.querySelectorAll('h1').length") == 1

    look(("/", "/login", "/register", "/forgotten", "/confirm?token=x", "/no-such-page"))
    visitor.screen((320, 640))
    register(visitor, "Wolfeschlegelsteinhausenbergerd")
    assert "Welcome, Wolfe" in visitor.text
    assert visitor.see(OVERFLOW) == 0  # a flash message is shown once only
    visitor.screen(DESKTOP)
    visitor.go("/notes/new")
    wave = png(tmp_path / "a.png", lambda x, y: (int(99 + 99 * math.sin(9 * x)), 120, int(99 * y)))
    visitor.fill(title="x" * 120, body="https://" + "y" * 200)
    visitor.attach("#picture", wave)
    visitor.click("main button")
    look(("/notes", "/notes?q=x", "/notes?q=none", "/notes?page=9", "/notes/1", "/notes/new"))
    assert found == {}


def test_both_ways_to_name_the_app(serve: Serve, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FLASGO_NOTES_DATA", str(tmp_path / "data"))
    target = "examples.notes.app:create_app()"
    server = serve("flasgo", "run", target, "--port", "{port}", cwd=ROOT)
    with server.client() as client:
        assert "Start writing" in client.get("/").text
        assert client.get("/notes").status_code == 401
    assert (tmp_path / "data/notes.sqlite3").exists()


def test_the_folder_alone_is_an_application(serve: Serve, tmp_path: Path) -> None:
    """Copied to another place, and started from inside, as people do with examples."""
    copy = tmp_path / "mine"
    shutil.copytree(NOTES, copy, ignore=shutil.ignore_patterns("__pycache__", "data", "tests"))
    server = serve("flasgo", "run", "--port", "{port}", cwd=copy)
    with server.client() as client:
        assert "Start writing" in client.get("/").text
    assert (copy / "data/notes.sqlite3").exists()
