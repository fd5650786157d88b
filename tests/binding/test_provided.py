"""Types that are bound without a marker: core's own, and those that plugins provide (PLUG-11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Generic, TypeVar

import pytest
from flasgo import (
    BackgroundTasks,
    Connection,
    Depends,
    Flasgo,
    Header,
    PluginError,
    Query,
    Registry,
    Session,
    User,
    WebSocket,
    api_key_backend,
    authorize,
    current_user,
    hookimpl,
    session,
)
from flasgo_testing import TestClient
from openapi_spec_validator import validate

from tests.conftest import Connect

T = TypeVar("T")


@dataclasses.dataclass
class Database:
    name: str


class Repository(Generic[T]):
    pass


closed: list[str] = []


def database(x_tenant: Annotated[str, Header()], connection: Connection) -> Iterator[Database]:
    yield Database(x_tenant)
    closed.append(x_tenant)


class Plugin:
    name = "databases"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.provides(Database, database)
        registry.provides(Repository[int], Repository[int])


class Shop(Flasgo):
    pass


def test_the_app_its_background_tasks_and_the_session(connect: Connect) -> None:
    app = Shop()
    done: list[str] = []

    @app.get("/")
    async def show(
        own: Shop, tasks: BackgroundTasks, session: Session | None, base: Flasgo, q: str = "x"
    ) -> list[object]:
        if session is None:
            raise TypeError
        session["seen"] = q
        tasks.add(done.append, q)
        return [own is app, base is app, session["seen"]]

    @app.websocket("/ws")
    async def talk(socket: WebSocket, own: Flasgo, session: Session) -> None:
        await socket.accept()
        await socket.send_json([own is app, session.get("seen")])

    with TestClient(app) as client:
        assert client.get("/?q=y").json() == [True, True, "y"]
        with client.websocket_connect("/ws") as websocket:
            assert websocket.receive_json() == [True, "y"]
    assert done == ["y"]
    document = app.openapi_spec()
    validate(document)
    assert [each["name"] for each in document["paths"]["/"]["get"]["parameters"]] == ["q"]


def test_what_a_plugin_provides(connect: Connect) -> None:
    app = Flasgo(plugins=[Plugin])

    def name_of(db: Database) -> str:
        return db.name

    @app.post("/")
    async def show(
        db: Database, name: Annotated[str, Depends(name_of)], repository: Repository[int]
    ) -> list[object]:
        return [db.name, name, isinstance(repository, Repository), list(closed)]

    @app.get("/query")
    async def query(db: Annotated[Database, Query()]) -> str:
        return db.name

    client = connect(app)
    closed.clear()
    assert client.post("/", headers={"x-tenant": "a"}).json() == ["a", "a", True, []]
    assert closed == ["a"]
    assert client.post("/").status_code == 422
    # A marker says where else it comes from.
    assert client.get("/query?name=b").text == "b"
    document = app.openapi_spec()
    validate(document)
    operation = document["paths"]["/"]["post"]
    assert [each["name"] for each in operation["parameters"]] == ["x-tenant"]
    assert "requestBody" not in operation
    stages = app.explain(app.routes[0])
    provided = [(stage.plugin, stage.reason) for stage in stages if stage.stage == "provides"]
    assert provided[0] == ("databases", "Database")
    assert len(provided) == 2
    assert all(stage.stage != "provides" for stage in app.explain(app.routes[1]))
    # Tests override it by the type, or by the provider.
    for key in (Database, database):
        app.dependency_overrides[key] = lambda: Database("fake")
        assert client.post("/").json() == ["fake", "fake", True, ["a"]]
        del app.dependency_overrides[key]


@pytest.mark.parametrize(
    ("kind", "provider", "match"),
    [
        (Database, "database", "the provider of .*Database.* is 'database'; give a function"),
        ("Database", database, "registry.provides was given 'Database'; give it a class"),
        (int, database, "parameters of the type <class 'int'> are bound from requests"),
        (Flasgo, database, "both bring the type"),
    ],
)
def test_what_cannot_be_provided(kind: Any, provider: Any, match: str) -> None:
    class Wrong:
        name = "wrong"

        @hookimpl
        def plugin_setup(self, registry: Registry) -> None:
            registry.provides(kind, provider)

    with pytest.raises(PluginError, match=match):
        Flasgo(plugins=[Wrong])


def test_two_plugins_with_one_type_are_named() -> None:
    class Other(Plugin):
        name = "other"

    with pytest.raises(PluginError, match="'databases' and 'other' both bring the type"):
        Flasgo(plugins=[Plugin, Other])


def test_a_type_is_listed_by_its_name() -> None:
    brings = Flasgo(plugins=[Plugin]).plugins["databases"].brings
    assert f"type {__name__}.Database" in brings


def test_a_path_parameter_may_be_a_path(connect: Connect) -> None:
    app = Flasgo()

    @app.get("/files/<path:file>")
    async def show(file: PurePosixPath) -> list[object]:
        return [file.name, file]

    assert connect(app).get("/files/a/b.txt").json() == ["b.txt", "a/b.txt"]


def test_a_global_of_the_request_is_a_dependency(connect: Connect) -> None:
    app = Flasgo()
    app.register_auth_backend("key", api_key_backend({"k" * 20: User("ann")}))

    @app.get("/")
    @authorize()
    async def show(
        user: Annotated[User, Depends(current_user)],  # ty: ignore[invalid-argument-type]
        also: User = Depends(current_user),  # ty: ignore[invalid-argument-type]
    ) -> list[object]:
        return [user.id, type(user) is User, also is user]

    @app.get("/session")
    def kept(data: Session = Depends(session)) -> str:  # ty: ignore[invalid-argument-type]
        data["a"] = 1
        return type(data).__name__

    client = connect(app)
    assert client.get("/", headers={"x-api-key": "k" * 20}).json() == ["ann", True, True]
    assert client.get("/session").text == "Session"
