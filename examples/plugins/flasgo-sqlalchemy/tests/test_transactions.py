"""A request is a transaction: what is kept, and what is rolled back."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flasgo import Connection, Flasgo, PluginError, Response, WebSocket, hookimpl
from flasgo_sqlalchemy import Database, SQLAlchemyPlugin, database_of
from flasgo_testing import HookRecorder, TestClient
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import QueuePool

from .conftest import MakeApp


def names(client: TestClient) -> list[str]:
    found: list[str] = client.get("/items").json()
    return found


@pytest.mark.parametrize("path", ["/items/tea", "/ends/201/tea", "/ends/399/tea", "/moved/tea"])
def test_answers_below_400_keep_what_was_written(served: TestClient, path: str) -> None:
    assert served.post(path).status_code < 400
    assert names(served) == ["tea"]


@pytest.mark.parametrize("path", ["/ends/400/tea", "/ends/503/tea"])
def test_answers_from_400_keep_nothing(served: TestClient, path: str) -> None:
    assert served.post(path).status_code >= 400
    assert names(served) == []


@pytest.mark.parametrize(("status", "expected"), [(0, 500), (404, 404), (500, 500)])
def test_what_raises_keeps_nothing(served: TestClient, status: int, expected: int) -> None:
    assert served.post(f"/raises/{status}/tea").status_code == expected
    assert names(served) == []


def test_a_redirect_that_is_raised_keeps_it(served: TestClient) -> None:
    assert served.post("/raises/303/tea").headers["location"] == "/items"
    assert names(served) == ["tea"]


def test_an_error_that_is_answered_well_keeps_nothing(served: TestClient) -> None:
    assert served.post("/forgiven/tea").text == "forgiven"
    assert names(served) == []


def test_a_commit_that_fails_is_a_500(served: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    served.post("/items/hunter2")
    with caplog.at_level(logging.ERROR):
        answer = served.post("/items/hunter2")
    assert answer.status_code == 500
    assert "added" not in answer.text
    assert names(served) == ["hunter2"]
    # Nor does the log have the values.
    assert "UNIQUE constraint failed" in caplog.text
    assert "hunter2" not in caplog.text.replace("/items/hunter2", "")


def test_the_commit_is_the_last_of_the_finalizers(make_app: MakeApp) -> None:
    class Late:
        """Fails after all others that say nothing about their order."""

        name = "zzz"

        @hookimpl
        def response_finalize(self, request: Connection, response: Response) -> None:
            if request.path == "/items/tea":
                raise RuntimeError("broken")

    app = make_app(Late)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.run(database_of(app).create_all)
        assert client.post("/items/tea").status_code == 500
        assert names(client) == []


def test_streams_read_after_the_commit(served: TestClient) -> None:
    assert served.post("/streams/tea").text == "tea"
    assert names(served) == ["tea"]


def test_background_tasks_take_the_database(served: TestClient) -> None:
    served.post("/later/tea")
    assert names(served) == ["tea"]


def test_sessions_are_closed(served: TestClient, flasgo_app: Flasgo) -> None:
    for path in ("/items/a", "/raises/0/b", "/raises/404/c", "/ends/500/d", "/streams/e"):
        served.post(path)
    pool = database_of(flasgo_app).engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0


def test_dependencies_and_handlers_share_a_session(make_app: MakeApp) -> None:
    from typing import Annotated

    from flasgo import Depends

    app = make_app()
    seen: list[AsyncSession] = []

    async def user(session: AsyncSession) -> AsyncSession:
        return session

    async def show(session: AsyncSession, user: Any) -> bool:
        seen.extend([session, user])
        return session is user

    show.__annotations__.update(
        session=AsyncSession, user=Annotated[AsyncSession, Depends(user)], **{"return": bool}
    )
    user.__annotations__["session"] = AsyncSession
    app.add_route("/shared", show)
    with TestClient(app) as client:
        assert client.get("/shared").json() is True


def test_tests_override_the_type(make_app: MakeApp) -> None:
    app = make_app()

    class Fake:
        async def scalars(self, query: object) -> list[str]:
            return ["fake"]

    app.dependency_overrides[AsyncSession] = Fake
    with TestClient(app) as client:
        assert names(client) == ["fake"]


def test_routes_without_a_session_do_not_pay(
    flasgo_app: Flasgo, recorded_hooks: HookRecorder, client: TestClient
) -> None:
    flasgo_app.add_route("/plain", lambda: "plain", endpoint="plain")
    client.run(database_of(flasgo_app).create_all)
    for path, called in (("/plain", []), ("/items", ["response_finalize"])):
        before = len(recorded_hooks)
        client.get(path)
        names = [call.hook for call in recorded_hooks[before:] if call.plugin == "sqlalchemy"]
        assert names == called


def test_websockets_take_the_database(make_app: MakeApp) -> None:
    app = make_app()

    async def talk(websocket: WebSocket, session: AsyncSession) -> None: ...

    with pytest.raises(PluginError, match=r"asks for an AsyncSession.*Ask for a Database"):
        app.websocket("/talk")(talk)

    async def listen(websocket: WebSocket, database: Database) -> None:
        await websocket.accept()
        async with database.begin() as session:
            await websocket.send_text(type(session).__name__)

    app.websocket("/listen")(listen)
    with TestClient(app) as client, client.websocket_connect("/listen") as websocket:
        assert websocket.receive_text() == "AsyncSession"


def test_a_missing_url_stops_the_start(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="")
    with pytest.raises(Exception, match="Set FLASGO_DATABASE_URL"), TestClient(app):
        pass
    unused = Flasgo(plugins=[SQLAlchemyPlugin], discover=False)
    with TestClient(unused):
        pass


@pytest.mark.parametrize("url", ["hunter2", "sqlite", "postgresql://u:hunter2@host:port/x"])
def test_a_bad_url_is_not_repeated(make_app: MakeApp, url: str) -> None:
    with pytest.raises(Exception, match="DATABASE_URL") as found:
        make_app(DATABASE_URL=url)
    assert "hunter2" not in str(found.value)


def test_two_apps_have_their_own_databases(make_app: MakeApp) -> None:
    first, second = make_app(), make_app(DATABASE_URL="sqlite:///:memory:")
    with TestClient(first) as one, TestClient(second) as other:
        for app, client in ((first, one), (second, other)):
            client.run(database_of(app).create_all)
        one.post("/items/tea")
        assert names(one) == ["tea"]
        assert names(other) == []
