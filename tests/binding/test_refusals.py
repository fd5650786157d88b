"""Handlers that cannot be bound are refused where they are registered (REQ-6)."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from flasgo import (
    Body,
    Cookie,
    Depends,
    Flasgo,
    Form,
    Header,
    Path,
    Query,
    Request,
    Response,
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


class Upload(msgspec.Struct):
    file: UploadedFile


class PydanticLike:
    """Looks like a model of pydantic, which the tests need not install."""

    model_fields: ClassVar[dict[str, Any]] = {}
    model_validate = None


class Half(msgspec.Struct):
    amount: Missing  # noqa: F821  # ty: ignore[unresolved-reference]


NotAType: Any = lambda: 1  # noqa: E731


class Marked(msgspec.Struct):
    size: int = Query(10)


class Bounded(msgspec.Struct):
    size: Annotated[int, Query(ge=1)] = 10
    fine: Annotated[int, Query(alias="f")] = 1


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
async def spaced_header(a: Annotated[str, Header(alias="x y")]) -> None: ...
async def nested_query(a: Annotated[Nested, Query()]) -> None: ...
async def path_elsewhere(a: Annotated[int, Path()]) -> None: ...
async def query_in_path(number: Annotated[int, Query()]) -> None: ...
async def text_of_an_int(number: str) -> None: ...
async def text_of_a_uuid(number: str) -> None: ...
async def list_in_path(number: list[int]) -> None: ...
async def bare_marker(a: Depends(print)) -> None: ...  # ty: ignore[invalid-type-form]
async def response(a: Response) -> None: ...
async def method(self, a: int) -> None: ...
async def file_in_json(upload: Upload) -> None: ...
async def pydantic_query(a: PydanticLike) -> None: ...
async def pydantic_body(a: Annotated[list[PydanticLike], Body()]) -> None: ...
async def stranger(a: Annotated[dict[str, Unfit], Body()]) -> None: ...
async def untagged(a: Note | Other) -> None: ...
async def only_for_checkers(a: Half) -> None: ...
async def json_on_get(a: list[Note]) -> None: ...
async def none_only(a: None) -> None: ...
async def unknown(a: Missing) -> None: ...  # noqa: F821  # ty: ignore[unresolved-reference]
async def socket_body(websocket: WebSocket, note: Note) -> None: ...
async def two_defaults(a: Annotated[int, Query(1)] = 2) -> None: ...
async def path_default(number: int = Path(1)) -> None: ...
async def file_bounds(a: Annotated[UploadedFile, Form(max_length=9)]) -> None: ...
async def odd_alias(a: Annotated[int, Body(alias='a"b')]) -> None: ...
async def bounds_of_text(a: str = Query("x", ge=1)) -> None: ...
async def marked_body(a: Marked) -> None: ...
async def bounded_body(a: list[Bounded]) -> None: ...
async def marked_class(a: Annotated[Marked, Query()]) -> None: ...
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
        (odd_header, "'a'.*no request can have.*alias of ASCII letters", {}),
        (spaced_header, "'a'.*'x y', which no request can have", {}),
        (nested_query, "'note'.*cannot hold", {}),
        (path_elsewhere, "'a'.*marked Path.*no such parameter", {}),
        (query_in_path, "'number'.*marked Query.*<number>", {"path": "/<int:number>"}),
        (text_of_an_int, "'number'.*str.*an int.*without a converter", {"path": "/<int:number>"}),
        (text_of_a_uuid, "'number'.*str.*a UUID.*<number>", {"path": "/<uuid:number>"}),
        (list_in_path, "'number' .*collection.*one value", {"path": "/<number>"}),
        (bare_marker, r"'a'.*a marker stands beside the type", {}),
        (response, "'a'.*return a Response", {}),
        (method, "'self'.*belongs to a class; register the method of an instance", {}),
        (file_in_json, "'upload'.*UploadedFile.*Form", {"methods": ["POST"]}),
        (pydantic_query, "'a'.*pip install flasgo-pydantic.*msgspec", {}),
        (
            pydantic_body,
            "'a'.*pip install flasgo-pydantic.*msgspec",
            {"methods": ["POST"]},
        ),
        (stranger, "'a'.*has to hold a Unfit", {"methods": ["POST"]}),
        (untagged, "'a'.*Structs with tag=True", {"methods": ["POST"]}),
        (only_for_checkers, "'a'.*Missing.*outside of TYPE_CHECKING", {"methods": ["POST"]}),
        (json_on_get, "'a'.*cannot hold", {}),
        (none_only, "'a'.*NoneType", {}),
        (unknown, "Missing.*module level", {}),
        (socket_body, "'note'.*WebSocket has none", {"is_websocket": True}),
        (two_defaults, "'a'.*has a default, and its marker another", {}),
        (path_default, "'number'.*a path has every parameter", {"path": "/<number>"}),
        (file_bounds, "'a'.*is a file, and max_length=", {"methods": ["POST"]}),
        (odd_alias, "'a\"b'.*an alias without quotes", {"methods": ["POST"]}),
        (bounds_of_text, "'a'.*msgspec does not know", {}),
        (marked_body, "'a'.*'size' has a marker that JSON ignores", {"methods": ["POST"]}),
        (bounded_body, "'a'.*'size' has a marker that JSON ignores", {"methods": ["POST"]}),
        (marked_class, "'a'.*'size' has a marker with a default", {}),
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


def test_a_wrapper_that_takes_more_than_it_shows_is_refused(app: Flasgo) -> None:
    def wrapper(function: Any, taken: Any) -> Any:
        return functools.wraps(function)(taken)

    async def handler(number: int) -> None: ...

    async def all_of_it(*args: Any, **kwargs: Any) -> None: ...
    async def one_more(request: Request, **kwargs: Any) -> None: ...
    async def none_of_it() -> None: ...

    app.add_route("/a", wrapper(handler, all_of_it), endpoint="a")
    for taken in (one_more, none_of_it):
        with pytest.raises(RouteError, match=r"'/b'.*takes other arguments.*args"):
            app.add_route("/b", wrapper(handler, taken), endpoint="b")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Header(regex="x"), r"no 'regex'\. It is called pattern="),  # ty: ignore[unknown-argument]
        (lambda: Form(default_factory=list), r"no 'default_factory'. Give the value itself"),  # ty: ignore[unknown-argument]
        (lambda: Query(*[1, 2]), r"Query\(\) takes one positional argument, the default"),  # ty: ignore[too-many-positional-arguments]
        (lambda: Body(alias="a\r\n"), r"Body\(alias='a\\r\\n'\).*without control characters"),
        (lambda: Query(alias=""), r"Query\(alias=''\)"),
        (lambda: Body(embed=True), r"no 'embed'.*alias='name'"),  # ty: ignore[unknown-argument]
        (lambda: Cookie(aliass="x"), r"has no 'aliass'.*Did you mean 'alias'"),  # ty: ignore[unknown-argument]
    ],
)
def test_what_markers_do_not_take_has_a_place_elsewhere(make: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        make()
