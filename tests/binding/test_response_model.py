"""`response_model=` and `status_code=`: what leaves is filtered and validated (REQ-7)."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

import msgspec
import pytest
from flasgo import Flasgo, Response, RouteError
from flasgo_testing import TestClient


class Public(msgspec.Struct):
    id: int
    name: Annotated[str, msgspec.Meta(max_length=10)] = "anon"


class Private(Public):
    password: str = "hunter2"


class Camel(msgspec.Struct, rename="camel"):
    created_at: datetime


class Inner(msgspec.Struct):
    owner: Public


class PublicDict(TypedDict):
    id: int


@dataclasses.dataclass
class Plain:
    id: int
    name: str
    password: str = "hunter2"


class Row:
    """Such as an ORM has."""

    def __init__(self) -> None:
        self.id, self.name, self.password = 1, "Ann", "hunter2"
        self.created_at = datetime(2024, 2, 29, tzinfo=UTC)


NOW = "2024-02-29T00:00:00Z"
ANN = {"id": 1, "name": "Ann"}


@pytest.mark.parametrize(
    ("model", "value", "expected"),
    [
        (Public, Public(1, "Ann"), ANN),
        (Public, Private(1, "Ann"), ANN),
        (Public, {**ANN, "password": "hunter2"}, ANN),
        (Public, Plain(1, "Ann"), ANN),
        (Public, Row(), ANN),
        (list[Public], [Private(1, "Ann"), Row()], [ANN, ANN]),
        (dict[str, Public], {"a": Private(1, "Ann")}, {"a": ANN}),
        (Public | None, None, None),
        (Camel, Row(), {"createdAt": NOW}),
        (Camel, {"createdAt": NOW}, {"createdAt": NOW}),
        (PublicDict, Private(1, "Ann"), {"id": 1}),
        # An instance of the model may carry more than the model says, deep inside.
        (Inner, Inner(Private(1, "Ann")), {"owner": ANN}),
        (int, 5, 5),
    ],
)
@pytest.mark.parametrize("is_async", [True, False])
def test_what_leaves_is_cut_to_the_model(
    app: Flasgo, client: TestClient, model: Any, value: object, expected: object, is_async: bool
) -> None:
    if is_async:

        async def handler() -> object:
            return value
    else:

        def handler() -> object:
            return value

    app.add_route("/", handler, response_model=model)
    answer = client.get("/")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == expected
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Public, Public("SECRET")),  # ty: ignore[invalid-argument-type]
        (Public, Public(1, "SECRET" * 10)),
        (Public, {"name": "SECRET"}),
        (Public, None),
        (Public, "SECRET"),
        (Public, object()),
        (list[Public], Public(1)),
        (Inner, Inner("SECRET")),  # ty: ignore[invalid-argument-type]
        (float, float("nan")),
    ],
)
def test_a_mismatch_is_a_logged_500_that_leaks_nothing(
    app: Flasgo, client: TestClient, caplog: pytest.LogCaptureFixture, model: Any, value: object
) -> None:
    @app.get("/", response_model=model)
    async def handler() -> object:
        return value

    answer = client.get("/")
    assert answer.status_code == 500
    assert "SECRET" not in answer.text
    assert isinstance(answer.extensions["exception"], TypeError)
    assert "response_model" in caplog.text
    assert "test_response_model.py" in caplog.text


def test_statuses_headers_and_finished_responses(app: Flasgo, client: TestClient) -> None:
    @app.get("/created", response_model=Public, status_code=201)
    async def created() -> Private:
        return Private(1)

    @app.get("/tuple", response_model=Public, status_code=201)
    async def pair() -> tuple[Private, int, dict[str, str]]:
        return Private(1), 202, {"location": "/1"}

    @app.get("/error", response_model=Public)
    async def error() -> tuple[dict[str, str], int]:
        return {"reason": "no"}, 409

    @app.get("/response", response_model=Public, status_code=201)
    async def response() -> Response:
        return Response.text("as it is")

    @app.get("/plain", status_code=202)
    async def plain() -> str:
        return "later"

    @app.get("/nothing", status_code=202)
    async def nothing() -> None:
        return None

    @app.get("/own", status_code=202)
    async def own() -> tuple[str, int]:
        return "now", 200

    answer = client.get("/created")
    assert (answer.status_code, answer.json()) == (201, {"id": 1, "name": "anon"})
    answer = client.get("/tuple")
    assert (answer.status_code, answer.headers["location"]) == (202, "/1")
    assert answer.json() == {"id": 1, "name": "anon"}
    answer = client.get("/error")
    assert (answer.status_code, answer.json()) == (409, {"reason": "no"})
    answer = client.get("/response")
    assert (answer.status_code, answer.text) == (200, "as it is")
    answer = client.get("/plain")
    assert (answer.status_code, answer.text) == (202, "later")
    answer = client.get("/nothing")
    assert (answer.status_code, answer.content) == (202, b"")
    assert client.get("/own").status_code == 200


class Unknown:
    """Nothing that msgspec can write."""


class Half(msgspec.Struct):
    amount: Missing  # noqa: F821  # ty: ignore[unresolved-reference]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"response_model": object()}, "response_model"),
        ({"response_model": Response}, "leave it out"),
        ({"response_model": list[Unknown]}, "has to hold a Unknown"),
        ({"response_model": Half}, "NameError.*Missing"),
        ({"status_code": 404}, "404 is not a status"),
        ({"status_code": True}, "True is not a status"),
        ({"responses": {99: "x"}}, "99 is not a status"),
        ({"tags": "admin"}, "tags='admin' is not a list"),
        ({"tags": [1]}, "tag 1 is not a str"),
        ({"respone_model": int}, "unknown option 'respone_model'.*Did you mean 'response_model'"),
        ({"dependencies": iter(())}, "is not a list"),
        ({"dependencies": [print]}, "'dependencies'.*print.*write Depends"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    app: Flasgo, options: dict[str, Any], match: str
) -> None:
    async def handler() -> None: ...

    with pytest.raises(RouteError, match=match) as caught:
        app.add_route("/x", handler, **options)
    assert "'/x'" in str(caught.value)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ((Private(1, "Ann"), {"x-a": "1"}), 202),
        ((Private(1, "Ann"), [("x-a", "1")]), 202),
        ((Private(1, "Ann"), "201 CREATED"), 201),
        ((Private(1, "Ann"), "201 CREATED", {"x-a": "1"}), 201),
        ((Private(1, "Ann"), None, {"x-a": "1"}), 202),
    ],
)
def test_every_form_of_tuple_is_cut_to_the_model(
    app: Flasgo, client: TestClient, result: object, status: int
) -> None:
    """SECURITY: a tuple that the filter did not know would carry the password."""
    app.add_route("/", lambda: result, endpoint="x", response_model=Public, status_code=202)
    answer = client.get("/")
    assert (answer.status_code, answer.json()) == (status, ANN)


def test_the_status_of_a_route_goes_with_a_tuple_of_body_and_headers(
    app: Flasgo, client: TestClient
) -> None:
    app.add_route("/", lambda: ("x", {"x-a": "1"}), endpoint="x", status_code=201)
    app.add_route("/r", lambda: (Response("x"), {"x-a": "1"}), endpoint="r", status_code=201)
    assert (client.get("/").status_code, client.get("/").headers["x-a"]) == (201, "1")
    assert client.get("/r").status_code == 200


def test_a_body_with_headers_is_cut_to_the_model(app: Flasgo, client: TestClient) -> None:
    class Public(msgspec.Struct):
        name: str

    @app.get("/cut", response_model=Public, status_code=201)
    async def cut() -> tuple[dict[str, str], dict[str, str]]:
        return {"name": "ann", "password": "SECRET"}, {"x-a": "b"}

    @app.get("/plain", status_code=202)
    async def plain() -> tuple[str, dict[str, str]]:
        return "text", {"x-a": "b"}

    answer = client.get("/cut")
    assert (answer.status_code, answer.json()) == (201, {"name": "ann"})
    assert answer.headers["x-a"] == "b"
    answer = client.get("/plain")
    assert (answer.status_code, answer.text, answer.headers["x-a"]) == (202, "text", "b")


# --- Numbers --------------------------------------------------------------------------------------


def test_a_number_that_is_announced_is_json(app: Flasgo, client: TestClient) -> None:
    @app.get("/bool")
    async def exists() -> bool:
        return True

    @app.get("/int", status_code=201)
    def count() -> int | None:
        return 5

    @app.get("/float")
    async def ratio() -> Annotated[float, "a share"]:
        return 0.5

    @app.get("/tuple")
    async def created() -> bool | tuple[bool, int]:
        return False, 201

    @app.get("/text")
    async def text() -> int | str:
        return "x"

    found = {path: client.get(path) for path in ("/bool", "/int", "/float", "/tuple", "/text")}
    assert [(each.status_code, each.text) for each in found.values()] == [
        (200, "true"),
        (201, "5"),
        (200, "0.5"),
        (201, "false"),
        (200, "x"),
    ]
    assert found["/bool"].headers["content-type"] == "application/json"
    paths = app.openapi_spec()["paths"]
    content = paths["/bool"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"type": "boolean"}


def test_a_number_that_is_not_announced_is_refused(app: Flasgo, client: TestClient) -> None:
    app.add_route("/", lambda: 404, endpoint="number")
    answer = client.get("/")
    assert answer.status_code == 500
    assert "annotate the handler `-> int`" in str(answer.extensions["exception"])
