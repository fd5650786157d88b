"""HEALTH_PATH and READY_PATH: answered ahead of all else, bounded, without reasons."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from flasgo import Connection, Flasgo, Response, SettingError, hookimpl

KEY = "for-tests-only-0123456789-abcdefghij"
PATHS = {"HEALTH_PATH": "/healthz", "READY_PATH": "/readyz"}


def make_app(*plugins: object, **settings: object) -> Flasgo:
    return Flasgo(plugins=plugins, settings={"SECRET_KEY": KEY, **PATHS, **settings})


class Database:
    name = "database"

    def __init__(self, fault: str | None = None) -> None:
        self.fault = fault
        self.asked = 0

    @hookimpl(optionalhook=True)
    async def health_check(self, app: Flasgo) -> str | None:
        self.asked += 1
        return self.fault


def test_both_are_off_by_default(connect) -> None:
    app = Flasgo(settings={"SECRET_KEY": KEY})
    assert [plugin.name for plugin in app.plugins if plugin.name == "health"] == ["health"]
    assert app.routes == ()
    assert connect(app).get("/healthz").status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_answer_ahead_of_hosts_quotas_sessions_and_policies(connect, path: str) -> None:
    app = make_app(
        HTTPS_REDIRECT=True, RATELIMIT_DEFAULT=["1/hour"], DEFAULT_PERMISSIONS=["IsAuthenticated"]
    )
    client = connect(app)
    for _ in range(3):
        answer = client.get(path, headers={"host": "10.1.2.3", "cookie": "session=x"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_they_answer_ahead_of_a_plugin_that_refuses_everything(connect, name: str) -> None:
    class Gate:
        name: str

        @hookimpl(tryfirst=True, before=("security",))
        def request_started(self, request: Connection) -> Response:
            return Response("closed", 503)

    Gate.name = name
    client = connect(make_app(Gate()))
    assert client.get("/elsewhere").status_code == 503
    for path in PATHS.values():
        assert client.get(path).json() == {"status": "ok"}


def test_other_routes_have_no_step_of_it() -> None:
    app = make_app()
    route = app.add_route("/", lambda: "x", endpoint="index")
    assert not any(stage.plugin.startswith("health") for stage in app.explain(route))


def test_a_failing_check_makes_it_unavailable_and_only_the_log_says_why(connect, caplog) -> None:
    client = connect(make_app(Database("password of db.internal refused")))
    with caplog.at_level(logging.WARNING, logger="flasgo.health"):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
    assert "plugin 'database': password of db.internal refused" in caplog.text
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("kind", ["raises", "hangs", "sync"])
def test_whatever_a_check_does_the_answer_comes(connect, kind: str) -> None:
    class Bad:
        name = "bad"

        if kind == "sync":

            @hookimpl(optionalhook=True)
            def health_check(self, app: Flasgo) -> str:
                time.sleep(0.01)
                return "down"
        else:

            @hookimpl(optionalhook=True)
            async def health_check(self, app: Flasgo) -> None:
                if kind == "raises":
                    raise OSError("no route to host")
                await asyncio.sleep(60)

    client = connect(make_app(Bad(), HEALTH_TIMEOUT_SECONDS=0.2))
    assert client.get("/readyz").status_code == 503


def test_answers_are_kept_a_moment(connect) -> None:
    database = Database()
    client = connect(make_app(database))
    assert {client.get("/readyz").status_code for _ in range(20)} == {200}
    assert database.asked == 1


def test_a_plugin_with_a_check_works_without_the_feature(connect) -> None:
    app = Flasgo(plugins=[Database()], disable_plugins={"health"}, settings={"SECRET_KEY": KEY})
    app.add_route("/", lambda: "x", endpoint="index")
    assert connect(app).get("/").text == "x"


def test_an_app_that_stops_is_not_ready(make_call) -> None:
    app = make_app()
    assert make_call(app, "/readyz") == (200, 503)


@pytest.fixture
def make_call():
    from flasgo.features.health.probes import Probes

    def call(app: Flasgo, path: str) -> tuple[int, int]:
        handler = next(route.handler for route in app.routes if route.path == path)
        probes = handler.__self__  # ty: ignore[missing-attribute]
        assert isinstance(probes, Probes)

        async def run() -> tuple[int, int]:
            before = await probes.ready()
            probes.app_shutdown(app)
            return before.status_code, (await probes.ready()).status_code

        return asyncio.run(run())

    return call


@pytest.mark.parametrize("path", ["healthz", "/<name>", ""])
def test_a_path_that_cannot_be_one_is_refused(path: str) -> None:
    with pytest.raises(SettingError, match="HEALTH_PATH"):
        Flasgo(settings={"SECRET_KEY": KEY, "HEALTH_PATH": path})
