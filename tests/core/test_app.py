"""The app itself: keywords, routes, handlers' values, url_for (CORE-1, CORE-2, CORE-4, CORE-6)."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import pytest
from flasgo import (
    Blueprint,
    BuildError,
    ConfigurationError,
    Converter,
    Flasgo,
    OptionError,
    Registry,
    Response,
    RouteError,
    SettingError,
    WebSocket,
    hookimpl,
)

from tests.conftest import Connect, refusal

# --- Flasgo(...) -------------------------------------------------------------------------------


def test_an_unknown_keyword_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(OptionError, match="Did you mean 'settings'") as caught:
        Flasgo(discover=False, setings={})
    assert caught.value.name == "setings"
    assert isinstance(caught.value, TypeError)


def test_an_unknown_setting_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(SettingError, match="Did you mean 'DEBUG'") as caught:
        Flasgo(discover=False, settings={"DEBGU": True})
    assert caught.value.name == "DEBGU"


def test_a_misspelt_attribute_is_an_error_with_a_suggestion(
    make_app: Callable[..., Flasgo],
) -> None:
    with pytest.raises(AttributeError, match="Did you mean 'before_request'"):
        _ = make_app().before_requets  # ty: ignore[missing-attribute]


def test_a_missing_attribute_is_what_hasattr_expects(make_app: Callable[..., Flasgo]) -> None:
    assert not hasattr(make_app(), "nothing_of_the_kind")
    assert getattr(make_app(), "nothing_of_the_kind", 3) == 3


def test_the_name_may_be_the_modules(make_app: Callable[..., Flasgo]) -> None:
    app = Flasgo(__name__, discover=False, settings={"SECRET_KEY": "x" * 16 + "0123456789abcdef"})
    assert app.name == __name__
    assert repr(app) == f"<Flasgo {__name__!r} with 0 routes>"


def test_debug_is_the_setting(make_app: Callable[..., Flasgo]) -> None:
    assert [make_app(settings={"DEBUG": value}).debug for value in (True, False)] == [True, False]


def test_state_belongs_to_one_app(make_app: Callable[..., Flasgo]) -> None:
    one, two = make_app(), make_app()
    one.state.pool = 1
    assert "pool" not in two.state


async def test_only_three_protocols_are_spoken(make_app: Callable[..., Flasgo]) -> None:
    async def nothing(*_: object) -> Any: ...

    with pytest.raises(ConfigurationError, match="'mqtt'"):
        await make_app()({"type": "mqtt"}, nothing, nothing)


# --- Routes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_there_is_a_decorator_for_each_method(
    make_app: Callable[..., Flasgo], connect: Connect, method: str
) -> None:
    app = make_app()

    @getattr(app, method)("/x", endpoint="named")
    async def handler() -> Response:
        return Response(headers={"x-reached": "yes"})

    assert callable(handler)
    client = connect(app)
    answer = client.request(method.upper(), "/x")
    assert (answer.status_code, answer.headers["x-reached"]) == (200, "yes")
    assert app.url_for("named") == "/x"
    other = "DELETE" if method != "delete" else "PUT"
    assert client.request(other, "/x").status_code == 405


def test_app_options_is_a_mapping_and_a_decorator(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    assert dict(app.options) == {}

    @app.options("/x")
    async def preflight() -> None: ...

    assert app.routes[0].methods == {"OPTIONS"}


def test_a_missing_name_recalls_the_plugins_that_are_switched_off() -> None:
    class Doorman:
        @hookimpl
        def plugin_setup(self, registry: Registry) -> None:
            registry.app_method("door", lambda: "open")

    app = Flasgo(plugins=[Doorman()], discover=False)
    with pytest.raises(AttributeError, match=r"no attribute 'window'\.$"):
        _ = app.window  # ty: ignore[missing-attribute]
    app = Flasgo(plugins=[Doorman()], disable_plugins={"doorman"}, discover=False)
    with pytest.raises(AttributeError, match=r"not active here are doorman \(`flasgo plugins`\)"):
        _ = app.door  # ty: ignore[missing-attribute]


def test_route_takes_several_methods_and_functions_several_routes(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.route("/b")
    @app.route("/a", methods=["GET", "POST"])
    async def shared() -> str:
        return "shared"

    client = connect(app)
    for target, method in (("/a", "GET"), ("/a", "POST"), ("/b", "GET")):
        assert client.request(method, target).text == "shared"
    assert [route.path for route in app.routes] == ["/a", "/b"]


def test_a_refused_route_leaves_no_trace(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    app.add_route("/x", lambda: "x", endpoint="x")
    with pytest.raises(RouteError, match="'/x'"):
        app.add_route("/x", lambda: "y", endpoint="y")
    with pytest.raises(RouteError):
        app.add_route("/z/<int:id>", lambda: "no parameter", endpoint="z")
    assert [route.endpoint for route in app.routes] == ["x"]
    with pytest.raises(BuildError):
        app.url_for("z", id=1)


@pytest.mark.parametrize(
    "name", ["get", "post", "put", "patch", "delete", "head", "options", "websocket", "route"]
)
def test_a_decorator_without_parentheses_is_refused(
    make_app: Callable[..., Flasgo], name: str
) -> None:
    def home() -> str:
        return "never registered"

    with pytest.raises(RouteError, match=r"'home' was decorated without a path.*@app\.get\('"):
        getattr(make_app(), name)(home)


def test_an_unknown_option_of_a_route_is_an_error_with_a_suggestion(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app()
    with pytest.raises(RouteError, match=r"'endpont'\. Did you mean 'endpoint'"):
        app.get("/x", endpont="x")(lambda: "x")
    with pytest.raises(RouteError, match="max_body"):
        Blueprint("b").get("/x", limit=5)(lambda: "x")
    assert app.routes == ()


def test_the_routes_at_a_path_are_those_of_every_method_and_host(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app()
    for rule, methods, endpoint, host in (
        ("/a/<int:id>", ["GET"], "read", None),
        ("/a/<name>", ["POST"], "write", None),
        ("/a/1", ["DELETE"], "first", None),
        ("/a/<int:id>", ["GET"], "named", "api.localhost"),
        ("/a/<int:id>", ["GET"], "numbered", "<int:tenant>.localhost"),
        ("/b", ["GET"], "other", None),
    ):
        parameters = [part for part in ("id", "name", "tenant") if f"{part}>" in f"{rule} {host}"]
        handler = eval(f"lambda {', '.join(parameters)}: None")
        app.add_route(rule, handler, methods, endpoint=endpoint, host=host)

    def at(path: str) -> list[str]:
        return [route.endpoint for route in app.routes_at(path)]

    assert at("/a/1") == ["read", "write", "first", "named", "numbered"]
    assert at("/a/x") == ["write"]
    assert at("/b") == ["other"]
    assert at("/a/1/") == at("/nowhere") == at("no slash") == at("//b") == []


def test_a_converter_of_the_apps_own(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    class Day(Converter):
        def convert(self, value: str) -> date:
            return date.fromisoformat(value)

        def build(self, value: Any) -> str:
            return value.isoformat()

    app = make_app()
    app.add_converter("day", Day)
    app.add_route("/on/<day:when>", lambda when: when.strftime("%d.%m."), endpoint="on")
    client = connect(app)
    assert client.get("/on/2024-02-29").text == "29.02."
    assert client.get("/on/2023-02-29").status_code == 404
    assert app.url_for("on", when=date(2024, 1, 2)) == "/on/2024-01-02"


def test_a_converter_with_a_fault_is_a_404_that_leaves_like_any_other(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Converter):
        def convert(self, value: str) -> object:
            raise TypeError("not one of the refusals")

    class Finalizer:
        @hookimpl
        def response_finalize(self, response: Response) -> None:
            response.headers["x-seen"] = "yes"

    app = make_app(Finalizer())
    app.add_converter("broken", Broken)
    app.add_route("/a/<broken:x>", lambda x: "never", endpoint="path")
    app.add_route("/", lambda x: "never", endpoint="host", host="<broken:x>.localhost")
    client = connect(app)
    for url in ("/a/b", "http://a.localhost/"):
        answer = client.get(url)
        assert (answer.status_code, answer.headers["x-seen"]) == (404, "yes")
    assert "TypeError: not one of the refusals" in caplog.text


def test_a_cast_that_fails_is_a_404(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()

    @app.get("/n/<name>")
    async def number(name: int) -> dict[str, int]:
        return {"name": name}

    client = connect(app)
    assert client.get("/n/12").json() == {"name": 12}
    for target in ("/n/x", "/n/1.5", "/n/" + "9" * 5000):
        assert client.get(target).status_code == 404


# --- What handlers may be ----------------------------------------------------------------------


class Views:
    """Handlers of every shape."""

    async def method(self) -> str:
        return "method"

    @classmethod
    async def classmethod(cls) -> str:
        return "classmethod"

    @staticmethod
    def staticmethod() -> str:
        return "staticmethod"


class AsyncCallable:
    """An object with an async `__call__`."""

    async def __call__(self, x: str = "object") -> str:
        return x


class SyncCallable:
    """An object with a plain `__call__`."""

    def __call__(self) -> str:
        return "sync object"


async def with_argument(kind: str, extra: int = 0) -> str:
    return f"{kind} {extra}"


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> Any:
        return function(*args, **kwargs)

    return wrapper


HANDLERS: dict[str, tuple[Any, str]] = {
    "lambda": (lambda: "lambda", "lambda"),
    "async lambda": (lambda: with_argument("lambda"), "lambda 0"),
    "method": (Views().method, "method"),
    "classmethod": (Views.classmethod, "classmethod"),
    "staticmethod": (Views.staticmethod, "staticmethod"),
    "async object": (AsyncCallable(), "object"),
    "sync object": (SyncCallable(), "sync object"),
    "partial": (functools.partial(with_argument, "partial"), "partial 0"),
    "keyword partial": (functools.partial(with_argument, kind="kw"), "kw 0"),
    "partial of partial": (functools.partial(functools.partial(with_argument, "p")), "p 0"),
    "decorated": (decorated(with_argument), "q 0"),
}


@pytest.mark.parametrize("kind", HANDLERS)
@pytest.mark.parametrize("blocking", [True, False])
def test_handlers_of_every_shape(
    make_app: Callable[..., Flasgo], connect: Connect, kind: str, blocking: bool
) -> None:
    handler, text = HANDLERS[kind]
    app = make_app()
    app.add_route("/", handler, endpoint="index", blocking=blocking)
    assert connect(app).get("/?kind=q").text == text


def test_a_handler_must_be_callable(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(RouteError, match="callable"):
        make_app().add_route("/", "handler")  # ty: ignore[invalid-argument-type]


# --- What handlers may return ------------------------------------------------------------------


@dataclass
class Point:
    x: int
    y: int = 2


class Struct(msgspec.Struct):
    x: int = 1


async def async_parts() -> AsyncIterator[str]:
    yield "a"
    yield "b"


def sync_parts() -> Iterator[bytes]:
    yield b"a"
    yield b"b"


@pytest.mark.parametrize(
    ("value", "status", "content_type", "body"),
    [
        ("text", 200, "text/html; charset=utf-8", b"text"),
        (b"\x00", 200, "application/octet-stream", b"\x00"),
        ({"a": 1}, 200, "application/json", b'{"a":1}'),
        ([1, 2], 200, "application/json", b"[1,2]"),
        (None, 204, None, b""),
        (("made", 201), 201, "text/html; charset=utf-8", b"made"),
        ((None, 202), 202, None, b""),
        (({"a": 1}, 201, {"x-a": "1"}), 201, "application/json", b'{"a":1}'),
        (Response.text("mine"), 200, "text/plain; charset=utf-8", b"mine"),
        (Point(1), 200, "application/json", b'{"x":1,"y":2}'),
        (Struct(), 200, "application/json", b'{"x":1}'),
        (date(2024, 1, 2), 200, "application/json", b'"2024-01-02"'),
    ],
)
def test_what_a_handler_returns_becomes_a_response(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    value: object,
    status: int,
    content_type: str | None,
    body: bytes,
) -> None:
    app = make_app()
    app.add_route("/", lambda: value, endpoint="index")
    answer = connect(app).get("/")
    assert (answer.status_code, answer.headers.get("content-type"), answer.content) == (
        status,
        content_type,
        body,
    )


@pytest.mark.parametrize("parts", [async_parts, sync_parts])
def test_generators_are_streamed(
    make_app: Callable[..., Flasgo], connect: Connect, parts: Any
) -> None:
    app = make_app()
    app.add_route("/made", parts, endpoint="made")
    app.add_route("/returned", lambda: parts(), endpoint="returned")
    client = connect(app)
    for target in ("/made", "/returned"):
        with client.stream("GET", target) as answer:
            assert list(answer.iter_raw()) == [b"a", b"b"]


@pytest.mark.parametrize(
    "value", [object(), 5, 5.0, True, ("a",), ("a", "b"), (1, 2, 3, 4), {1: object()}, Views]
)
@pytest.mark.parametrize("is_async", [True, False])
def test_nonsense_is_a_type_error_that_names_the_handler(
    make_app: Callable[..., Flasgo], connect: Connect, value: object, is_async: bool
) -> None:
    app = make_app()

    async def peculiar() -> object:
        return value

    def peculiar_sync() -> object:
        return value

    app.add_route("/", peculiar if is_async else peculiar_sync)
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert isinstance(answer.extensions["exception"], TypeError)
    assert "peculiar" in str(answer.extensions["exception"])


def test_a_handler_that_makes_a_coroutine_of_a_coroutine_is_told_so(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    async def inner() -> str:
        return "x"

    async def outer() -> object:
        return inner()

    app = make_app()
    app.add_route("/", outer)
    answer = connect(app).get("/")
    assert "await" in str(answer.extensions["exception"])


# --- url_for -----------------------------------------------------------------------------------


async def test_url_for_builds_paths_and_queries(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()
    app.add_route("/n/<int:id>", lambda id: "x", endpoint="note")  # noqa: A006
    assert app.url_for("note", id=7) == "/n/7"
    assert app.url_for("note", id=7, q="a b", tag=["x", "y"]) == "/n/7?q=a+b&tag=x&tag=y"
    with pytest.raises(BuildError, match="Did you mean 'note'") as caught:
        app.url_for("notes", id=7)
    assert caught.value.endpoint == "notes"


def test_url_for_knows_the_root_path(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()
    app.add_route("/x", lambda: app.url_for("x"), endpoint="x")
    for root_path, expected in (("", "/x"), ("/api", "/api/x")):
        assert connect(app, root_path=root_path).get("/x").text == expected


def test_an_external_url_never_repeats_an_unchecked_host(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/", lambda: app.url_for("index", _external=True), endpoint="index")
    with pytest.raises(BuildError, match="SERVER_NAME"):
        app.url_for("index", _external=True)
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert isinstance(answer.extensions["exception"], BuildError)


def test_an_external_url_names_the_server_name(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(settings={"SERVER_NAME": "shop.example"})
    app.add_route("/", lambda: app.url_for("index", _external=True), endpoint="index")
    assert app.url_for("index", _external=True) == "https://shop.example/"
    client = connect(app)
    assert client.get("/").text == "http://shop.example/"
    assert client.get("https://localhost/").text == "https://shop.example/"


def test_an_external_url_names_a_host_that_a_plugin_has_checked(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    class Hosts:
        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.role("trusted_host", lambda request: "checked.example")

    app = make_app(Hosts())
    app.add_route("/", lambda: app.url_for("index", _external=True), endpoint="index")
    assert connect(app).get("/").text == "http://checked.example/"
    with pytest.raises(BuildError):
        app.url_for("index", _external=True)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_url_for_in_a_websocket(
    make_app: Callable[..., Flasgo], connect: Connect, scheme: str
) -> None:
    app = make_app(settings={"SERVER_NAME": "shop.example"})
    built: list[str] = []

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        built.append(app.url_for("talk", _external=True))

    refusal(connect(app), f"{scheme}://shop.example/ws")
    assert built == [f"{scheme}://shop.example/ws"]
