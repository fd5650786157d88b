"""flasgo-pydantic takes and sends what FastAPI does: the same models, the same bodies, both asked.

Few cases run here; `PYDANTIC_CASES=4000` runs more.
"""

from __future__ import annotations

import enum
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import fastapi
import pytest
from flasgo import Flasgo, Query, TestClient
from pydantic import BaseModel, ConfigDict, Field, RootModel

from .conftest import ROOT

CASES = int(os.environ.get("PYDANTIC_CASES", "300"))
SEED = int(os.environ.get("PYDANTIC_SEED", "5"))


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    a: int
    b: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    n: Inner


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Simple(BaseModel):
    i: int = Field(ge=0)
    f: float = 1.5
    s: str = Field(default="x", max_length=5)
    b: bool = False
    d: date | None = None
    u: UUID | None = None
    dec: Decimal | None = None
    td: timedelta | None = None
    e: Colour = Colour.RED
    al: str | None = Field(default=None, alias="aLias")
    li: Literal[1, 2] | None = None


class Large(Simple):
    model_config = ConfigDict(extra="forbid")

    dt: datetime | None = None
    lst: list[Inner] = []
    m: dict[str, int] = {}
    t: tuple[int, str] | None = None
    st: set[int] = set()
    p: Pet | None = None
    un: int | str | Inner | None = None


class Root(RootModel[dict[str, list[int]]]):
    pass


TYPES: dict[str, Any] = {
    "large": Large,
    "root": Root,
    "list": list[Inner],
    "dict": dict[str, Cat],
    "pet": Pet,
    "optional": Inner | None,
    "union": Inner | Cat,
}
NAMES = [*Large.model_fields, "aLias", "unknown", "kind", "lives", "n", "a"]
VALUES: list[Any] = [
    *(0, 1, -1, 2.5, 1.0, "1", "x", "cat", True, None, [], {}, [1], ["a"], {"a": 1}, {"a": "x"}),
    *({"kind": "cat"}, {"kind": "dog", "n": {"a": 1}}, "2026-01-02", "2026-01-02T03:04:05Z"),
    *("12345678-1234-5678-1234-567812345678", "1.50", 10**20, "a" * 6, [1, "x"], "P1D", 1e300),
    *("red", 1, 2, {"k": [1, 2]}, {"k": {"kind": "cat"}}),
]
START: dict[str, dict[str, Any]] = {
    "large": {"i": 1},
    "pet": {"kind": "cat"},
    "optional": {"a": 1},
    "union": {"a": 1},
    "list": {"a": 1},
}


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[TestClient, TestClient]]:
    source = str(ROOT / "examples" / "plugins" / "flasgo-pydantic" / "src")
    sys.path.append(source)
    from flasgo_pydantic import PydanticPlugin

    theirs = fastapi.FastAPI()
    ours = Flasgo(plugins=[PydanticPlugin], discover=False)
    for name, kind in TYPES.items():
        handlers = [returning(kind) for _ in range(2)]
        theirs.post(f"/{name}", response_model=kind)(handlers[0])
        ours.add_route(f"/{name}", handlers[1], ["POST"], endpoint=name, response_model=kind)
    theirs.get("/query")(returning(Annotated[Simple, fastapi.Query()]))
    ours.add_route("/query", returning(Annotated[Simple, Query()]), endpoint="query")
    with (
        TestClient(theirs, raise_server_exceptions=False) as first,
        TestClient(ours, raise_server_exceptions=False) as second,
    ):
        yield first, second
    sys.path.remove(source)


def returning(kind: Any) -> Callable[..., Any]:
    async def handler(value: Any) -> Any:
        return value

    handler.__annotations__ = {"value": kind}
    return handler


def test_bodies(clients: tuple[TestClient, TestClient]) -> None:
    chance = random.Random(SEED)
    headers = {"content-type": "application/json"}
    seen = set()
    for _ in range(CASES):
        name = chance.choice(list(TYPES))
        sent = json.dumps(made(chance, name))
        theirs, ours = (each.post(f"/{name}", content=sent, headers=headers) for each in clients)
        assert ours.status_code == theirs.status_code, (name, sent, theirs.text, ours.text)
        seen.add(ours.status_code)
        if ours.status_code == 200:
            assert ours.json() == theirs.json(), (name, sent)
    assert seen == {200, 422}


def made(chance: random.Random, name: str) -> Any:
    if chance.random() < 0.2:
        return chance.choice(VALUES)
    found = dict(START.get(name, {}))
    for _ in range(chance.randint(0, 4)):
        found[chance.choice(NAMES)] = chance.choice(VALUES)
    if name == "list":
        return [found, {"a": 1}][: chance.randint(0, 2)]
    return {"k": {"kind": "cat", "lives": chance.choice(VALUES)}} if name == "dict" else found


def test_queries(clients: tuple[TestClient, TestClient]) -> None:
    chance = random.Random(SEED)
    texts = [str(value) for value in VALUES if isinstance(value, str | int | float)]
    seen = set()
    for _ in range(CASES):
        params = {"i": "1"} if chance.random() < 0.9 else {}
        for _ in range(chance.randint(0, 4)):
            params[chance.choice([*Simple.model_fields, "aLias"])] = chance.choice(texts)
        theirs, ours = (each.get("/query", params=params) for each in clients)
        assert ours.status_code == theirs.status_code, (params, theirs.text, ours.text)
        seen.add(ours.status_code)
        if ours.status_code == 200:
            assert ours.json() == theirs.json(), params
        else:
            there, here = (
                {json.dumps(each["loc"][:2]) for each in answer.json()[name]}
                for answer, name in ((theirs, "detail"), (ours, "errors"))
            )
            assert here == there, params
    assert seen == {200, 422}
