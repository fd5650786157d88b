"""The tutorial's application, built from its pages part by part, and run."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flasgo_testing import TestClient

ROOT = Path(__file__).resolve().parents[2]
CODE = runpy.run_path(str(ROOT / "docs" / "tutorial_code.py"))
PARTS = {part.page.stem: part for part in CODE["parts"]()}
BROWSER = {"accept": "text/html"}
Start = Callable[..., TestClient]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_modules: None) -> Iterator[Start]:
    """Make the application of a part in a folder, and return a client of it."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as clients:

        def start(part: str, *, debug: bool = False) -> TestClient:
            PARTS[part].write(tmp_path)
            monkeypatch.setenv("FLASGO_DEBUG", str(debug).lower())
            monkeypatch.setenv("FLASGO_SECRET_KEY", "tutorial-tests-only-0123456789-abcdef")
            # What `flasgo run` does with a file that it is given.
            sys.path.insert(0, str(tmp_path))
            app = runpy.run_path("app.py", run_name="app")["app"]
            client = TestClient(app, follow_redirects=True, raise_server_exceptions=False)
            return clients.enter_context(client)

        yield start


def test_1_a_page(start: Start) -> None:
    client = start("1-page", debug=True)
    assert client.get("/").text == "<h1>Guest book</h1>"
    missing = client.get("/nothing", headers=BROWSER)
    assert missing.status_code == 404
    assert "home" in missing.text


def test_2_templates(start: Start) -> None:
    client = start("2-templates")
    page = client.get("/")
    assert "<footer>&lt;b&gt;Bob&lt;/b&gt;</footer>" in page.text
    style = re.search(r'href="(/static/book[^"]+css[^"]*)"', page.text)
    assert style is not None
    assert "immutable" in client.get(style[1]).headers["cache-control"]


def test_3_a_form(start: Start) -> None:
    client = start("3-form")
    page = client.post("/", data={})
    assert page.status_code == 422
    assert page.text.count('role="alert"') == 2
    page = client.post("/", data={"name": "Ada", "text": "Hello."})
    assert "Thank you for your entry." in page.text
    assert "<footer>Ada</footer>" in page.text


def test_4_the_debug_page(start: Start, tmp_path: Path) -> None:
    client = start("4-errors", debug=True)
    template = tmp_path / "templates" / "book.html"
    template.write_text(template.read_text().replace("entry.name", "entry.nmae"))
    client.post("/", data={"name": "Ada", "text": "Hello."})
    page = client.get("/", headers=BROWSER)
    assert page.status_code == 500
    assert "{{ entry.nmae }}" in page.text
    assert "book.html" in page.text


def test_4_without_debug(start: Start, tmp_path: Path) -> None:
    client = start("4-errors")
    template = tmp_path / "templates" / "book.html"
    template.write_text(template.read_text().replace("entry.name", "entry.nmae"))
    client.post("/", data={"name": "Ada", "text": "Hello."})
    page = client.get("/", headers=BROWSER)
    assert page.status_code == 500
    assert "nmae" not in page.text


def test_5_a_database(start: Start) -> None:
    start("5-database").post("/", data={"name": "Ada", "text": "Hello."})
    assert "<footer>Ada</footer>" in start("5-database").get("/").text


@pytest.mark.parametrize(("part", "passed"), [("6-tests", 5), ("7-login", 9)])
def test_the_readers_own_tests_pass(part: str, passed: int, tmp_path: Path) -> None:
    PARTS[part].write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:asyncio"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{passed} passed" in done.stdout


def test_the_password_of_the_page_is_the_one_of_its_hash(start: Start) -> None:
    page = PARTS["7-login"].page.read_text(encoding="utf-8")
    assert "The hash below is that of `correct horse battery`" in page
    hash_ = re.search(r"FLASGO_ADMIN_PASSWORD_HASH='(.+)'", page)
    assert hash_ is not None
    assert hash_[1] in CODE["example"]()["env.example"]


def test_the_pages_mark_what_is_new_and_the_example_is_theirs() -> None:
    before: dict[str, str] = {}
    for part in PARTS.values():
        assert CODE["marked"](part.page, before) == part.page.read_text(encoding="utf-8"), (
            "run docs/tutorial_code.py"
        )
        before = part.files
    for name, text in CODE["example"]().items():
        assert (CODE["EXAMPLE"] / name).read_text(encoding="utf-8") == text, (
            "run docs/tutorial_code.py"
        )
