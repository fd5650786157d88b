"""Why a path reaches no route, and WebSocket handshakes in `flasgo explain` (PLUG-12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flasgo.cli import create_cli
from typer.testing import CliRunner

APP = """
from flasgo import Flasgo, WebSocket

app = Flasgo(settings={"ALLOWED_HOSTS": {"localhost"}})

@app.get("/items/<int:number>")
async def item(number: int): ...

@app.get("/Shop/")
async def shop(): ...

@app.post("/send")
async def send(): ...

@app.get("/api", host="api.example.com")
async def api(): ...

@app.websocket("/live")
async def live(websocket: WebSocket):
    await websocket.accept()
    async for message in websocket:
        await websocket.send_text(message)

@app.websocket("/broken")
async def broken(websocket: WebSocket):
    await websocket.accept()
    raise KeyError("inside")
"""

pytestmark = pytest.mark.usefixtures("own_modules")


@pytest.fixture
def run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASGO_SECRET_KEY", "0f3b1c9a7d5e42608b1f6c2d9e7a4b53")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FLASGO_APP", raising=False)
    return lambda *arguments: CliRunner().invoke(create_cli(), arguments, catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "first", "rest"),
    [
        ("/itmes/7", "404 Not Found", "Close to it: /items/<int:number>"),
        (
            "/items/x",
            "404 Not Found",
            "/items/<int:number> does not fit: <int:number> takes no",
        ),
        ("/Shop", "308 Permanent Redirect. /Shop/", "/Shop/ is its path with a slash at the end"),
        ("/shop/", "404 Not Found", "upper and lower case differ"),
        ("/send -X get", "405 Method Not Allowed. Use one of", "that of /send, which takes POST"),
        ("/api -X GET", "404 Not Found", "/api is bound to the host api.example.com, and this"),
        ("/api --host x.example", "404 Not Found", "and this is for x.example"),
        ("/live -X GET", "404 Not Found", "/live, which takes WebSocket handshakes only"),
        ("/send -X WEBSOCKET", "404 Not Found", "/send, which takes no WebSocket handshakes"),
    ],
)
def test_the_reason_is_told(run: Any, arguments: str, first: str, rest: str) -> None:
    result = run("routes", "--explain", *arguments.split())
    assert result.exit_code == 0
    head, *lines = result.output.splitlines()
    assert f" reaches no route: {first}" in head
    assert any(rest in line for line in lines), lines
    told = json.loads(run("routes", "--explain", *arguments.split(), "--json").output)
    assert told[0]["status"] == int(first[:3])


@pytest.mark.parametrize(
    ("arguments", "endpoint"),
    [
        ("/send -X POST", "send"),
        ("/api --host api.example.com", "api"),
        ("/live -X WEBSOCKET", "live"),
        ("/api", "api"),
    ],
)
def test_what_is_reached_is_explained_as_ever(run: Any, arguments: str, endpoint: str) -> None:
    result = run("routes", "--explain", *arguments.split())
    assert f"(endpoint {endpoint})" in result.output
    assert "  handler " in result.output


def test_a_method_is_about_a_path(run: Any) -> None:
    result = run("routes", "-X", "GET")
    assert (result.exit_code, "about one PATH" in result.stderr) == (1, True)


def explained(run: Any, *arguments: str) -> Any:
    result = run("explain", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_handshake_is_explained(run: Any) -> None:
    origin = ("-H", "Origin: http://localhost")
    told = explained(run, "WEBSOCKET", "/live", "-d", "hello", *origin)
    assert (told["status"], told["route"], told["close_code"]) == (101, "/live (live)", None)
    stages = [(step["stage"], step["plugin"], step["decision"]) for step in told["steps"]]
    assert ("request_started", "security.websockets", "passed") in stages
    assert ("handler", "app", "returned NoneType") in stages
    text = run("explain", "WEBSOCKET", "/broken", *origin).stdout
    assert text.startswith("WEBSOCKET /broken -> 101 Switching Protocols")
    assert "closed by the app with 1011" in text


def test_a_refused_handshake_names_the_plugin(run: Any) -> None:
    told = explained(run, "WEBSOCKET", "/live", "-H", "Origin: https://evil.example")
    assert told["status"] == 403
    [denial] = [step for step in told["steps"] if step["decision"] == "raised HTTPException 403"]
    assert (denial["stage"], denial["plugin"]) == ("request_started", "security.websockets")
    headers = {header["name"]: header["steps"] for header in told["headers"]}
    assert headers["x-frame-options"] == ["security.headers (response_finalize)"]


def test_a_request_without_a_route_tells_why(run: Any) -> None:
    told = explained(run, "GET", "/itmes/7")
    assert told["route"] is None
    assert told["reasons"] == ["Close to it: /items/<int:number>"]
    assert "  Close to it: /items/<int:number>\n" in run("explain", "GET", "/itmes/7").stdout
