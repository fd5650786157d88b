"""STA-1 with SEC-4: files keep their own caching rules among the security plugin's headers."""

import pytest
from flasgo import Flasgo


@pytest.fixture
def app(folder):
    settings = {"SECRET_KEY": "4f1d9a7c3e5b8260f7a9c1d3e5b70824"}
    return Flasgo(static_folder=folder, settings=settings)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("hello.txt", [], 200), ("hello.txt", [("if-none-match", "*")], 304)],
)
def test_files_may_be_cached(app, connect, path, headers, status):
    answer = connect(app).get(f"/static/{path}", headers=headers)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_not_there_may_not(app, connect):
    answer = connect(app).get("/static/nope.txt")
    assert answer.status_code == 404
    assert "no-store" in answer.headers["cache-control"]


def test_an_answer_that_changes_the_session_is_private(app, connect):
    @app.before_request
    def visit(request):
        request.session["visits"] = 1

    answer = connect(app).get("/static/hello.txt")
    assert "set-cookie" in answer.headers
    assert "public" not in answer.headers["cache-control"]


def test_an_answer_that_read_the_session_is_private(app, connect):
    @app.before_request
    def look(request):
        request.session.get("visits")

    answer = connect(app).get("/static/hello.txt")
    assert "public" not in answer.headers["cache-control"]
