"""A Response object that a module keeps serves every request, and carries nothing between them."""

from __future__ import annotations

import pytest
from flasgo import Flasgo, Request, Response, StreamingResponse, hookimpl
from flasgo_testing import TestClient


def test_a_kept_response_is_copied_for_each_request() -> None:
    app = Flasgo(plugins=[], discover=False)
    kept = Response.json({"ok": True}, headers={"x-kept": "1"})

    @app.get("/")
    async def home() -> Response:
        return kept

    @app.after_request
    def mark(request: Request, response: Response) -> None:
        response.set_cookie("who", request.headers["x-who"])

    client = TestClient(app)
    answers = [client.get("/", headers={"x-who": who}) for who in ("ann", "bob", "cat")]
    assert [answer.json() for answer in answers] == [{"ok": True}] * 3
    assert [answer.headers["set-cookie"].split(";")[0] for answer in answers] == [
        "who=ann",
        "who=bob",
        "who=cat",
    ]
    assert all(answer.headers["x-kept"] == "1" for answer in answers)


def test_a_kept_response_in_a_tuple_and_from_before_request_keeps_its_status() -> None:
    app = Flasgo(plugins=[], discover=False)
    kept = Response.text("no")

    @app.before_request
    def refuse(request: Request) -> object:
        return (kept, 401) if request.path == "/before" else None

    @app.get("/before")
    @app.get("/tuple")
    def handler() -> object:
        return kept, 418

    client = TestClient(app)
    for _ in range(2):
        assert client.get("/before").status_code == 401
        assert client.get("/tuple").status_code == 418


def test_after_request_may_return_the_response_in_a_tuple() -> None:
    app = Flasgo(plugins=[], discover=False)
    kept = Response.text("kept")

    @app.get("/")
    async def home() -> Response:
        return kept

    @app.after_request
    def second(response: Response) -> object:
        return response, 202

    @app.after_request
    def first(response: Response) -> None:
        response.headers["x-first"] = "1"

    client = TestClient(app)
    for _ in range(2):
        answer = client.get("/")
        assert (answer.status_code, answer.headers["x-first"]) == (202, "1")


def test_a_plugin_may_keep_its_denial() -> None:
    denial = Response.json({"error": "closed"}, 503)

    class Closed:
        @hookimpl
        def request_started(self, request: Request) -> Response:
            return denial

        @hookimpl
        def response_finalize(self, request: Request, response: Response) -> None:
            response.headers.add("x-final", "1")

    client = TestClient(Flasgo(plugins=[Closed()], discover=False))
    for _ in range(3):
        answer = client.get("/")
        assert answer.status_code == 503
        assert answer.headers.get_list("x-final") == ["1"]


def test_a_kept_stream_is_refused_the_second_time_with_a_500() -> None:
    app = Flasgo(plugins=[], discover=False)
    kept = StreamingResponse(iter(["a", "b"]))

    @app.get("/")
    async def home() -> Response:
        return kept

    client = TestClient(app)
    assert client.get("/").text == "ab"
    with pytest.raises(RuntimeError, match="belongs to one request"):
        client.get("/")
    quiet = TestClient(app, raise_server_exceptions=False)
    assert quiet.get("/").status_code == 500
