"""The pages in a real browser: nothing is blocked, nothing runs, everything fits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from flasgo import (
    Flasgo,
    Form,
    Request,
    User,
    authorize,
    bearer_token_backend,
    csrf_exempt,
)

from .browser import EXECUTABLE, Page, browser
from .conftest import MARKUP, SECRET_KEY, failing_app

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="chromium is not installed")

PHONE, DESKTOP = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@contextmanager
def served(app: Flasgo) -> Generator[str]:
    """Serve an app from a thread of this process; yield its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="module")
def debugging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(failing_app(tmp_path_factory.mktemp("templates"), debug=True)) as address:
        yield address


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(failing_app(tmp_path_factory.mktemp("templates"), debug=False)) as address:
        yield address


def check(page: Page, status: int, folder: Path) -> None:
    """What holds for every page: it is styled, it fits, nothing was blocked and nothing ran."""
    assert page.status == status
    assert page.complaints == []
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 10
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelectorAll('script,img,form,iframe').length") == 0
    page.screenshot(folder / "page.png")
    assert (folder / "page.png").stat().st_size > 5000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(
    "path", ["/handler/x", "/template", "/hook/authorize", "/thread", "/long", "/group"]
)
def test_debug_page(
    page: Page, debugging: str, tmp_path: Path, path: str, size: tuple[int, int], dark: bool
) -> None:
    page.open(debugging + path, width=size[0], height=size[1], dark=dark)
    check(page, 500, tmp_path)
    text = page.evaluate("document.body.textContent")
    assert SECRET_KEY not in text
    if path == "/handler/x":
        assert page.evaluate("document.querySelector('h1').textContent") == MARKUP
    if path == "/hook/authorize":
        assert "Plugin failing raised this" in page.evaluate("document.body.innerText")
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red = int(background.removeprefix("rgb(").split(",")[0])
    assert (red < 100) is dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_missing_page(
    page: Page, debugging: str, tmp_path: Path, size: tuple[int, int], dark: bool
) -> None:
    page.open(debugging + "/nowhere" + "x" * 400, width=size[0], height=size[1], dark=dark)
    check(page, 404, tmp_path)
    assert page.evaluate("document.querySelectorAll('.routes li').length") > 5


def test_frames_open_without_a_script(page: Page, debugging: str) -> None:
    page.open(debugging + "/template")
    closed = "document.querySelectorAll('.frames details:not([open])').length"
    before = page.evaluate(closed)
    assert before > 0
    page.evaluate("document.querySelector('.frames details:not([open]) summary').click()")
    assert page.evaluate(closed) == before - 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/status/403", 403), ("/handler/x", 500), ("/invalid", 422)],
)
def test_error_page(
    page: Page,
    deployed: str,
    tmp_path: Path,
    path: str,
    status: int,
    size: tuple[int, int],
    dark: bool,
) -> None:
    page.open(deployed + path, width=size[0], height=size[1], dark=dark)
    check(page, status, tmp_path)
    assert page.evaluate("document.querySelector('.code').textContent") == str(status)
    assert page.evaluate("document.querySelector('a').pathname") == "/"


def test_a_policy_that_is_violated_would_be_noticed(page: Page, deployed: str) -> None:
    page.open(deployed + "/nowhere")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert any("style" in complaint for complaint in page.complaints)


_APPEARS = """new Promise((done, fail) => {
  const started = Date.now();
  const look = () => document.querySelector("%s") ? done(true)
    : Date.now() - started > 20000 ? fail("it did not appear") : setTimeout(look, 50);
  look();
})"""


def test_swagger_ui_asks_for_a_name_and_a_password(page: Page) -> None:
    """`token_url=` makes the bearer scheme a password flow, which has a form of its own."""
    app = Flasgo(settings={"SECRET_KEY": SECRET_KEY, "ENABLE_DOCS": True, "DEBUG": True})
    app.register_auth_backend(
        "bearer", bearer_token_backend({"token-of-ann": User("ann")}, token_url="/token")
    )

    @csrf_exempt
    @app.post("/token")
    async def token(username: str = Form(), password: str = Form()) -> dict[str, str]:
        return {"access_token": "token-of-ann", "token_type": "bearer"}

    @app.get("/me")
    @authorize(backend="bearer")
    async def me(request: Request) -> dict[str, object]:
        return {"id": request.user.id}

    with served(app) as address:
        page.open(f"{address}/docs")
        page.evaluate(_APPEARS % "button.authorize")
        page.evaluate("document.querySelector('button.authorize').click()")
        page.evaluate(_APPEARS % "#oauth_username")
        fields = "[...document.querySelectorAll('.auth-container input')].map(e => e.id || e.name)"
        assert {"oauth_username", "oauth_password"} <= set(page.evaluate(fields))
        # Chromium has advice about the form itself; nothing was blocked, and nothing failed.
        assert [each for each in page.complaints if not each.startswith("[DOM]")] == []
