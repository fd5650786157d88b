"""Every kind of callable is judged alike, wherever the app takes one (DESIGN 8)."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from flasgo import (
    Blueprint,
    Depends,
    Flasgo,
    PluginError,
    Request,
    Response,
    RouteError,
    TestClient,
    hookimpl,
)
from flasgo.callables import (
    docstring_of,
    full_name,
    generator_of,
    is_async,
    is_generator,
    is_routine,
    name_of,
    qualified_name,
    source_of,
)
from flasgo_auth import User, api_key_backend, authorize

from tests.conftest import Connect

HERE = Path(__file__).name


async def coroutine(*args: object) -> object:
    """Answer asynchronously."""
    return "value"


def plain(*args: object) -> object:
    """Answer at once."""
    return "value"


async def stream() -> AsyncIterator[str]:
    yield "value"


class Asynchronous:
    """A class."""

    async def __call__(self, *args: object) -> object:
        """Call it."""
        return "value"

    async def method(self) -> object:
        return "value"


class Descriptor(Asynchronous):
    """What `inspect.isroutine` takes for a method: as Python 3.14's partial."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self


class Plain:
    def __call__(self) -> object:
        return "value"


@functools.wraps(coroutine)
def wrapper(*args: object) -> object:
    return coroutine(*args)


ASYNC = {
    "function": coroutine,
    "method": Asynchronous().method,
    "object": Asynchronous(),
    "descriptor": Descriptor(),
    "partial": functools.partial(coroutine),
    "partial of a partial": functools.partial(functools.partial(coroutine)),
    "partial of an object": functools.partial(Asynchronous()),
}
SYNC = {
    "function": plain,
    "object": Plain(),
    "class": Asynchronous,
    "wrapper": wrapper,
    "partial": functools.partial(plain),
    "builtin": len,
    "cached": functools.lru_cache(plain),
}


@pytest.mark.parametrize("name", ASYNC)
def test_a_call_that_returns_a_coroutine_is_async(name: str) -> None:
    assert is_async(ASYNC[name])


@pytest.mark.parametrize("name", SYNC)
def test_other_calls_are_not_async(name: str) -> None:
    assert not is_async(SYNC[name])


def test_generators_are_found_through_partials_and_objects() -> None:
    class Streaming:
        async def __call__(self) -> AsyncIterator[str]:
            yield "value"

    for function in (stream, functools.partial(stream), Streaming()):
        assert is_generator(function)
        assert generator_of(function) is not None
    assert not is_generator(coroutine)
    assert generator_of(wrapper) is None


@pytest.mark.parametrize(
    ("function", "name", "qualified"),
    [
        (coroutine, "coroutine", "coroutine"),
        (functools.partial(functools.partial(plain, 1), 2), "plain", "plain"),
        (wrapper, "coroutine", "coroutine"),
        (Asynchronous(), "Asynchronous", "Asynchronous"),
        (Asynchronous().method, "method", "Asynchronous.method"),
        (functools.partial(Asynchronous()), "Asynchronous", "Asynchronous"),
        (len, "len", "len"),
        (Asynchronous, "Asynchronous", "Asynchronous"),
    ],
)
def test_names(function: Callable[..., object], name: str, qualified: str) -> None:
    assert name_of(function) == name
    assert qualified_name(function) == qualified
    assert full_name(function).endswith(f".{qualified}")


@pytest.mark.parametrize("function", [coroutine, wrapper, *ASYNC.values()])
def test_the_source_is_that_of_the_code(function: Callable[..., object]) -> None:
    assert f"{HERE}:" in source_of(function)


def test_what_has_no_source_is_named() -> None:
    assert source_of(len) == "builtins.len"


def test_the_docstring_is_that_of_the_function() -> None:
    assert docstring_of(functools.partial(plain)) == "Answer at once."
    assert docstring_of(wrapper) == "Answer asynchronously."
    assert docstring_of(Asynchronous()) == "Call it."
    assert docstring_of(Plain()) == ""
    assert docstring_of(functools.partial(Plain())) == ""


def test_a_partial_is_no_routine() -> None:
    assert is_routine(plain)
    assert is_routine(Asynchronous().method)
    assert not is_routine(functools.partial(plain))
    assert not is_routine(Descriptor())


# --- In use -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASYNC)
def test_handlers(connect: Connect, name: str) -> None:
    app = Flasgo()
    route = app.add_route("/", ASYNC[name], endpoint="handler")
    assert connect(app).get("/").text == "value"
    assert [step.kind for step in app.explain(route) if step.stage == "handler"] == ["async"]


@pytest.mark.parametrize("name", ASYNC)
def test_dependencies(connect: Connect, name: str) -> None:
    app = Flasgo()

    @app.get("/")
    async def show(value: Annotated[str, Depends(ASYNC[name])]) -> str:
        return value

    assert connect(app).get("/").text == "value"


def test_a_class_with_an_async_call_is_a_dependency_that_makes_instances(connect: Connect) -> None:
    app = Flasgo()

    @app.get("/")
    async def show(value: Annotated[Asynchronous, Depends()]) -> str:
        return type(value).__name__

    assert connect(app).get("/").text == "Asynchronous"


@pytest.mark.parametrize("name", ASYNC)
def test_callbacks(connect: Connect, name: str) -> None:
    app = Flasgo()
    app.before_request(ASYNC[name])
    assert connect(app).get("/nowhere").text == "value"


@pytest.mark.parametrize("name", ASYNC)
def test_error_handlers(connect: Connect, name: str) -> None:
    app = Flasgo()
    app.errorhandler(404)(ASYNC[name])
    assert connect(app).get("/nowhere").text == "value"


@pytest.mark.parametrize("name", ASYNC)
def test_background_tasks(name: str) -> None:
    done = []

    class Task:
        async def __call__(self) -> None:
            done.append(1)

    task = {"object": Task(), "partial": functools.partial(Task())}.get(name, ASYNC[name])
    app = Flasgo()

    @app.get("/")
    async def show(request: Request) -> str:
        request.background.add(task)
        return ""

    with TestClient(app) as client:
        assert client.get("/").status_code == 200
    assert len(done) == (name in {"object", "partial"})


@pytest.mark.parametrize("name", ASYNC)
def test_request_attributes_are_not_async(name: str) -> None:
    class Plugin:
        name = "p"

        @hookimpl
        def plugin_setup(self, registry: Any) -> None:
            registry.request_attribute("thing", ASYNC[name])

    with pytest.raises(PluginError, match=r"request\.thing is computed by an async function"):
        Flasgo(plugins=[Plugin])


def test_predicates_of_hooks_are_not_async() -> None:
    class Plugin:
        name = "p"

        @hookimpl(when=Asynchronous())  # ty: ignore[invalid-argument-type]
        def authorize(self, request: Request) -> Response | None:
            return None

    with pytest.raises(PluginError, match="when= of authorize is async"):
        Flasgo(plugins=[Plugin])


def test_permissions_and_backends(connect: Connect) -> None:
    class Allow:
        async def __call__(self, request: object) -> bool:
            return True

    class Authenticate:
        async def __call__(self, key: str) -> User:
            return User("ann")

    app = Flasgo()
    app.register_auth_backend("own", api_key_backend(functools.partial(Authenticate())))

    @app.get("/")
    @authorize(functools.partial(Allow()), backend="own")
    async def show(request: Any) -> str:
        return request.user.id

    assert connect(app).get("/", headers={"x-api-key": "k"}).text == "ann"


def test_a_mounted_partial_is_listed(connect: Connect) -> None:
    from flasgo.cli.routes import _as_json

    async def serve(name: str, scope: Any, receive: Any, send: Any) -> None: ...

    app = Flasgo()
    app.mount("/other", functools.partial(serve, "x"))
    assert _as_json(app.routes[0], (), explain=False)["mounted"] == full_name(serve)


def test_the_api_description_takes_the_summary_of_the_function() -> None:
    app = Flasgo()
    app.add_route("/partial", functools.partial(plain, "x"), endpoint="partial")
    app.add_route("/object", Descriptor(), endpoint="object")
    paths = app.openapi_spec()["paths"]
    assert paths["/partial"]["get"]["summary"] == "Answer at once."
    assert paths["/object"]["get"]["summary"] == "Call it."


# --- Endpoints ----------------------------------------------------------------------------------


def test_a_name_that_nobody_chose_never_clashes(connect: Connect) -> None:
    async def show(text: str) -> str:
        return text

    app = Flasgo()
    blueprint = Blueprint("b", "/b")
    for taker in (app, blueprint):
        for text in "abc":
            taker.add_route(f"/lambda.{text}", lambda text=text: text)
            taker.add_route(f"/partial/{text}", functools.partial(show, text=text))
            taker.add_route(f"/object/{text}", Asynchronous())
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, name="again", prefix="/again")
    # Names that were chosen take theirs, whether they come first or last.
    app.add_route("/show/<text>", show)
    app.add_route("/named", coroutine, endpoint="lambda")
    client = connect(app)
    for prefix in ("", "/b", "/again"):
        for text in "abc":
            assert client.get(f"{prefix}/lambda.{text}").text == text
            assert client.get(f"{prefix}/partial/{text}").text == text
            assert client.get(f"{prefix}/object/{text}").text == "value"
    assert app.url_for("show", text="x") == "/show/x"
    assert app.url_for("lambda") == "/named"
    endpoints = [route.endpoint for route in app.routes]
    assert len(set(endpoints)) == len(endpoints)
    assert {"b.lambda", "b.lambda_2", "again.show_3", "show_4"} <= set(endpoints)
    assert app.url_for("show_2") == "/partial/b"
    assert app.url_for("show_4") == "/partial/a"


def test_names_that_were_chosen_still_clash() -> None:
    app = Flasgo()
    app.add_route("/a", coroutine)
    with pytest.raises(RouteError, match="belongs to another handler"):
        app.add_route("/b", plain, endpoint="coroutine")
    with pytest.raises(RouteError, match="belongs to another handler"):
        app.add_route("/b", lambda: "x", endpoint="coroutine")
    assert [route.endpoint for route in app.routes] == ["coroutine"]
