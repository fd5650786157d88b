"""Names that Flask has for parts of a request, and what a missing name means (ERG-2, ERG-12)."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import Blueprint, Flasgo, HTTPException, MissingKeyError, Request, WebSocket, g
from flasgo.errors import printable
from flasgo.http.cookies import parse_cookies
from flasgo.http.headers import Headers, MutableHeaders
from flasgo.http.multidict import MultiDict
from flasgo.requests.forms import FormData

from tests.conftest import Connect, refusal

MakeApp = Callable[..., Flasgo]


def asked(app: Flasgo, connect: Connect, name: str, url: str = "/x", **options: Any) -> Any:
    """Return what a handler finds under a name of its request."""
    found: list[Any] = []

    @app.route("/x", ["GET", "POST"])
    @app.route("/x/<int:number>/<rest>", ["GET", "POST"])
    async def x(request: Request, number: int = 0, rest: str = "") -> str:
        found.append(getattr(request, name))
        return "found"

    client = connect(app, base_url="http://shop.test:8000")
    answer = client.request(options.pop("method", "GET"), url, **options)
    assert answer.text == "found", answer.text
    return found[0]


JSON = {"content-type": "application/problem+json; charset=utf-8"}


@pytest.mark.parametrize(
    ("name", "url", "options", "expected"),
    [
        ("args", "/x?a=1&a=2", {}, MultiDict([("a", "1"), ("a", "2")])),
        ("query_params", "/x?a=1", {}, MultiDict([("a", "1")])),
        ("endpoint", "/x", {}, "x"),
        ("view_args", "/x/5/a", {}, {"number": 5, "rest": "a"}),
        ("view_args", "/x", {}, {}),
        ("blueprint", "/x", {}, None),
        ("remote_addr", "/x", {}, "127.0.0.1"),
        ("mimetype", "/x", {"headers": JSON}, "application/problem+json"),
        ("mimetype", "/x", {}, ""),
        ("is_json", "/x", {"headers": JSON}, True),
        ("is_json", "/x", {"headers": {"content-type": "application/json"}}, True),
        ("is_json", "/x", {"headers": {"content-type": "text/json"}}, False),
        ("is_json", "/x", {}, False),
        ("content_length", "/x", {"method": "POST", "content": b"abc"}, 3),
        ("content_length", "/x", {}, None),
        ("base_url", "/x?q=?", {}, "http://shop.test:8000/x"),
        ("host_url", "/x?q=1", {}, "http://shop.test:8000/"),
        ("full_path", "/x?q=%20&r=/?", {}, "/x?q=%20&r=/?"),
        ("full_path", "/x/5/%C3%A9%20", {}, "/x/5/%C3%A9%20"),
        ("referrer", "/x", {"headers": {"referer": "http://a/"}}, "http://a/"),
        ("referrer", "/x", {}, None),
        ("origin", "/x", {"headers": {"origin": "http://a"}}, "http://a"),
        ("user_agent", "/x", {"headers": {"user-agent": "Bot/1"}}, "Bot/1"),
    ],
)
def test_what_a_request_has(
    make_app: MakeApp, connect: Connect, name: str, url: str, options: Any, expected: object
) -> None:
    assert asked(make_app(), connect, name, url, **options) == expected


def test_the_blueprint_is_the_innermost(make_app: MakeApp, connect: Connect) -> None:
    app, outer, inner = make_app(), Blueprint("outer", "/outer"), Blueprint("inner", "/inner")

    @inner.get("/x")
    async def show(request: Request) -> list[str | None]:
        return [request.blueprint, request.endpoint]

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    assert connect(app).get("/outer/inner/x").json() == ["outer.inner", "outer.inner.show"]


def test_without_a_route_there_is_no_endpoint(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.errorhandler(404)
    async def missing(request: Request, error: HTTPException) -> dict[str, object]:
        return {"endpoint": request.endpoint, "blueprint": request.blueprint}

    assert connect(app).get("/nowhere").json() == {"endpoint": None, "blueprint": None}


def test_full_path_is_below_the_root_path(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/x")
    async def x(request: Request) -> str:
        return request.full_path

    assert connect(app, root_path="/a b").get("/x?q").text == "/x?q"


def test_a_websocket_has_what_is_in_its_handshake(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.websocket("/ws/<int:n>")
    async def ws(websocket: WebSocket, n: int) -> None:
        await websocket.accept()
        await websocket.send_json([websocket.endpoint, websocket.view_args, dict(websocket.args)])

    with connect(app).websocket_connect("/ws/4?a=1") as socket:
        assert socket.receive_json() == ["ws", {"n": 4}, {"a": "1"}]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("get_json", "await request.json()"),
        ("data", "await request.body()"),
        ("get_data", "await request.body()"),
        ("values", "await request.form()"),
        ("files", "(await request.form()).file(name)"),
    ],
)
def test_what_is_awaited_here(make_app: MakeApp, connect: Connect, name: str, advice: str) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> str:
        with pytest.raises(AttributeError, match="The body is read when it is asked for") as caught:
            getattr(request, name)
        assert advice in str(caught.value)
        assert getattr(request, name, "absent") == "absent"
        return "told"

    assert connect(app).get("/").text == "told"


async def form_by_key(request: Request) -> object:
    return request.form["email"]  # ty: ignore[not-subscriptable]


def json_by_key(request: Request) -> object:
    return request.json["email"]  # ty: ignore[not-subscriptable]


async def json_get(request: Request) -> object:
    return request.json.get("email")  # ty: ignore[missing-attribute]


async def form_without_await(request: Request) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return request.form()["email"]  # ty: ignore[not-subscriptable]


async def form_in(request: Request) -> object:
    return "email" in request.form  # ty: ignore[unsupported-operator]


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        (form_by_key, "form"),
        (json_by_key, "json"),
        (json_get, "json"),
        (form_without_await, "form"),
        (form_in, "form"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_body_that_was_not_awaited_is_explained(
    make_app: MakeApp,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    handler: Callable[..., object],
    name: str,
) -> None:
    app = make_app()
    app.add_route("/", handler, ["POST"], endpoint="x")
    answer = connect(app).post("/", data={"email": "a"})
    assert answer.status_code == 500
    notes = answer.extensions["exception"].__notes__
    assert len(notes) == 1
    assert f"{name} = await request.{name}()" in notes[0]
    assert notes[0] in caplog.text


def test_other_errors_get_no_such_note(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> object:
        return request.path.split["x"]  # ty: ignore[not-subscriptable]

    assert not hasattr(connect(app).get("/").extensions["exception"], "__notes__")


def test_an_sqlite_connection_of_two_threads_gets_a_note(
    make_app: MakeApp, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.get("/")
    async def opens() -> str:
        g.db = sqlite3.connect(":memory:")
        return "opened"

    @app.teardown_request
    async def really_closes(error: BaseException | None) -> None:
        g.db.close()

    @app.teardown_request
    def closes(error: BaseException | None) -> None:
        g.db.close()

    assert connect(app).get("/").text == "opened"
    (record,) = [r for r in caplog.records if r.exc_info]
    assert "check_same_thread=False" in caplog.text
    assert record.levelname == "ERROR"


# --- What is not there -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (lambda request: request.query, "query parameter"),
        (lambda request: request.args, "query parameter"),
        (lambda request: request.cookies, "cookie"),
        (lambda request: request.headers, "header"),
    ],
)
@pytest.mark.parametrize("url", ["/", "/?other=1"])
def test_a_missing_name_is_a_400_that_names_it(
    make_app: MakeApp, connect: Connect, place: Callable[[Request], Any], kind: str, url: str
) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> str:
        return place(request)["x-wanted"]

    answer = connect(app).get(url, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"The request has no {kind} 'x-wanted'; send it."
    assert "exception" not in answer.extensions


@pytest.mark.parametrize("body", [{}, {"other": "1"}])
@pytest.mark.parametrize("as_files", [True, False])
def test_a_missing_form_field_is_a_400_that_names_it(
    make_app: MakeApp, connect: Connect, body: dict[str, str], as_files: bool
) -> None:
    app = make_app()

    @app.post("/")
    async def index(request: Request) -> str:
        return (await request.form())["email"]

    files = {"upload": ("a.txt", b"a")} if as_files else None
    answer = connect(app).post("/", data=body, files=files, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert "no form field 'email'" in answer.json()["detail"]


def test_a_handshake_is_refused_in_the_same_way(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.websocket("/ws")
    async def ws(websocket: WebSocket) -> None:
        websocket.query["token"]

    assert refusal(connect(app), "/ws").status_code == 400


@pytest.mark.parametrize(
    "mapping",
    [MultiDict(), MultiDict([("a", "1")]), FormData(), parse_cookies(b"a=1"), Headers([])],
)
def test_it_is_a_mapping_all_the_same(mapping: Any) -> None:
    with pytest.raises(KeyError) as caught:
        mapping["x\n<b>"]
    assert isinstance(caught.value, MissingKeyError)
    assert caught.value.key == "x\n<b>"
    assert printable("x\n<b>") in str(caught.value)
    assert mapping.get("x") is None
    assert mapping.get("x", "y") == "y"
    assert "x" not in mapping


def test_a_handler_may_catch_it(make_app: MakeApp, connect: Connect) -> None:
    app = make_app()

    @app.get("/")
    async def index(request: Request) -> str:
        try:
            return request.query["page"]
        except KeyError:
            return "first"

    assert connect(app).get("/").text == "first"


def test_the_headers_of_a_response_are_the_apps_own() -> None:
    with pytest.raises(KeyError) as caught:
        MutableHeaders([])["x"]
    assert not isinstance(caught.value, HTTPException)
