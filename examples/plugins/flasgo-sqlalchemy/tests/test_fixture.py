"""The fixture `database`: each test begins with what was there before."""

from __future__ import annotations

from flasgo import Flasgo
from flasgo_sqlalchemy import Database
from flasgo_testing import TestClient
from sqlalchemy import func, select

from .models import Item


def test_what_a_test_writes_is_rolled_back(flasgo_app: Flasgo, database: Database) -> None:
    with TestClient(flasgo_app) as client:
        client.run(database.create_all)
        client.post("/items/tea")
        client.post("/raises/404/coffee")
        assert client.get("/items").json() == ["tea"]
        assert client.run(database.tables) == {"items": False}  # another connection
    with TestClient(flasgo_app) as client:
        assert client.run(database.tables) == {"items": False}


def test_with_the_fixture_client(client: TestClient, database: Database) -> None:
    async def count() -> int | None:
        async with database.begin() as session:
            return await session.scalar(select(func.count()).select_from(Item))

    client.run(database.create_all)
    assert client.run(count) == 0
    client.post("/items/tea")
    assert client.run(count) == 1
    client.post("/ends/500/coffee")
    assert client.run(count) == 1
