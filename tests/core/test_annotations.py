"""What annotations stand for, the same for settings and for parameters."""

from __future__ import annotations

import sys
from typing import Annotated, Any, NewType

import msgspec
import pytest
from flasgo import Flasgo
from flasgo.settings.annotations import alternatives, bare, unaliased, without_none
from flasgo.settings.types import convert_value

from tests.conftest import Connect


class Item(msgspec.Struct):
    price: int


ItemLike = NewType("ItemLike", Item)
Number = NewType("Number", Annotated[int, msgspec.Meta(ge=1)])
Text = NewType("Text", str)
Second = NewType("Second", ItemLike)
META = msgspec.Meta(description="A number.")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int,)),
        (int | None, (int, type(None))),
        (Annotated[int | str, META], (int, str)),
        (Annotated[int, META] | None, (int, type(None))),
        (ItemLike, (Item,)),
        (ItemLike | None, (Item, type(None))),
        (Second, (Item,)),
        (list[int], (list[int],)),
    ],
)
def test_alternatives(annotation: Any, expected: tuple[object, ...]) -> None:
    assert alternatives(annotation) == expected


def test_without_none_keeps_what_annotated_says() -> None:
    assert without_none(Annotated[int | None, META]) == Annotated[int, META]
    assert without_none(type(None)) is type(None)
    assert bare(Annotated[ItemLike, META]) is Item


if sys.version_info >= (3, 12):  # where there is a type statement

    def test_type_statements() -> None:
        names: dict[str, Any] = {}
        exec("type Ids = list[int]\ntype Many[T] = dict[str, T]\ntype Deep = Ids | None", names)
        assert unaliased(names["Ids"]) == list[int]
        assert unaliased(names["Many"][int]) == dict[str, int]
        assert alternatives(names["Deep"]) == (list[int], type(None))
        assert convert_value([1], names["Ids"]) == [1]


def test_new_types_of_models_are_bodies(connect: Connect) -> None:
    app = Flasgo()

    @app.post("/")
    async def create(item: ItemLike, text: Text = Text("x"), number: Number | None = None) -> str:
        return f"{item.price} {text} {number}"

    client = connect(app)
    assert client.post("/?number=2", json={"price": 3}).text == "3 x 2"
    assert client.post("/?number=0", json={"price": 3}).status_code == 422
