"""Handlers that cannot be bound are refused where they are registered (REQ-6)."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import msgspec
import pytest
from flasgo import (
    Body,
    Cookie,
    Flasgo,
    Form,
    Header,
    Path,
    Query,
    Request,
    RouteError,
    UploadedFile,
    WebSocket,
)


class Note(msgspec.Struct):
    text: str


class Other(msgspec.Struct):
    text: str


@dataclasses.dataclass
class Nested:
    note: Note


NotAType: Any = lambda: 1  # noqa: E731


class Unfit:
    """Nothing that msgspec knows."""


async def body_on_get(note: Note) -> None: ...
async def form_on_get(name: Annotated[str, Form()]) -> None: ...
async def file_on_get(file: UploadedFile) -> None: ...
async def file_in_query(file: Annotated[UploadedFile, Query()]) -> None: ...
async def dict_in_query(thing: dict[str, int]) -> None: ...
async def custom(thing: Unfit) -> None: ...
async def custom_body(thing: Annotated[list[NotAType], Body()]) -> None: ...
async def form_and_json(note: Note, name: Annotated[str, Form()]) -> None: ...
async def two_types(note: Note, other: Annotated[Other, Body(alias="note")]) -> None: ...
async def two_markers(a: Annotated[int, Query(), Header()]) -> None: ...
async def cookie_list(a: Annotated[list[int], Cookie()]) -> None: ...
async def odd_header(a: Annotated[str, Header(alias="ü")]) -> None: ...
async def nested_query(a: Annotated[Nested, Query()]) -> None: ...
async def path_elsewhere(a: Annotated[int, Path()]) -> None: ...
async def query_in_path(number: Annotated[int, Query()]) -> None: ...
async def text_of_an_int(number: str) -> None: ...
async def text_of_a_uuid(number: str) -> None: ...
async def list_in_path(number: list[int]) -> None: ...
async def none_only(a: None) -> None: ...
async def unknown(a: Missing) -> None: ...  # noqa: F821  # ty: ignore[unresolved-reference]
async def socket_body(websocket: WebSocket, note: Note) -> None: ...
def sync_socket(websocket: WebSocket) -> None: ...


@pytest.mark.parametrize(
    ("handler", "match", "how"),
    [
        (body_on_get, "'note'.*answers GET, HEAD only.*POST", {}),
        (form_on_get, "'name'.*comes from a body", {}),
        (file_on_get, "'file'.*comes from a body", {}),
        (file_in_query, "'file'.*marked Query.*mark it Form", {}),
        (dict_in_query, "'thing'.*cannot hold.*Body", {}),
        (custom, "'thing'.*Unfit", {}),
        (custom_body, "'thing'.*cannot decode", {"methods": ["POST"]}),
        (form_and_json, "'note'.*form.*same kind of body", {"methods": ["POST"]}),
        (two_types, "'note'.*Other.*elsewhere", {"methods": ["POST"]}),
        (two_markers, "'a'.*Query and Header.*keep one", {}),
        (cookie_list, "'a'.*is a list, and a cookie is one value", {}),
        (odd_header, "'a'.*alias in ASCII", {}),
        (nested_query, "'note'.*cannot hold", {}),
        (path_elsewhere, "'a'.*marked Path.*no such parameter", {}),
        (query_in_path, "'number'.*marked Query.*<number>", {"path": "/<int:number>"}),
        (text_of_an_int, "'number'.*str.*an int.*without a converter", {"path": "/<int:number>"}),
        (text_of_a_uuid, "'number'.*str.*a UUID.*<number>", {"path": "/<uuid:number>"}),
        (list_in_path, "'number' .*collection.*one value", {"path": "/<number>"}),
        (none_only, "'a'.*NoneType", {}),
        (unknown, "Missing.*module level", {}),
        (socket_body, "'note'.*WebSocket has none", {"is_websocket": True}),
        (sync_socket, "not `async def`", {"is_websocket": True}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_handler_that_cannot_be_bound_is_refused_with_place_and_advice(
    app: Flasgo, handler: Any, match: str, how: dict[str, Any]
) -> None:
    how = dict(how)
    with pytest.raises(RouteError, match=match) as caught:
        app.add_route(how.pop("path", "/x"), handler, **how)
    assert "'/" in str(caught.value)
    code = handler.__code__
    assert f"{code.co_filename}:{code.co_firstlineno}" in str(caught.value)
    assert app.routes == ()


def test_names_of_an_app_factory_are_found_in_string_annotations(app: Flasgo) -> None:
    class Local(msgspec.Struct):
        text: str

    def nested() -> None:
        @app.post("/")
        async def handler(local: Local, request: Request) -> None: ...

    nested()
    assert app.openapi_spec()["components"]["schemas"]["Local"]["required"] == ["text"]


def test_names_that_are_nowhere_are_refused_all_the_same(app: Flasgo) -> None:
    def factory() -> Any:
        class Gone(msgspec.Struct):
            text: str

        async def handler(local: Gone) -> None: ...

        return handler

    with pytest.raises(RouteError, match="Gone"):
        app.add_route("/", factory(), ["POST"])
