"""Plugins written with public names alone do what ours do (issue of the platform, "It must show").

The other four are distributions of their own in `examples/plugins`: metrics, a database session by
type, models of pydantic, traces.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flasgo import EventSourceResponse, Flasgo, Request, StreamingResponse, hookimpl
from flasgo.cli import create_cli
from flasgo.plugin import HookError
from typer.testing import CliRunner

from tests.cli.conftest import environment, running_servers
from tests.conftest import Connect
from tests.platform.plugins.compression import CompressionPlugin
from tests.platform.plugins.flags import FlagsPlugin
from tests.platform.plugins.timings import TimingsPlugin
from tests.platform.plugins.toolbar import ToolbarPlugin
from tests.platform.plugins.translations import TranslationsPlugin

HERE = Path(__file__).parent / "plugins"
ROOT = Path(__file__).resolve().parents[2]
KEY = "0f3b1c9a7d5e42608b1f6c2d9e7a4b53"
PLUGINS = (TimingsPlugin, FlagsPlugin, CompressionPlugin, ToolbarPlugin, TranslationsPlugin)
GERMAN = {"de": {"Welcome, %(name)s!": "Willkommen, %(name)s!", "All hooks": "Alle Hooks"}}


class StaffFlags:
    """Knows who may see what is new."""

    name = "staff"

    def __init__(self) -> None:
        self.read: list[tuple[str, bool]] = []

    @hookimpl(optionalhook=True)
    async def flag_value(self, request: Request, name: str) -> bool | None:
        if name == "broken":
            raise KeyError(name)
        await asyncio.sleep(0)
        return True if request.headers.get("x-staff") == "yes" else None

    @hookimpl(optionalhook=True)
    def flag_names(self) -> list[str]:
        return ["new", "broken"]

    @hookimpl(optionalhook=True)
    def flag_read(self, name: str, value: bool) -> None:
        self.read.append((name, value))
        raise ZeroDivisionError("in an observer")


class Defaults:
    """What a flag is where nothing else knows it."""

    name = "zdefaults"

    @hookimpl(optionalhook=True)
    def flag_value(self, name: str) -> bool | None:
        return {"dark": True}.get(name)


def site(folder: Path, *plugins: Any, **settings: Any) -> Flasgo:
    app = Flasgo(
        settings={"SECRET_KEY": KEY, "GZIP_MIN_BYTES": 100, **settings},
        plugins=[*PLUGINS, *plugins],
        catalogues=GERMAN,
    )
    (folder / "templates").mkdir(exist_ok=True)
    page = "<!doctype html><html><body>{% trans %}Welcome, {{ name }}!{% endtrans %}</body></html>"
    (folder / "templates/home.html").write_text(page)
    app.configure_templates(folder / "templates")

    @app.get("/")
    async def home(request: Request) -> str:
        return app.render_template("home.html", name="<Ada>")

    @app.get("/flag/<name>")
    async def flag(request: Request, name: str) -> dict[str, bool]:
        return {name: await app.plugins.instance("flags").flag(request, name)}

    @app.get("/lines")
    def lines() -> StreamingResponse:
        return StreamingResponse(f"line {number}\n" for number in range(1000))

    @app.get("/events")
    def events() -> EventSourceResponse:
        return EventSourceResponse(iter(["one", "two"]))

    return app


@pytest.fixture
def client(tmp_path: Path, connect: Connect) -> Iterator[Any]:
    with connect(site(tmp_path, StaffFlags, Defaults, DEBUG=True)) as client:
        yield client


# --- Public names ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: path.stem)
def test_they_import_public_names_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            is_public = name in {"flasgo", "flasgo.plugin"}
            assert is_public or name.partition(".")[0] in sys.stdlib_module_names, name
        if isinstance(node, ast.Attribute):
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            assert is_own or not node.attr.startswith("_"), node.attr


# --- Timings per hook and plugin ---------------------------------------------------------------


def test_timings_by_hook_and_plugin(client: Any) -> None:
    client.get("/flag/new")
    seconds = client.app.hook_seconds
    for key in (
        ("app", "handler"),
        ("security.hosts", "request_started"),
        ("compression", "response_finalize"),
        ("staff", "flag_value"),  # a hook that another plugin publishes, and awaits
        ("staff", "flag_read"),
    ):
        assert seconds[key] > 0, key


def test_a_command_has_the_app_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_modules: None
) -> None:
    (tmp_path / "app.py").write_text(
        "from pathlib import Path\nfrom tests.platform.test_plugins_of_others import site\n"
        "app = site(Path(__file__).parent)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLASGO_APP", raising=False)
    result = CliRunner().invoke(create_cli(), ["hook-times", "/"], catch_exceptions=False)
    assert "app handler\n" in result.output
    assert "compression response_finalize\n" in result.output


# --- Flags with hooks of their own -------------------------------------------------------------


def test_flags_ask_other_plugins_and_the_first_answer_counts(client: Any) -> None:
    staff = {"x-staff": "yes"}
    assert client.get("/flag/new").json() == {"new": False}
    assert client.get("/flag/new", headers=staff).json() == {"new": True}
    assert client.get("/flag/dark").json() == {"dark": True}
    assert asyncio.run(client.app.flags()) == ["broken", "new"]
    told = client.app.plugins.instance("staff").read
    assert told[:2] == [("new", False), ("new", True)]  # although the observer fails each time


def test_a_flag_that_fails_is_the_fault_of_its_plugin(client: Any) -> None:
    error = client.get("/flag/broken").extensions["exception"]
    assert isinstance(error, HookError)
    assert (error.plugin, error.hook) == ("staff", "flag_value")


# --- Compression of streams --------------------------------------------------------------------


def test_streams_events_and_pages_are_compressed(client: Any) -> None:
    lines = client.get("/lines", headers={"accept-encoding": "gzip"})
    assert (lines.headers["content-encoding"], lines.text.count("\n")) == ("gzip", 1000)
    assert "content-length" not in lines.headers
    events = client.get("/events", headers={"accept-encoding": "gzip"})
    assert events.headers["content-encoding"] == "gzip"
    assert events.text == "data: one\n\ndata: two\n\n"
    page = client.get("/", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "<aside" in page.text  # the toolbar came before it
    plain = client.get("/lines", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]


# --- A toolbar with routes, templates and static files -----------------------------------------


def test_the_toolbar_is_in_pages_and_brings_routes_templates_and_files(client: Any) -> None:
    page = client.get("/").text
    assert page.index("<aside") < page.index("</body>")
    assert "<span>security.hosts request_started</span>" in page
    href = re.search(r'href="([^"]+\.css)"', page)
    assert href is not None
    css = client.get(href[1])
    assert (css.status_code, css.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "#toolbar" in css.text
    overview = client.get("/-/toolbar/").text
    assert "<td>response_finalize</td>" in overview
    assert "<aside" not in overview
    assert "<aside" not in client.get("/flag/new").text


def test_without_debug_nothing_of_it_is_there(tmp_path: Path, connect: Connect) -> None:
    client = connect(site(tmp_path))
    assert "<aside" not in client.get("/").text
    assert client.get("/-/toolbar/").status_code == 404


# --- Translations ------------------------------------------------------------------------------


def test_templates_are_translated_for_each_visitor(client: Any) -> None:
    german = client.get("/", headers={"accept-language": "fr, de;q=0.8"})
    assert "Willkommen, &lt;Ada&gt;!" in german.text
    assert "Alle Hooks" in german.text  # the template of another plugin
    assert german.headers["content-language"] == "de"
    assert "Accept-Language" in german.headers["vary"]
    assert "Welcome, &lt;Ada&gt;!" in client.get("/").text


# --- What it costs -----------------------------------------------------------------------------


def test_pluggy_is_never_called_while_a_request_is_served(client: Any) -> None:
    called: list[str] = []
    undo = client.app.plugins.manager.add_hookcall_monitoring(
        lambda name, *rest: called.append(name), lambda *rest: None
    )
    for path in ("/", "/flag/dark", "/lines", "/missing"):
        client.get(path)
    undo()
    assert called == []


def test_a_plain_route_costs_what_it_cost(make_app: Callable[..., Flasgo]) -> None:
    """Hooks for other routes, published hooks, commands and formats add no step to a route."""

    class Idle:
        name = "idle"

        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.command("idle", print)

        @hookimpl(when=lambda route: False)
        def request_started(self) -> None: ...

        @hookimpl(when=lambda route: False)
        def response_finalize(self) -> None: ...

        @hookimpl
        def wrap_handler(self) -> None: ...

    async def index() -> str:
        return ""

    def steps(*plugins: Any) -> Any:
        app = make_app(*plugins)
        app.add_route("/", index, endpoint="index")
        app._compile()
        pipeline = app.routes[0].pipeline
        names = ("gates", "late_gates", "after", "finalizers", "late_finalizers", "finished")
        return pipeline.call is index, [len(getattr(pipeline, name)) for name in names]

    assert steps(Idle, FlagsPlugin) == steps() != steps(CompressionPlugin)


# --- Over real HTTP ----------------------------------------------------------------------------


def test_all_of_them_are_served(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from pathlib import Path\n"
        "from tests.platform.test_plugins_of_others import StaffFlags, site\n"
        "app = site(Path(__file__).parent, StaffFlags, DEBUG=True)\n"
    )
    with running_servers(tmp_path, tmp_path) as start:
        server = start(PYTHONPATH=str(ROOT))
        page = server.get("/", headers={"accept-language": "de"})
        assert "Willkommen" in page.text
        assert page.headers["content-encoding"] == "gzip"
        assert "security.hosts.request_started" in page.headers["server-timing"]
        with httpx2.stream("GET", f"{server.url}/lines") as lines:
            assert lines.headers["content-encoding"] == "gzip"
            assert len(list(lines.iter_lines())) == 1000
        assert server.get("/flag/new", headers={"x-staff": "yes"}).json() == {"new": True}
    listed = subprocess.run(
        [sys.executable, "-m", "flasgo", "plugins", "--json"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert "hook flag_value" in rows["flags"]["brings"]
    assert rows["toolbar"]["requires"] == ["static", "templates", "timings"]
    assert "command hook-times" in rows["timings"]["brings"]
    assert "template_environment" in rows["translations"]["hooks"]
