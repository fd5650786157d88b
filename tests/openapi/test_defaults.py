"""Defaults in the document: only what JSON can say, and what is of the type."""

from __future__ import annotations

import dataclasses
import ipaddress
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
from flasgo import Body, Flasgo, Query
from openapi_spec_validator import validate


class Odd(msgspec.Struct):
    fine: int = 1
    words: int = "x"  # ty: ignore[invalid-assignment]
    endless: float = float("inf")
    prices: list[Decimal] = msgspec.field(default_factory=list)
    bound: Annotated[int, msgspec.Meta(le=5)] = 9


@dataclasses.dataclass
class Account:
    name: str
    is_admin: bool = dataclasses.field(default=False, init=False)


@pytest.mark.parametrize(
    ("annotation", "default", "shown"),
    [
        (int, 5, 5),
        (int, "5", None),
        (int, None, None),
        (str, 5, None),
        (float, float("inf"), None),
        (float, float("nan"), None),
        (Decimal, Decimal("NaN"), None),
        (Decimal, Decimal("1.5"), "1.5"),
        (list[float], [1.0, float("nan")], None),
        (Annotated[int, msgspec.Meta(ge=1)], 0, None),
        (bool, 1, None),
        (str, ipaddress.ip_address("::1"), "::1"),
        (int, object(), None),
    ],
    ids=repr,
)
@pytest.mark.parametrize("marker", [Query(), Body(), Body(alias="a")], ids=repr)
def test_a_default_is_shown_where_it_is_one(
    annotation: Any, default: object, shown: object, marker: object
) -> None:
    app = Flasgo()

    async def handler(value=default) -> None: ...

    handler.__annotations__["value"] = Annotated[annotation, marker]
    app.post("/")(handler)
    document = app.openapi_spec()
    validate(document)
    operation = document["paths"]["/"]["post"]
    if isinstance(marker, type(Query())):
        schema = operation["parameters"][0]["schema"]
    else:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        schema = schema.get("properties", {}).get("a", schema)
    assert schema.get("default") == shown


def test_defaults_of_fields() -> None:
    app = Flasgo()

    @app.post("/")
    async def create(odd: Odd) -> Account:
        return Account("ann")

    document = app.openapi_spec()
    validate(document)
    schemas = document["components"]["schemas"]
    found = {name: field.get("default") for name, field in schemas["Odd"]["properties"].items()}
    assert found == {"fine": 1, "words": None, "endless": None, "prices": [], "bound": None}
    assert schemas["Account"]["properties"]["is_admin"]["readOnly"] is True
