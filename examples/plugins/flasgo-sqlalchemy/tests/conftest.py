"""An app whose handlers write, and end in every way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flasgo import BackgroundTasks, Flasgo, Response, StreamingResponse, abort, redirect
from flasgo_sqlalchemy import Database, SQLAlchemyPlugin, database_of
from flasgo_testing import TestClient
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .models import Item

MakeApp = Callable[..., Flasgo]


def add_answers(app: Flasgo) -> None:
    @app.post("/items/<name>")
    async def add(name: str, session: AsyncSession) -> dict[str, str]:
        session.add(Item(name=name))
        return {"added": name}

    @app.get("/items")
    async def names(session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Item.name).order_by(Item.name)))

    @app.post("/ends/<int:status>/<name>")
    async def ends(status: int, name: str, session: AsyncSession) -> tuple[str, int]:
        session.add(Item(name=name))
        await session.flush()
        return "ended", status

    @app.post("/moved/<name>")
    async def moved(name: str, session: AsyncSession) -> Response:
        session.add(Item(name=name))
        return redirect("/items")

    @app.post("/streams/<name>")
    async def streams(name: str, session: AsyncSession) -> StreamingResponse:
        session.add(Item(name=name))

        async def parts() -> AsyncIterator[str]:
            for each in await session.scalars(select(Item.name)):
                yield each

        return StreamingResponse(parts())


def add_failures(app: Flasgo) -> None:
    @app.post("/raises/<int:status>/<name>")
    async def raises(status: int, name: str, session: AsyncSession) -> None:
        session.add(Item(name=name))
        await session.flush()
        if status == 0:
            raise ValueError("broken")
        abort(redirect("/items") if status == 303 else status)

    @app.errorhandler(KeyError)
    async def forgiven(error: KeyError) -> str:
        return "forgiven"

    @app.post("/forgiven/<name>")
    async def forgives(name: str, session: AsyncSession) -> None:
        session.add(Item(name=name))
        await session.flush()
        raise KeyError(name)

    @app.post("/later/<name>")
    async def later(name: str, database: Database, tasks: BackgroundTasks) -> dict[str, str]:
        async def add_it() -> None:
            async with database.begin() as session:
                session.add(Item(name=name))

        tasks.add(add_it)
        return {"later": name}


@pytest.fixture
def make_app(tmp_path: Path) -> MakeApp:
    def make(*plugins: Any, **settings: Any) -> Flasgo:
        url = f"sqlite:///{tmp_path}/test.db"
        app = Flasgo(
            plugins=[SQLAlchemyPlugin, *plugins],
            discover=False,
            settings={"DATABASE_URL": url, **settings},
        )
        add_answers(app)
        add_failures(app)
        return app

    return make


@pytest.fixture
def flasgo_app(make_app: MakeApp) -> Flasgo:
    """For the fixtures `client` and `database`."""
    return make_app()


@pytest.fixture
def served(flasgo_app: Flasgo) -> Iterator[TestClient]:
    """A client of an app whose tables are there; a 500 is an answer."""
    with TestClient(flasgo_app, raise_server_exceptions=False) as client:
        client.run(database_of(flasgo_app).create_all)
        yield client
