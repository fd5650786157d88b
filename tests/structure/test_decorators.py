"""Every policy decorator takes a function, a callable object, a partial, a blueprint and an app."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import (
    AllowAny,
    AuthPolicy,
    Blueprint,
    Flasgo,
    MethodView,
    Policy,
    RateLimit,
    authorize,
    cors,
    csp,
    csrf_exempt,
    rate_limit,
    ratelimit_exempt,
)
from flasgo_security import Cors, Csp, CsrfExempt, RateLimitExempt

Decorator = Callable[[Any], Any]
DECORATORS: dict[str, tuple[Decorator, type[Policy]]] = {
    "authorize": (authorize(AllowAny()), AuthPolicy),
    "cors": (cors("https://shop.example"), Cors),
    "csp": (csp("default-src 'none'"), Csp),
    "csrf_exempt": (csrf_exempt, CsrfExempt),
    "rate_limit": (rate_limit(1, per=60), RateLimit),
    "ratelimit_exempt": (ratelimit_exempt, RateLimitExempt),
}


def make_app() -> Flasgo:
    return Flasgo(settings={"SECRET_KEY": "0123456789abcdef0123456789abcdef"})


async def answer(text: str = "x") -> str:
    return text


class Answer:
    async def __call__(self) -> str:
        return "x"


def a_function() -> Any:
    async def handler() -> str:
        return "x"

    return handler


HANDLERS: dict[str, Callable[[], Any]] = {
    "function": a_function,
    "object": Answer,
    "partial": lambda: functools.partial(answer, "x"),
}


@pytest.mark.parametrize("name", DECORATORS)
@pytest.mark.parametrize("kind", HANDLERS)
def test_on_a_handler(name: str, kind: str) -> None:
    decorate, policy = DECORATORS[name]
    app, handler = make_app(), HANDLERS[kind]()
    assert decorate(handler) is handler
    route = app.add_route("/x", handler, endpoint="x")
    assert route.policy(policy) is not None


@pytest.mark.parametrize("name", DECORATORS)
@pytest.mark.parametrize("is_first", [True, False])
def test_on_a_blueprint(name: str, is_first: bool) -> None:
    decorate, policy = DECORATORS[name]
    app, notes = make_app(), Blueprint("notes", "/notes")
    if is_first:
        assert decorate(notes) is notes
    notes.add_route("/x", a_function(), endpoint="x")
    if not is_first:
        assert decorate(notes) is notes
    app.register_blueprint(notes)
    assert {route.endpoint for route in app.routes if route.policy(policy)} == {"notes.x"}


@pytest.mark.parametrize("name", DECORATORS)
def test_on_an_app(name: str) -> None:
    decorate, policy = DECORATORS[name]
    app = make_app()
    app.add_route("/x", a_function(), endpoint="x")
    assert decorate(app) is app
    assert all(route.policy(policy) for route in app.routes)
    assert app.test_client().get("/x").status_code == 200


@pytest.mark.parametrize("name", DECORATORS)
def test_the_app_has_each_of_them(name: str) -> None:
    assert callable(getattr(make_app(), name))


@pytest.mark.parametrize("name", DECORATORS)
def test_on_a_view(name: str) -> None:
    decorate, policy = DECORATORS[name]

    class Whole(MethodView):
        decorators = (decorate,)

        async def get(self) -> str:
            return "x"

        async def post(self) -> str:
            return "x"

    class Part(MethodView):
        @decorate
        async def get(self) -> str:
            return "x"

        async def post(self) -> str:
            return "x"

    class Plain(MethodView):
        async def get(self) -> str:
            return "x"

    app = make_app()
    app.add_route("/whole", Whole)
    app.add_route("/part", Part)
    app.add_route("/made", decorate(Plain.as_view("made")))
    held = {(route.path, *route.methods) for route in app.routes if route.policy(policy)}
    assert {
        (path, method) for path, *methods in held for method in methods if method != "HEAD"
    } == {
        ("/whole", "GET"),
        ("/whole", "POST"),
        ("/part", "GET"),
        ("/made", "GET"),
    }
    # A class itself is refused rather than forgotten.
    with pytest.raises(TypeError, match="name the decorator in its `decorators`"):
        decorate(Plain)
