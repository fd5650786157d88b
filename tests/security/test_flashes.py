"""SEC-3: messages for the next page."""

import pytest
from flasgo import redirect
from flasgo_security import flash, get_flashed_messages
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestClient


@pytest.fixture
def app(make_app):
    app = make_app(SESSION_COOKIE_SECURE=False, CSRF_ENABLED=False)

    @app.post("/save")
    def save():  # in a worker thread
        flash("Saved.")
        flash("Check <b>this</b>.", "warning")
        return redirect("/")

    @app.get("/")
    async def home():
        return {"plain": get_flashed_messages(), "again": get_flashed_messages(True)}

    @app.get("/warnings")
    async def warnings():
        return get_flashed_messages(category_filter=["warning"])

    @app.get("/both")
    async def both():
        flash("now")
        return get_flashed_messages()

    @app.get("/other")
    async def other(request):
        request.session["user"] = "ann"
        return {}

    @app.get("/junk")
    async def junk(request):
        request.session["_flashes"] = "junk"
        flash("kept")
        return {}

    return app


@pytest.fixture
def client(app) -> TestClient:
    return TestClient(app)


def test_they_wait_for_the_next_page_and_are_shown_once(client):
    client.post("/save")
    client.get("/other")
    shown = client.get("/").json()
    assert shown["plain"] == ["Saved.", "Check <b>this</b>."]
    assert shown["again"] == [["message", "Saved."], ["warning", "Check <b>this</b>."]]
    assert client.get("/").json() == {"plain": [], "again": []}


def test_a_filter_returns_some_and_takes_all(client):
    client.post("/save")
    assert client.get("/warnings").json() == ["Check <b>this</b>."]
    assert client.get("/").json()["plain"] == []


def test_they_can_be_shown_by_the_page_that_made_them(client):
    assert client.get("/both").json() == ["now"]
    assert client.get("/").json()["plain"] == []


def test_showing_none_sets_no_cookie(client):
    answer = client.get("/")
    assert "set-cookie" not in answer.headers
    assert answer.headers["vary"] == "Cookie"


def test_something_else_under_the_key_does_no_harm(client):
    client.get("/junk")
    assert client.get("/").json()["plain"] == ["kept"]


def test_templates_show_them_escaped(make_app, tmp_path):
    (tmp_path / "page.html").write_text(
        "{% for kind, text in get_flashed_messages(with_categories=true) %}"
        "<p class={{ kind }}>{{ text }}</p>{% endfor %}"
    )
    app = make_app(TemplatesPlugin(), SESSION_COOKIE_SECURE=False)
    app.configure_templates(tmp_path)

    @app.get("/flash")
    async def make():
        flash("<script>", "error")
        return {}

    @app.get("/")
    async def page():
        return app.render_template("page.html")

    client = TestClient(app)
    client.get("/flash")
    assert client.get("/").text == "<p class=error>&lt;script&gt;</p>"
    assert client.get("/").text == ""


@pytest.mark.parametrize("arguments", [(5,), ("x", None), (b"x",)])
def test_messages_are_text(arguments):
    with pytest.raises(TypeError, match="two texts"):
        flash(*arguments)


@pytest.mark.parametrize("function", [lambda: flash("x"), get_flashed_messages])
def test_outside_of_a_request_they_are_errors(function):
    with pytest.raises(RuntimeError, match="request"):
        function()


def test_a_message_of_another_text_type_is_kept_as_text(make_app, connect):
    class Markup(str):
        """Text that a template engine has marked."""

    app = make_app(SESSION_COOKIE_SECURE=False)

    @app.get("/flash")
    async def put():
        flash(Markup("<b>Saved.</b>"), Markup("info"))

    @app.get("/")
    async def home():
        return get_flashed_messages(with_categories=True)

    client = connect(app)
    assert client.get("/flash").is_success
    assert client.get("/").json() == [["info", "<b>Saved.</b>"]]
