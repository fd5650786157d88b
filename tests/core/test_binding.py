"""How handlers get their arguments (REQ-6, the part of the core)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from flasgo import Connection, Flasgo, Request, RouteError

from tests.conftest import Connect


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Body(msgspec.Struct):
    text: str


def echo(app: Flasgo, connect: Connect, handler: Any, target: str, path: str = "/") -> Any:
    app.add_route(path, handler, endpoint="echo")
    return connect(app).get(target)


# --- The request -------------------------------------------------------------------------------


def named(request) -> str:
    return request.path


def annotated(whatever: Request) -> str:
    return whatever.path


def based(c: Connection) -> str:
    return c.path


def keyword(*, request: Request) -> str:
    return request.path


def positional(request, /) -> str:
    return request.path


def with_query(q: str, r: Request) -> str:
    return f"{r.path}{q}"


@pytest.mark.parametrize("handler", [named, annotated, based, keyword, positional])
def test_the_request_is_found_by_name_or_type(
    make_app: Callable[..., Flasgo], connect: Connect, handler: Any
) -> None:
    assert echo(make_app(), connect, handler, "/").text == "/"


def test_the_request_and_other_parameters(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    assert echo(make_app(), connect, with_query, "/?q=x").text == "/x"


# --- The path ----------------------------------------------------------------------------------


def test_path_parameters_are_converted_to_the_annotation(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    def handler(a: int, b: str, c: Any, d: date, e: Colour, f) -> Any:
        return [a, b, d.year, e.name, f]

    answer = echo(
        make_app(),
        connect,
        lambda a, b, d, e: [a, b, d, e],
        "/7/x/2024-02-01/red",
        "/<int:a>/<b>/<d>/<e>",
    )
    assert answer.json() == [7, "x", "2024-02-01", "red"]

    def typed(a: int, b: str, d: date, e: Colour) -> Any:
        return [a, b, d.year, e.name]

    app = make_app()
    answer = echo(app, connect, typed, "/7/x/2024-02-01/red", "/<a>/<b>/<d>/<e>")
    assert answer.json() == [7, "x", 2024, "RED"]
    client = connect(app)
    for target in ("/x/x/2024-02-01/red", "/7/x/2024-02-31/red", "/7/x/2024-02-01/green"):
        assert client.get(target).status_code == 404


def test_a_handler_may_take_all_path_parameters_as_keywords(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    answer = echo(make_app(), connect, lambda **rest: rest, "/1/2", "/<int:a>/<b>")
    assert answer.json() == {"a": 1, "b": "2"}


def test_path_params_are_fresh_for_each_request(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.get("/<name>")
    async def change(request: Request, name: str) -> list[str]:
        seen = sorted(request.path_params)
        request.path_params["more"] = 1
        return seen

    @app.get("/static")
    async def static(request: Request) -> list[str]:
        seen = sorted(request.path_params)
        request.path_params["more"] = 1
        return seen

    client = connect(app)
    for target, seen in (("/a", ["name"]), ("/static", [])):
        for _ in range(2):
            assert client.get(target).json() == seen


def test_a_path_parameter_that_the_handler_does_not_take_is_refused(
    make_app: Callable[..., Flasgo],
) -> None:
    with pytest.raises(RouteError, match=r"'/<int:note_id>'.*<note_id>.*test_binding\.py"):
        make_app().add_route("/<int:note_id>", lambda id: "x")  # noqa: A006


# --- The query ---------------------------------------------------------------------------------


def query_handler(
    q: str,
    limit: int = 10,
    ratio: float | None = None,
    on: bool = False,
    tags: list[str] = [],  # noqa: B006
    ids: set[int] | None = None,
    colour: Colour = Colour.RED,
    kind: Literal["a", "b"] = "a",
    key: UUID | None = None,
    page: Annotated[int, msgspec.Meta(ge=1)] = 1,
) -> Any:
    return [q, limit, ratio, on, tags, sorted(ids or ()), colour.name, kind, key, page]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=x", ["x", 10, None, False, [], [], "RED", "a", None, 1]),
        ("q=", ["", 10, None, False, [], [], "RED", "a", None, 1]),
        (
            "q=1&limit=5&ratio=0.5&on=true&tags=a&tags=b&ids=3&ids=2&colour=blue&kind=b&page=2"
            "&key=0b0c8b52-1a0b-4a44-9d4e-0123456789ab",
            [
                "1",
                5,
                0.5,
                True,
                ["a", "b"],
                [2, 3],
                "BLUE",
                "b",
                "0b0c8b52-1a0b-4a44-9d4e-0123456789ab",
                2,
            ],
        ),
        ("q=caf%C3%A9+x&limit=1&limit=2", ["café x", 1, None, False, [], [], "RED", "a", None, 1]),
    ],
)
def test_other_parameters_come_from_the_query(
    make_app: Callable[..., Flasgo], connect: Connect, query: str, expected: list[object]
) -> None:
    assert echo(make_app(), connect, query_handler, f"/?{query}").json() == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "q"),
        ("q=1&limit=x", "limit"),
        ("q=1&limit=1.5", "limit"),
        ("q=1&on=perhaps", "on"),
        ("q=1&ids=x", "ids"),
        ("q=1&colour=green", "colour"),
        ("q=1&kind=c", "kind"),
        ("q=1&key=1", "key"),
        ("q=1&page=0", "page"),
        ("q=1&limit=" + "9" * 5000, "limit"),
    ],
)
def test_a_value_that_does_not_fit_is_a_422_that_names_the_parameter(
    make_app: Callable[..., Flasgo], connect: Connect, query: str, name: str
) -> None:
    answer = echo(make_app(), connect, query_handler, f"/?{query}")
    assert answer.status_code == 422
    assert repr(name) in answer.json()["detail"]


def test_a_default_without_annotation_is_the_handlers_own_business(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    assert echo(make_app(), connect, lambda kind="mine": kind, "/?kind=yours").text == "mine"


# --- Partials ----------------------------------------------------------------------------------


def listing(kind: str, request: Request, limit: int = 10) -> Any:
    return [kind, request.path, limit]


@pytest.mark.parametrize(
    "handler",
    [functools.partial(listing, "notes"), functools.partial(listing, kind="notes")],
    ids=["positional", "keyword"],
)
async def test_partials_keep_their_annotations_and_what_they_have_fixed(
    make_app: Callable[..., Flasgo], connect: Connect, handler: Any
) -> None:
    app = make_app()
    answer = echo(app, connect, handler, "/?limit=5&kind=secrets")
    assert answer.json() == ["notes", "/", 5]
    assert (await connect(app).aget("/?limit=x")).status_code == 422


# --- Refused at registration -------------------------------------------------------------------


def takes_positional(q, /) -> str:
    return q


def takes_body(body: Body) -> str:
    return body.text


def takes_object(thing: dict[str, int]) -> str:
    return str(thing)


def takes_nested(thing: list[list[int]]) -> str:
    return str(thing)


def takes_unknown(thing: Missing) -> str:  # noqa: F821  # ty: ignore[unresolved-reference]
    return str(thing)


@pytest.mark.parametrize(
    ("handler", "named"),
    [
        (takes_positional, "positional-only"),
        (takes_object, "'thing'"),
        (takes_nested, "'thing'"),
        (takes_unknown, "Missing"),
    ],
)
def test_what_cannot_be_bound_is_refused_where_it_is_registered(
    make_app: Callable[..., Flasgo], handler: Any, named: str
) -> None:
    with pytest.raises(RouteError, match=named) as caught:
        make_app().add_route("/x", handler)
    assert "'/x'" in str(caught.value)
    assert "test_binding.py" in str(caught.value)
