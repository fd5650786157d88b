"""Error handlers, negotiated error answers and what they tell (CORE-7, CORE-13, CORE-14)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

import pytest
from flasgo import (
    ConfigurationError,
    Flasgo,
    HTTPException,
    Request,
    Response,
    StreamingResponse,
    abort,
    errors,
    redirect,
)

from tests.conftest import Connect


class Animal(Exception):
    """A base class of errors."""


class Dog(Animal):
    """A more specific error."""


class Puppy(Dog):
    """One without a handler of its own."""


def failing(app: Flasgo, error: Exception, path: str = "/") -> None:
    """Add a route whose handler raises."""

    async def fail() -> None:
        raise error

    app.add_route(path, fail, endpoint=path)


# --- Error handlers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [(Animal(), "animal"), (Dog(), "dog"), (Puppy(), "dog"), (KeyError("x"), "exception")],
)
def test_the_handler_of_the_most_specific_class_answers(
    make_app: Callable[..., Flasgo], connect: Connect, error: Exception, expected: str
) -> None:
    app = make_app()
    app.errorhandler(Exception)(lambda error: "exception")
    app.errorhandler(Dog)(lambda error: "dog")
    app.errorhandler(Animal)(lambda error: "animal")
    failing(app, error)
    assert connect(app).get("/").text == expected


def test_a_status_comes_before_classes(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app()
    app.errorhandler(404)(lambda error: f"404: {error.detail}")
    app.errorhandler(HTTPException)(lambda error: f"http {error.status_code}")
    failing(app, HTTPException(404, "no note"), "/a")
    failing(app, HTTPException(409), "/b")
    client = connect(app)
    for target, status, text in (
        ("/a", 404, "404: no note"),
        ("/b", 409, "http 409"),
        ("/c", 404, "404: Nothing is at this address; check the path."),
    ):
        answer = client.get(target)
        assert (answer.status_code, answer.text) == (status, text)


def test_500_takes_what_no_class_takes_and_the_error_is_still_logged(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    failure = KeyError("x")
    failing(app, failure)
    app.errorhandler(500)(lambda error: f"sorry: {type(error).__name__}")
    answer = connect(app).get("/")
    assert (answer.status_code, answer.text) == (500, "sorry: KeyError")
    assert answer.extensions["exception"] is failure
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [failure]


def test_a_handler_of_every_exception_does_not_silence_the_log(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    failure = KeyError("x")
    failing(app, failure)
    app.errorhandler(Exception)(lambda error: ("sorry", 503))
    answer = connect(app).get("/")
    assert (answer.status_code, answer.text) == (503, "sorry")
    assert answer.extensions["exception"] is failure
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [failure]


def test_an_expected_class_is_neither_logged_nor_reported(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    failing(app, Dog())

    @app.errorhandler(Animal)
    def found(error: Animal) -> tuple[str, int]:
        return "woof", 400

    answer = connect(app).get("/")
    assert (answer.status_code, answer.text) == (400, "woof")
    assert "exception" not in answer.extensions
    assert caplog.records == []


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        ("text", 409, b"text"),
        ({"a": 1}, 409, b'{"a":1}'),
        (None, 409, b""),
        (("text", 410), 410, b"text"),
        (Response.text("mine", status_code=418), 418, b"mine"),
    ],
)
def test_a_bare_value_keeps_the_status_of_the_error(
    make_app: Callable[..., Flasgo], connect: Connect, value: object, status: int, body: bytes
) -> None:
    app = make_app()
    app.errorhandler(409)(lambda error: value)
    failing(app, HTTPException(409, headers={"retry-after": "1"}))
    answer = connect(app).get("/")
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("answer", [redirect("/login", 303), ("fine", 200)])
def test_an_answer_that_is_no_error_does_not_look_like_one(
    make_app: Callable[..., Flasgo], connect: Connect, answer: object
) -> None:
    app = make_app()
    app.errorhandler(401)(lambda error: answer)
    headers = {"WWW-Authenticate": "Bearer", "Retry-After": "9", "Allow": "GET", "X-Kept": "yes"}
    failing(app, HTTPException(401, headers=headers))
    found = connect(app).get("/").headers
    assert "x-kept" in found
    assert not {"www-authenticate", "retry-after", "allow"} & {name.lower() for name in found}


def test_in_debug_what_failed_is_shown_and_not_the_page_that_says_sorry(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app(settings={"DEBUG": True})
    app.errorhandler(500)(lambda error: "sorry")
    app.errorhandler(Animal)(lambda error: "meow")
    failing(app, KeyError("mend me"), "/failure")
    failing(app, Dog(), "/expected")
    failing(app, HTTPException(500), "/meant")
    client = connect(app)
    assert "mend me" in client.get("/failure").text
    assert client.get("/expected").text == "meow"
    assert client.get("/meant").text == "sorry"


def test_a_bare_value_for_an_exception_is_a_500(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    app.errorhandler(Dog)(lambda error: "woof")
    failing(app, Dog())
    assert connect(app).get("/").status_code == 500


@pytest.mark.parametrize("is_async", [True, False])
def test_error_handlers_may_ask_for_the_request(
    make_app: Callable[..., Flasgo], connect: Connect, is_async: bool
) -> None:
    app = make_app()
    failing(app, Dog("rex"))

    def sync_handler(request: Request, error: Exception) -> str:
        return f"{request.path} {error}"

    async def async_handler(error: Exception, request: Request) -> str:
        return f"{request.path} {error}"

    app.errorhandler(Dog)(async_handler if is_async else sync_handler)
    assert connect(app).get("/").text == "/ rex"


@pytest.mark.parametrize("second", [KeyError("second"), HTTPException(404), Dog("again")])
def test_an_error_in_an_error_handler_is_a_hardened_500(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    second: Exception,
) -> None:
    app = make_app()
    failing(app, Dog("first"))

    @app.errorhandler(Dog)
    async def fail() -> None:
        raise second

    answer = connect(app).get("/")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_server_error")
    assert "second" not in answer.text
    assert answer.extensions["exception"] is second
    assert second in [record.exc_info[1] for record in caplog.records if record.exc_info]


def test_an_error_handler_that_returns_junk_is_a_hardened_500(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    failing(app, HTTPException(400))

    @app.errorhandler(400)
    def junk() -> object:
        return object()

    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert isinstance(answer.extensions["exception"], TypeError)
    assert "junk" in str(answer.extensions["exception"])


@pytest.mark.parametrize("key", [200, 399, 600, True, "404", BaseException, KeyboardInterrupt, int])
def test_an_error_handler_takes_an_error_status_or_an_exception_class(
    make_app: Callable[..., Flasgo], key: int
) -> None:
    with pytest.raises(ConfigurationError, match="400 to 599"):
        make_app().errorhandler(key)(lambda: "x")


def test_a_cancelled_request_is_not_an_error_to_answer(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    ended: list[str] = []
    app.errorhandler(Exception)(lambda error: "handled")
    app.teardown_request(lambda: ended.append("teardown"))

    @app.get("/")
    async def index() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connect(app, raise_server_exceptions=True).get("/")
    assert ended == ["teardown"]


# --- Negotiation -------------------------------------------------------------------------------

JSON, HTML, PROBLEM = "application/json", "text/html; charset=utf-8", "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("text/html", HTML),
        ("text/*", HTML),
        (BROWSER, HTML),
        ("TEXT/HTML", HTML),
        ("text/html;q=0.5, application/json;q=0.9", JSON),
        ("text/html;q=0.9, application/json;q=0.5", HTML),
        ("application/problem+json", PROBLEM),
        ("application/json;q=0, */*", HTML),
        ("image/png", JSON),
        ("text/html;q=0", JSON),
        ("text/html;q=nonsense", JSON),
        ("text/html;q=nan", JSON),
        (";;;,,,q=1", JSON),
        ("text/html," * 2000, JSON),
    ],
)
def test_errors_come_in_the_form_that_the_client_prefers(
    make_app: Callable[..., Flasgo], connect: Connect, accept: str | None, content_type: str
) -> None:
    answer = connect(make_app()).get("/nowhere", headers={"accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["content-type"]) == (404, content_type)
    assert answer.headers["vary"] == "Accept"


def test_json_errors_have_a_code_and_a_message(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()

    @app.get("/<int:id>")
    async def note(id: int) -> None:  # noqa: A002
        abort(409, "Somebody changed the note.", headers={"retry-after": "3"})

    answer = connect(app).get("/7")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "3")
    assert answer.json() == {"error": "conflict", "detail": "Somebody changed the note."}


def test_an_error_code_of_the_developers_own(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app = make_app()
    failing(app, HTTPException(409, "Too late.", error="edit_conflict"))
    assert connect(app).get("/").json()["error"] == "edit_conflict"


def test_problem_json_follows_rfc_9457(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    answer = connect(make_app()).get("/x", headers={"accept": PROBLEM})
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Nothing is at this address; check the path.",
        "error": "not_found",
    }


@pytest.mark.parametrize("debug", [True, False])
def test_html_errors_escape_whatever_they_show(
    make_app: Callable[..., Flasgo], connect: Connect, debug: bool
) -> None:
    app = make_app(settings={"DEBUG": debug})
    failing(app, HTTPException(400, "<script>alert(1)</script>"), "/a")
    failing(app, KeyError("<script>alert(2)</script>"), "/b")
    client = connect(app)
    for target in ("/a", "/b"):
        answer = client.get(target, headers={"accept": BROWSER})
        assert "<script>" not in answer.text
        assert answer.text.startswith("<!doctype html>")
    assert "&lt;script&gt;" in client.get("/a", headers={"accept": BROWSER}).text


@pytest.mark.parametrize("accept", [JSON, BROWSER, PROBLEM])
def test_nothing_internal_is_shown_outside_debug(
    make_app: Callable[..., Flasgo], connect: Connect, accept: str
) -> None:
    app = make_app()
    failing(app, KeyError("postgres://user:hunter2@db"))
    answer = connect(app).get("/", headers={"accept": accept})
    assert answer.status_code == 500
    for hidden in ("hunter2", "KeyError", "Traceback", __file__, "flasgo"):
        assert hidden not in answer.text


@pytest.mark.parametrize("accept", [JSON, BROWSER, PROBLEM])
def test_debug_shows_the_traceback(
    make_app: Callable[..., Flasgo], connect: Connect, accept: str
) -> None:
    app = make_app(settings={"DEBUG": True})
    failing(app, KeyError("the key"))
    text = connect(app).get("/", headers={"accept": accept}).text
    assert "KeyError" in text
    assert "Traceback" in text
    assert "test_errors.py" in text


def test_debug_shows_no_traceback_for_http_errors(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    answer = connect(make_app(settings={"DEBUG": True})).get("/nowhere")
    assert set(answer.json()) == {"error", "detail"}


def test_the_log_quotes_the_path(
    make_app: Callable[..., Flasgo], connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.get("/<path:rest>")
    async def fail(rest: str) -> None:
        raise KeyError

    connect(app).get("/a%E2%80%A8b%22")
    message = caplog.records[0].getMessage()
    assert "\\u2028" in message
    assert "\u2028" not in message


def test_tracebacks_in_json_stay_json(make_app: Callable[..., Flasgo], connect: Connect) -> None:
    app = make_app(settings={"DEBUG": True})
    failing(app, KeyError('"\n\x00'))
    assert "traceback" in connect(app).get("/").json()


# --- The exceptions themselves -----------------------------------------------------------------


@pytest.mark.parametrize("status", [100, 200, 302, 399, 600])
def test_http_exceptions_have_an_error_status(status: int) -> None:
    with pytest.raises(ValueError, match="400 to 599"):
        HTTPException(status)


def test_http_exceptions_fill_in_code_and_detail() -> None:
    error = HTTPException(418)
    assert (error.error, error.detail) == ("im_a_teapot", "I'm a Teapot")
    assert HTTPException(499).error == "error"


@pytest.mark.parametrize("status", range(400, 600))
def test_codes_are_words_with_underscores(status: int) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", HTTPException(status).error)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (413, "content_too_large"),
        (414, "uri_too_long"),
        (416, "range_not_satisfiable"),
        (422, "unprocessable_content"),
    ],
)
def test_codes_are_the_same_under_every_python(status: int, code: str) -> None:
    assert HTTPException(status).error == code


def test_every_exception_says_when_it_is_raised() -> None:
    for name in errors.__all__:
        member = getattr(errors, name)
        if isinstance(member, type):
            assert (member.__doc__ or "").startswith("Raised "), name


@pytest.mark.parametrize(
    "error",
    [
        HTTPException(401, headers={"www-authenticate": "Bearer\r\nx-evil: 1"}),
        HTTPException(400, "lone \ud800 surrogate"),
    ],
)
def test_an_error_that_cannot_be_sent_is_a_hardened_500(
    make_app: Callable[..., Flasgo], connect: Connect, error: HTTPException
) -> None:
    app = make_app()
    failing(app, error)
    answer = connect(app).get("/")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_server_error")
    assert "x-evil" not in answer.headers
    assert answer.extensions["exception"] is not None


@pytest.mark.parametrize("accept", ["text/html", "application/problem+json"])
def test_a_code_for_programs_is_no_title_for_people(
    make_app: Callable[..., Flasgo], connect: Connect, accept: str
) -> None:
    app = make_app()
    failing(app, HTTPException(403, "The token is missing.", error="csrf_failed"))
    answer = connect(app).get("/", headers={"accept": accept})
    assert "Forbidden" in answer.text
    assert "Csrf" not in answer.text


# --- As Flask spells it ------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    ("make", "status", "text"),
    [
        (lambda: redirect("/login"), 302, ""),
        (lambda: Response("no", 418), 418, "no"),
        (lambda: Response("fine"), 200, "fine"),
        (lambda: StreamingResponse(iter(["a", "b"]), 404), 404, "ab"),
    ],
)
def test_a_response_ends_the_request(
    make_app: Callable[..., Flasgo],
    connect: Connect,
    make: Callable[[], Response],
    status: int,
    text: str,
    is_async: bool,
) -> None:
    app = make_app()

    @app.errorhandler(HTTPException)
    @app.errorhandler(status if status >= 400 else 499)
    def never(request: Request, error: Exception) -> str:
        return "handled"

    async def guard(request: Request) -> None:
        abort(make())

    def plain_guard(request: Request) -> None:
        abort(make())

    app.before_request(guard if is_async else plain_guard)
    app.add_route("/", lambda: "reached", endpoint="index")
    answer = connect(app).get("/", follow_redirects=False)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers.get("location") == ("/login" if status == 302 else None)


def test_a_response_that_a_module_keeps_is_sent_to_each_request_anew(
    make_app: Callable[..., Flasgo], connect: Connect
) -> None:
    app, kept = make_app(), Response("stop", 403)

    @app.get("/")
    async def stop() -> None:
        abort(kept)

    @app.after_request
    def note(request: Request, response: Response) -> Response:
        response.headers.add("x-seen", "1")
        return response

    client = connect(app)
    assert [client.get("/").headers.get_list("x-seen") for _ in range(3)] == [["1"]] * 3


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: abort(cast("Response", "nope")), "a status from 400 to 599 or a Response"),
        (lambda: abort(Response("x"), "detail"), "its own body and headers"),
        (lambda: abort(404, "a", description="b"), "give one of them"),
    ],
)
def test_what_abort_does_not_take(call: Callable[[], None], found: str) -> None:
    with pytest.raises(TypeError, match=found):
        call()


def test_the_names_of_an_http_error() -> None:
    with pytest.raises(HTTPException) as caught:
        abort(404, description="No such note.")
    error = caught.value
    assert (error.code, error.description) == (error.status_code, error.detail)
    assert (error.code, error.description) == (404, "No such note.")
    assert error.name == "Not Found"


@pytest.mark.parametrize("result", [("gone", {"x-a": "1"}), ("gone", [("x-a", "1")])])
def test_an_error_handler_that_adds_headers_keeps_the_status(
    make_app: Callable[..., Flasgo], connect: Connect, result: object
) -> None:
    app = make_app()

    @app.errorhandler(404)
    def handle(request: Request, error: Exception) -> object:
        return result

    answer = connect(app).get("/missing")
    assert (answer.status_code, answer.headers["x-a"], answer.text) == (404, "1", "gone")
