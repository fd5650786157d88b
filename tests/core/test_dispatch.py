"""What the dispatcher answers: gates, redirects, paths, methods, heads (CORE-4, CORE-6, CORE-7)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flasgo import (
    ClientDisconnect,
    Flasgo,
    HookError,
    HTTPException,
    Policy,
    Request,
    Response,
    StreamingResponse,
    WebSocket,
    attach_policy,
    has_policy,
    hookimpl,
)

from tests.asgi import Driver
from tests.conftest import Connect


@dataclass(frozen=True)
class Members(Policy):
    """Only members may come in."""


class Guard:
    name = "guard"

    @hookimpl
    def plugin_setup(self, registry: Any) -> None:
        registry.enforces(Members)

    @hookimpl(when=has_policy(Members))
    def authorize(self, request: Request) -> None:
        raise HTTPException(403, "Members only.")


class Stamp:
    """Marks what it finalizes."""

    name = "stamp"

    @hookimpl
    def response_finalize(self, response: Response) -> None:
        response.headers["x-stamp"] = "yes"


# --- The first answer of a stage ---------------------------------------------------------------


def answering(name: str, hook: str, *, is_async: bool, text: str | None) -> object:
    """Return a plugin with one hook that answers with a text, or lets pass."""

    def answer() -> Response | None:
        return None if text is None else Response.text(text)

    if is_async:

        async def method(self: object, request: Request) -> Response | None:
            return answer()

    else:

        def method(self: object, request: Request) -> Response | None:
            return answer()

    return type(name.title(), (), {"name": name, hook: hookimpl(method)})()


@pytest.mark.parametrize("hook", ["request_started", "authorize", "ratelimit_check"])
@pytest.mark.parametrize("first_is_async", [True, False])
@pytest.mark.parametrize("second_is_async", [True, False])
def test_the_first_response_wins_whatever_the_colours(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    hook: str,
    first_is_async: bool,
    second_is_async: bool,
) -> None:
    app = make_app(
        answering("c", hook, is_async=True, text="third"),
        answering("b", hook, is_async=second_is_async, text="second"),
        answering("a", hook, is_async=first_is_async, text="first"),
    )
    app.add_route("/", lambda: "handler", endpoint="index")
    assert connect(app).get("/").text == "first"
    passing = make_app(
        answering("b", hook, is_async=second_is_async, text="second"),
        answering("a", hook, is_async=first_is_async, text=None),
    )
    passing.add_route("/", lambda: "handler", endpoint="index")
    assert connect(passing).get("/").text == "second"


@pytest.mark.parametrize("first_is_async", [True, False])
def test_a_finalizers_response_replaces_the_response_for_those_that_follow(
    make_app: Callable[..., Flasgo], connect: Connect, first_is_async: bool
) -> None:
    seen: list[bytes] = []

    class Sync:
        @hookimpl
        def response_finalize(self, response: Response) -> Response:
            seen.append(response.body)
            return Response.text(f"{type(self).__name__} took {response.body.decode()}")

    class Async:
        @hookimpl
        async def response_finalize(self, response: Response) -> Response:
            seen.append(response.body)
            return Response.text(f"{type(self).__name__} took {response.body.decode()}")

    first, second = (Async, Sync) if first_is_async else (Sync, Async)
    app = make_app()
    app.plugins.register(second(), "two")
    app.plugins.register(first(), "one")
    app.add_route("/", lambda: "it", endpoint="index")
    answer = connect(app).get("/")
    assert answer.text == f"{second.__name__} took {first.__name__} took it"
    assert seen == [b"it", f"{first.__name__} took it".encode()]


# --- Every outcome is finalized ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "method", "headers", "status"),
    [
        ("/", "GET", {}, 200),
        ("/members", "GET", {}, 403),
        ("/boom", "GET", {}, 500),
        ("/nowhere", "GET", {}, 404),
        ("/", "POST", {}, 405),
        ("/", "OPTIONS", {}, 204),
        ("/boom/", "GET", {}, 308),
        ("/%zz", "GET", {}, 400),
        ("/", "GET", {"x-big": "y" * 70_000}, 431),
        ("/", "GET", [("host", "a"), ("host", "b")], 400),
        ("/early", "GET", {}, 451),
    ],
)
def test_every_answer_passes_after_request_and_response_finalize(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    target: str,
    method: str,
    headers: dict[str, str] | list[tuple[str, str]],
    status: int,
) -> None:
    app = make_app(Guard(), Stamp())
    app.add_route("/", lambda: "ok", endpoint="index")

    @app.get("/members")
    async def members() -> str:
        return "members"

    attach_policy(members, Members())

    @app.get("/boom")
    async def boom() -> None:
        raise ZeroDivisionError

    @app.before_request
    def early(request: Request) -> tuple[str, int] | None:
        return ("early", 451) if request.path == "/early" else None

    @app.after_request
    def mark(response: Response) -> None:
        response.headers["x-after"] = "yes"

    answer = connect(app).request(method, target, headers=headers)
    assert answer.status_code == status
    assert (answer.headers["x-stamp"], answer.headers["x-after"]) == ("yes", "yes")


# --- Hooks that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["request_started", "authorize", "ratelimit_check"])
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    "failure", [RuntimeError("db gone"), StopIteration("over"), "junk", {"status": 200}, True]
)
def test_a_gate_that_fails_ends_in_a_500_and_never_in_the_handler(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    hook: str,
    is_async: bool,
    failure: object,
) -> None:
    def answer() -> object:
        if isinstance(failure, Exception):
            raise failure
        return failure

    async def coroutine(self: object, request: Request) -> object:
        return answer()

    def function(self: object, request: Request) -> object:
        return answer()

    method = hookimpl(coroutine if is_async else function)
    app = make_app(type("Bad", (), {"name": "bad", hook: method})(), Stamp())
    reached: list[str] = []
    app.add_route("/", lambda: reached.append("handler"), endpoint="index")
    answer_ = connect(app).get("/")
    assert (answer_.status_code, reached) == (500, [])
    assert answer_.headers["x-stamp"] == "yes"
    assert "db gone" not in answer_.text
    error = answer_.extensions["exception"]
    assert isinstance(error, HookError)
    assert (error.plugin, error.hook) == ("bad", hook)
    assert error.__cause__ is not None
    assert "'bad'" in str(error)
    assert hook in str(error)
    assert [r.exc_info[1] for r in caplog.records if r.exc_info] == [error]


def test_a_sync_hook_that_returns_a_coroutine_fails_with_advice(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    async def deny() -> Response:
        return Response.text("denied", status_code=403)

    class Wrong:
        name = "wrong"

        @hookimpl
        def authorize(self, request: Request) -> Any:
            return deny()

    app = make_app(Wrong())
    app.add_route("/", lambda: "open", endpoint="index")
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert "async def" in str(answer.extensions["exception"].__cause__)


def test_an_error_handler_for_everything_does_not_hide_a_failing_hook(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong:
        name = "wrong"

        @hookimpl
        def authorize(self, request: Request) -> None:
            raise KeyError("x")

    app = make_app(Wrong())
    app.add_route("/", lambda: "open", endpoint="index")
    app.errorhandler(Exception)(lambda error: "something broke")
    answer = connect(app).get("/")
    assert (answer.status_code, answer.text) == (500, "something broke")
    assert isinstance(answer.extensions["exception"], HookError)
    assert any("'wrong'" in str(r.exc_info[1]) for r in caplog.records if r.exc_info)


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("junk", [RuntimeError("broken"), "junk", 7])
def test_a_failing_finalizer_leaves_a_hardened_500_to_the_others(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    is_async: bool,
    junk: object,
) -> None:
    def answer() -> object:
        if isinstance(junk, Exception):
            raise junk
        return junk

    async def coroutine(self: object, response: Response) -> object:
        return answer()

    def function(self: object, response: Response) -> object:
        return answer()

    method = hookimpl(coroutine if is_async else function)
    bad = type("Bad", (), {"name": "bad", "response_finalize": method})()
    early, late = Stamp(), Stamp()
    early.name, late.name = "aaa", "zzz"

    @hookimpl
    async def also(self: object, response: Response) -> None:
        response.headers["x-late"] = "yes"

    asynchronous = type("Late", (), {"name": "zzzz", "response_finalize": also})()
    app = make_app(early, bad, late, asynchronous)

    @app.get("/")
    async def index() -> Response:
        return Response.text("private", headers={"x-private": "1"})

    answer_ = connect(app).get("/")
    assert answer_.status_code == 500
    assert answer_.json()["error"] == "internal_server_error"
    assert "broken" not in answer_.text
    assert (answer_.headers["x-stamp"], answer_.headers["x-late"]) == ("yes", "yes")
    assert "x-private" not in answer_.headers
    failure = answer_.extensions["exception"]
    assert isinstance(failure, HookError)
    assert (failure.plugin, failure.hook) == ("bad", "response_finalize")
    assert failure in [r.exc_info[1] for r in caplog.records if r.exc_info]


def test_two_failing_finalizers_are_both_logged(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    class Bad:
        @hookimpl
        def response_finalize(self, response: Response) -> None:
            raise KeyError(type(self).__name__)

    app = make_app(Stamp())
    app.plugins.register(Bad(), "one")
    app.plugins.register(Bad(), "two")
    app.add_route("/", lambda: "ok", endpoint="index")
    answer = connect(app).get("/")
    assert (answer.status_code, answer.headers["x-stamp"]) == (500, "yes")
    logged = [r.exc_info[1] for r in caplog.records if r.exc_info]
    assert {getattr(error, "plugin", None) for error in logged} == {"one", "two"}


def test_what_fails_after_the_last_byte_is_logged_and_hides_nothing(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    class Bad:
        name = "bad"

        @hookimpl
        def request_finished(self, request: Request) -> None:
            raise KeyError("metrics")

    class Good:
        name = "good"

        @hookimpl
        async def request_finished(self, request: Request) -> None:
            done.append("good")

    app = make_app(Bad(), Good())
    app.add_route("/", lambda: "ok", endpoint="index")

    @app.teardown_request
    def fail() -> None:
        raise ValueError("teardown")

    answer = connect(app).get("/")
    assert (answer.status_code, answer.text, done) == (200, "ok", ["good"])
    logged = [r.exc_info[1] for r in caplog.records if r.exc_info]
    assert [type(error) for error in logged] == [ValueError, HookError]


def test_request_finished_learns_of_the_response_and_of_unhandled_errors(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[tuple[int | None, Exception | None]] = []

    class Watcher:
        @hookimpl
        def request_finished(self, response: Response | None, error: Exception | None) -> None:
            seen.append((response.status_code if response else None, error))

    failure = ZeroDivisionError("x")
    app = make_app(Watcher())
    app.add_route("/", lambda: "ok", endpoint="index")

    @app.get("/boom")
    async def boom() -> None:
        raise failure

    @app.get("/expected")
    async def expected() -> None:
        raise LookupError

    @app.errorhandler(LookupError)
    def not_there() -> tuple[str, int]:
        return "not there", 404

    client = connect(app)
    for target in ("/", "/nowhere", "/boom", "/expected"):
        client.get(target)
    client.get("/", headers={"x": "y" * 70_000})
    assert seen == [(200, None), (404, None), (500, failure), (404, None), (431, None)]


# --- Bodies that fail while they are sent -------------------------------------------------------


def test_a_stream_that_fails_cuts_the_connection_and_is_reported(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    seen: list[Exception | None] = []

    class Watcher:
        @hookimpl
        def request_finished(self, error: Exception | None) -> None:
            seen.append(error)

    app = make_app(Watcher())

    @app.get("/")
    async def index() -> StreamingResponse:
        async def parts() -> Any:
            yield b"one"
            raise OverflowError("two")

        return StreamingResponse(parts())

    with pytest.raises(OverflowError, match="two"):
        connect(app, raise_server_exceptions=True).get("/")
    assert [type(error) for error in seen] == [OverflowError]


async def test_a_client_that_leaves_is_no_error(
    make_app: Callable[..., Flasgo], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    seen: list[Exception | None] = []
    app = make_app()

    @app.post("/")
    async def index() -> None:
        raise ClientDisconnect("gone")

    @app.teardown_request
    def last(error: Exception | None) -> None:
        seen.append(error)

    answer = await Driver(app)("/", "POST")
    assert (answer.messages, seen, caplog.records) == ([], [None], [])


# --- Paths -------------------------------------------------------------------------------------


def path_app(make_app: Callable[..., Flasgo]) -> Flasgo:
    app = make_app(Guard())

    @app.get("/admin")
    async def admin() -> str:
        return "admin"

    attach_policy(admin, Members())

    @app.get("/files/<path:name>")
    async def files(name: str) -> str:
        return name

    @app.get("/users/<name>")
    async def users(name: str) -> str:
        return name

    return app


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/admin", 403),
        ("/%61dmin", 403),
        ("/%61%64%6D%69%6e", 403),
        ("//admin", 404),
        ("/./admin", 404),
        ("/x/../admin", 404),
        ("/%2e/admin", 404),
        ("/%2fadmin", 404),
        ("/admin%2f", 308),
        ("/admin%00", 404),
        ("/ADMIN", 404),
        ("/%2561dmin", 404),
    ],
)
def test_no_spelling_of_a_path_gets_past_its_policy(
    make_app: Callable[..., Flasgo], connect: Connect, target: str, status: int
) -> None:
    answer = connect(path_app(make_app)).get(target)
    assert answer.status_code == status
    assert answer.text != "admin"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/files/a/b", 200),
        ("/files/a%2Fb", 200),
        ("/files/a%5cb", 200),
        ("/users/a%2Fb", 404),
        ("/users/a%5Cb", 404),
        ("/users/a%252Fb", 200),
        ("/users/%C3%A9", 200),
        ("/users/%ff", 400),
        ("/users/%C3", 400),
        ("/users/%", 400),
        ("/users/%4", 400),
        ("/users/%g1", 400),
        ("/%c0%ae%c0%ae/admin", 400),
        ("/nowhere/%ff", 400),
    ],
)
def test_percent_encoding_is_decoded_once_and_checked(
    make_app: Callable[..., Flasgo], connect: Connect, target: str, status: int
) -> None:
    answer = connect(path_app(make_app)).get(target)
    assert answer.status_code == status
    if status == 200:
        assert "%25" not in answer.text


async def test_without_a_raw_path_lone_surrogates_are_refused(
    make_app: Callable[..., Flasgo],
) -> None:
    app = path_app(make_app)
    answer = await Driver(app)("/", path="/users/\udcff", raw_path=None)
    assert answer.status == 400
    assert (await Driver(app)("/", path="/users/é", raw_path=None)).text == "é"


@pytest.mark.parametrize("query", ["", "a=1&b=%20x", "q=caf%C3%A9", "next=//evil.example"])
def test_the_slash_redirect_keeps_the_query(
    make_app: Callable[..., Flasgo], connect: Connect, query: str
) -> None:
    app = make_app()
    app.add_route("/a/", lambda: "a", endpoint="a")
    target = f"/a?{query}" if query else "/a"
    answer = connect(app).get(target)
    assert (answer.status_code, answer.headers["location"]) == (308, target.replace("/a", "/a/", 1))


@pytest.mark.parametrize(
    ("raw", "sent"),
    [(b"q=\xc3\xa9", "q=%C3%A9"), (b"q=\\evil", "q=%5Cevil"), (b"q=\x80", "q=%80")],
)
async def test_an_odd_query_is_redirected_and_never_a_500(
    make_app: Callable[..., Flasgo], raw: bytes, sent: str
) -> None:
    app = make_app()
    app.add_route("/a/", lambda: "a", endpoint="a")
    answer = await Driver(app)("/a", query_string=raw)
    assert (answer.status, answer.headers["location"]) == (308, f"/a/?{sent}")


@pytest.mark.parametrize(
    "target",
    ["//evil.example/", "//evil.example/a/", "/%5Cevil.example/", "/\\evil.example/", "/%2Fevil/"],
)
def test_the_slash_redirect_never_leaves_the_site(
    make_app: Callable[..., Flasgo], connect: Connect, target: str
) -> None:
    app = make_app()
    app.add_route("/<name>", lambda name: name, endpoint="name")
    app.add_route("/<path:rest>/end", lambda rest: rest, endpoint="rest")
    answer = connect(app).get(target)
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


async def test_the_slash_redirect_names_the_root_path_once(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app()
    app.add_route("/a/", lambda: "a", endpoint="a")
    for root_path, location in (("/api", "/api/a/"), ("/api/", "/api/a/"), ("/", "/a/")):
        # Raw: a server that names a root path may or may not put it before the path.
        answer = await Driver(app)("/a", root_path=root_path)
        assert answer.headers["location"] == location


def test_unsafe_methods_are_not_redirected(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/a/", lambda: "a", ["GET", "POST"], endpoint="a")
    app.add_route("/b", lambda: "b", ["POST"], endpoint="b")
    client = connect(app)
    for target, form in (("/a", "with a slash"), ("/b/", "without a slash")):
        answer = client.post(target)
        assert (answer.status_code, "location" in answer.headers) == (404, False)
        assert f"{form} at its end" in answer.json()["detail"]
    assert "slash" not in client.post("/c").json()["detail"]
    assert client.head("/a").status_code == 308


# --- Methods -----------------------------------------------------------------------------------


def test_405_and_automatic_options_name_the_methods_sorted(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.add_route("/x", lambda: "x", ["PUT", "GET"], endpoint="x")
    app.add_route("/x", lambda: "y", ["DELETE"], endpoint="y")
    allowed = "DELETE, GET, HEAD, OPTIONS, PUT"
    client = connect(app)
    refused = client.post("/x")
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    assert allowed in refused.json()["detail"]
    options = client.options("/x")
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")
    assert client.options("/nowhere").status_code == 404


@pytest.mark.parametrize("method", ["WEBSOCKET", "get", "PROPFIND"])
async def test_unknown_methods_are_405(make_app: Callable[..., Flasgo], method: str) -> None:
    app = make_app()
    app.add_route("/x", lambda: "x", endpoint="x")

    @app.websocket("/x")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()

    # Raw: an HTTP client sends every method in capitals.
    assert (await Driver(app)("/x", method)).status == 405


@pytest.mark.parametrize("target", ["/", "/nowhere", "/boom"])
def test_head_has_no_body_but_the_length_of_get(
    make_app: Callable[..., Flasgo], connect: Connect, target: str
) -> None:
    app = make_app()
    app.add_route("/", lambda: "hello", endpoint="index")

    @app.get("/boom")
    async def boom() -> None:
        raise KeyError

    client = connect(app)
    get, head = client.get(target), client.head(target)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] == str(len(get.content))


# --- Heads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["host", "authorization", "content-length", "content-type"])
def test_a_singleton_header_that_comes_twice_is_refused(
    make_app: Callable[..., Flasgo], connect: Connect, name: str
) -> None:
    app = make_app()
    reached: list[int] = []
    app.add_route("/", lambda: reached.append(1), endpoint="index")
    answer = connect(app).get("/", headers=[(name, "1"), (name, "2")])
    assert (answer.status_code, reached) == (400, [])
    assert name in answer.json()["detail"].lower()


def test_head_bombs_are_431(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app(settings={"MAX_REQUEST_HEAD_BYTES": 1000})
    app.add_route("/", lambda: "ok", endpoint="index")
    client = connect(app)
    assert client.get("/", headers={"a": "b" * 700}).status_code == 200
    many = [(f"x-{number}", "") for number in range(500)]
    for headers in ([("a", "b" * 1000)], many, [("a", "b")] * 600):
        answer = client.get("/", headers=headers)
        assert answer.status_code == 431
        assert answer.json()["error"] == "request_header_fields_too_large"


async def test_a_request_without_any_header_is_served(
    make_app: Callable[..., Flasgo],
) -> None:
    app = make_app()
    app.add_route("/", lambda request: str(request.raw_header(b"host")), endpoint="index")
    driver = Driver(app)
    assert (await driver("/")).text == "b'localhost'"
    bare = await driver.send({**driver.scope("/"), "headers": []})
    assert bare.text == "None"
