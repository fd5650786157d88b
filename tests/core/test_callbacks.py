"""before_request, after_request, teardown_request (CORE-7)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flasgo import ConfigurationError, Depends, Flasgo, HTTPException, Query, Request, Response

from tests.conftest import Connect


def index_app(make_app: Callable[..., Flasgo]) -> Flasgo:
    app = make_app()
    app.add_route("/", lambda: "index", endpoint="index")
    return app


# --- before_request ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        (None, 200, b"index"),
        ("early", 200, b"early"),
        ("", 200, b""),
        ({"a": 1}, 200, b'{"a":1}'),
        (("early", 401), 401, b"early"),
        (Response.text("early", status_code=402), 402, b"early"),
    ],
)
def test_what_before_request_returns_ends_the_request(
    make_app: Callable[..., Flasgo], connect: Connect, value: object, status: int, body: bytes
) -> None:
    app = index_app(make_app)
    later: list[str] = []
    app.before_request(lambda: value)
    app.before_request(lambda: later.append("second"))
    answer = connect(app).get("/")
    assert (answer.status_code, answer.content) == (status, body)
    assert later == (["second"] if value is None else [])


def test_before_request_may_raise(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = index_app(make_app)

    @app.before_request
    async def refuse(request: Request) -> None:
        raise HTTPException(403, request.path)

    answer = connect(app).get("/")
    assert (answer.status_code, answer.json()["detail"]) == (403, "/")


def test_junk_from_before_request_is_a_500_that_names_it(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = index_app(make_app)

    @app.before_request
    def peculiar() -> object:
        return object()

    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert "peculiar" in str(answer.extensions["exception"])


# --- after_request -----------------------------------------------------------------------------


def test_after_request_runs_in_reverse_and_may_replace_the_response(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = index_app(make_app)

    @app.after_request
    def last(response: Response) -> Response:
        return Response.text(f"last({response.body.decode()})")

    @app.after_request
    async def first(request: Request, response: Response) -> str:
        return f"first({request.path} {response.body.decode()})"

    @app.after_request
    def very_first(response: Response) -> None:
        response.headers["x-first"] = "1"

    assert connect(app).get("/").text == "last(first(/ index))"


def test_after_request_that_fails_ends_in_a_500_and_the_others_still_run(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = index_app(make_app)

    @app.after_request
    def mark(response: Response) -> None:
        response.headers["x-marked"] = str(response.status_code)

    @app.after_request
    def fail(response: Response) -> None:
        raise ZeroDivisionError

    answer = connect(app).get("/")
    assert (answer.status_code, answer.headers["x-marked"]) == (500, "500")
    assert isinstance(answer.extensions["exception"], ZeroDivisionError)


# --- teardown_request --------------------------------------------------------------------------


def test_teardown_gets_the_exception_and_runs_in_reverse(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = index_app(make_app)
    seen: list[object] = []
    failure = KeyError("x")

    @app.get("/boom")
    async def boom() -> None:
        raise failure

    @app.teardown_request
    def last(error: Exception | None) -> None:
        seen.append(("last", error))

    @app.teardown_request
    async def first(exc: Exception | None = None) -> None:
        seen.append(("first", exc))

    client = connect(app)
    client.get("/")
    client.get("/boom")
    client.get("/nowhere")
    assert seen == [
        ("first", None),
        ("last", None),
        ("first", failure),
        ("last", failure),
        ("first", None),
        ("last", None),
    ]


def test_teardown_sees_the_request_still(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    from flasgo import request

    app = index_app(make_app)
    seen: list[str] = []

    @app.teardown_request
    def last(error: Exception | None, request: Request) -> None:
        seen.append(request.path)

    @app.teardown_request
    def also() -> None:
        seen.append(request.path)

    connect(app).get("/x")
    assert seen == ["/x", "/x"]


# --- Arguments ---------------------------------------------------------------------------------


def keyword_default(resp: Response, flag: bool = True) -> None:
    resp.headers["x-seen"] = f"resp {flag}"


def lone_default(r: Response | None = None) -> None:
    if r is not None:
        r.headers["x-seen"] = "lone"


def by_name(response: Response, request: Request) -> None:
    response.headers["x-seen"] = f"names {request.path}"


def by_position(req: Request, resp: Response) -> None:
    resp.headers["x-seen"] = f"position {req.path}"


def mixed(resp: Response, request: Request) -> None:
    resp.headers["x-seen"] = f"mixed {request.path}"


class AsyncObject:
    async def __call__(self, response: Response) -> None:
        response.headers["x-seen"] = "async object"


def returns_awaitable(response: Response) -> Any:
    return AsyncObject()(response)


@pytest.mark.parametrize(
    ("function", "seen"),
    [
        (keyword_default, "resp True"),
        (lone_default, "lone"),
        (by_name, "names /"),
        (by_position, "position /"),
        (mixed, "mixed /"),
        (AsyncObject(), "async object"),
        (returns_awaitable, "async object"),
        (functools.partial(keyword_default, flag=False), "resp False"),
    ],
)
def test_callbacks_take_what_they_name(
    make_app: Callable[..., Flasgo], connect: Connect, function: Any, seen: str
) -> None:
    app = index_app(make_app)
    app.after_request(function)
    assert connect(app).get("/").headers["x-seen"] == seen


@pytest.mark.parametrize("kind", ["before_request", "after_request", "teardown_request"])
def test_a_callback_that_wants_too_much_is_refused_at_once(
    make_app: Callable[..., Flasgo], kind: str
) -> None:
    def greedy(a: object, b: object, c: object) -> None: ...

    with pytest.raises(ConfigurationError, match=rf"{kind} .*greedy.*3 arguments \(a, b, c\)"):
        getattr(make_app(), kind)(greedy)


def test_decorators_return_the_function(make_app: Callable[..., Flasgo]) -> None:
    app = make_app()

    def function() -> None: ...

    for kind in ("before_request", "after_request", "teardown_request"):
        assert getattr(app, kind)(function) is function
    assert app.errorhandler(404)(function) is function


# --- What a callback asks for -------------------------------------------------------------------


def rest(seen: list[object]) -> Callable[..., None]:
    def callback(*args: object) -> None:
        seen.extend(type(arg).__name__ for arg in args)

    return callback


def by_name(seen: list[object]) -> Callable[..., None]:
    def callback(**arguments: object) -> None:
        seen.extend(type(arg).__name__ for arg in arguments.values())

    return callback


def first_and_rest(seen: list[object]) -> Callable[..., None]:
    def callback(request: Request, *args: object) -> None:
        seen.extend(type(arg).__name__ for arg in (request, *args))

    return callback


def wrapper_of_all(seen: list[object]) -> Callable[..., None]:
    class Callback:
        def __call__(self, *args: object, **kwargs: object) -> None:
            seen.extend(type(arg).__name__ for arg in args)

    return Callback()


@pytest.mark.parametrize("make", [rest, by_name, first_and_rest, wrapper_of_all])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("before_request", ["Request"]),
        ("after_request", ["Request", "Response"]),
        ("teardown_request", ["Request", "NoneType"]),
    ],
)
def test_rest_parameters_get_all_that_is_offered(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    make: Callable[[list[object]], Callable[..., None]],
    kind: str,
    expected: list[str],
) -> None:
    app = index_app(make_app)
    seen: list[object] = []
    getattr(app, kind)(make(seen))
    assert connect(app).get("/").text == "index"
    assert seen == expected


@pytest.mark.parametrize("make", [rest, by_name, first_and_rest, wrapper_of_all])
def test_rest_parameters_of_error_handlers(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    make: Callable[[list[object]], Callable[..., None]],
) -> None:
    app = make_app()
    seen: list[object] = []
    app.errorhandler(404)(make(seen))
    assert connect(app).get("/nowhere").status_code == 404
    assert seen == ["Request", "HTTPException"]


def test_keyword_only_parameters_go_by_name(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = index_app(make_app)
    seen: list[object] = []

    @app.after_request
    async def late(*, response: Response, label: str = "late") -> None:
        seen.append((label, response.status_code))

    @app.after_request
    def early(given: Response, *, request: Request) -> None:
        seen.append((given.status_code, request.path))

    app.teardown_request(functools.partial(lambda error, request: seen.append(request), request=1))
    assert connect(app).get("/").text == "index"
    assert seen == [(200, "/"), ("late", 200), 1]


def test_a_keyword_that_is_not_offered_is_refused(make_app: Callable[..., Flasgo]) -> None:
    with pytest.raises(ConfigurationError, match=r"takes 1 arguments \(answer\); it may take"):
        make_app().after_request(lambda *, answer: None)


@pytest.mark.parametrize("default", [Depends(print), Query("x")])
def test_a_marker_is_refused(make_app: Callable[..., Flasgo], default: Any) -> None:
    def callback(request: Request, user: object = default) -> None: ...

    with pytest.raises(ConfigurationError, match="'user' has a marker: only handlers and dep"):
        make_app().before_request(callback)
