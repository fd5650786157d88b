"""ERG-9: every row of the tables in the two migration guides is executed.

A table whose second heading is "Flasgo, ..." says what the first column becomes. The words after
the comma name the place that the code stands in; see `PLACES`. A column "Gives" holds the value of
the code, or the status for code that begins with `return` or `raise`.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import fastapi
import flask
import pytest
from flasgo import Blueprint, Flasgo, TestClient

ROOT = Path(__file__).resolve().parents[2]
GUIDES = (ROOT / "MIGRATING_FROM_FLASK.md", ROOT / "docs" / "migrating-from-fastapi.md")
SETTINGS = {"SECRET_KEY": "docs-tests-only-0123456789abcdef-0123456789"}
QUERY = "q=tea&tag=a&tag=b"
_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"^`+ ?(.*?) ?`+$")

# What the code of every row may use, besides `app`, `notes` and `client`.
NAMES = """
import asyncio, http, os
from pathlib import Path as File
from typing import Annotated
from uuid import UUID
import flasgo, msgspec
from flasgo import *
from flasgo import (
    Body, Cookie, Depends, Form, HasScope, Header, IsAuthenticated, Path, Query, Session,
    TestClient, UploadedFile, User,
    api_key_backend, basic_auth_backend, bearer_token_backend, csrf_exempt, current_user, flash,
    get_flashed_messages, hash_password, login, logout, render_template, render_template_string,
    send_file, send_from_directory, session, verify_password,
)
from msgspec import Meta, Struct
from starlette.middleware.gzip import GZipMiddleware

class Item(Struct):
    name: str
    price: float = 0.0

class Shop(Struct):
    PAGE_SIZE: int = 20

class Stamp:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

def show():
    return "shown"

def current():
    return "ann"

def find(token):
    return User(id="ann") if token == "t-1" else None
"""

# A function for each decorator whose function is not a handler without parameters.
STUBS = {
    "lifespan": "async def stub():\n    yield",
    "errorhandler": "def stub(error):\n    return 'wrong', 404",
    "app_errorhandler": "def stub(error):\n    return 'wrong', 404",
    "template_filter": "def stub(value):\n    return value",
    "after_request": "def stub(response):\n    return response",
    "context_processor": "def stub():\n    return {}",
    "app_context_processor": "def stub():\n    return {}",
    "app_template_filter": "def stub(value):\n    return value",
    "before_request": "def stub():\n    return None",
    "before_app_request": "def stub():\n    return None",
    "teardown_request": "def stub(error):\n    return None",
    "teardown_appcontext": "def stub(error):\n    return None",
    "websocket": "async def stub(websocket):\n    await websocket.accept()",
}
ENDS = ("return", "raise")
POLICIES = {"authorize", "ratelimit", "csrf_exempt", "cors", "csp"}


@dataclass(frozen=True)
class Row:
    """One row: where it stands, what is written there and here, and what it gives."""

    guide: Path
    line: int
    place: str
    theirs: str
    ours: str
    gives: str | None

    def __str__(self) -> str:
        return f"{self.guide.name}:{self.line}"


def cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip())[1:-1]]


def rows() -> list[Row]:
    found: list[Row] = []
    for guide in GUIDES:
        heading: list[str] = []
        for number, line in enumerate(guide.read_text(encoding="utf-8").splitlines(), 1):
            if not line.startswith("|"):
                heading = []
            elif not heading:
                heading = cells(line)
            elif not line.startswith("|-"):
                row = cells(line)
                gives = row[heading.index("Gives")] if "Gives" in heading else ""
                place = heading[1].partition(", ")[2]
                code = [_CODE.sub(r"\1", cell) for cell in (row[0], row[1], gives)]
                found.append(Row(guide, number, place, code[0], code[1], code[2] or None))
    return found


ROWS = rows()


def names(**more: object) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "app", **more}
    exec(NAMES, space)
    return space


def is_expression(code: str) -> bool:
    try:
        compile(code, "row", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return False
    return True


def make_app(**more: object) -> Flasgo:
    app = Flasgo("shop", settings=SETTINGS | more)
    app.add_url_rule("/", "home", lambda: "home")
    return app


def expect(row: Row, value: object, space: dict[str, Any]) -> None:
    if row.gives is not None:
        assert value == eval(row.gives, space), f"{row}: {row.ours} gives {value!r}"


def at_the_top(row: Row) -> None:
    exec(row.ours, {})


def as_a_setting(row: Row) -> None:
    space = names()
    settings = eval("{" + row.ours + "}", space)
    app = make_app(**settings)
    assert {name: app.settings[name] for name in settings} == settings


def stub(code: str) -> str:
    called = re.match(r"@\w+(?:\.(\w+))?", code)
    assert called is not None
    name = called[1] or code[1:].partition("(")[0]
    if name in POLICIES:
        return f'@app.route("/stub")\n{code}\ndef stub():\n    return "x"'
    parameters = ", ".join(re.findall(r"<(?:\w+:)?(\w+)>", code))
    return f"{code}\n{STUBS.get(name, f'async def stub({parameters}): return None')}"


def on_the_app(row: Row) -> None:
    app, notes = make_app(), Blueprint("notes", "/notes")
    space = names(app=app, notes=notes)
    code = stub(row.ours) if row.ours.startswith("@") else row.ours
    with app.app_context():
        if is_expression(code):
            expect(row, eval(code, space), space)
        else:
            assert row.gives is None, f"{row}: only an expression gives a value"
            exec(code, space)
    served = space["app"]
    if "notes" in code and "register_blueprint" not in code:
        served.register_blueprint(notes)
    with served.test_client() as client:
        assert client.get("/", headers={"accept": "*/*"}).status_code in {200, 308, 404}


def answer_of(client: TestClient, code: str, path: str) -> Any:
    headers = {"x-client": "docs", "cookie": "theme=dark"}
    if re.search(r"\bform\b|Form\(|UploadedFile", code):
        files = {"picture": ("a.png", b"x", "image/png")}
        return client.post(path, data={"title": "Tea"}, files=files, headers=headers)
    return client.post(path, json={"title": "Tea", "name": "tea", "price": 3}, headers=headers)


def in_a_handler(row: Row) -> None:
    app, seen = make_app(), []
    app.configure_templates("templates")
    space = names(app=app, seen=seen)
    code = f"seen.append({row.ours})" if is_expression(row.ours) else row.ours
    source = f"async def handler(number: int):\n{textwrap.indent(code, '    ')}\n"
    if not code.startswith(ENDS):
        source += "    return 'x'\n"
    exec(source, space)
    app.post("/notes/<int:number>")(space["handler"])
    client = app.test_client()
    client.login(space["User"](id="ann"))
    answer = answer_of(client, code, f"/notes/7?{QUERY}")
    if code.startswith(ENDS):
        expect(row, answer.status_code, space)
    else:
        assert answer.status_code == 200, answer.text
        expect(row, seen[0] if seen else None, space)


def as_a_parameter(row: Row) -> None:
    app, seen = make_app(), []
    space = names(app=app, seen=seen)
    name = row.ours.partition(":")[0]
    exec(f"async def handler({row.ours}):\n    seen.append({name})\n    return 'x'\n", space)
    app.post("/items/<int:item_id>" if name == "item_id" else "/items/7")(space["handler"])
    answer = answer_of(app.test_client(), row.ours, f"/items/7?{QUERY}")
    assert answer.status_code == 200, answer.text
    expect(row, seen[0], space)


def in_a_template(row: Row) -> None:
    app = make_app()
    app.configure_static(str(ROOT / "docs" / "assets"))
    space = names(app=app, template=row.ours)
    exec("def page():\n    return render_template_string(template, title='Tea')\n", space)
    app.get("/page")(space["page"])
    answer = app.test_client().get("/page")
    assert answer.status_code == 200, answer.text
    expect(row, answer.text, space)


APP = """
app.get("/me")(app.authorize()(lambda: current_user.id))
app.get("/notes/<int:number>")(lambda number: {"number": number})
app.post("/notes", status_code=201)(lambda: {"made": True})
app.get("/leave")(lambda: redirect("/"))

@app.get("/search")
def search(page: int = 1):
    return {"page": page}

@app.get("/fault")
def fault():
    raise RuntimeError("a fault")

@app.get("/visits")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}

@app.get("/page")
def page():
    return render_template_string(request.args["source"])

@app.websocket("/echo")
async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
"""


def in_a_test(row: Row) -> None:
    app = make_app()
    space = names(app=app)
    exec(APP, space)
    with app.test_client() as client:
        space["client"] = client
        if is_expression(row.ours):
            expect(row, eval(row.ours, space), space)
        else:
            assert row.gives is None, f"{row}: only an expression gives a value"
            exec(row.ours, space)


def in_a_terminal(row: Row, folder: Path) -> None:
    (folder / "app.py").write_text(
        f"from flasgo import Flasgo\napp = Flasgo(settings={SETTINGS})\n"
    )
    words = shlex.split(row.ours)
    served = words[:2] in (["flasgo", "run"], ["flasgo", "dev"]) or words[0] == "uvicorn"
    typed = [*words[: 2 if words[0] == "flasgo" else 1], "--help"] if served else words
    done = subprocess.run(
        [sys.executable, "-m", *typed],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "TERM": "dumb"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if served:
        for option in re.findall(r"--[a-z-]+", row.ours):
            assert option in done.stdout


PLACES: dict[str, Callable[..., None]] = {
    "at the top": at_the_top,
    "a setting": as_a_setting,
    "on the app": on_the_app,
    "in a handler": in_a_handler,
    "a parameter": as_a_parameter,
    "in a template": in_a_template,
    "in a test": in_a_test,
    "in a terminal": in_a_terminal,
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row_works(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("static", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "templates" / "home.html").write_text("<h1>{{ title }}</h1>")
    (tmp_path / "static" / "site.css").write_text("h1 {}")
    monkeypatch.chdir(tmp_path)
    if row.place == "in a terminal":
        in_a_terminal(row, tmp_path)
    else:
        PLACES[row.place](row)


def flask_knows(code: str) -> bool:
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return is_expression(code) and used <= {*vars(flask), "len", "int"}


FLASK = [
    row
    for row in ROWS
    if row.guide == GUIDES[0] and row.place == "in a handler" and not row.ours.startswith(ENDS)
    if row.gives and flask_knows(row.theirs)
]


@pytest.mark.parametrize("row", FLASK, ids=str)
def test_flask_gives_the_same(row: Row) -> None:
    app = flask.Flask("shop")
    app.secret_key = "x"
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/notes/<int:number>", "handler", lambda number: "x", methods=["POST"])
    sent: dict[str, Any] = {"json": {"title": "Tea", "name": "tea", "price": 3}}
    if "form" in row.theirs or "files" in row.theirs:
        picture = (io.BytesIO(b"x"), "a.png")
        sent = {"data": {"title": "Tea", "picture": picture}}
    headers = {"X-Client": "docs", "Cookie": "theme=dark"}
    with app.test_request_context(f"/notes/7?{QUERY}", method="POST", headers=headers, **sent):
        value = eval(row.theirs, dict(vars(flask)))
        assert value == eval(row.gives or "", names())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_each_guide_has_its_tables(guide: Path) -> None:
    found = [row for row in ROWS if row.guide == guide]
    assert {row.place for row in found} <= set(PLACES)
    assert len(found) > 50, guide.name
    assert not [str(row) for row in found if not row.theirs or not row.ours]


FASTAPI = [row for row in ROWS if row.guide == GUIDES[1] and row.place == "a parameter"]
SAME = [row for row in FASTAPI if row.gives and not row.gives.startswith("Item")]


@pytest.mark.parametrize("row", SAME, ids=str)
def test_fastapi_gives_the_same(row: Row) -> None:
    seen: list[object] = []
    space: dict[str, Any] = {
        **vars(fastapi),
        "Annotated": Annotated,
        "seen": seen,
        "current": lambda: "ann",
    }
    name = row.theirs.partition(":")[0]
    exec(f"async def handler({row.theirs}):\n    seen.append({name})\n", space)
    app = fastapi.FastAPI()
    app.post("/items/{item_id}" if name == "item_id" else "/items/7")(space["handler"])
    # Mounted, so that the same client sends the same request.
    outer = make_app()
    outer.mount("/", app)
    answer = answer_of(outer.test_client(), row.theirs, f"/items/7?{QUERY}")
    assert answer.status_code == 200, answer.text
    assert seen == [eval(row.gives or "", names())]
