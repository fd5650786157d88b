"""Types that plugins add: `registry.encodes` and `registry.models` (PLUG-11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from flasgo import Body, Flasgo, Form, PluginError, Query, Response, RouteError, hookimpl
from flasgo.plugin import ModelAdapter, ModelError, ModelField
from openapi_spec_validator import validate

from tests.conftest import Connect


def declaring(name: str, declare: Callable[[Any], None]) -> Any:
    def plugin_setup(self: object, registry: Any) -> None:
        declare(registry)

    return type("Declaring", (), {"name": name, "plugin_setup": hookimpl(plugin_setup)})()


# --- encodes -----------------------------------------------------------------------------------


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Euros(Money):
    pass


@dataclass
class Offer:
    name: str
    price: Money


def money(registry: Any) -> None:
    registry.encodes(Money, lambda value: f"{value.cents / 100:.2f}", schema={"type": "string"})


def test_values_of_the_type_leave_wherever_they_stand(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(declaring("money", money))
    app.add_route("/deep", lambda: {"offers": [Offer("tea", Money(250))]}, endpoint="deep")
    app.add_route("/own", lambda: Response.json(Euros(99)), endpoint="own")

    @app.get("/typed", response_model=Offer)
    async def typed() -> Offer:
        return Offer("tea", Money(250))

    client = connect(app)
    assert client.get("/deep").json() == {"offers": [{"name": "tea", "price": "2.50"}]}
    assert client.get("/own").json() == "0.99"


def test_another_app_does_not_know_the_type(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    make_app(declaring("money", money))
    other = make_app()
    other.add_route("/", lambda: {"price": Money(1)}, endpoint="index")
    assert connect(other).get("/").status_code == 500


def test_the_description_has_the_schema(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(declaring("money", money))

    @app.get("/")
    async def offers() -> list[Offer]:
        return []

    document = app.openapi_spec()
    validate(document)
    price = document["components"]["schemas"]["Offer"]["properties"]["price"]
    assert price == {"type": "string"}


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda r: r.encodes("x", str), "was given 'x'; give it a class"),
        (lambda r: r.encodes(Money, 5), "was given 5; use def"),
        (lambda r: r.encodes(str, str), "str have a form in JSON already"),
        (
            lambda r: (r.encodes(Money, str), r.models(object())),
            "no method handles, prepare, decode",
        ),
    ],
)
def test_misuse_is_an_error_at_set_up(
    make_app: Callable[..., Flasgo], declare: Any, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        make_app(declaring("p", declare))


def test_a_type_has_one_encoder(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(PluginError, match="'a' and 'b' both bring the encoding of"):
        make_app(declaring("a", money), declaring("b", money))


# --- models, with pydantic's -------------------------------------------------------------------


class PydanticModels(ModelAdapter):
    """Adapts pydantic's models, as flasgo-pydantic does."""

    def handles(self, kind: type) -> bool:
        return issubclass(kind, pydantic.BaseModel)

    def decode(self, kind: Any, data: Any) -> Any:
        try:
            return kind.model_validate(data)
        except pydantic.ValidationError as error:
            problems = [(each["loc"], each["msg"]) for each in error.errors(include_input=False)]
            raise ModelError(problems) from error

    def encode(self, value: Any) -> Any:
        return value.model_dump(mode="json")

    def schema(self, kind: Any) -> Mapping[str, Any]:
        return kind.model_json_schema()

    def fields(self, kind: Any) -> Iterable[ModelField]:
        for name, field in kind.model_fields.items():
            yield ModelField(
                field.alias or name, field.annotation, field.is_required(), field.default
            )


class Address(pydantic.BaseModel):
    city: str


class User(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2)
    age: int
    tags: list[str] = []
    address: Address | None = None


class PublicUser(pydantic.BaseModel):
    name: str


@dataclass
class Team:
    title: str
    members: list[User]


@pytest.fixture
def app(make_app: Callable[..., Flasgo]) -> Flasgo:
    app = make_app(declaring("pydantic", lambda registry: registry.models(PydanticModels())))

    @app.post("/users")
    async def create(user: User) -> User:
        return user

    @app.post("/many")
    async def many(users: list[User]) -> list[User]:
        return users

    @app.post("/teams")
    async def team(team: Team) -> dict[str, Any]:
        return {"title": team.title, "first": team.members[0]}

    @app.post("/public", response_model=PublicUser)
    async def public(user: User) -> User:
        return user

    @app.post("/form")
    async def form(user: Annotated[User, Form()]) -> User:
        return user

    @app.get("/search")
    async def search(user: Annotated[User, Query()]) -> User:
        return user

    return app


ANN = {"name": "Ann", "age": 41, "tags": [], "address": {"city": "Bonn"}}


def test_models_are_bodies_and_answers(app: Flasgo, connect: Connect) -> None:
    client = connect(app)
    assert client.post("/users", json=ANN).json() == ANN
    assert client.post("/many", json=[ANN, ANN]).json() == [ANN, ANN]
    answer = client.post("/teams", json={"title": "a", "members": [ANN]})
    assert answer.json() == {"title": "a", "first": ANN}


def test_routes_tell_which_models_they_use(app: Flasgo) -> None:
    found = {
        route.path: [
            (stage.plugin, stage.reason) for stage in app.explain(route) if stage.stage == "models"
        ]
        for route in app.routes
    }
    assert found["/users"] == found["/many"] == found["/form"] == [("pydantic", "User")]
    assert found["/teams"] == [("pydantic", "User")]
    assert found["/public"] == [("pydantic", "PublicUser, User")]


def test_a_response_model_keeps_the_rest_back(app: Flasgo, connect: Connect) -> None:
    assert connect(app).post("/public", json=ANN).json() == {"name": "Ann"}


def test_models_are_forms_and_queries(app: Flasgo, connect: Connect) -> None:
    client = connect(app)
    expected = {"name": "Ann", "age": 41, "tags": ["a", "b"], "address": None}
    sent = {"name": "Ann", "age": "41", "tags": ["a", "b"]}
    assert client.post("/form", data=sent).json() == expected
    assert client.get("/search?name=Ann&age=41&tags=a&tags=b").json() == expected
    answer = client.get("/search?name=A&age=x")
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [
        ["query", "name"],
        ["query", "age"],
    ]
    assert client.get("/search?age=1").json()["errors"][0]["loc"] == ["query", "name"]


def test_what_is_wrong_is_told_where_it_stands(app: Flasgo, connect: Connect) -> None:
    client = connect(app)
    answer = client.post("/users", json={"name": "A", "age": "old", "address": {}})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [
        ["body", "name"],
        ["body", "age"],
        ["body", "address", "city"],
    ]
    answer = client.post("/many", json=[ANN, {"name": "Bob"}])
    assert [error["loc"] for error in answer.json()["errors"]] == [["body", 1, "age"]]
    answer = client.post("/teams", json={"title": 5, "members": [{"name": "Bob", "age": 1}, {}]})
    assert [error["loc"] for error in answer.json()["errors"]] == [
        ["body", "title"],
        ["body", "members", 1, "name"],
        ["body", "members", 1, "age"],
    ]
    for body in ("[]", "5", "null", '"x"'):
        answer = client.post("/users", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, body


def test_models_are_described(app: Flasgo) -> None:
    document = app.openapi_spec()
    validate(document)
    body = document["paths"]["/users"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/User"}
    schemas = document["components"]["schemas"]
    assert schemas["User"]["properties"]["name"]["minLength"] == 2
    address = schemas["User"]["properties"]["address"]["anyOf"][0]
    assert address == {"$ref": "#/components/schemas/Address"}
    assert schemas["Address"]["required"] == ["city"]
    assert schemas["Team"]["properties"]["members"]["items"] == body["schema"]
    names = {p["name"] for p in document["paths"]["/search"]["get"]["parameters"]}
    assert names == {"name", "age", "tags", "address"}


class Node(pydantic.BaseModel):
    children: list[Node] = []


def test_a_model_that_refers_to_itself_is_described(app: Flasgo) -> None:
    @app.post("/nodes")
    async def create_node(node: Node) -> Node:
        return node

    document = app.openapi_spec()
    validate(document)
    items = document["components"]["schemas"]["Node"]["properties"]["children"]["items"]
    assert items == {"$ref": "#/components/schemas/Node"}


def test_two_classes_of_one_name_keep_apart(app: Flasgo) -> None:
    class Address(pydantic.BaseModel):
        street: str

    class Shop(pydantic.BaseModel):
        address: Address

    @app.post("/shops")
    async def create_shop(shop: Shop) -> Shop:
        return shop

    document = app.openapi_spec()
    validate(document)
    schemas = document["components"]["schemas"]
    there = schemas["Shop"]["properties"]["address"]["$ref"].rpartition("/")[2]
    assert schemas[there]["required"] == ["street"]
    here = schemas["User"]["properties"]["address"]["anyOf"][0]["$ref"].rpartition("/")[2]
    assert schemas[here]["required"] == ["city"]


def test_without_the_plugin_the_error_says_what_to_install(
    make_app: Callable[..., Flasgo],
) -> None:
    async def create(user: User) -> None: ...
    async def create_many(users: list[User]) -> None: ...
    async def create_some(users: dict[str, User] | None = None) -> None: ...

    for handler in (create, create_many, create_some):
        with pytest.raises(RouteError, match="pip install flasgo-pydantic"):
            make_app().add_route("/", handler, ["POST"])


def test_a_model_that_a_handler_returns_says_what_to_install(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/", lambda: {"user": User(name="Al", age=1)}, endpoint="index")
    error = connect(app).get("/").extensions["exception"]
    assert "type User is unsupported: `pip install flasgo-pydantic` for pydantic" in str(error)


def test_types_that_msgspec_knows_never_come_to_plugins(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    asked: list[object] = []

    class Adapter(PydanticModels):
        def decode(self, kind: Any, data: Any) -> Any:
            asked.append(kind)
            return super().decode(kind, data)

        def encode(self, value: Any) -> Any:
            asked.append(value)
            return super().encode(value)

    class Item(msgspec.Struct):
        name: str

    app = make_app(declaring("pydantic", lambda registry: registry.models(Adapter())))

    async def create(item: Item) -> Item:
        return item

    app.add_route("/", create, ["POST"], endpoint="create")
    assert connect(app).post("/", json={"name": "x"}).json() == {"name": "x"}
    assert asked == []


# --- Types that an adapter takes as a whole ----------------------------------------------------


class WholeTypes(PydanticModels):
    """Takes lists and unions of models as a whole."""

    def __init__(self) -> None:
        self.types: dict[str, pydantic.TypeAdapter[Any]] = {}

    def handles(self, kind: type) -> bool:
        return super().handles(kind) or pydantic.dataclasses.is_pydantic_dataclass(kind)

    def prepare(self, kind: Any) -> bool:
        self.types[str(kind)] = pydantic.TypeAdapter(kind)
        return True

    def decode(self, kind: Any, data: Any) -> Any:
        try:
            return self.types[str(kind)].validate_python(data)
        except pydantic.ValidationError as error:
            problems = [(each["loc"], each["msg"]) for each in error.errors(include_input=False)]
            raise ModelError(problems) from None

    def decode_texts(self, kind: Any, texts: Mapping[str, Any]) -> Any:
        return self.decode(kind, {**texts, "seen": "as texts"})

    def shape(self, kind: Any, value: Any) -> bytes:
        shaped = self.types[str(kind)]
        return shaped.dump_json(shaped.validate_python(value, from_attributes=True))

    def schema(self, kind: Any) -> Mapping[str, Any]:
        return pydantic.TypeAdapter(kind).json_schema()

    def fields(self, kind: Any) -> Iterable[ModelField]:
        about = {"type": "string", "maxLength": 9, "description": "Words."}
        yield ModelField("text", str, schema=about)
        yield ModelField("count", int, False, 1, schema={"type": "integer"})


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    address: Address | None = None


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
CAT = {"kind": "cat", "address": None}


class Words(pydantic.BaseModel):
    text: str
    count: int = 1
    seen: str = ""


@pydantic.dataclasses.dataclass
class Point:
    x: int = pydantic.Field(ge=0)


@dataclass
class Path:
    points: list[Point]


@pytest.fixture
def whole(make_app: Callable[..., Flasgo]) -> Flasgo:
    # A type is prepared by this very adapter before a request has it: else a KeyError.
    app = make_app(declaring("pydantic", lambda registry: registry.models(WholeTypes())))

    @app.post("/pet")
    async def pet(pet: Pet) -> Any:
        return pet

    @app.post("/pets", response_model=list[Pet])
    async def pets(pets: list[Pet]) -> list[Any]:
        return [*pets, {"kind": "dog", "more": 1}]

    @app.post("/parts")
    async def parts(pet: Pet, words: Words, limit: Annotated[int, Body(ge=1)] = 1) -> Any:
        return {"pet": pet, "words": words}

    @app.post("/limited")
    async def limited(pets: Annotated[list[Cat], Body(max_length=1)]) -> Any:
        return pets

    @app.get("/words")
    async def words(words: Annotated[Words, Query()]) -> Any:
        return words

    return app


def test_unions_and_lists_of_models_are_bodies_and_answers(whole: Flasgo, connect: Connect) -> None:
    client = connect(whole)
    assert client.post("/pet", json=CAT).json() == CAT
    assert client.post("/pets", json=[CAT]).json() == [CAT, {"kind": "dog"}]
    parts = {"pet": {"kind": "dog"}, "words": {"text": "a", "count": 1, "seen": ""}}
    assert client.post("/parts", json=parts).json() == parts
    answer = client.post("/pets", json=[CAT, {"kind": "cow"}])
    assert answer.json()["errors"][0]["loc"] == ["body", 1]
    answer = client.post("/parts", json={"pet": {}, "words": {}, "limit": 0})
    assert [error["loc"] for error in answer.json()["errors"]] == [
        ["body", "pet"],
        ["body", "words", "text"],
        ["body", "limit"],
    ]


@pytest.mark.parametrize("body", ['{"kind": NaN}', "[1,]", "{", '{"kind":"cat"} x'])
def test_an_adapter_gets_valid_json_only(whole: Flasgo, connect: Connect, body: str) -> None:
    headers = {"content-type": "application/json"}
    assert connect(whole).post("/pet", content=body, headers=headers).status_code == 400


def test_a_constraint_of_msgspecs_is_left_to_msgspec(whole: Flasgo, connect: Connect) -> None:
    client = connect(whole)
    assert client.post("/limited", json=[CAT]).json() == [CAT]
    assert client.post("/limited", json=[CAT, CAT]).status_code == 422


def test_texts_are_told_from_json(whole: Flasgo, connect: Connect) -> None:
    answer = connect(whole).get("/words?text=a")
    assert answer.json() == {"text": "a", "count": 1, "seen": "as texts"}


def test_an_empty_text_is_missing_where_it_can_be_no_value(whole: Flasgo, connect: Connect) -> None:
    answer = connect(whole).get("/words?text=&count=")
    assert answer.json() == {"text": "", "count": 1, "seen": "as texts"}


def test_what_is_missing_is_told_with_the_rest(whole: Flasgo, connect: Connect) -> None:
    answer = connect(whole).get("/words?count=x")
    assert [each["loc"] for each in answer.json()["errors"]] == [
        ["query", "text"],
        ["query", "count"],
    ]


def test_definitions_within_whole_types_are_components(whole: Flasgo) -> None:
    document = whole.openapi_spec()
    validate(document)
    paths = document["paths"]
    body = paths["/pet"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    there = {"cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog"}
    assert body["discriminator"]["mapping"] == there
    assert body["oneOf"] == [{"$ref": reference} for reference in there.values()]
    assert document["components"]["schemas"]["Address"]["required"] == ["city"]
    parameter, count = paths["/words"]["get"]["parameters"]
    assert count["schema"] == {"type": "integer"}
    assert parameter["schema"]["maxLength"] == 9
    assert parameter["description"] == "Words."


def test_a_class_that_msgspec_would_read_without_its_family_is_refused(whole: Flasgo) -> None:
    async def path(path: Path) -> None: ...

    with pytest.raises(RouteError, match=r"holds a .*Point.* of another family within a class"):
        whole.add_route("/path", path, ["POST"])

    @whole.post("/points")
    async def points(points: list[Point]) -> Any:
        return points


@dataclass
class Limited:
    amount: Annotated[int, pydantic.Field(ge=1)]


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[int, pydantic.Field(ge=1)],
        pydantic.PositiveInt,
        Annotated[int, pydantic.Field(ge=1)] | None,
        list[Annotated[str, pydantic.StringConstraints(max_length=2)]],
        Limited,
    ],
)
def test_a_constraint_that_nothing_checks_is_refused(
    make_app: Callable[..., Flasgo], whole: Flasgo, annotation: Any
) -> None:
    async def handler(amount: Any) -> None: ...

    handler.__annotations__["amount"] = annotation
    for app in (make_app(), whole):
        with pytest.raises(RouteError, match=r"'amount'.*which nothing checks here; write Query"):
            app.add_route("/limited-amounts", handler, ["POST"])


def test_a_constraint_of_models_says_what_to_install(make_app: Callable[..., Flasgo]) -> None:
    async def handler(pet: Pet) -> None: ...

    with pytest.raises(RouteError, match="pip install flasgo-pydantic"):
        make_app().add_route("/pets", handler, ["POST"])


class Unfinished(WholeTypes):
    """Meets a class with a name that stands for nothing."""

    def prepare(self, kind: Any) -> bool:
        raise NameError("name 'Missing' is not defined")


def test_what_an_adapter_raises_names_the_route(make_app: Callable[..., Flasgo]) -> None:
    app = make_app(declaring("pydantic", lambda registry: registry.models(Unfinished())))

    async def handler(body: Any) -> None: ...

    for annotation in (User, list[User], Annotated[User, Query()]):
        handler.__annotations__["body"] = annotation
        with pytest.raises(RouteError, match=r"Route '/unfinished': parameter 'body'.*Missing"):
            app.add_route("/unfinished", handler, ["POST"])
    with pytest.raises(RouteError, match=r"Route '/unfinished': response_model.*Missing"):
        app.add_route("/unfinished", lambda: 1, endpoint="unfinished", response_model=list[User])
