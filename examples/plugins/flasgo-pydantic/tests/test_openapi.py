"""What the API description says of models."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import pydantic
import pytest
from flasgo import Flasgo, Form, Query, UploadedFile
from flasgo_pydantic import PydanticPlugin
from pydantic import BaseModel, ConfigDict, Field, computed_field


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    city: str = Field(min_length=2, description="Where.", examples=["Bonn"])


class User(BaseModel):
    """Somebody."""

    name: str = Field(alias="fullName", pattern="^[A-Z]", max_length=20)
    address: Address | None = None
    friends: list[User] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def initial(self) -> str:
        return self.name[:1]


class Cat(BaseModel):
    kind: Literal["cat"]
    home: Address


class Dog(BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Search(BaseModel):
    text: str = Field(description="Words.", min_length=1)
    page: int = Field(default=1, ge=1)
    colour: Colour | None = None


class Upload(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    title: str = Field(max_length=5)
    document: UploadedFile


@pydantic.dataclasses.dataclass
class Point:
    x: int = Field(ge=0)


@pytest.fixture(scope="module")
def document() -> Any:
    app = Flasgo(plugins=[PydanticPlugin], discover=False)

    @app.post("/users", response_model=User)
    async def create(user: User) -> User:
        return user

    @app.post("/pets")
    async def pets(pet: Pet) -> list[Pet]:
        return [pet]

    @app.post("/pairs")
    async def pairs(pet: Pet, point: Point) -> dict[str, Address]:
        return {}

    @app.get("/search")
    async def search(search: Annotated[Search, Query()]) -> None: ...

    @app.post("/upload")
    async def upload(upload: Annotated[Upload, Form()]) -> None: ...

    return app.openapi_spec()


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def body(document: Any, path: str, kind: str = "application/json") -> Any:
    return document["paths"][path]["post"]["requestBody"]["content"][kind]["schema"]


def answer(document: Any, path: str) -> Any:
    answers = document["paths"][path]["post"]["responses"]
    return answers["200"]["content"]["application/json"]["schema"]


def test_models_are_components(document: Any) -> None:
    assert body(document, "/users") == answer(document, "/users") == reference("User")
    user = document["components"]["schemas"]["User"]
    assert user["description"] == "Somebody."
    assert user["required"] == ["fullName"]
    properties = user["properties"]
    name = {"title": "Fullname", "type": "string", "pattern": "^[A-Z]", "maxLength": 20}
    assert properties["fullName"] == name
    assert properties["address"]["anyOf"][0] == reference("Address")
    assert properties["friends"]["items"] == reference("User")
    assert properties["initial"]["readOnly"] is True
    city = document["components"]["schemas"]["Address"]["properties"]["city"]
    assert (city["minLength"], city["description"]) == (2, "Where.")


def test_discriminated_unions(document: Any) -> None:
    told = body(document, "/pets")
    assert told["oneOf"] == [reference("Cat"), reference("Dog")]
    mapping = {"cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog"}
    assert told["discriminator"] == {"propertyName": "kind", "mapping": mapping}
    assert answer(document, "/pets")["items"]["discriminator"]["mapping"] == mapping
    home = document["components"]["schemas"]["Cat"]["properties"]["home"]
    assert home == reference("Address")


def test_parts_of_a_body(document: Any) -> None:
    properties = body(document, "/pairs")["properties"]
    assert properties["pet"]["oneOf"] == [reference("Cat"), reference("Dog")]
    assert properties["point"] == reference("Point")
    point = document["components"]["schemas"]["Point"]["properties"]["x"]
    assert point["minimum"] == 0
    assert answer(document, "/pairs")["additionalProperties"] == reference("Address")


def test_parameters(document: Any) -> None:
    told = {each["name"]: each for each in document["paths"]["/search"]["get"]["parameters"]}
    assert told["text"]["required"] is True
    assert told["text"]["description"] == "Words."
    assert told["text"]["schema"]["minLength"] == 1
    assert told["page"]["schema"] == {
        "title": "Page", "type": "integer", "minimum": 1, "default": 1,
    }  # fmt: skip
    assert told["colour"]["schema"]["anyOf"][0] == reference("Colour")
    assert document["components"]["schemas"]["Colour"]["enum"] == ["red", "blue"]


def test_forms(document: Any) -> None:
    properties = body(document, "/upload", "multipart/form-data")["properties"]
    assert properties["title"]["maxLength"] == 5
    assert properties["document"] == {"type": "string", "format": "binary"}


def test_no_reference_leads_nowhere(document: Any) -> None:
    found: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            found.extend(v for k, v in part.items() if k == "$ref")
            assert "$defs" not in part
        for each in part.values() if isinstance(part, dict) else part:
            if isinstance(each, dict | list):
                collect(each)

    collect(document)
    names = {each.removeprefix("#/components/schemas/") for each in found}
    assert names <= document["components"]["schemas"].keys()
