"""The hooks `user_logged_in`, `user_logged_out`, `login_failed` and `security_event_reported`."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flasgo import Flasgo, PluginError, Request, Response, hookimpl
from flasgo_auth import (
    AuthPlugin,
    User,
    basic_auth_backend,
    login,
    logout,
    report_failed_login,
    session_backend,
)
from flasgo_security import SecurityEvent, SecurityPlugin, rate_limit
from flasgo_testing import TestingPlugin

KEY = "0123456789abcdef" * 4


class Notes:
    """Takes note of all four."""

    name = "notes"

    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.fails = fails

    def note(self, *what: object) -> None:
        self.seen.append(what)
        if self.fails:
            raise ZeroDivisionError("in the observer")

    @hookimpl
    def user_logged_in(self, request: Request, user: User) -> None:
        self.note("in", request.path, user.id, request.user.id)

    @hookimpl
    def user_logged_out(self, user_id: str, request: Request) -> None:
        self.note("out", user_id, request.user.is_authenticated)

    @hookimpl
    def login_failed(self, request: Request, username: str | None, reason: str) -> None:
        self.note("failed", username, reason)

    @hookimpl
    def security_event_reported(self, event: SecurityEvent) -> None:
        self.note("event", event.kind, event.path, event.client_ip, event.request.route is not None)


def site(notes: Notes) -> Flasgo:
    app = Flasgo(
        settings={"SECRET_KEY": KEY, "SESSION_COOKIE_SECURE": False, "CSRF_COOKIE_SECURE": False},
        plugins=[AuthPlugin, SecurityPlugin, TestingPlugin, notes],
        discover=False,
    )
    app.register_auth_backend("session", session_backend(lambda name: User(id=name)))
    app.register_auth_backend("basic", basic_auth_backend(lambda name, password: None))

    @app.post("/login/<name>")
    def log_in(request: Request, name: str) -> Any:
        if name != "alice":
            report_failed_login(request, username=name)
            return Response("no", 401)
        login(request, User(id=name))
        return "welcome"

    @app.post("/logout")
    def log_out(request: Request) -> str:
        logout(request)
        return "good bye"

    app.add_route("/staff", app.authorize()(lambda: "staff"), endpoint="staff")
    app.add_route("/quota", rate_limit(1, per=60)(lambda: "quota"), endpoint="quota")
    return app


def test_log_ins_and_log_outs_are_told(connect: Any) -> None:
    notes = Notes()
    with connect(site(notes)) as client:
        assert client.post("/login/alice").text == "welcome"
        client.post("/logout")
        client.post("/logout")  # nobody is logged in any more
    assert notes.seen == [("in", "/login/alice", "alice", "alice"), ("out", "alice", False)]


def test_failed_log_ins_are_told_and_logged_without_the_name(connect: Any, caplog: Any) -> None:
    notes = Notes()
    with caplog.at_level(logging.WARNING, "flasgo.security"), connect(site(notes)) as client:
        client.post("/login/hunter2")
    assert ("failed", "hunter2", "wrong name or password") in notes.seen
    assert ("event", "auth.login_failed", "/login/hunter2", "127.0.0.1", True) in notes.seen
    assert caplog.records[0].event == "auth.login_failed"
    assert caplog.records[0].reason == "wrong name or password"


def test_refused_credentials_are_a_failed_log_in_and_a_missing_session_is_none(
    connect: Any,
) -> None:
    notes = Notes()
    with connect(site(notes)) as client:
        client.get("/staff")
        client.get("/staff", headers={"cookie": "session=old"})
        assert [each[0] for each in notes.seen if each[0] == "failed"] == []
        client.get("/staff", auth=("bob", "wrong"))
    failed = [each for each in notes.seen if each[0] == "failed"]
    assert failed == [("failed", None, "refused by basic")]
    assert ("event", "auth.unauthenticated", "/staff", "127.0.0.1", True) in notes.seen


def test_security_events_are_told(connect: Any) -> None:
    notes = Notes()
    with connect(site(notes), enforce_csrf=True) as client:
        client.get("/staff?x=1", headers={"host": "evil.example"})
        client.post("/logout", headers={"origin": "https://evil.example"})
        client.get("/quota")
        assert client.get("/quota").status_code == 429
        client.get("/staff", headers=[("host", "testserver"), ("host", "other")])
    kinds = [each[1] for each in notes.seen if each[0] == "event"]
    assert kinds == ["host", "csrf", "ratelimit", "head"]


def test_an_observer_that_fails_changes_no_answer_and_is_named(connect: Any, caplog: Any) -> None:
    def answers(notes: Notes) -> list[tuple[int, str]]:
        with connect(site(notes), enforce_csrf=True) as client:
            page = client.get("/quota")
            token = {"x-csrf-token": page.cookies.get("csrf_token", "")}
            found = [
                page,
                client.post("/login/alice", headers=token),
                client.post("/login/bob", headers=token),
                client.get("/quota"),
                client.get("/staff", auth=("bob", "wrong")),
                client.post("/logout"),
                client.get("/", headers={"host": "evil.example"}),
            ]
        return [(answer.status_code, answer.text) for answer in found]

    with caplog.at_level(logging.ERROR, "flasgo.plugins"):
        assert answers(Notes(fails=True)) == answers(Notes())
    told = {record.getMessage() for record in caplog.records if record.name == "flasgo.plugins"}
    text = "Plugin 'notes' failed in security_event_reported: ZeroDivisionError: in the observer"
    assert text in told


@pytest.mark.parametrize(
    "hook", ["user_logged_in", "user_logged_out", "login_failed", "security_event_reported"]
)
def test_an_async_observer_is_refused(hook: str) -> None:
    async def observe(self: object) -> None: ...

    plugin = type("Late", (), {"name": "late", hook: hookimpl(specname=hook)(observe)})
    with pytest.raises(PluginError, match=rf"'late': {hook} is async, and is called where nothing"):
        Flasgo(
            settings={"SECRET_KEY": KEY},
            plugins=[plugin, SecurityPlugin, AuthPlugin],
            discover=False,
        )
