"""CORE-13: one error, told in the form that the client prefers."""

import json
import re

import pytest
from flasgo import Flasgo
from flasgo_testing import TestClient

from .conftest import BROWSER, MARKUP
from .test_debug_page import Reader

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html; charset=utf-8"
STATUSES = (400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 429, 431, 451, 500, 502, 503)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        (JSON, JSON),
        ("application/*", JSON),
        ("text/html", HTML),
        (BROWSER, HTML),
        ("text/*;q=0.5", HTML),
        ("text/html;q=0.4, application/json;q=0.6", JSON),
        (PROBLEM, PROBLEM),
        (f"{PROBLEM}, {JSON}", PROBLEM),
        (f"{JSON}, {PROBLEM}", PROBLEM),
        (f"{JSON}, {PROBLEM};q=0.9", JSON),
        (f"{PROBLEM}, text/html;q=0.5, */*;q=0.1", PROBLEM),
        (f"{PROBLEM};q=0, */*", JSON),
        ("APPLICATION/PROBLEM+JSON", PROBLEM),
        ("image/png", JSON),
    ],
)
@pytest.mark.parametrize("path", ["/nowhere", "/status/403", "/handler/x"])
def test_the_form_follows_accept(ask, path, accept, content_type):
    answer = ask(path, debug=False, accept=accept)
    assert answer.headers["content-type"] == content_type
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_in_every_form(ask, status):
    data = ask(f"/status/{status}", debug=False, accept=JSON)
    assert data.status_code == status
    assert set(data.json()) == {"error", "detail"}
    problem = ask(f"/status/{status}", debug=False, accept=PROBLEM)
    assert problem.json() == {
        "type": "about:blank",
        "title": problem.json()["title"],
        "status": status,
        **data.json(),
    }
    page = ask(f"/status/{status}", debug=False)
    text = Reader(page.text).text
    assert str(status) in text
    assert f"What to do about {status} {MARKUP}" in text
    assert page.text.startswith("<!doctype html>")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")


def test_pieces_are_listed(ask):
    assert ask("/invalid", accept=JSON).json()["errors"][0]["loc"] == ["body", "items", 3]
    page = Reader(ask("/invalid").text)
    assert f"body.items.3 wrong {MARKUP}" in page.text


def test_a_single_piece_that_the_detail_names_is_not_said_twice(ask):
    page = Reader(ask("/typed?number=x").text)
    assert page.text.count("Expected") == 1
    assert "`" not in page.text  # code is marked up as code
    assert "<code>int</code>" in ask("/typed?number=x").text


def test_the_way_home_respects_where_the_app_is(ask):
    assert 'href="/"' in ask("/nowhere").text


@pytest.mark.parametrize("path", ["/nowhere", "/status/500", "/handler/x"])
def test_pages_say_nothing_of_what_made_them(ask, path):
    body = re.sub(r"(?s)<style>.*?</style>", "", ask(path, debug=False).text).lower()
    for word in ("flasgo", "python", "traceback", "valueerror", "uvicorn"):
        assert word not in body


def test_json_of_an_error_is_json_whatever_is_in_it(ask):
    assert json.loads(ask("/status/404", accept=JSON).content)["detail"].endswith(MARKUP)


# --- In DEBUG a path without a route says which routes there are --------------------------------


def test_in_debug_the_routes_are_listed_where_a_path_has_none(ask):
    answer = ask("/chian")
    page = Reader(answer.text)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    for what in ("None of them takes GET /chian.", "Did you mean /chain?", "/status/<int:status>"):
        assert what in page.text
    assert '<a href="/chain">' in answer.text


def test_what_was_asked_for_is_escaped_and_bounded(ask):
    long = "/%3Cscript%3Ealert(1)%3C/script%3E" + "x" * 5000
    answer = ask(long)
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "x" * 301 not in answer.text


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/nowhere", {"debug": False}),
        ("/nowhere", {"accept": JSON}),
        ("/nowhere", {"accept": PROBLEM}),
        ("/status/404", {}),  # the app's own 404 is about something else
        ("/status/403", {}),
    ],
)
def test_the_routes_are_listed_nowhere_else(ask, path, options):
    answer = ask(path, **options)
    assert answer.status_code in (403, 404)
    for what in ("/chain", "/status/&lt;", "/status/<"):
        assert what not in answer.text


def test_an_app_without_routes_says_so():
    app = Flasgo(settings={"DEBUG": True}, discover=False)
    answer = TestClient(app).get("/", headers={"accept": "text/html"})
    assert "This app has no routes" in answer.text


def test_many_routes_are_cut_short():
    app = Flasgo(settings={"DEBUG": True}, discover=False)
    for number in range(230):
        app.add_route(f"/n{number}", lambda: "", endpoint=f"n{number}", methods=["GET", "POST"])
    page = Reader(TestClient(app).get("/x", headers={"accept": "text/html"}).text)
    assert "30 more are listed by flasgo routes" in page.text
    assert "/n199" in page.text
    assert "/n200" not in page.text


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/usres/0", 'Did you mean <a href="/users/0">/users/0</a> (<code>/users/&lt;int:number'),
        ("/user/3", 'Did you mean <a href="/users/3">/users/3</a>'),
        ("/users", "Did you mean <code>/users/&lt;int:number&gt;</code>?"),
        ("/users/x", "The route <code>/users/&lt;int:number&gt;</code> does not take these values"),
        ("/Settings", 'Did you mean <a href="/settings">/settings</a>?'),
        ("/zzz", "Shown because"),
    ],
)
def test_the_debug_404_finds_routes_with_parameters(connect, path: str, hint: str) -> None:
    app = Flasgo(settings={"DEBUG": True, "SECRET_KEY": "for-tests-only-0123456789-abcdefghij"})
    app.add_route("/users/<int:number>", lambda number: "x", endpoint="user")
    app.add_route("/settings", lambda: "x", endpoint="settings")
    page = connect(app).get(path, headers={"accept": "text/html"}).text
    assert hint in page
    assert ("Did you mean" in page or "does not take" in page) is (path != "/zzz")
    assert '<a href="/settings"><code>/settings</code></a>' in page  # rows are links
