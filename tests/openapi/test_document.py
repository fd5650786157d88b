"""The OpenAPI document (OA-1): valid, and nothing but what the app really does."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
import pytest
from flasgo import (
    AllowAny,
    Blueprint,
    Body,
    Converter,
    Cookie,
    Depends,
    Flasgo,
    Form,
    HasScope,
    Header,
    Path,
    Query,
    Request,
    Response,
    UploadedFile,
    User,
    WebSocket,
    bearer_token_backend,
    csrf_exempt,
    hookimpl,
    jsonify,
)
from openapi_spec_validator import validate

MakeApp = Callable[..., Flasgo]


class Kind(Enum):
    """What it is."""

    TEA = "tea"
    PIE = "pie"


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """Something to order."""

    sku: Annotated[str, msgspec.Meta(min_length=1, description="Its number.", examples=["A-1"])]
    price: Decimal
    kind: Kind = Kind.TEA


class Order(msgspec.Struct):
    items: list[Item]
    when: date
    placed: list[datetime] = []
    paid: datetime | None = None


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


@dataclasses.dataclass
class Filters:
    q: str
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    tags: list[str] = dataclasses.field(default_factory=list)


class Summary(TypedDict):
    total: int


class Error(msgspec.Struct):
    """A user's own class of that name."""

    reason: str


class Slug(Converter):
    schema = {"type": "string", "pattern": "^[a-z-]+$"}


def current_user(
    session_id: Annotated[str, Cookie(description="Who.")],
    x_trace: Annotated[UUID | None, Header()] = None,
) -> str:
    return session_id


async def tags_of(file: UploadedFile) -> AsyncIterator[int]:
    yield 1


def everything(app: Flasgo) -> Flasgo:
    """Register one handler for each feature."""
    typed_routes(app)
    plain_routes(app)
    return app


def typed_routes(app: Flasgo) -> None:
    app.add_converter("slug", Slug())

    @app.get("/items/<slug:name>/<int:number>/<uuid:key>/<path:rest>", tags=["items"])
    async def show(
        name: str,
        number: Annotated[int, msgspec.Meta(le=99)],
        key: UUID,
        rest: Annotated[str, Path(description="Where in it.", examples=["a/b"])],
        request: Request,
        filters: Annotated[Filters, Query()],
        since: datetime | None = None,
        kind: Literal["a", "b"] = "a",
    ) -> Item | None:
        """Show an item.

        In all its beauty.

        Args:
            name: What it is called.
            since: Not before this.

        Returns:
            The item.

        Example:
            {"sku": "A-1", "price": "1.50", "kind": "tea"}
        """

    @app.post("/orders", response_model=Order, status_code=201, responses={409: Error})
    async def create(order: Order, who: Annotated[str, Depends(current_user)]) -> Order:
        """Order something.

        Example:
            ```json
            {"items": [], "when": "2024-02-29"}
            ```
        """
        return order

    @app.put("/orders/<int:number>")
    async def change(
        number: int,
        item: Annotated[Item, Body(description="What.", examples=[Item("x", Decimal(1))])],
        note: Annotated[str, Body()] = "",
    ) -> Summary:
        raise NotImplementedError

    @app.patch("/orders/<int:number>", deprecated=True, summary="Own", description="words")
    async def patch(number: int, pet: Cat | Dog | None = None) -> Response:
        """Not shown."""
        return jsonify(pet)


def plain_routes(app: Flasgo) -> None:
    @app.post("/contact")
    async def contact(
        name: Annotated[str, Form(description="Yours.")], age: Annotated[int | None, Form()] = None
    ) -> str:
        raise NotImplementedError

    @app.post("/upload")
    async def upload(
        cover: UploadedFile,
        filters: Annotated[Filters, Form()],
        pages: list[UploadedFile] | None = None,
    ) -> None: ...

    @app.route("/both", methods=["GET", "POST"])
    async def both() -> dict[str, int]:
        raise NotImplementedError

    @app.get("/stream")
    async def stream() -> AsyncIterator[str]:
        yield ""

    @app.get("/tuple")
    async def pair() -> tuple[str, int]:
        raise NotImplementedError

    @app.get("/raw", responses={304: "Nothing new.", 410: "It is gone."})
    async def raw() -> bytes:
        raise NotImplementedError

    @app.get("/hidden", include_in_schema=False)
    async def hidden() -> str:
        raise NotImplementedError

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None: ...


@pytest.fixture
def document(make_bundle_app: MakeApp) -> dict[str, Any]:
    return everything(make_bundle_app(API_VERSION="2.0", API_DESCRIPTION="*Shop*")).openapi_spec()


def operation(document: dict[str, Any], path: str, method: str = "get") -> dict[str, Any]:
    return document["paths"][path][method]


def schema(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a JSON body, its reference resolved."""
    found = content["application/json"]["schema"]
    while "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def test_an_app_that_uses_everything_has_a_valid_document(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {"title": "shop", "version": "2.0", "description": "*Shop*"}


def test_an_app_without_routes_has_a_valid_document(make_app: MakeApp) -> None:
    app = make_app(API_TITLE="Empty")
    validate(app.openapi_spec())
    assert app.openapi_spec()["info"]["title"] == "Empty"


def test_all_routes_are_there_but_hidden_ones_and_websockets(document: dict[str, Any]) -> None:
    assert {path: sorted(item) for path, item in document["paths"].items()} == {
        "/items/{name}/{number}/{key}/{rest}": ["get"],
        "/orders": ["post"],
        "/orders/{number}": ["patch", "put"],
        "/contact": ["post"],
        "/upload": ["post"],
        "/both": ["get", "post"],
        "/stream": ["get"],
        "/tuple": ["get"],
        "/raw": ["get"],
    }


def test_operation_ids_are_unique(make_app: MakeApp) -> None:
    app = make_app()

    async def view() -> str:

        raise NotImplementedError

    app.add_route("/a", view, ["GET", "POST"])
    app.add_route("/b", view, endpoint="view_get")
    app.add_route("/c", view, endpoint="a b/c")
    app.add_route("/d", view, endpoint="a_b_c")
    document = app.openapi_spec()
    validate(document)
    ids = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert ids == ["view_get", "view_post", "view_get_2", "a_b_c", "a_b_c_2"]


def test_parameters_are_what_the_call_plan_takes(document: dict[str, Any]) -> None:
    parameters = operation(document, "/items/{name}/{number}/{key}/{rest}")["parameters"]
    told = {(each["in"], each["name"]): each for each in parameters}
    assert list(told) == [
        ("path", "name"),
        ("path", "number"),
        ("path", "key"),
        ("path", "rest"),
        ("query", "q"),
        ("query", "limit"),
        ("query", "tags"),
        ("query", "since"),
        ("query", "kind"),
    ]
    assert told["path", "name"]["schema"] == {"type": "string", "pattern": "^[a-z-]+$"}
    assert told["path", "name"]["description"] == "What it is called."
    assert told["path", "number"]["schema"] == {"type": "integer", "maximum": 99}
    assert told["path", "key"]["schema"] == {"type": "string", "format": "uuid"}
    assert told["path", "rest"]["description"] == "Where in it."
    assert told["path", "rest"]["examples"] == {"example_1": {"value": "a/b"}}
    assert all(told["path", name]["required"] for name in ("name", "number", "key", "rest"))
    assert told["query", "q"]["required"] is True
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    assert told["query", "limit"]["schema"] == limit
    assert told["query", "tags"]["schema"] == {"type": "array", "items": {"type": "string"}}
    # No null: what is left out is left out.
    assert told["query", "since"]["schema"] == {"type": "string", "format": "date-time"}
    assert told["query", "since"]["description"] == "Not before this."
    kind = {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert told["query", "kind"]["schema"] == kind
    assert "required" not in told["query", "kind"]


def test_a_path_parameter_is_described_as_the_handler_takes_it(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/<number>/<ratio>/<int:whole>/<int:exact>")
    async def handler(number: int, ratio: float, whole: int, exact: Decimal) -> None: ...

    parameters = app.openapi_spec()["paths"]["/{number}/{ratio}/{whole}/{exact}"]["get"][
        "parameters"
    ]
    assert [each["schema"].get("type") for each in parameters] == [
        "integer",
        "number",
        "integer",
        ["string", "number"],
    ]
    assert [each["schema"].get("minimum") for each in parameters] == [None, None, 0, None]


def test_parameters_of_dependencies_are_those_of_the_operation(document: dict[str, Any]) -> None:
    assert [
        (each["in"], each["name"], each.get("required", False), each.get("description"))
        for each in operation(document, "/orders", "post")["parameters"]
    ] == [("cookie", "session_id", True, "Who."), ("header", "x-trace", False, None)]


def test_bodies(document: dict[str, Any]) -> None:
    body = operation(document, "/orders", "post")["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["examples"] == {
        "example_1": {"value": {"items": [], "when": "2024-02-29"}}
    }
    properties = schema(document, body["content"])["properties"]
    assert set(properties) == {"items", "when", "placed", "paid"}
    moment = {"type": "string", "format": "date-time"}
    assert properties["placed"]["items"] == moment
    assert moment in properties["paid"]["anyOf"]

    several = schema(
        document, operation(document, "/orders/{number}", "put")["requestBody"]["content"]
    )
    assert several["required"] == ["item"]
    assert set(several["properties"]) == {"item", "note"}

    optional = operation(document, "/orders/{number}", "patch")["requestBody"]
    assert optional["required"] is False
    assert "discriminator" in str(schema(document, optional["content"]))


def test_forms(document: dict[str, Any]) -> None:
    body = operation(document, "/contact", "post")["requestBody"]
    assert set(body["content"]) == {"application/x-www-form-urlencoded", "multipart/form-data"}
    form = body["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["name"]
    assert form["properties"]["name"] == {"type": "string", "description": "Yours."}
    upload = operation(document, "/upload", "post")["requestBody"]
    assert set(upload["content"]) == {"multipart/form-data"}
    form = upload["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["cover"] == {"type": "string", "format": "binary"}
    assert form["properties"]["pages"]["items"] == {"type": "string", "format": "binary"}
    assert form["required"] == ["cover", "q"]


def test_successes(document: dict[str, Any]) -> None:
    def answers(path: str, method: str = "get") -> dict[str, Any]:
        return operation(document, path, method)["responses"]

    show = answers("/items/{name}/{number}/{key}/{rest}")
    assert show["200"]["description"] == "The item."
    assert show["200"]["content"]["application/json"]["examples"]["example_1"]["value"]["sku"]
    assert schema(document, show["200"]["content"])["title"] == "Item"
    assert "content" not in show["204"]
    assert schema(document, answers("/orders", "post")["201"]["content"])["title"] == "Order"
    assert schema(document, answers("/orders", "post")["409"]["content"])["title"] == "Error"
    assert "text/html" in answers("/contact", "post")["200"]["content"]
    assert [status for status in answers("/upload", "post") if status < "300"] == ["204"]
    for path in ("/stream", "/tuple"):
        assert "content" not in answers(path)["200"]
    assert "application/octet-stream" in answers("/raw")["200"]["content"]
    assert answers("/raw")["304"] == {"description": "Nothing new."}
    assert "application/problem+json" in answers("/raw")["410"]["content"]
    assert schema(document, answers("/both")["200"]["content"]) == {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }


def test_summaries_and_descriptions(document: dict[str, Any]) -> None:
    show = operation(document, "/items/{name}/{number}/{key}/{rest}")
    assert show["summary"] == "Show an item."
    assert show["description"] == "In all its beauty."
    assert show["tags"] == ["items"]
    assert document["tags"] == [{"name": "items"}]
    patch = operation(document, "/orders/{number}", "patch")
    assert (patch["summary"], patch["description"]) == ("Own", "words")
    assert patch["deprecated"] is True


def test_classes_of_one_name_are_told_apart(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    ours = [name for name, each in schemas.items() if each.get("title") == "Error"]
    assert len(ours) == 2
    refusal = operation(document, "/contact", "post")["responses"]["403"]["content"]
    assert set(schema(document, refusal)["properties"]) == {"error", "detail"}


# --- Errors that can happen ---------------------------------------------------------------------


def statuses(document: dict[str, Any], path: str, method: str = "get") -> list[int]:
    return [int(status) for status in operation(document, path, method)["responses"]]


def test_errors_appear_where_they_can_happen_and_nowhere_else(make_app: MakeApp) -> None:
    document = everything(make_app()).openapi_spec()
    validate(document)
    body = [400, 408, 413, 415, 422]
    assert statuses(document, "/both") == [200]
    assert statuses(document, "/items/{name}/{number}/{key}/{rest}") == [200, 204, 400, 404, 422]
    assert statuses(document, "/orders", "post") == [201, 400, 408, 409, 413, 415, 422]
    assert statuses(document, "/orders/{number}", "put") == [200, 400, 404, 408, 413, 415, 422]
    assert statuses(document, "/contact", "post") == [200, *body]
    assert "securitySchemes" not in document["components"]


def test_plugins_add_their_own_refusals(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app(SECURITY_FAILURE_RATE_LIMIT=20)
    app.register_auth_backend("token", bearer_token_backend(lambda token: None))
    app.register_auth_backend("other", lambda request: User(id="x"), challenge="Basic")

    @app.get("/open")
    @app.authorize(AllowAny())
    async def open_to_all() -> str:
        raise NotImplementedError

    @app.get("/guarded")
    @app.authorize(HasScope("read", "write"), backend="token")
    @app.ratelimit(5, per=60)
    async def guarded() -> str:
        raise NotImplementedError

    @app.post("/any")
    @app.authorize()
    async def anyone() -> str:
        raise NotImplementedError

    @app.post("/hook")
    @csrf_exempt
    async def hook() -> str:
        raise NotImplementedError

    document = app.openapi_spec()
    validate(document)
    assert statuses(document, "/open") == [200, 400, 429]
    assert statuses(document, "/guarded") == [200, 400, 401, 403, 429]
    assert statuses(document, "/any", "post") == [200, 400, 401, 403, 429]
    assert statuses(document, "/hook", "post") == [200, 400, 429]
    assert operation(document, "/guarded")["security"] == [{"token": ["read", "write"]}]
    assert operation(document, "/any", "post")["security"] == [{"token": []}, {"other": []}]
    assert "security" not in operation(document, "/open")
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    quota = operation(document, "/guarded")["responses"]["429"]
    assert {"Retry-After", "RateLimit-Remaining"} <= set(quota["headers"])
    assert "5 per 60 s" in quota["description"]
    denied = operation(document, "/any", "post")["responses"]["403"]["description"]
    assert "another site" in denied
    assert "IsAuthenticated" in denied


def test_switched_off_protections_are_not_described(make_bundle_app: MakeApp) -> None:
    app = make_bundle_app(CSRF_ENABLED=False)

    @app.post("/x")
    async def handler() -> str:
        raise NotImplementedError

    assert statuses(app.openapi_spec(), "/x", "post") == [200, 400]


# --- Plugins, and paths that are the same --------------------------------------------------------


def test_any_plugin_may_add_to_the_document(make_app: MakeApp) -> None:
    class Support:
        @hookimpl
        def openapi_document(self, document: dict[str, Any]) -> None:
            document["info"]["contact"] = {"name": "Support"}

    document = make_app(Support()).openapi_spec()
    validate(document)
    assert document["info"]["contact"] == {"name": "Support"}


def test_rules_that_differ_in_names_only_are_one_path(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.get("/x/<int:number>")
    async def by_number(number: int) -> str:
        raise NotImplementedError

    @app.delete("/x/<name>")
    async def by_name(name: Annotated[str, Path(description="Its name.")]) -> str:
        raise NotImplementedError

    @app.get("/x/<key>")
    async def shadowed(key: str) -> str:
        raise NotImplementedError

    with caplog.at_level(logging.WARNING):
        document = app.openapi_spec()
    validate(document)
    assert list(document["paths"]) == ["/x/{number}"]
    deletion = operation(document, "/x/{number}", "delete")
    assert [(each["name"], each["description"]) for each in deletion["parameters"]] == [
        ("number", "Its name.")
    ]
    assert "/x/<key>" in caplog.text


def test_tags_may_be_members_of_an_enum(make_app: MakeApp) -> None:
    class Group(Enum):
        TEAS = "teas"

    app = make_app()
    app.add_route("/", lambda: "x", endpoint="a", tags=[Group.TEAS])  # ty: ignore[invalid-argument-type]
    document = app.openapi_spec()
    assert document["paths"]["/"]["get"]["tags"] == ["teas"]
    assert document["tags"] == [{"name": "teas"}]


def test_the_document_is_made_anew(make_app: MakeApp) -> None:
    app = make_app()
    app.openapi_spec()["paths"]["/junk"] = {}
    app.add_route("/a", lambda: "x", endpoint="a")
    assert list(app.openapi_spec()["paths"]) == ["/a"]


def test_annotations_that_no_document_can_hold_do_no_harm(make_app: MakeApp) -> None:
    class Strange:
        pass

    app = make_app()

    async def handler() -> object:

        raise NotImplementedError

    handler.__annotations__["return"] = Strange
    app.add_route("/a", handler)

    async def other() -> object:

        raise NotImplementedError

    other.__annotations__["return"] = "Missing"
    app.add_route("/b", other)
    validate(app.openapi_spec())


def test_blueprints_and_hosts(make_app: MakeApp) -> None:
    app = make_app()
    shop = Blueprint("shop", prefix="/shop")

    @shop.get("/items/<int:number>", tags=["shop"], response_model=Summary)
    async def item(number: int) -> Summary:
        raise NotImplementedError

    @app.get("/home", host="<tenant>.example.com")
    async def home(tenant: str) -> str:
        raise NotImplementedError

    app.register_blueprint(shop)
    document = app.openapi_spec()
    validate(document)
    told = operation(document, "/shop/items/{number}")
    assert (told["operationId"], told["tags"]) == ("shop.item", ["shop"])
    assert "parameters" not in operation(document, "/home")
