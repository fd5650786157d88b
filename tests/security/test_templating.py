"""What templates get."""

import pytest
from flasgo_security import csrf_input, csrf_token
from flasgo_security.csrf import unmask
from flasgo_templates import TemplatesPlugin
from flasgo_testing import TestClient


@pytest.fixture
def contexts(make_app):
    """An app whose handler formats each of the template variables, asked for by name."""
    app = make_app(CSRF_COOKIE_SECURE=False, CSRF_FIELD_NAME='a"b')
    hook = app.plugins.manager.get_plugin("security.templating").template_globals

    @app.get("/none")
    async def none(request):
        hook()
        return "nothing shown"

    @app.get("/show/<name>")
    async def show(request, name):
        value = hook()[name]
        return {"str": f"{value}", "call": f"{value()}", "html": value.__html__()}

    @app.get("/functions")
    def functions():
        return {"token": csrf_token(), "input": str(csrf_input())}

    return TestClient(app)


def test_a_page_that_shows_nothing_sets_no_cookie(contexts):
    assert "set-cookie" not in contexts.get("/none").headers


def test_the_token(contexts):
    response = contexts.get("/show/csrf_token")
    shown = response.json()
    assert shown["str"] == shown["call"] == shown["html"]
    assert response.headers["set-cookie"].startswith(f"csrf={unmask(shown['str'])};")


def test_the_input_is_escaped_and_safe(contexts):
    shown = contexts.get("/show/csrf_input").json()
    start, _, rest = shown["html"].partition(' value="')
    assert start == '<input type="hidden" name="a&quot;b"'
    assert unmask(rest.removesuffix('">')) == contexts.cookies["csrf"]
    assert shown["html"] == shown["str"] == shown["call"]


def test_the_nonce(contexts):
    response = contexts.get("/show/csp_nonce")
    assert f"'nonce-{response.json()['str']}'" in response.headers["content-security-policy"]


def test_the_functions_work_in_threads(contexts):
    shown = contexts.get("/functions").json()
    assert shown["token"] in shown["input"]


@pytest.mark.parametrize("function", [csrf_token, csrf_input])
def test_the_functions_are_errors_outside_of_a_request(function):
    with pytest.raises(RuntimeError, match="request"):
        function()


def test_they_work_in_real_templates(make_app, tmp_path):
    (tmp_path / "page.html").write_text(
        "{{ csrf_input() }}|{{ csrf_input }}|{{ csrf_token }}|{{ csp_nonce }}|{{ csp_nonce() }}"
    )
    app = make_app(TemplatesPlugin(), CSRF_COOKIE_SECURE=False)
    app.configure_templates(tmp_path)

    @app.get("/")
    async def page():
        return app.render_template("page.html")

    client = TestClient(app)
    response = client.get("/")
    first, second, token, nonce, same_nonce = response.text.split("|")
    assert first == second == f'<input type="hidden" name="csrf_token" value="{token}">'
    assert unmask(token) == client.cookies["csrf"]
    assert nonce == same_nonce
    assert f"'nonce-{nonce}'" in response.headers["content-security-policy"]
