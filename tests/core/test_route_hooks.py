"""Hooks about routes: `route_added`, `routes_ready` and `wrap_handler` (PLUG-11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from flasgo import (
    Blueprint,
    Flasgo,
    HookError,
    HTTPException,
    PluginError,
    Request,
    Response,
    hookimpl,
)

from tests.conftest import Connect

Call = Callable[[Any], Awaitable[object]]


def plugin(name: str, **hooks: Any) -> Any:
    """Return a plugin with these functions as its hooks."""
    marked = {k: f if hasattr(f, "flasgo_impl") else hookimpl(f) for k, f in hooks.items()}
    return type("Made", (), {"name": name, **marked})()


# --- route_added -------------------------------------------------------------------------------


def test_every_route_is_told_of_once(make_app: Callable[..., Flasgo]) -> None:
    seen: list[str] = []

    def route_added(self: object, app: Flasgo, route: Any) -> None:
        assert route in app.routes
        seen.append(route.path)

    def early(self: object, app: Flasgo) -> None:
        app.add_route("/early", lambda: "x", endpoint="early")

    app = make_app(plugin("a", app_created=early), plugin("z", route_added=route_added))
    assert seen == ["/early"]
    app.add_route("/one", lambda: "x", endpoint="one")
    blueprint = Blueprint("shop", prefix="/shop")
    blueprint.get("/two")(lambda: "x")
    app.register_blueprint(blueprint)
    app.mount("/mounted", make_app())
    assert seen[:3] == ["/early", "/one", "/shop/two"]
    assert any(path.startswith("/mounted") for path in seen)
    app.plugins.register(plugin("late", route_added=route_added))
    assert sorted(seen) == sorted(2 * [route.path for route in app.routes])


def test_a_route_that_is_refused_is_not_there(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    def route_added(self: object, route: Any) -> None:
        if route.path == "/bad":
            raise ValueError("not here")

    app = make_app(plugin("strict", route_added=route_added))
    app.add_route("/good", lambda: "x", endpoint="good")
    with pytest.raises(PluginError, match="'strict' failed in route_added: ValueError: not here"):
        app.add_route("/bad", lambda: "x", endpoint="bad")
    assert [route.path for route in app.routes] == ["/good"]
    assert connect(app).get("/bad").status_code == 404
    assert connect(app).get("/good").text == "x"


# --- routes_ready ------------------------------------------------------------------------------


def test_it_is_called_when_all_routes_are_known_and_again_when_they_change(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[int] = []

    def routes_ready(self: object, app: Flasgo) -> None:
        seen.append(len(app.routes))

    app = make_app(plugin("a", routes_ready=routes_ready))
    for number in range(3):
        app.add_route(f"/{number}", lambda: "x", endpoint=str(number))
    assert seen == []
    with connect(app) as client:
        assert seen == [3]
        client.get("/0")
        app.before_request(lambda: None)  # compiled anew, and no route has changed
        client.get("/0")
        assert seen == [3]
        app.add_route("/later", lambda: "x", endpoint="later")
        assert client.get("/later").text == "x"
    assert seen == [3, 4]


def test_it_may_add_routes(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    def routes_ready(self: object, app: Flasgo) -> None:
        app.add_route("/sitemap", lambda: str(len(app.routes)), endpoint="sitemap")

    app = make_app(plugin("a", routes_ready=routes_ready))
    assert connect(app).get("/sitemap").text == "1"


def test_what_it_raises_stops_the_start_up_each_time(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    def routes_ready(self: object) -> None:
        raise LookupError("no")

    app = make_app(plugin("a", routes_ready=routes_ready))
    for _ in range(2):
        failure = pytest.raises(Exception, match="'a' failed in routes_ready: LookupError: no")
        with failure, connect(app):
            pass


# --- wrap_handler ------------------------------------------------------------------------------


def tagging(tag: str, seen: list[str]) -> Any:
    def wrap_handler(self: object, route: Any, call: Call) -> Call:
        async def wrapped(request: Request) -> object:
            seen.append(f"{tag} {route.path}")
            return f"{tag}({await call(request)})"

        return wrapped

    return wrap_handler


@pytest.mark.parametrize("is_async", [False, True])
def test_the_first_plugin_is_the_outermost(
    make_app: Callable[..., Flasgo], connect: Connect, *, is_async: bool
) -> None:
    seen: list[str] = []
    wrappers = {name: plugin(name, wrap_handler=tagging(name, seen)) for name in ("b", "a")}
    app = make_app(*wrappers.values())

    async def asynchronous(name: str) -> str:
        return name

    app.add_route("/<name>", asynchronous if is_async else lambda name: name, endpoint="x")
    assert connect(app).get("/hi").text == "a(b(hi))"
    assert seen == ["a /<name>", "b /<name>"]
    [route] = app.routes
    stages = [(s.stage, s.plugin) for s in app._explain(route)] if hasattr(app, "_explain") else []  # ty: ignore[not-callable]
    stages = stages or [(s.stage, s.plugin) for s in app.explain(route)]
    around = [stage for stage in stages if stage[0] in {"wrap_handler", "handler"}]
    assert around == [("wrap_handler", "a"), ("wrap_handler", "b"), ("handler", "app")]


def test_endpoints_are_chosen_and_the_others_are_left_as_they_are(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    asked: list[str] = []

    def by_when(self: object, route: Any, call: Call) -> Call:
        asked.append(route.path)
        return tagging("w", [])(self, route, call)

    def by_answer(self: object, route: Any, call: Call) -> Call | None:
        return None

    chosen = hookimpl(when=lambda route: route.path == "/a")(by_when)
    app = make_app(plugin("p", wrap_handler=chosen), plugin("q", wrap_handler=by_answer))
    for path in ("/a", "/b"):
        app.add_route(path, lambda: "x", endpoint=path)
    client = connect(app)
    for _ in range(2):
        assert (client.get("/a").text, client.get("/b").text) == ("w(x)", "x")
    assert asked == ["/a"]
    plain = make_app()
    plain.add_route("/b", lambda: "x", endpoint="/b")
    plain._compile()
    # PERF: what is not wrapped is called exactly as without the plugins.
    assert type(app.routes[1].pipeline.call) is type(plain.routes[0].pipeline.call)
    assert app.routes[1].pipeline.call.__code__ is plain.routes[0].pipeline.call.__code__  # ty: ignore[missing-attribute]


def test_a_wrapper_may_answer_itself_and_sees_errors(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[str] = []

    def wrap_handler(self: object, route: Any, call: Call) -> Call:
        async def wrapped(request: Request) -> object:
            if "cached" in request.query:
                return Response.text("from the cache", 203)
            try:
                return await call(request)
            except Exception as error:
                seen.append(type(error).__name__)
                raise

        return wrapped

    app = make_app(plugin("p", wrap_handler=wrap_handler))

    @app.get("/<kind>")
    async def handler(kind: str) -> str:
        raise HTTPException(409) if kind == "http" else KeyError("x")

    app.errorhandler(KeyError)(lambda error: "handled")
    client = connect(app)
    assert client.get("/http?cached=1").text == "from the cache"
    assert client.get("/http").status_code == 409
    assert client.get("/key").text == "handled"
    assert seen == ["HTTPException", "KeyError"]


def test_an_error_of_the_wrapper_itself_carries_the_plugins_name(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    def wrap_handler(self: object, route: Any, call: Call) -> Call:
        async def wrapped(request: Request) -> object:
            result = await call(request)
            raise LookupError(f"no table for {result}")

        return wrapped

    app = make_app(
        plugin("a", wrap_handler=tagging("a", [])), plugin("culprit", wrap_handler=wrap_handler)
    )
    app.add_route("/", lambda: "x", endpoint="index")
    answer = connect(app).get("/")
    assert answer.status_code == 500
    error = answer.extensions["exception"]
    assert isinstance(error, HookError)
    assert (error.plugin, error.hook) == ("culprit", "wrap_handler")


def test_websockets_are_wrapped_too(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    seen: list[str] = []
    app = make_app(plugin("a", wrap_handler=tagging("a", seen)))

    @app.websocket("/live")
    async def live(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text("hi")

    with connect(app).websocket_connect("/live") as session:
        assert session.receive_text() == "hi"
    assert seen == ["a /live"]


async def asynchronous(self: object) -> None: ...


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (lambda self, call: lambda request: None, "wrap_handler returned function.*async def"),
        (lambda self, call: "x", "wrap_handler returned str for route '/'"),
        (lambda self, call: 1 / 0, "'p' failed in wrap_handler: ZeroDivisionError.*route is '/'"),
        (asynchronous, "wrap_handler is async"),
    ],
)
def test_misuse_is_an_error_at_the_start(
    make_app: Callable[..., Flasgo], connect: Connect, hook: Any, message: str
) -> None:
    def start() -> None:
        app = make_app(plugin("p", wrap_handler=hook))
        app.add_route("/", lambda: "x", endpoint="index")
        with connect(app):
            pass

    with pytest.raises(Exception, match=message):
        start()
