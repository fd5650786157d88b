"""Each denial is one record that names plugin and reason (PLUG-12)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flasgo import Flasgo, HTTPException, Policy, Request, Response, attach_policy, hookimpl
from flasgo.serving.logs import JsonFormatter

from tests.conftest import Connect, refusal


@dataclass(frozen=True)
class Staff(Policy):
    def explain(self) -> str:
        return "staff only"


class Guard:
    name = "guard"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.enforces(Staff)

    @hookimpl
    def request_started(self, request: Request) -> Response | None:
        if "early" in request.path:
            return Response("no", 418)
        if "closed" in request.path:
            raise HTTPException(503, "Closed for a while.")
        return Response("cached") if "cached" in request.path else None

    @hookimpl(when=lambda route: route.policy(Staff) is not None)
    async def authorize(self, request: Request) -> Response | None:
        if "login" in request.path:
            return Response.redirect("/login")
        raise HTTPException(403, "Only for \nstaff.")

    @hookimpl
    async def ratelimit_check(self, request: Request) -> Response | None:
        return Response("slow down", 429) if "busy" in request.path else None


@pytest.fixture
def denials(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> Callable[..., list[Any]]:
    app = make_app(Guard)
    for path in ("/staff", "/login-first"):
        handler = attach_policy(lambda: "staff", Staff())
        app.add_route(path, handler, endpoint=path)
    for path in ("/busy", "/cached", "/open", "/early", "/closed"):
        app.add_route(path, lambda: "open", endpoint=path)

    @app.before_request
    def check(request: Request) -> Response | None:
        return Response("no", 400) if request.query.get("bad") else None

    @app.websocket("/ws-early")
    async def talk(websocket: Any) -> None: ...

    client = connect(app)

    def ask(path: str) -> list[Any]:
        with caplog.at_level(logging.INFO, "flasgo.denials"):
            caplog.clear()
            if path.startswith("/ws"):
                refusal(client, path)
            else:
                client.get(path, follow_redirects=False)
        return [record for record in caplog.records if record.name == "flasgo.denials"]

    return ask


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/staff?secret=1",
            r"Denied GET /staff: 403 by plugin guard in authorize: Only for \nstaff. [staff only]",
        ),
        (
            "/login-first",
            "Denied GET /login-first: 302 by plugin guard in authorize: it answered [staff only]",
        ),
        ("/busy", "Denied GET /busy: 429 by plugin guard in ratelimit_check: it answered"),
        ("/early?x", "Denied GET /early: 418 by plugin guard in request_started: it answered"),
        (
            "/no%0Aearly",
            r"Denied GET /no\nearly: 418 by plugin guard in request_started: it answered",
        ),
        (
            "/closed",
            "Denied GET /closed: 503 by plugin guard in request_started: Closed for a while.",
        ),
        ("/open?bad=1", "Denied GET /open: 400 by the app in before_request: it answered"),
        (
            "/ws-early",
            "Denied WEBSOCKET /ws-early: 418 by plugin guard in request_started: it answered",
        ),
    ],
)
def test_a_denial_is_one_record(denials: Any, path: str, message: str) -> None:
    [record] = denials(path)
    assert record.getMessage() == message
    assert record.levelno == logging.INFO
    told = json.loads(JsonFormatter().format(record))
    assert (told["plugin"], told["hook"]) == (record.plugin, record.hook)
    assert "secret" not in json.dumps(told)


@pytest.mark.parametrize("path", ["/open", "/cached", "/missing"])
def test_what_is_no_denial_is_not_logged(denials: Any, path: str) -> None:
    assert denials(path) == []
