"""Models as bodies, forms, queries and answers, and what is said of those that do not fit."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pydantic
import pytest
from flasgo import Body, Cookie, Flasgo, Form, Header, Query, RouteError, UploadedFile
from flasgo_pydantic import PydanticPlugin
from flasgo_testing import TestClient
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, field_validator

T = TypeVar("T")


class Address(BaseModel):
    city: str = Field(min_length=2)


class User(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(min_length=2)
    age: int = Field(ge=0)
    home_town: Address | None = Field(default=None, alias="homeTown")
    tags: set[str] = set()


class PublicUser(BaseModel):
    name: str


class Account(PublicUser):
    password: SecretStr


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    day: date
    number: UUID
    amount: Decimal


@pydantic.dataclasses.dataclass
class Point:
    x: int = Field(ge=0)
    y: int = Field(alias="why")


class Numbers(RootModel[list[int]]):
    pass


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Search(BaseModel):
    """What to look for."""

    text: str = Field(description="Words.", max_length=20)
    page_size: int = Field(default=10, alias="pageSize", le=100)
    colours: list[Colour] = []
    since: date | None = None
    colour: Colour = Colour.RED


class Upload(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    title: str
    count: int
    document: UploadedFile


class Login(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    attempts: int
    password: SecretStr

    @field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        if name == "nobody":
            raise ValueError("there is no such user")
        return name


@dataclasses.dataclass
class Team:
    title: str
    members: list[User]
    lead: User | None = None


class Row:
    """As an ORM has it."""

    name = "Ann"
    password = "hunter2"


def add_bodies(app: Flasgo) -> None:
    @app.post("/users")
    async def create(user: User) -> User:
        return user

    @app.post("/many")
    async def many(users: list[User]) -> list[User]:
        return users

    @app.post("/by-name")
    async def by_name(users: dict[str, User]) -> dict[str, User]:
        return users

    @app.post("/optional")
    async def optional(user: User | None = None) -> dict[str, Any]:
        return {"user": user}

    @app.post("/teams")
    async def team(team: Team) -> dict[str, Any]:
        return {"title": team.title, "first": team.members[0], "lead": team.lead}

    @app.post("/pets")
    async def create_pet(pet: Pet) -> dict[str, Any]:
        return {"class": type(pet).__name__, "pet": pet}

    @app.post("/pet-list")
    async def pets(pets: list[Pet]) -> list[str]:
        return [type(pet).__name__ for pet in pets]

    @app.post("/untagged")
    async def untagged(thing: Cat | Address) -> dict[str, str]:
        return {"class": type(thing).__name__}


def add_more_bodies(app: Flasgo) -> None:
    @app.post("/pairs")
    async def pairs(user: User, pet: Pet, note: Annotated[str, Body()] = "") -> dict[str, Any]:
        return {"user": user, "pet": pet, "note": note}

    @app.post("/strict")
    async def strict(strict: Strict) -> Strict:
        return strict

    @app.post("/points")
    async def points(points: list[Point]) -> list[int]:
        return [point.x + point.y for point in points]

    @app.post("/numbers")
    async def numbers(numbers: Numbers) -> int:
        return sum(numbers.root)

    @app.post("/pages")
    async def pages(page: Page[User]) -> Page[User]:
        return page

    @app.post("/limited")
    async def limited(users: Annotated[list[User], Body(max_length=1)]) -> int:
        return len(users)


def add_texts(app: Flasgo) -> None:
    @app.get("/search")
    async def search(search: Annotated[Search, Query()]) -> Search:
        return search

    @app.post("/login")
    async def login(login: Annotated[Login, Form()]) -> Login:
        return login

    @app.post("/upload")
    async def upload(upload: Annotated[Upload, Form()]) -> dict[str, Any]:
        return {"count": upload.count, "size": len(await upload.document.read())}

    class Seen(BaseModel):
        visit_count: int

    @app.get("/seen")
    async def seen(
        cookies: Annotated[Seen, Cookie()], headers: Annotated[Seen, Header()]
    ) -> list[Seen]:
        return [cookies, headers]


def add_answers(app: Flasgo) -> None:
    @app.get("/public", response_model=PublicUser)
    async def public() -> Account:
        return Account(name="Ann", password=SecretStr("hunter2"))

    @app.get("/rows", response_model=list[PublicUser])
    async def rows() -> list[Any]:
        return [
            Row(),
            {"name": "Bob", "password": "x"},
            Account(name="Cy", password=SecretStr("y")),
        ]

    @app.get("/pet", response_model=Pet)
    async def pet() -> dict[str, object]:
        return {"kind": "dog", "tricks": ["sit"], "secret": 1}

    @app.get("/unfit", response_model=User)
    async def unfit() -> dict[str, object]:
        return {"name": "Ann", "age": "hunter2"}

    @app.get("/changed", response_model=PublicUser)
    async def changed() -> PublicUser:
        return PublicUser.model_construct(name=["hunter2"])

    @app.get("/alias", response_model=User)
    async def alias() -> User:
        return User(name="Ann", age=1, homeTown=Address(city="Bonn"))


@pytest.fixture(scope="module")
def app() -> Flasgo:
    app = Flasgo(plugins=[PydanticPlugin], discover=False)
    add_bodies(app)
    add_more_bodies(app)
    add_texts(app)
    add_answers(app)
    return app


@pytest.fixture(scope="module")
def client(app: Flasgo) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


JSON = {"content-type": "application/json"}
ANN = {"name": "Ann", "age": 41, "homeTown": {"city": "Bonn"}, "tags": ["a"]}
BOB = {"name": "Bob", "age": 1, "tags": []}
TEAM = {"title": "t", "members": [ANN]}
CAT = {"kind": "cat", "lives": 7}
DOG = {"kind": "dog", "tricks": ["sit"]}


def problems(answer: Any) -> dict[tuple[str | int, ...], str]:
    assert answer.status_code == 422, answer.text
    data = answer.json()
    assert data["error"] == "validation_failed"
    return {tuple(each["loc"]): each["msg"] for each in data["errors"]}


@pytest.mark.parametrize(
    ("path", "sent", "expected"),
    [
        ("/users", ANN, ANN),
        (
            "/users",
            {"name": "Bob", "age": 1},
            {"name": "Bob", "age": 1, "homeTown": None, "tags": []},
        ),
        ("/many", [ANN, ANN], [ANN, ANN]),
        ("/by-name", {"ann": ANN}, {"ann": ANN}),
        ("/optional", ANN, {"user": ANN}),
        ("/optional", None, {"user": None}),
        ("/teams", {"title": "t", "members": [ANN]}, {"title": "t", "first": ANN, "lead": None}),
        ("/pets", CAT, {"class": "Cat", "pet": CAT}),
        ("/pets", DOG, {"class": "Dog", "pet": DOG}),
        ("/pet-list", [CAT, DOG], ["Cat", "Dog"]),
        ("/untagged", CAT, {"class": "Cat"}),
        ("/untagged", {"city": "Bonn"}, {"class": "Address"}),
        ("/pairs", {"user": ANN, "pet": DOG}, {"user": ANN, "pet": DOG, "note": ""}),
        ("/points", [{"x": 1, "why": 2}], [3]),
        ("/numbers", [1, 2], 3),
        ("/pages", {"items": [ANN], "total": 1}, {"items": [ANN], "total": 1}),
        ("/limited", [ANN], 1),
    ],
)
def test_what_bodies_are_made_of(client: TestClient, path: str, sent: Any, expected: Any) -> None:
    answer = client.post(path, json=sent)
    assert (answer.status_code, answer.json()) == (200, expected)


def test_strict_models_take_the_texts_that_json_has(client: TestClient) -> None:
    sent = {"day": "2026-11-30", "number": "12345678-1234-5678-1234-567812345678", "amount": "1.50"}
    assert client.post("/strict", json=sent).json() == sent
    assert set(problems(client.post("/strict", json={**sent, "day": 5, "x": 1}))) == {
        ("body", "day"),
        ("body", "x"),
    }


@pytest.mark.parametrize(
    ("path", "sent", "locations"),
    [
        ("/users", {"name": "A", "age": -1, "homeTown": {}}, ["name", "age", "homeTown.city"]),
        ("/many", [ANN, {"name": "Bob"}], ["1.age"]),
        ("/by-name", {"ann": {"name": "Ann"}}, ["ann.age"]),
        ("/teams", {"title": 5, "members": [{"name": "Bob", "age": 1}, {}]},
         ["title", "members.1.name", "members.1.age"]),
        ("/pets", {"kind": "cat"}, ["lives"]),
        ("/pets", {"kind": "hunter2"}, [""]),
        ("/pet-list", [CAT, {"kind": "dog", "tricks": [1]}], ["1.tricks.0"]),
        ("/untagged", {"kind": "cat"}, ["lives", "city"]),
        ("/pairs", {"user": {"name": "Bob"}, "pet": {"kind": "dog"}}, ["user.age", "pet.tricks"]),
        ("/points", [{"x": -1}], ["0.x", "0.why"]),
        ("/numbers", [1, "x"], ["1"]),
        ("/users", [], [""]),
        ("/users", None, [""]),
        ("/limited", [ANN, ANN], [""]),
    ],
)  # fmt: skip
def test_where_bodies_are_wrong(
    client: TestClient, path: str, sent: Any, locations: list[str]
) -> None:
    answer = client.post(path, content=json.dumps(sent), headers=JSON)
    assert [".".join(map(str, where[1:])) for where in problems(answer)] == locations


def test_what_was_sent_is_not_repeated(client: TestClient) -> None:
    secret = "hunter2"
    for path, body in (
        ("/users", {"name": "A", "age": secret, "homeTown": secret, "tags": secret}),
        ("/pets", {"kind": secret}),
        ("/strict", {"day": secret, "number": secret, "amount": secret}),
        ("/many", secret),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert secret not in answer.text
    answer = client.post("/login", data={"name": "nobody", "attempts": secret, "password": ""})
    assert secret not in answer.text
    assert problems(answer)["form", "name"] == "Value error, there is no such user"


@pytest.mark.parametrize("body", [b'{"name": NaN}', b"{", b"[1,]", b'"\xff"', b'{"a":1} x'])
def test_what_is_no_json_is_a_400(client: TestClient, body: bytes) -> None:
    answer = client.post("/users", content=body, headers=JSON)
    assert answer.status_code == 400


def test_deep_json_is_a_400(client: TestClient) -> None:
    body = b'{"name":' + b"[" * 450 + b"]" * 450 + b"}"
    answer = client.post("/users", content=body, headers=JSON)
    assert answer.status_code == 400


def test_thousands_of_problems_are_counted(client: TestClient) -> None:
    answer = client.post("/numbers", json=["x"] * 5000)
    assert problems(answer) == {("body",): "There are 5000 problems"}


def test_queries(client: TestClient) -> None:
    answer = client.get("/search?text=tea&pageSize=5&colours=red&colours=blue&since=2026-01-02")
    assert answer.json() == {
        "text": "tea", "pageSize": 5, "colours": ["red", "blue"], "since": "2026-01-02",
        "colour": "red",
    }  # fmt: skip
    assert client.get("/search?text=tea&colour=blue&since=").json()["colour"] == "blue"
    assert client.get("/search?text=tea").json()["pageSize"] == 10
    answer = client.get("/search?pageSize=101&colours=red&colours=hunter2")
    expected = {("query", "text"), ("query", "pageSize"), ("query", "colours", 1)}
    assert set(problems(answer)) == expected
    assert set(problems(client.get("/search"))) == {("query", "text")}


def test_forms(client: TestClient) -> None:
    answer = client.post("/login", data={"name": "ann", "attempts": "2", "password": "hunter2"})
    assert answer.json() == {"name": "ann", "attempts": 2, "password": "**********"}
    files = {"document": ("a.txt", b"12345")}
    answer = client.post("/upload", data={"title": "t", "count": "3"}, files=files)
    assert answer.json() == {"count": 3, "size": 5}
    answer = client.post("/upload", data={"title": "t", "count": "x"})
    assert set(problems(answer)) == {("form", "document"), ("form", "count")}


def test_cookies_and_headers(client: TestClient) -> None:
    answer = client.get("/seen", headers={"visit-count": "3", "cookie": "visit_count=2"})
    assert answer.json() == [{"visit_count": 2}, {"visit_count": 3}]


def test_answers_have_the_fields_of_the_response_model(client: TestClient) -> None:
    assert client.get("/public").json() == {"name": "Ann"}
    assert client.get("/rows").json() == [{"name": "Ann"}, {"name": "Bob"}, {"name": "Cy"}]
    assert client.get("/pet").json() == DOG
    assert client.get("/alias").json()["homeTown"] == {"city": "Bonn"}


@pytest.mark.parametrize("path", ["/unfit", "/changed"])
def test_an_answer_that_does_not_fit_is_a_500(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 500
    assert "does not fit its response_model" in str(answer.extensions["exception"])
    assert "hunter2" not in answer.text


def test_none_can_be_left_out() -> None:
    app = Flasgo(plugins=[PydanticPlugin], discover=False, settings={"PYDANTIC_EXCLUDE_NONE": True})
    add_bodies(app)
    answer = TestClient(app).post("/users", json={"name": "Bob", "age": 1})
    assert answer.json() == BOB


def test_validators_are_compiled_before_there_are_requests(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise AssertionError("made during a request")

    monkeypatch.setattr(pydantic.TypeAdapter, "__init__", refuse)
    for path, sent in (("/users", ANN), ("/many", [ANN]), ("/pets", CAT), ("/teams", TEAM)):
        assert client.post(path, json=sent).status_code == 200
    assert client.get("/search?text=x").status_code == 200
    assert client.get("/rows").status_code == 200


def test_what_cannot_be_read_is_refused_when_it_is_registered() -> None:
    app = Flasgo(plugins=[PydanticPlugin], discover=False)

    async def nested(user: Annotated[User, Query()]) -> None: ...

    with pytest.raises(RouteError, match="field 'home_town' is a Address, and texts cannot fill"):
        app.add_route("/nested", nested)

    @dataclasses.dataclass
    class Route:
        points: list[Point]

    async def hidden(route: Route) -> None: ...

    Route.__annotations__["points"] = list[Point]
    hidden.__annotations__["route"] = Route
    # msgspec would read a pydantic dataclass as any other, without its constraints.
    with pytest.raises(RouteError, match="of another family within a class that msgspec reads"):
        app.add_route("/hidden", hidden, ["POST"])

    class Later(BaseModel):
        other: Missing  # type: ignore[name-defined]  # noqa: F821

    async def later(later: Any) -> None: ...

    later.__annotations__["later"] = Later
    with pytest.raises(RouteError, match="Missing"):
        app.add_route("/later", later, ["POST"])
