"""ERG-15: a Flask app behind the new one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flasgo import Blueprint, ConfigurationError, Flasgo, session, wsgi

from tests.conftest import Connect, refusal

MakeApp = Callable[..., Flasgo]


@pytest.fixture
def old() -> flask.Flask:
    app = flask.Flask("old")
    app.secret_key = "of-the-old-app"

    @app.route("/", methods=["GET"])
    def home() -> str:
        return f"old home {flask.url_for('show', number=7)}"

    @app.route("/notes/<int:number>", methods=["GET", "POST"])
    def show(number: int) -> Any:
        if flask.request.method == "POST":
            return {"text": flask.request.form["text"], "number": number}, 201
        return f"old {number} {flask.request.args.get('q')}"

    @app.route("/login")
    def login() -> Any:
        flask.session["user"] = "anna"
        return flask.redirect("/me")

    @app.route("/me")
    def me() -> str:
        return flask.session["user"]

    @app.route("/stream")
    def stream() -> Any:
        def parts() -> Iterator[str]:
            for number in range(3):
                yield f"{number},"
                time.sleep(0.01)

        return flask.Response(parts())

    @app.route("/broken")
    def broken() -> str:
        raise ValueError("broken")

    @app.route("/where")
    def where() -> str:
        environ = flask.request.environ
        return f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}|{flask.request.remote_addr}"

    @app.route("/environ")
    def environ() -> Any:
        found = flask.request.environ
        return {name: value for name, value in found.items() if name.startswith("HTTP_")}

    return app


@pytest.fixture
def both(make_app: MakeApp, old: flask.Flask) -> Flasgo:
    app = make_app()

    @app.get("/notes/<int:number>")
    async def show(number: int) -> str:
        session["new"] = number
        return f"new {number}"

    @app.get("/session")
    async def read() -> Any:
        return dict(session)

    app.mount("/", wsgi(old))
    return app


def test_new_routes_come_first_and_the_old_app_answers_the_rest(
    both: Flasgo, connect: Connect
) -> None:
    with connect(both) as client:
        assert client.get("/notes/7").text == "new 7"
        assert client.get("/").text == "old home /notes/7"
        answer = client.post("/notes/7", data={"text": "é"})  # the new one has no POST yet
        assert (answer.status_code, answer.json()) == (201, {"text": "é", "number": 7})
        assert client.get("/stream").text == "0,1,2,"
        assert client.head("/").status_code == 200
        assert client.get("/nowhere").status_code == 404
        assert client.get("/broken").status_code == 500
        assert client.get("/where").text == "|/where|127.0.0.1"


def test_both_apps_keep_their_sessions(both: Flasgo, connect: Connect) -> None:
    client = connect(both)
    client.get("/notes/7")
    assert client.get("/login").headers["location"] == "/me"
    assert client.get("/me").text == "anna"
    assert client.get("/session").json() == {"new": 7}


def test_the_old_pages_get_the_secure_defaults(both: Flasgo, connect: Connect) -> None:
    client = connect(both)
    answer = client.get("/")
    assert "default-src" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert client.post("/notes/7", data={"text": "x"}, headers=foreign).status_code == 403


def test_a_blueprint_relaxes_them(make_app: MakeApp, old: flask.Flask, connect: Connect) -> None:
    app, pages = make_app(), Blueprint("old", "/old")
    pages.mount("/", wsgi(old))
    app.csrf_exempt(pages)
    app.csp({"script-src": ["'self'", "'unsafe-inline'"]})(pages)
    app.register_blueprint(pages)
    client = connect(app)
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    answer = client.post("/old/notes/7", data={"text": "x"}, headers=foreign)
    assert answer.status_code == 201
    assert "'unsafe-inline'" in answer.headers["content-security-policy"]
    assert client.get("/old/where").text == "/old|/where|127.0.0.1"
    assert client.get("/old/").text == "old home /old/notes/7"


def test_policies_and_limits_protect_the_old_app(
    make_app: MakeApp, old: flask.Flask, connect: Connect
) -> None:
    app, pages = make_app(settings={"MAX_REQUEST_BODY_BYTES": 100}), Blueprint("old", "/old")
    pages.mount("/", wsgi(old))
    app.authorize()(pages)
    app.register_blueprint(pages)
    app.mount("/", wsgi(old))
    client = connect(app)
    assert client.get("/old/notes/7").status_code == 401
    assert client.get("/notes/7").status_code == 200
    assert client.post("/notes/7", data={"text": "x" * 200}).status_code == 413


def test_websockets_are_refused(both: Flasgo, connect: Connect) -> None:
    assert refusal(connect(both), "/notes/7").status_code == 403


def test_what_is_no_wsgi_app_is_refused() -> None:
    app: Any = "app"
    with pytest.raises(ConfigurationError, match="takes a WSGI app"):
        wsgi(app)


def test_no_header_passes_for_another_one(both: Flasgo, connect: Connect) -> None:
    """Underscores and hyphens are one name in WSGI, and HTTP_PROXY is a setting of libraries."""
    sent = {
        "X_Forwarded_For": "198.51.100.66",
        "X-Remote_User": "admin",
        "Proxy": "http://evil.example",
        "X-Forwarded-For": "203.0.113.7",
    }
    found = connect(both).get("/environ", headers=sent).json()
    assert found["HTTP_X_FORWARDED_FOR"] == "203.0.113.7"
    assert not {"HTTP_X_REMOTE_USER", "HTTP_PROXY"} & found.keys()
