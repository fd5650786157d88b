"""PLUG-14: flasgo-sqlalchemy over HTTP, installed from its wheel beside core alone."""

from __future__ import annotations

from pathlib import Path

import httpx2

from .reference_plugins import MakeInstalled, serving

APP = """
from flasgo import Flasgo, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


app = Flasgo()


@app.post("/items/<name>", status_code=201)
async def add(name: str, session: AsyncSession):
    session.add(Item(name=name))
    return {"added": name}


@app.post("/refused/<name>")
async def refuse(name: str, session: AsyncSession):
    session.add(Item(name=name))
    await session.flush()
    raise HTTPException(409)


@app.get("/items")
async def names(session: AsyncSession):
    return list(await session.scalars(select(Item.name).order_by(Item.name)))
"""


def test_what_is_stored_over_http(reference_plugin: MakeInstalled, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    installed = reference_plugin("flasgo-sqlalchemy").environment
    url = {"FLASGO_DATABASE_URL": "sqlite:///shop.db"}
    installed.execute("-m", "flasgo", "db", "create-all", cwd=tmp_path, **url)
    settings = {**url, "FLASGO_READY_PATH": "/ready"}
    with serving(installed, tmp_path, "--workers", "2", path="/items", **settings) as (at, _):
        for name in ("tea", "coffee", "milk", "water"):
            assert httpx2.post(f"{at}/items/{name}").status_code == 201
        assert httpx2.post(f"{at}/refused/juice").status_code == 409
        assert httpx2.get(f"{at}/items").json() == ["coffee", "milk", "tea", "water"]
        assert httpx2.get(f"{at}/ready").status_code == 200
    # A second run finds what the first one has stored.
    with serving(installed, tmp_path, path="/items", **settings) as (at, _):
        assert len(httpx2.get(f"{at}/items").json()) == 4
    assert "items  there" in installed.execute("-m", "flasgo", "db", "current", cwd=tmp_path, **url)
