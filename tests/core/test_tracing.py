"""Traces: what each step decided and did to the headers; untraced apps are unchanged."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from flasgo import Connection, Flasgo, HTTPException, Request, Response, hookimpl

KEY = "for-tests-only-0123456789-abcdefghij"


class Guard:
    """Refuses one path, and sets, changes and removes headers."""

    name = "guard"

    @hookimpl
    def request_started(self, request: Connection) -> Response | None:
        if request.path == "/closed":
            return Response("no", 403)
        if request.path == "/raised":
            raise HTTPException(409, "conflict")
        return None

    @hookimpl
    async def response_finalize(self, request: Connection, response: Response) -> None:
        response.headers["x-guard"] = "1"
        response.headers["x-app"] = "changed"
        if "x-gone" in response.headers:
            del response.headers["x-gone"]


def make_app(**settings: object) -> Flasgo:
    app = Flasgo(plugins=[Guard()], discover=False, settings={"SECRET_KEY": KEY, **settings})

    @app.before_request
    async def look(request: Request) -> None:
        pass

    @app.get("/")
    async def home() -> Response:
        return Response("home", headers={"x-app": "1", "x-gone": "1"})

    @app.get("/closed")
    @app.get("/raised")
    async def unreached() -> str:
        raise AssertionError("reached")

    @app.after_request
    def note(response: Response) -> None:
        response.headers["x-after"] = "1"

    return app


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(r.getMessage() for r in caplog.records if r.name == "flasgo.trace")


def test_each_step_is_logged_with_plugin_and_decision(connect, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="flasgo.trace"):
        assert connect(make_app(TRACE_HOOKS=True)).get("/").status_code == 200
    line = logged(caplog)
    assert line.startswith("GET '/' 200: ")
    steps = [step.split(" ")[:2] for step in line.partition(": ")[2].split("; ")]
    assert steps == [
        ["request_started", "guard"],
        ["before_request", "app"],
        ["handler", "app"],
        ["after_request", "app"],
        ["response_finalize", "guard"],
    ]


@pytest.mark.parametrize(
    ("path", "decision"),
    [("/closed", "guard answered 403"), ("/raised", "guard raised HTTPException 409")],
)
def test_a_denial_names_its_plugin(connect, caplog, path: str, decision: str) -> None:
    with caplog.at_level(logging.INFO, logger="flasgo.trace"):
        connect(make_app(TRACE_HOOKS=True)).get(path)
    assert f"request_started {decision}" in logged(caplog)
    assert "handler" not in logged(caplog)


def test_debug_answers_carry_server_timing(connect) -> None:
    timing = connect(make_app(DEBUG=True)).get("/").headers["server-timing"]
    names = [entry.partition(";")[0] for entry in timing.split(", ")]
    assert names[:3] == ["guard.request_started", "before_request", "handler"]
    assert "guard.response_finalize" in names


def test_other_answers_carry_none(connect) -> None:
    assert "server-timing" not in connect(make_app()).get("/").headers
    assert "server-timing" not in connect(make_app(TRACE_HOOKS=True)).get("/").headers


def test_a_failing_hook_is_still_attributed(connect, caplog) -> None:
    class Broken:
        name = "broken"

        @hookimpl
        def request_started(self, request: Connection) -> None:
            raise ValueError("broken on purpose")

    app = Flasgo(
        plugins=[Broken()], discover=False, settings={"SECRET_KEY": KEY, "TRACE_HOOKS": True}
    )
    app.add_route("/", lambda: "x", endpoint="home")
    with caplog.at_level(logging.INFO):
        assert connect(app).get("/").status_code == 500
    assert "Plugin 'broken' failed in request_started" in caplog.text
    assert "request_started broken raised ValueError" in logged(caplog)


def test_an_untraced_app_does_not_import_tracing() -> None:
    code = (
        "import sys\nfrom flasgo import Flasgo\n"
        f"app = Flasgo(settings={{'SECRET_KEY': {KEY!r}}})\n"
        "app.add_route('/', lambda: 'x', endpoint='x')\napp.test_client().get('/')\n"
        "assert 'flasgo.kernel.tracing' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
