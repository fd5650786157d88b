"""TPL-1: a variable that was not given is an error that names template, line and variable."""

import jinja2
import pytest
from flasgo_templates import JinjaTemplates, UndefinedVariableError
from jinja2.exceptions import SecurityError

PAGES = {
    "layout.html": "<title>\n{% block main %}{% endblock %}\n{{ titel }}",
    "block.html": "{% extends 'layout.html' %}\n\n{% block main %}\n{{ missing }}{% endblock %}",
    "in_layout.html": "{% extends 'layout.html' %}\n\n",
    "loop.html": "{% for note in notes %}\n{{ note.titel }}\n{% endfor %}",
    "macros.html": "{% macro card(note) %}\n\n\n{{ missing }}{% endmacro %}",
    "uses_macro.html": "{% from 'macros.html' import card %}\n{{ card(1) }}",
    "included.html": "\n{{ missing }}",
    "includes.html": "\n\n\n\n{% include 'included.html' %}",
    "filter.html": "\n\n{{ missing|upper }}",
    "test.html": "\n{% if missing %}{% endif %}",
    "call.html": "\n\n\n{{ missing(1) }}",
    "element.html": "\n{{ notes[7] }}",
    "deeper.html": "\n{{ user.missing.deeper }}",
}
GIVEN = {"notes": [{"title": "tea"}], "title": "Notes", "user": {"name": "Ada"}}


@pytest.fixture
def templates(write):
    return JinjaTemplates(write(PAGES))


@pytest.mark.parametrize(
    ("page", "template", "line", "variable"),
    [
        ("block.html", "block.html", 4, "missing"),
        ("in_layout.html", "layout.html", 3, "titel"),
        ("loop.html", "loop.html", 2, "titel"),
        ("uses_macro.html", "macros.html", 4, "missing"),
        ("includes.html", "included.html", 2, "missing"),
        ("filter.html", "filter.html", 3, "missing"),
        ("test.html", "test.html", 2, "missing"),
        ("call.html", "call.html", 4, "missing"),
        ("element.html", "element.html", 2, "7"),
        ("deeper.html", "deeper.html", 2, "missing"),
    ],
)
async def test_the_error_names_template_line_and_variable(
    templates, page, template, line, variable
):
    with pytest.raises(UndefinedVariableError) as caught:
        templates.render(page, GIVEN)
    with pytest.raises(UndefinedVariableError) as caught_async:
        await templates.render_async(page, GIVEN)
    for error in (caught.value, caught_async.value):
        assert (error.template, error.line, error.variable) == (template, line, variable)
        assert str(error).startswith(f"Template {template!r}, line {line}: ")
        assert variable in str(error)
        assert isinstance(error, jinja2.UndefinedError)


def test_the_error_knows_what_was_meant(templates):
    with pytest.raises(
        UndefinedVariableError, match=r"'titel' is undefined\. Did you mean 'title'"
    ):
        templates.render("in_layout.html", GIVEN)
    with pytest.raises(UndefinedVariableError, match=r"'titel'\. Did you mean 'title'"):
        templates.render("loop.html", GIVEN)


def test_names_that_the_template_sets_count_as_meant(templates):
    source = "{% for notice in [1] %}{{ notce }}{% endfor %}"
    with pytest.raises(UndefinedVariableError, match="Did you mean 'notice'"):
        templates.render_string(source)


def test_the_error_says_what_to_do(templates):
    with pytest.raises(UndefinedVariableError, match=r"Pass it .* \{\{ missing\|default"):
        templates.render("filter.html")


def test_a_template_given_as_text_is_called_that(templates):
    with pytest.raises(UndefinedVariableError, match="Template given as text, line 2") as caught:
        templates.render_string("\n{{ missing }}")
    assert (caught.value.template, caught.value.line) == (None, 2)


@pytest.mark.parametrize(
    "operation",
    ["x + 1", "1 + x", "-x", "x < 1", "x == 1", "x ~ ''", "x in [1]", "x|int", "x|length", "x()"],
)
def test_no_operation_gets_around_it(templates, operation):
    with pytest.raises(UndefinedVariableError, match="line 1: 'x' is undefined"):
        templates.render_string(f"{{{{ {operation} }}}}")


def test_the_sandbox_names_the_place_too(templates):
    with pytest.raises(SecurityError, match="Template given as text, line 3: access to"):
        templates.render_string("\n\n{{ ''.__class__ }}")


def test_an_error_outside_of_templates_has_no_place(templates):
    undefined = templates.environment.undefined(name="x")
    with pytest.raises(UndefinedVariableError, match=r"^'x' is undefined") as caught:
        str(undefined)
    assert (caught.value.template, caught.value.line) == (None, None)


# --- Names of other plugins -----------------------------------------------------------------

COMPANIONS = {
    "csp_nonce": ("security", "flasgo-security"),
    "csrf_input": ("security", "flasgo-security"),
    "csrf_token": ("security", "flasgo-security"),
    "get_flashed_messages": ("security", "flasgo-security"),
    "static_url": ("static", "flasgo-static"),
    "current_user": ("auth", "flasgo-auth"),
}


@pytest.mark.parametrize("name", COMPANIONS)
@pytest.mark.parametrize("how", ["{{ %s }}", "{{ %s() }}"])
def test_a_missing_plugin_is_named_with_the_way_to_get_it(make_app, write, name, how):
    app = make_app()
    app.configure_templates(write({"a": how % name}))
    distribution = COMPANIONS[name][1]
    with pytest.raises(
        UndefinedVariableError,
        match=rf"Template 'a', line 1: '{name}' is undefined\. .*pip install {distribution}",
    ):
        app.render_template("a")


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_disabled_plugin_is_named(name, write):
    from flasgo import Flasgo

    plugin = COMPANIONS[name][0]
    app = Flasgo(settings={"SECRET_KEY": "k" * 20 + "0123456789"}, disable_plugins={plugin})
    app.configure_templates(write({"a": f"{{{{ {name} }}}}"}))
    with pytest.raises(UndefinedVariableError, match=f"plugin '{plugin}' .*disabled"):
        app.render_template("a")


@pytest.mark.parametrize("imported", [False, True], ids=["page", "imported macro"])
def test_all_names_are_there_when_their_plugins_are(write, connect, tmp_path, imported):
    from flasgo import Flasgo
    from flasgo_auth import User
    from flasgo_security.sessions.flashes import flash

    (tmp_path / "static").mkdir()
    (tmp_path / "static/a.css").write_text("a")
    body = (
        "{{ csrf_input() }}|{{ csrf_token() }}|{{ csp_nonce() }}|{{ static_url('a.css') }}|"
        "{{ url_for('page') }}|{{ get_flashed_messages()|join }}|{{ current_user.id }}"
    )
    page = body
    if imported:
        page = "{% from 'm' import m %}{{ m() }}"
    app = Flasgo(static_folder=tmp_path / "static", settings={"SECRET_KEY": "0123456789abcdef" * 4})
    app.configure_templates(write({"page": page, "m": f"{{% macro m() %}}{body}{{% endmacro %}}"}))

    @app.get("/")
    def page_handler(request):
        request.user = User(id="ada")
        flash("<saved>")
        return app.render_template("page")

    app.add_route("/page", page_handler, endpoint="page")
    answer = connect(app).get("/page")
    field, token, nonce, static, url, flashes, user = answer.text.split("|")
    assert field == f'<input type="hidden" name="csrf_token" value="{token}">'
    assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
    assert static.startswith("/static/a.")
    assert static.endswith(".css")
    assert (url, flashes, user) == ("/page", "&lt;saved&gt;", "ada")


# --- flasgo check ---------------------------------------------------------------------------


def test_check_finds_templates_that_do_not_compile(make_app, write):
    from flasgo.plugins.checks import collect_findings

    app = make_app()
    root = write({"good.html": "{{ x }}", "bad.html": "\n{% if %}", "picture.png": "{% if"})
    (root / "latin.html").write_bytes(b"\xff")
    app.configure_templates(root)
    found = {f.code: f.message for f in collect_findings(app) if f.code.startswith("templates.")}
    assert set(found) == {"templates.E001", "templates.E002"}
    assert found["templates.E001"].startswith("Template 'bad.html', line 2: ")
    assert "latin.html" in found["templates.E002"]


async def test_render_template_async_awaits(make_app, write):
    app = make_app()

    async def slow():
        return "<tea>"

    app.configure_templates(write({"a": "{{ drink() }} {{ size }}"}))
    assert await app.render_template_async("a", {"size": 1}, drink=slow) == "&lt;tea&gt; 1"
