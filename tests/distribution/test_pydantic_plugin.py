"""PLUG-14: flasgo-pydantic over HTTP, installed from its wheel beside core alone."""

from __future__ import annotations

from pathlib import Path

import httpx2

from .reference_plugins import MakeInstalled, serving

APP = """
from typing import Annotated, Literal

from flasgo import Flasgo, Form, Query
from pydantic import BaseModel, Field, SecretStr


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str = Field(min_length=2)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Search(BaseModel):
    page_size: int = Field(default=10, alias="pageSize", le=100)


class Login(BaseModel):
    name: str
    password: SecretStr = Field(min_length=8)


app = Flasgo()


@app.post("/pets", response_model=list[Pet])
async def create(pet: Pet):
    return [pet, {"kind": "dog", "tricks": [], "secret": 1}]


@app.get("/pets")
async def find(search: Annotated[Search, Query()]):
    return search


@app.post("/login")
async def login(login: Annotated[Login, Form()]):
    return login
"""


def test_models_over_http(reference_plugin: MakeInstalled, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    installed = reference_plugin("flasgo-pydantic").environment
    with serving(installed, tmp_path, path="/pets", FLASGO_ENABLE_DOCS="1") as (url, _):
        cat = {"kind": "cat", "name": "Tom"}
        dog = {"kind": "dog", "tricks": []}
        assert httpx2.post(f"{url}/pets", json=cat).json() == [cat, dog]
        refused = httpx2.post(f"{url}/pets", json={"kind": "cat", "name": "T"})
        assert refused.status_code == 422
        assert [each["loc"] for each in refused.json()["errors"]] == [["body", "name"]]
        assert httpx2.get(f"{url}/pets?pageSize=7").json() == {"pageSize": 7}
        assert httpx2.get(f"{url}/pets?pageSize=101").status_code == 422
        answer = httpx2.post(f"{url}/login", data={"name": "ann", "password": "hunter2"})
        assert answer.status_code == 422
        assert "hunter2" not in answer.text
        answer = httpx2.post(f"{url}/login", data={"name": "ann", "password": "hunter2hunter2"})
        assert answer.json() == {"name": "ann", "password": "**********"}
        document = httpx2.get(f"{url}/openapi.json").json()
    assert {"Cat", "Dog"} <= document["components"]["schemas"].keys()
    assert "hunter2" not in (tmp_path / "server.log").read_text()
