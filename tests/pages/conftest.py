"""Apps that fail in every way there is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flasgo import Flasgo, HTTPException, Request, abort, hookimpl
from flasgo_testing import TestClient

SECRET_KEY = "not-to-be-seen-0123456789abcdef-ABCDEF"
TOKEN = "tok-not-to-be-seen"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quotes\" 'too'"


class FailingPlugin:
    """Fails in the hook that the path names."""

    name = "failing"

    def __init__(self, token: str) -> None:
        self._token = token

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.setting("FAILING_CREDENTIAL", str, default=self._token, secret=True)
        registry.setting("FAILING_STORE", str, default="redis://app:hunter2@db.example/0")

    @hookimpl
    def request_started(self, request: Request) -> None:
        if request.path == "/hook/request_started":
            raise LookupError(f"in the hook {MARKUP}")

    @hookimpl
    async def authorize(self, request: Request) -> None:
        if request.path == "/hook/authorize":
            raise LookupError(f"in the hook {MARKUP}")

    @hookimpl
    def response_finalize(self, request: Request, response: object) -> None:
        if request.path == "/hook/response_finalize":
            raise LookupError(f"in the hook {MARKUP}")


def failing_app(templates: Path, *, debug: bool) -> Flasgo:
    """Return an app of the whole bundle."""
    app = Flasgo(
        plugins=[FailingPlugin(TOKEN)],
        settings={
            "DEBUG": debug,
            "SECRET_KEY": SECRET_KEY,
            "ALLOWED_HOSTS": {"localhost", "127.0.0.1", "testserver"},
        },
    )
    (templates / "page.html").write_text(
        "<h1>{{ title }}</h1>\n\n<p>{{ nobody.name }}</p> behind it\n"
    )
    (templates / "broken.html").write_text("<h1>\n{% if %}\n")
    app.configure_templates(templates)
    add_plain_failures(app)
    add_odd_failures(app)
    return app


def add_plain_failures(app: Flasgo) -> None:
    """Add routes that fail as routes do."""

    @app.get("/handler/<name>")
    async def handler(name: str) -> None:
        key = SECRET_KEY + TOKEN  # noqa: F841 - locals must not be shown
        raise ValueError(MARKUP)

    @app.get("/chain")
    async def chained() -> None:
        try:
            int("first")
        except ValueError as error:
            raise KeyError("second") from error

    @app.get("/group")
    async def group() -> None:
        raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])

    @app.get("/thread")
    def thread() -> None:
        raise ValueError(f"in {threading.current_thread().name}")

    @app.get("/background")
    async def background() -> None:
        def work() -> None:
            raise ValueError("far from the loop")

        await asyncio.to_thread(work)

    @app.get("/deep")
    async def deep() -> None:
        def down(depth: int) -> int:
            return down(depth + 1)

        down(0)

    @app.get("/template")
    async def template() -> str:
        return app.render_template("page.html", title="x")

    @app.get("/broken")
    async def broken() -> str:
        return app.render_template("broken.html")


def add_odd_failures(app: Flasgo) -> None:
    """Add routes that fail in ways that are hard to show, and those that mean to."""

    @app.get("/unprintable")
    async def unprintable() -> None:
        raise Unprintable

    @app.get("/surrogate")
    async def surrogate() -> None:
        raise ValueError("lone \ud800 surrogate")

    @app.get("/secret")
    async def secret() -> None:
        raise ValueError(f"the key is {app.settings.SECRET_KEY}, the store redis://u:pw@host/")

    @app.get("/literal")
    async def literal() -> None:
        _ = "not-to-be-seen-0123456789abcdef-ABCDEF"  # the SECRET_KEY, in a line of the source
        raise ValueError("next to a secret")

    @app.get("/long")
    async def long() -> None:
        raise ValueError("x" * 1_000_000)

    @app.get("/hook/<name>")
    async def hook(name: str) -> str:
        return name

    @app.get("/status/<int:status>")
    async def status(status: int) -> None:
        abort(status, f"What to do about {status} {MARKUP}")

    @app.get("/typed")
    async def typed(number: int) -> str:
        return str(number)

    @app.get("/invalid")
    async def invalid() -> None:
        errors = [{"loc": ["body", "items", 3], "msg": f"wrong {MARKUP}"}]
        raise HTTPException(422, "One thing.", errors=errors)


class Unprintable(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text either")


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    """Ask an app with or without DEBUG."""

    def ask(path: str, *, debug: bool = True, accept: str = BROWSER, **headers: str) -> Any:
        app = failing_app(tmp_path, debug=debug)
        with TestClient(app, raise_server_exceptions=False) as client:
            return client.get(path, headers={"accept": accept, **headers})

    return ask
