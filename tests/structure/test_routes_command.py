"""`flasgo routes` shows blueprints, mounts, WebSockets and hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
from flasgo import Blueprint, Flasgo, WebSocket
from starlette.applications import Starlette

app = Flasgo(discover=False, settings={"SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
notes = Blueprint("notes", "/notes")


class Stamp:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@notes.get("/<int:number>")
def show(number: int): ...


@notes.before_request
def check(): ...


@notes.websocket("/live")
async def live(websocket: WebSocket): ...


@app.get("/", host="<tenant>.example.com")
def home(tenant: str): ...


notes.add_middleware(Stamp)
app.register_blueprint(notes)
app.mount("/admin", Starlette(), name="admin")
"""


@pytest.fixture
def routes(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flasgo", "routes", "--app", "app.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_listing(routes) -> None:
    lines = [line.split() for line in routes().splitlines()]

    assert lines[0] == ["Methods", "Path", "Host", "Endpoint", "Blueprint", "App"]
    assert lines[2:] == [  # below the ruler
        ["GET,", "HEAD", "/", "<tenant>.example.com", "home", "-", "-"],
        ["GET,", "HEAD", "/notes/<int:number>", "*", "notes.show", "notes", "-"],
        ["WEBSOCKET", "/notes/live", "*", "notes.live", "notes", "-"],
        ["MOUNT", "/admin/...", "*", "admin", "-", "starlette.applications.Starlette"],
    ]


def test_the_steps(routes) -> None:
    text = routes("--explain", "/notes/3")
    stages = [line.split()[0] for line in text.splitlines()[3:]]

    assert stages == ["middleware", "before_request", "handler", "error_response"]
    assert "app.Stamp" in text
    assert "app.check" in text
    assert "MOUNT (WEBSOCKET) /admin/" in routes("--explain", "admin")
    assert "<tenant>.example.com/" in routes("--explain", "home")


def test_json(routes) -> None:
    listed = {(row["endpoint"], *row["methods"]): row for row in json.loads(routes("--json"))}

    assert listed["home", "GET", "HEAD"]["host"] == "<tenant>.example.com"
    assert listed["notes.live", "WEBSOCKET"]["blueprint"] == "notes"
    assert listed["admin", "WEBSOCKET"]["mounted"] == "starlette.applications.Starlette"
