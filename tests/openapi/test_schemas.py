"""The schemas of types: what each kind becomes, and what classes are called (OA-1)."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest
from flasgo import Body, Flasgo
from flasgo.features.openapi.schemas import Schemas
from msgspec import Meta
from openapi_spec_validator import validate

T = TypeVar("T")


class Colour(Enum):
    """What it looks like.

    At daylight.
    """

    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    HIGH = 2
    LOW = 1


class Item(msgspec.Struct):
    """An item.

    It has a name.
    """

    name: str


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


class Node(msgspec.Struct):
    children: list[Node] = []


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: int


class Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    key: int
    value: str = ""


class Point(NamedTuple):
    x: int
    y: int = 0


class Total(TypedDict):
    amount: Decimal
    note: NotRequired[str]


@dataclasses.dataclass
class Basket:
    items: list[Item] = dataclasses.field(default_factory=list)


class Closed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    street_name: str


class Opaque:
    """Nothing that JSON knows."""


class Odd(msgspec.Struct):
    """Some fields say nothing; the others do all the same."""

    name: str
    raw: msgspec.Raw = msgspec.Raw(b"null")
    thing: Opaque | None = None
    anything: object = None
    left_out: int | msgspec.UnsetType = msgspec.UNSET


def schema_of(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of a type, and the named ones."""
    schemas = Schemas()
    schema = schemas.of(kind)
    return schema, schemas.fill()


DECIMAL = {
    "type": ["string", "number"],
    "format": "decimal",
    "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?$",
    "examples": ["9.99"],
}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, {"type": "string"}),
        (
            Annotated[str, Meta(min_length=1, max_length=9, pattern="^a")],
            {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a"},
        ),
        (
            Annotated[int, Meta(ge=1, lt=9, title="N", description="How many.", examples=[3])],
            {
                "type": "integer",
                "minimum": 1,
                "exclusiveMaximum": 9,
                "title": "N",
                "description": "How many.",
                "examples": [3],
            },
        ),
        (
            Annotated[float, Meta(gt=0, le=1, multiple_of=0.5)],
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.5},
        ),
        (
            Annotated[int, Meta(extra_json_schema={"readOnly": True})],
            {"type": "integer", "readOnly": True},
        ),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Opaque, {}),
        (msgspec.Raw, {}),
        (Decimal, DECIMAL),
        (Annotated[Decimal, Meta(examples=["1"])], {**DECIMAL, "examples": ["1"]}),
        (UUID, {"type": "string", "format": "uuid"}),
        (date, {"type": "string", "format": "date"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (Annotated[datetime, Meta(tz=False)], {"type": "string"}),
        (time, {"type": "string"}),
        (Annotated[time, Meta(tz=True)], {"type": "string", "format": "time"}),
        (timedelta, {"type": "string", "format": "duration"}),
        (
            Annotated[bytes, Meta(max_length=4)],
            {"type": "string", "contentEncoding": "base64", "maxLength": 8},
        ),
        (Literal["b", "a"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "a"], {"enum": [1, "a"]}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (list, {"type": "array"}),
        (
            Annotated[list[int], Meta(min_length=1, max_length=2)],
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        ),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (dict[int, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict[str, Any], {"type": "object"}),
        (
            Annotated[dict[Annotated[str, Meta(min_length=2)], int], Meta(max_length=3)],
            {
                "type": "object",
                "propertyNames": {"minLength": 2},
                "additionalProperties": {"type": "integer"},
                "maxProperties": 3,
            },
        ),
        # No type of JSON at all: two classes that nothing tells apart.
        (Item | Closed, {}),
    ],
    ids=str,
)
def test_types_without_a_name(kind: Any, expected: dict[str, Any]) -> None:
    assert schema_of(kind) == (expected, {})


NAME = {"type": "string"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            Colour,
            {
                "description": "What it looks like.\n\nAt daylight.",
                "type": "string",
                "enum": ["red", "blue"],
            },
        ),
        (Level, {"type": "integer", "enum": [2, 1]}),
        (
            Item,
            {
                "description": "An item.\n\nIt has a name.",
                "type": "object",
                "properties": {"name": NAME},
                "required": ["name"],
            },
        ),
        (
            Node,
            {
                "type": "object",
                "properties": {
                    "children": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/Node"},
                        "default": [],
                    }
                },
                "required": [],
            },
        ),
        (
            Row,
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string", "default": ""}],
                "minItems": 1,
                "maxItems": 2,
            },
        ),
        (
            Point,
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "integer", "default": 0}],
                "minItems": 1,
                "maxItems": 2,
            },
        ),
        (
            Total,
            {
                "type": "object",
                "properties": {"amount": DECIMAL, "note": {"type": "string"}},
                "required": ["amount"],
            },
        ),
        (
            Closed,
            {
                "type": "object",
                "properties": {"streetName": {"type": "string"}},
                "required": ["streetName"],
                "additionalProperties": False,
            },
        ),
        (
            Odd,
            {
                "description": "Some fields say nothing; the others do all the same.",
                "type": "object",
                "properties": {
                    "name": NAME,
                    "raw": {"default": None},
                    "thing": {"anyOf": [{}, {"type": "null"}], "default": None},
                    "anything": {"default": None},
                    "left_out": {"type": "integer"},
                },
                "required": ["name"],
            },
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_classes(kind: Any, expected: dict[str, Any]) -> None:
    schema, named = schema_of(kind)
    assert schema == {"$ref": f"#/components/schemas/{kind.__name__}"}
    assert named[kind.__name__] == {"title": kind.__name__, **expected}


def test_unions_of_tagged_classes_have_a_discriminator() -> None:
    cat, dog = "#/components/schemas/Cat", "#/components/schemas/Dog"
    told = {
        "anyOf": [{"$ref": cat}, {"$ref": dog}],
        "discriminator": {"propertyName": "type", "mapping": {"cat": cat, "dog": dog}},
    }
    schema, named = schema_of(Cat | Dog)
    assert schema == told
    assert named["Cat"]["required"] == ["type", "lives"]
    assert named["Cat"]["properties"]["type"] == {"type": "string", "enum": ["cat"]}
    assert schema_of(Cat | Dog | int | None)[0] == {
        "anyOf": [{"type": "integer"}, told, {"type": "null"}]
    }


def twin(name: str, module: str) -> Any:
    return msgspec.defstruct(name, [("value", int)], module=module)


def of(generic: Any, *arguments: Any) -> Any:
    """Return a generic with arguments that are only known at run time."""
    return generic[arguments]


def test_a_generic_has_a_name_for_each_of_its_arguments() -> None:
    first, second = twin("Item", "shop.models"), twin("Item", "store.models")
    schema, named = schema_of(of(tuple, of(Page, first), of(Page, second), Page[int]))
    names = [each["$ref"].rpartition("/")[2] for each in schema["prefixItems"]]
    assert len(set(names)) == 3
    assert set(names) <= set(named)
    assert names[2] == "Page_int"
    assert {"shop.models.Item", "store.models.Item"} <= set(named)


def test_names_are_unique_and_do_not_depend_on_the_order() -> None:
    shop, store = twin("Order", "shop"), twin("Order", "store")
    # What a function defines twice: nothing but the order tells them apart.
    again = twin("Order", "shop")
    assert set(schema_of(of(tuple, shop, store))[1]) == {"shop.Order", "store.Order"}
    assert set(schema_of(of(tuple, store, shop))[1]) == {"shop.Order", "store.Order"}
    assert set(schema_of(of(tuple, shop, again))[1]) == {"shop.Order", "shop.Order_2"}


def test_the_apps_own_classes_keep_short_names() -> None:
    app = Flasgo(plugins=[], discover=False, settings={"SECRET_KEY": "schema-tests-0123456789abcd"})

    class Problem(msgspec.Struct):
        own: int

    async def handler() -> Any: ...

    app.add_route("/", handler, response_model=Problem)
    document = app.openapi_spec()
    validate(document)
    assert set(document["components"]["schemas"]["Problem"]["properties"]) == {"own"}


def test_routes_with_bodies_of_several_parameters() -> None:
    app = Flasgo(plugins=[], discover=False, settings={"SECRET_KEY": "schema-tests-0123456789abcd"})

    @app.post("/one")
    async def one(
        item: Item,
        count: Annotated[int, Body(alias="how-many", description="At most.", examples=[2])] = 1,
        old: Annotated[str | None, Body(deprecated=True)] = None,
    ) -> None:
        """Take one.

        Args:
            item: What to take.
        """

    @app.post("/two")
    async def two(item: Item, basket: Basket) -> None: ...

    document = app.openapi_spec()
    validate(document)
    body = document["paths"]["/one"]["post"]["requestBody"]
    assert "description" not in body
    assert body["content"]["application/json"]["schema"] == {
        "type": "object",
        "properties": {
            "item": {"$ref": "#/components/schemas/Item", "description": "What to take."},
            "how-many": {
                "type": "integer",
                "description": "At most.",
                "examples": [2],
                "default": 1,
            },
            "old": {"anyOf": [{"type": "string"}, {"type": "null"}], "deprecated": True},
        },
        "required": ["item"],
    }
    second = document["paths"]["/two"]["post"]["requestBody"]["content"]["application/json"]
    assert second["schema"]["required"] == ["item", "basket"]


def test_every_kind_that_msgspec_knows_is_described() -> None:
    """A kind that a later msgspec adds shows up here; classes of the app's own stay open."""
    from flasgo.features.openapi.shapes import Shapes

    abstract = {"Type", "Metadata", "CollectionType"}
    open_ones = {"AnyType", "RawType", "CustomType", "ExtType"}
    known = {
        name
        for name, kind in vars(msgspec.inspect).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.inspect.Type)
    }
    described: set[str] = set()
    for kinds, _ in Shapes._DESCRIBED:
        flat = getattr(kinds, "__args__", None) or (kinds if isinstance(kinds, tuple) else (kinds,))
        for each in flat:
            described |= {each.__name__, *(kind.__name__ for kind in each.__subclasses__())}
    assert known - abstract - open_ones - described == set()
