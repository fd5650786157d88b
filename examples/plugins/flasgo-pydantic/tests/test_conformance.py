"""Flasgo's conformance kit: hostile cases that every plugin has to pass."""

import pydantic.dataclasses
from flasgo_pydantic import PydanticPlugin
from flasgo_testing import conformance
from pydantic import BaseModel, Field


class Item(BaseModel):
    name: str = Field(min_length=2)
    price: float | None = Field(default=None, alias="itemPrice")
    parts: list["Item"] = []


@pydantic.dataclasses.dataclass
class Point:
    x: int


test_conformance = conformance.suite(
    PydanticPlugin, samples=[Item(name="tea", itemPrice=2.5), Point(1)]
)
