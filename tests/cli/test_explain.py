"""`flasgo explain` and `flasgo plugins --without`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment

APP = """
from flasgo import Flasgo, IsAuthenticated, Request

app = Flasgo(settings={"ALLOWED_HOSTS": {"localhost"}})
started = []

@app.get("/items/<int:number>")
async def item(number: int):
    return {"number": number}

@app.get("/", host="localhost")
async def bound():
    return "bound to a host"

@app.post("/echo")
async def echo(request: Request):
    return await request.json()

@app.get("/secret")
@app.authorize(IsAuthenticated())
async def secret():
    return "secret"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def flasgo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flasgo", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(),
        timeout=60,
        check=False,
    )


def explained(*arguments: str, cwd: Path) -> dict:
    done = flasgo("explain", *arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_step_and_every_header_names_its_plugin(project: Path) -> None:
    told = explained("GET", "/items/7?x=1", cwd=project)
    assert (told["status"], told["route"]) == (200, "/items/<int:number> (item)")
    stages = [(step["stage"], step["plugin"]) for step in told["steps"]]
    assert stages[0] == ("request_started", "security.hosts")
    assert ("handler", "app") in stages
    assert all(step["microseconds"] >= 0 for step in told["steps"])
    headers = {header["name"]: header["steps"] for header in told["headers"]}
    assert headers["content-type"] == ["handler"]
    assert headers["x-frame-options"] == ["security.headers (response_finalize)"]


@pytest.mark.parametrize(
    ("arguments", "status", "stage", "plugin"),
    [
        (("GET", "/items/7", "-H", "Host: evil.example"), 400, "request_started", "security.hosts"),
        (("POST", "/echo", "-d", "{}"), 403, "request_started", "security.csrf"),
        (("GET", "/secret"), 401, "authorize", "auth"),
        (("GET", "/missing"), 404, "handler", "app"),
    ],
)
def test_a_refusal_names_the_step_that_refused(
    project: Path, arguments: tuple[str, ...], status: int, stage: str, plugin: str
) -> None:
    told = explained(*arguments, cwd=project)
    assert told["status"] == status
    deciding = next(s for s in told["steps"] if s["decision"].startswith(("answered", "raised")))
    assert (deciding["stage"], deciding["plugin"].partition(".")[0]) == (
        stage,
        plugin.partition(".")[0],
    )
    assert str(status) in deciding["decision"]


def test_a_route_of_a_host_is_named(project: Path) -> None:
    assert explained("GET", "/", cwd=project)["route"] == "/ (bound)"


def test_a_body_is_sent(project: Path) -> None:
    told = explained(
        "POST", "/echo", "-d", '{"a": 1}', "-H", "Sec-Fetch-Site: same-origin", cwd=project
    )
    assert told["status"] == 200


def test_the_text_is_for_people(project: Path) -> None:
    done = flasgo("explain", "GET", "/items/7", cwd=project)
    assert done.stdout.startswith("GET /items/7 -> 200 OK")
    assert "security.hosts" in done.stdout


def test_arguments_that_make_no_request_are_refused(project: Path) -> None:
    assert "begins with a slash" in flasgo("explain", "GET", "items", cwd=project).stderr
    assert "Name: value" in flasgo("explain", "GET", "/", "-H", "x", cwd=project).stderr


def test_without_a_plugin_that_enforces_policies_the_app_does_not_start(project: Path) -> None:
    loss = json.loads(flasgo("plugins", "--without", "auth", "--json", cwd=project).stdout)
    assert loss["starts"] is False
    assert loss["refused_routes"][0]["route"] == "/secret"
    assert "does not start" in flasgo("plugins", "--without", "auth", cwd=project).stdout


def test_without_another_plugin_steps_and_names_are_lost(project: Path) -> None:
    loss = json.loads(flasgo("plugins", "--without", "security", "--json", cwd=project).stdout)
    assert loss["starts"] is True
    assert "session" in loss["request_attributes"]
    assert loss["settings_in_use"] == ["ALLOWED_HOSTS"]
    assert any("hosts" in step for step in loss["steps"])


def test_an_unknown_plugin_is_an_error_with_a_suggestion(project: Path) -> None:
    done = flasgo("plugins", "--without", "secrity", cwd=project)
    assert done.returncode == 1
    assert "Did you mean 'security'?" in done.stderr
