"""Responses: nothing malformed can be built, and what goes out is complete."""

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from flasgo.asgi import Message
from flasgo.http.headers import HeaderBlock
from flasgo.responses.eventsource import EventSourceResponse
from flasgo.responses.file_response import FileResponse
from flasgo.responses.ndjson import NDJSONResponse
from flasgo.responses.response import (
    Response,
    StreamingResponse,
    jsonify,
    redirect,
)
from flasgo.responses.results import coerce_response
from hypothesis import given, strategies as st

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"


class Sink:
    """Collects what is sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return self.messages[0]["headers"]

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    @property
    def body(self) -> bytes:
        assert all(message["type"] == "http.response.body" for message in self.messages[1:])
        assert [message.get("more_body", False) for message in self.messages[1:]] == [
            *[True] * (len(self.messages) - 2),
            False,
        ]
        return b"".join(message["body"] for message in self.messages[1:])


async def sent(response: Response, *, head_only: bool = False) -> Sink:
    sink = Sink()
    await response._emit(sink, head_only=head_only)
    return sink


# --- making them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "status", "content_type", "body"),
    [
        (Response(), 200, "", b""),
        (Response("é"), 200, HTML, "é".encode()),
        (Response(b"\xff", 201), 201, BYTES, b"\xff"),
        (Response(b""), 200, BYTES, b""),
        (Response("x", content_type="text/css"), 200, "text/css", b"x"),
        (Response("x", headers={"Content-Type": "text/css"}), 200, "text/css", b"x"),
        (Response("x", 404, {"a": "b"}, "text/css"), 404, "text/css", b"x"),
        (Response(status_code=HTTPStatus.NOT_FOUND), 404, "", b""),
        (Response.json({"a": [1]}), 200, JSON, b'{"a":[1]}'),
        (Response.json(None, 201), 201, JSON, b"null"),
        (Response.json(0), 200, JSON, b"0"),
        (Response.text("é"), 200, TEXT, "é".encode()),
        (Response.html("<p>"), 200, HTML, b"<p>"),
        (Response.redirect("/x"), 302, "", b""),
        (redirect("/x", 308), 308, "", b""),
    ],
)
def test_constructors(response: Response, status: int, content_type: str, body: bytes) -> None:
    assert response.status_code == status
    assert type(response.status_code) is int
    assert response.content_type == content_type
    assert response.body == body
    assert not response.is_streaming
    assert str(status) in repr(response)


@pytest.mark.parametrize(
    "make",
    [
        lambda headers: Response("x", 200, headers),
        lambda headers: Response.json({}, 200, headers),
        lambda headers: Response.text("x", 200, headers),
        lambda headers: Response.html("x", 200, headers),
        lambda headers: StreamingResponse([], 200, headers),
    ],
)
def test_headers_of_constructors(make: Callable[[Any], Response]) -> None:
    response = make([("X-A", "1"), ("x-a", "2"), ("Content-Type", "a/b")])
    assert response.headers.getlist("x-a") == ["1", "2"]
    assert response.headers.getlist("content-type") == ["a/b"]
    assert make({"x": "y"}).headers["x"] == "y"
    for bad in ({"x": "a\r\nb"}, {"x\n": "a"}, [("x", "\x00")]):
        with pytest.raises(ValueError, match="not allowed"):
            make(bad)


@pytest.mark.parametrize("content", [1, 1.5, {}, [], ("a",), object(), {"a"}])
def test_content_is_text_or_bytes(content: object) -> None:
    with pytest.raises(TypeError, match=type(content).__name__):
        Response(content)  # ty: ignore[invalid-argument-type]
    response = Response()
    with pytest.raises(TypeError, match=type(content).__name__):
        response.body = content  # ty: ignore[invalid-assignment]


def test_text_that_is_not_unicode() -> None:
    for make in (Response, Response.text, Response.html):
        with pytest.raises(ValueError, match="surrogate"):
            make("\ud800")


def test_the_body_may_be_replaced() -> None:
    response = Response("x")
    response.body = "é"
    assert response.body == "é".encode()
    response.body = b"y"
    assert response.body == b"y"


@pytest.mark.parametrize(
    "status",
    [
        0,
        99,
        100,
        103,
        199,
        600,
        1000,
        -1,
        True,
        False,
        "20",
        "²00",
        "99 X",
        "OK 200",
        "",
        404.0,
        None,
    ],
)
def test_bad_statuses(status: Any) -> None:
    for make in (
        lambda: Response("x", status),
        lambda: Response.json({}, status),
        lambda: Response.text("x", status),
        lambda: StreamingResponse([], status),
        lambda: setattr(Response(), "status_code", status),
    ):
        with pytest.raises(ValueError, match="status"):
            make()


@pytest.mark.parametrize("data", [object(), {"a": object()}, {(1, 2): 3}, 1j, b"\xff", "\ud800"])
def test_data_that_is_not_json(data: object) -> None:
    if data == b"\xff":  # msgspec's own choice: base64
        assert Response.json(data).body == b'"/w=="'
        return
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        Response.json(data)


def test_a_cycle_is_not_json() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(TypeError, match="cannot be sent as JSON"):
        Response.json(cycle)


@pytest.mark.parametrize(
    ("args", "kwargs", "body"),
    [
        ((), {}, b"null"),
        (({"a": 1},), {}, b'{"a":1}'),
        ((1, 2), {}, b"[1,2]"),
        ((), {"a": 1, "b": [2]}, b'{"a":1,"b":[2]}'),
        ((None,), {}, b"null"),
    ],
)
def test_jsonify(args: tuple[object, ...], kwargs: dict[str, object], body: bytes) -> None:
    response = jsonify(*args, **kwargs)
    assert response.body == body
    assert response.content_type == JSON


def test_jsonify_takes_one_kind_of_argument() -> None:
    with pytest.raises(TypeError, match="not both"):
        jsonify(1, a=2)


def test_template() -> None:
    class Shouting:
        def render(self, name: str, context: Mapping[str, object] | None = None) -> str:
            return f"{name.upper()} {dict(context or {})}"

    response = Response.template(
        "a.html", templates=Shouting(), context={"x": 1}, status_code=404, headers={"a": "b"}
    )
    assert (response.body, response.status_code) == (b"A.HTML {'x': 1}", 404)
    assert response.content_type == HTML
    assert response.headers["a"] == "b"


def test_subclasses_make_their_own_kind() -> None:
    class Mine(Response):
        pass

    assert type(Mine.json({})) is Mine
    assert type(Mine.redirect("/")) is Mine


# --- cookies ------------------------------------------------------------------------------------


def test_cookies_are_added_one_by_one() -> None:
    response = Response()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", max_age=5, httponly=False, secure=True, samesite="None")
    response.delete_cookie("c", path="/x", domain="a.b")
    assert response.headers.getlist("set-cookie") == [
        "a=1; Path=/; HttpOnly; SameSite=Lax",
        "b=2; Max-Age=5; Path=/; Secure; SameSite=None",
        "c=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=a.b; Path=/x; HttpOnly; "
        "SameSite=Lax",
    ]


def test_prefixed_cookies_can_be_deleted() -> None:
    response = Response()
    response.delete_cookie("__Host-sid", secure=True)
    assert response.headers["set-cookie"].startswith("__Host-sid=; Max-Age=0;")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a;b", "a b", "é", "\x00"])
def test_bad_cookies(value: str) -> None:
    response = Response()
    with pytest.raises(ValueError, match="cookie 'a'"):
        response.set_cookie("a", value)
    assert response.headers.raw == ()


# --- sending ------------------------------------------------------------------------------------


async def test_sending() -> None:
    sink = await sent(Response("é", 201, {"x": "y"}))
    assert sink.messages == [
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"x", b"y"),
                (b"content-length", b"2"),
            ],
        },
        {"type": "http.response.body", "body": "é".encode()},
    ]


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 100_000])
async def test_content_length(size: int) -> None:
    for _ in range(2):
        sink = await sent(Response(b"x" * size))
        assert sink.header(b"content-length") == [b"%d" % size]
        assert len(sink.body) == size


@pytest.mark.parametrize("own", ["5", "0", "999"])
async def test_a_wrong_length_is_corrected(own: str) -> None:
    sink = await sent(Response("abc", headers={"Content-Length": own}))
    assert sink.header(b"content-length") == [b"3"]


async def test_a_length_that_was_taken_back() -> None:
    response = Response("abc", headers={"Content-Length": "7"})
    del response.headers["content-length"]
    assert (await sent(response)).header(b"content-length") == [b"3"]


@pytest.mark.parametrize(("headers", "length"), [({}, b"3"), ({"content-length": "900"}, b"900")])
async def test_head(headers: dict[str, str], length: bytes) -> None:
    sink = await sent(Response("abc", headers=headers), head_only=True)
    assert sink.header(b"content-length") == [length]
    assert sink.body == b""


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("status", "own", "length"),
    [
        (204, None, []),
        (204, "5", []),
        (205, None, [b"0"]),
        (205, "5", [b"0"]),
        (304, None, []),
        (304, "900", [b"900"]),
    ],
)
async def test_statuses_without_content(
    status: int, own: str | None, length: list[bytes], streaming: bool
) -> None:
    headers = {} if own is None else {"Content-Length": own}
    response = (
        StreamingResponse(["body"], status, headers)
        if streaming
        else Response("body", status, headers)
    )
    sink = await sent(response)
    assert sink.header(b"content-length") == length
    assert sink.body == b""


async def test_headers_can_be_filled_with_and_without_a_view() -> None:
    block = HeaderBlock({"x-a": "1", "content-type": "never/used"})
    for touch in (lambda response: response.headers, lambda response: None):
        response = Response("x")
        touch(response)
        response.fill_headers(block)
        assert response.headers.items() == [("content-type", HTML), ("x-a", "1")]
        assert (b"x-a", b"1") in (await sent(response)).headers


async def test_changes_through_the_view_are_sent() -> None:
    response = Response("x")
    headers = response.headers
    response.set_cookie("a", "1")
    headers["x"] = "1"
    headers.add("x", "2")
    response.content_type = "a/b"
    response.status_code = 404
    response.body = b"longer"
    sink = await sent(response)
    assert sink.status == 404
    assert sink.headers == [
        (b"content-type", b"a/b"),
        (b"set-cookie", b"a=1; Path=/; HttpOnly; SameSite=Lax"),
        (b"x", b"1"),
        (b"x", b"2"),
        (b"content-length", b"6"),
    ]


@pytest.mark.parametrize("make", [lambda: Response("x"), lambda: StreamingResponse(["x"])])
async def test_a_response_is_sent_once(make: Callable[[], Response]) -> None:
    response = make()
    await sent(response)
    with pytest.raises(RuntimeError, match="one request"):
        await sent(response)


async def test_what_is_sent_is_whole() -> None:
    sink = Sink()

    async def failing(message: Message) -> None:
        await sink(message)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await Response("x")._emit(failing)
    assert len(sink.messages) == 1


# --- what handlers return -----------------------------------------------------------------------


@dataclasses.dataclass
class Point:
    x: int
    y: object = 2


class Note(msgspec.Struct):
    text: str
    extra: object = None


class Pair(NamedTuple):
    a: int
    b: int


class Colour(enum.StrEnum):
    RED = "red"


class Markup(str):
    __slots__ = ()


def handler() -> None: ...


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ("é", 200, HTML, "é".encode()),
        (Markup("<p>"), 200, HTML, b"<p>"),
        (Colour.RED, 200, HTML, b"red"),
        (b"x", 200, BYTES, b"x"),
        (bytearray(b"x"), 200, BYTES, b"x"),
        (memoryview(b"x"), 200, BYTES, b"x"),
        ({"a": 1}, 200, JSON, b'{"a":1}'),
        ({}, 200, JSON, b"{}"),
        ([1, {"a": None}], 200, JSON, b'[1,{"a":null}]'),
        (None, 204, "", b""),
        (Point(1), 200, JSON, b'{"x":1,"y":2}'),
        (Note("hi"), 200, JSON, b'{"text":"hi","extra":null}'),
        ([Point(1)], 200, JSON, b'[{"x":1,"y":2}]'),
        (Pair(1, 2), 200, JSON, b"[1,2]"),
        (uuid.UUID(int=1), 200, JSON, b'"00000000-0000-0000-0000-000000000001"'),
        (dt.date(2020, 1, 2), 200, JSON, b'"2020-01-02"'),
        (decimal.Decimal("1.5"), 200, JSON, b'"1.5"'),
        (frozenset({1}), 200, JSON, b"[1]"),
        (Response("x", 201), 201, HTML, b"x"),
        (("x", 404), 404, HTML, b"x"),
        ((b"x", 201, {"Content-Type": "a/b"}), 201, "a/b", b"x"),
        (({"a": 1}, HTTPStatus.CREATED), 201, JSON, b'{"a":1}'),
        ((None, 204), 204, "", b""),
        ((None, 200), 200, "", b""),
        ((Response("x"), 500), 500, HTML, b"x"),
        ((Point(1), 201, None), 201, JSON, b'{"x":1,"y":2}'),
    ],
    ids=repr,
)
def test_coercion(result: object, status: int, content_type: str, body: bytes) -> None:
    response = coerce_response(result, handler)
    assert isinstance(response, Response)
    assert response.status_code == status
    assert type(response.status_code) is int
    assert response.content_type == content_type
    assert response.body == body


def test_headers_of_a_tuple() -> None:
    for headers in ({"x": "1", "Content-Type": "a/b"}, [("x", "1"), ("content-type", "a/b")]):
        response = coerce_response(("body", 200, headers), handler)
        assert response.headers.items() == [("content-type", "a/b"), ("x", "1")]
    cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    response = coerce_response(("body", 200, cookies), handler)
    assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_a_response_is_kept_as_it_is() -> None:
    class Mine(Response):
        pass

    for response in (Response("x"), Mine("x"), StreamingResponse([])):
        assert coerce_response(response, handler) is response


async def test_generators_are_streamed() -> None:
    async def asynchronous() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    def ordinary() -> Iterator[str]:
        yield "a"
        yield "b"

    for source in (asynchronous(), ordinary()):
        response = coerce_response(source, handler)
        assert isinstance(response, StreamingResponse)
        assert (await sent(response)).body == b"ab"
    response = coerce_response((asynchronous(), 201, {"x": "y"}), handler)
    assert (await sent(response)).status == 201


class Plain:
    pass


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (200, "200"),
        (0, "0"),
        (1.5, "1.5"),
        (True, "True"),
        (HTTPStatus.OK, "200|OK"),
        (Plain(), r"test_response\.Plain"),
        (object(), "object"),
        (1j, "complex"),
        (handler, "function"),
        ((), "tuple of 0"),
        (("x",), "tuple of 1"),
        (("x", 200, {}, 4), "tuple of 4"),
        (("x", "20"), "'20'"),
        (("x", "CREATED"), "'CREATED'"),
        (("x", {"a": 1}), "Header 'a' has the value 1"),
        (("x", ["a"]), "status"),
        (("x", ("a", "b")), "status"),
        (("x", True), "True"),
        (("x", None), "None"),
        (("x", 99), "99"),
        (("x", 100), "an int from 200 to 599"),
        (("x", 600), "600"),
        (("x", 200.0), r"200\.0"),
        ((("x", 200), 200), "within a tuple"),
        ((1, 200), "1"),
        ((Plain(), 200), "Plain"),
        (("x", 200, "a: b"), "str"),
        (("x", 200, 5), "int"),
        ({"a": Plain()}, "Plain"),
        ([object()], "object"),
        ({(1, 2): 3}, "dict"),
        (Point(1, object()), "Point"),
        (Note("x", Plain()), "Note"),
        ("\ud800", "surrogate"),
    ],
    ids=repr,
)
def test_what_a_handler_may_not_return(result: object, found: str) -> None:
    with pytest.raises(TypeError, match=found) as caught:
        coerce_response(result, handler)
    assert f"{__name__}.handler" in str(caught.value)


@pytest.mark.parametrize(
    ("result", "status", "header"),
    [
        (("x", {"x-a": "1"}), 200, "1"),
        (("x", [("x-a", "1")]), 200, "1"),
        (("x", Response(headers={"x-a": "1"}).headers), 200, "1"),
        (("x", "201 CREATED"), 201, None),
        (("x", "201", {"x-a": "1"}), 201, "1"),
        (("x", None, {"x-a": "1"}), 200, "1"),
        ((Response("x", 404), {"x-a": "1"}), 404, "1"),
        ((None, {"x-a": "1"}), 200, "1"),
    ],
)
def test_tuples_as_flask_takes_them(result: object, status: int, header: str | None) -> None:
    response = coerce_response(result, handler)
    assert (response.status_code, response.headers.get("x-a")) == (status, header)


# --- What other frameworks call it -------------------------------------------------------------


@pytest.mark.parametrize("make", [NDJSONResponse, EventSourceResponse])
def test_streams_take_a_status_by_its_name_elsewhere(make: Any) -> None:
    assert make([], status="201 CREATED").status_code == 201
    with pytest.raises(TypeError, match="mimetype"):
        make([], mimetype="text/plain")


@pytest.mark.parametrize("make", [Response, StreamingResponse])
def test_arguments_by_their_names_elsewhere(make: Any) -> None:
    content = "x" if make is Response else ["x"]
    assert make(content, status=404).status_code == 404
    assert make(content, status="201 CREATED").status_code == 201
    assert make(content, mimetype="text/csv").content_type == "text/csv; charset=utf-8"
    assert make(content, media_type="application/xml").content_type == "application/xml"
    assert make(content, media_type="text/x; charset=a").content_type == "text/x; charset=a"


def test_files_take_them_too(tmp_path: Path) -> None:
    response = FileResponse(tmp_path / "a.csv", status=201, mimetype="text/plain")
    assert (response.status_code, response.content_type) == (201, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"status": 404, "status_code": 201}, "status=404 and status_code=201 mean the same"),
        ({"mimetype": "a/b", "media_type": "a/b"}, "mimetype='a/b' and media_type='a/b'"),
        ({"mimetype": "a/b", "content_type": "a/c"}, "mimetype='a/b' and content_type='a/c'"),
        ({"mime_type": "a/b"}, "no argument 'mime_type'.*status_code"),
        ({"header": {}}, "Did you mean 'headers'"),
    ],
)
def test_arguments_that_are_given_twice_or_unknown(given: dict[str, Any], found: str) -> None:
    with pytest.raises(TypeError, match=found):
        Response("x", **given)


def test_status_and_media_type_can_be_assigned() -> None:
    response = Response("x")
    assert (response.status, response.mimetype) == ("200 OK", "text/html")
    response.status = "404 NOT FOUND"
    response.mimetype = "text/plain"
    assert (response.status_code, response.status) == (404, "404 Not Found")
    assert response.content_type == TEXT
    response.status = 418
    with pytest.raises(ValueError, match="'ready'"):
        response.status = "ready"
    assert Response(None, 599).status == "599"


def test_cookies_and_redirects_by_flasks_names() -> None:
    response = Response()
    response.set_cookie(key="a", value="b")
    response.set_cookie("c", "d", max_age=5)
    response.delete_cookie(key="e", path="/x")
    assert response.headers.getlist("set-cookie") == [
        "a=b; Path=/; HttpOnly; SameSite=Lax",
        "c=d; Max-Age=5; Path=/; HttpOnly; SameSite=Lax",
        "e=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/x; HttpOnly; SameSite=Lax",
    ]
    assert redirect("/x", code=301).status_code == 301
    assert Response.redirect("/x", code=308).status_code == 308
    for wrong in (
        lambda: response.set_cookie("a", key="b"),
        lambda: response.set_cookie(value="b"),
        lambda: response.delete_cookie(),
        lambda: redirect("/x", 301, code=302),
    ):
        with pytest.raises(TypeError):
            wrong()


def test_a_coroutine_that_nobody_awaited() -> None:
    async def forgotten() -> None: ...

    with pytest.raises(TypeError, match="await it"):
        coerce_response(forgotten(), handler)


@pytest.mark.parametrize("headers", [{"x": "a\r\nb"}, {"x\n": "a"}, [("x", "\x00")]])
def test_headers_of_a_tuple_are_checked(headers: object) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        coerce_response(("x", 200, headers), handler)


def test_a_handler_without_a_name_is_shown_somehow() -> None:
    class Callable_:
        def __call__(self) -> None: ...

    with pytest.raises(TypeError, match="Callable_"):
        coerce_response(1, Callable_())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_any_result_is_a_response_or_a_type_error(result: object) -> None:
    problem = ""
    try:
        coerce_response(result, handler)
    except (TypeError, ValueError) as error:  # the latter for names and values of headers
        problem = str(error)
    assert not problem or f"{__name__}.handler" in problem
