"""The error bodies of the document are those that the app's error handlers send (ERG-11)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from flasgo import (
    Blueprint,
    Flasgo,
    HTTPException,
    IsAuthenticated,
    Request,
    Response,
    User,
    authorize,
    bearer_token_backend,
)
from openapi_spec_validator import validate

from tests.conftest import Connect


class Problem(msgspec.Struct):
    reason: str


class Detail(msgspec.Struct):
    why: str


class Order(msgspec.Struct):
    number: int


async def show(number: int, limit: int = 5) -> Order:
    return Order(number)


def bodies(document: dict[str, Any], path: str, method: str = "get") -> dict[str, Any]:
    """Return the error contents of an operation by status."""
    responses = document["paths"][path][method]["responses"]
    return {status: each.get("content") for status, each in responses.items() if status >= "400"}


def reference(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def test_each_status_has_the_body_of_its_handler(connect: Connect) -> None:
    app = Flasgo(responses={409: "A conflict.", 410: Detail})
    shop = Blueprint("shop", "/shop")

    @app.errorhandler(HTTPException)
    async def any_error(error: HTTPException) -> Problem:
        return Problem("any")

    @app.errorhandler(422)
    def invalid(error: HTTPException) -> tuple[Detail, int]:
        return Detail("invalid"), 422

    @shop.errorhandler(404)
    def missing(error: HTTPException) -> str:
        return "<h1>Missing</h1>"

    @shop.errorhandler(400)
    def untold(error: HTTPException):
        return {"x": 1}

    app.get("/orders/<int:number>")(show)
    shop.get("/orders/<int:number>")(show)
    app.register_blueprint(shop)
    document = app.openapi_spec()
    validate(document)
    found = bodies(document, "/orders/{number}")
    assert found == {
        "400": reference("Problem"),
        "404": reference("Problem"),
        "409": reference("Problem"),
        "410": reference("Detail"),
        "422": reference("Detail"),
    }
    found = bodies(document, "/shop/orders/{number}")
    assert found["404"] == {"text/html": {"schema": {"type": "string"}}}
    assert found["400"] is None
    assert set(document["components"]["schemas"]) == {"Detail", "Order", "Problem"}
    # And they are what is sent.
    client = connect(app)
    assert client.get("/orders/1?limit=x").json() == {"why": "invalid"}
    assert client.get("/orders/99999999999999999999").json() == {"reason": "any"}


def test_errors_that_plugins_add_have_them_too() -> None:
    app = Flasgo()
    app.register_auth_backend("bearer", bearer_token_backend({"t" * 20: User("ann")}))

    @app.errorhandler(401)
    def unknown(request: Request, error: HTTPException) -> Problem:
        return Problem("who?")

    @app.get("/")
    @authorize(IsAuthenticated())
    async def guarded() -> None: ...

    document = app.openapi_spec()
    validate(document)
    found = bodies(document, "/")
    assert found["401"] == reference("Problem")
    assert set(found["403"]) == {"application/json", "application/problem+json"}
    assert "WWW-Authenticate" in document["paths"]["/"]["get"]["responses"]["401"]["headers"]


async def show_nothing() -> None: ...


@pytest.mark.parametrize("annotation", [Response, Any, "Missing", object, None])
def test_a_handler_that_does_not_tell_leaves_no_promise(annotation: object) -> None:
    def handler(error):
        return "x"

    handler.__annotations__["return"] = annotation
    app = Flasgo(discover=False)
    app.errorhandler(404)(handler)
    app.get("/<int:number>")(show)
    document = app.openapi_spec()
    validate(document)
    assert bodies(document, "/{number}")["404"] is None
    assert "Error" in document["components"]["schemas"]


def test_schemas_that_nothing_refers_to_are_left_out() -> None:
    app = Flasgo(discover=False)
    app.get("/")(show_nothing)
    assert app.openapi_spec()["components"] == {"schemas": {}}
