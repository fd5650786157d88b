"""TPL-1: what other plugins bring: variables, globals and templates."""

import pytest
from flasgo import PluginError, hookimpl
from flasgo_templates import TemplatesPlugin


class Theme:
    name = "theme"

    @hookimpl
    def template_context(self, request):
        return {"theme": request.query.get("theme", "light"), "x": "theme"}

    @hookimpl
    def template_globals(self):
        return {"static_url": lambda path: f"/static/{path}"}


def render_on(app, connect, name="a", path="/"):
    app.add_route("/", lambda: app.render_template(name))
    return connect(app).get(path).text


def test_template_context_adds_variables(make_app, write, connect):
    app = make_app(Theme)
    app.configure_templates(write({"a": "{{ theme }}"}))
    assert render_on(app, connect, path="/?theme=<dark>") == "&lt;dark&gt;"


def test_template_context_is_for_requests_only(make_app, write):
    app = make_app(Theme)
    app.configure_templates(write({"a": "{{ theme is defined }}"}))
    assert app.render_template("a") == "False"


def test_processors_win_over_plugins_and_arguments_over_all(make_app, write, connect):
    app = make_app(Theme)
    app.configure_templates(write({"a": "{{ x }}"}))
    app.add_route("/plugin", lambda: app.render_template("a"), endpoint="plugin")
    app.add_route("/argument", lambda: app.render_template("a", x="argument"), endpoint="argument")
    client = connect(app)
    assert client.get("/plugin").text == "theme"
    app.context_processor(lambda: {"x": "processor"})
    assert client.get("/plugin").text == "processor"
    assert client.get("/argument").text == "argument"


def test_template_globals_reach_imported_macros(make_app, write):
    app = make_app(Theme)
    app.configure_templates(
        write(
            {
                "m": "{% macro css() %}{{ static_url('a.css') }}{% endmacro %}",
                "a": "{% from 'm' import css %}{{ css() }}",
            }
        )
    )
    assert app.render_template("a") == "/static/a.css"


def test_the_app_s_own_globals_win(make_app, write):
    app = make_app(Theme)
    app.template_global("static_url")(lambda path: path)
    app.configure_templates(write({"a": "{{ static_url('a.css') }}"}))
    assert app.render_template("a") == "a.css"


def bringing(directories, name="shop"):
    class Shop:
        @hookimpl
        def template_directories(self):
            return directories

    Shop.name = name  # ty: ignore[missing-attribute]
    return Shop


def test_plugins_bring_templates_under_a_prefix(make_app, tmp_path, write):
    theirs = tmp_path / "shop"
    theirs.mkdir()
    (theirs / "cart.html").write_text("their cart")
    (theirs / "base.html").write_text("{% include 'shop/cart.html' %}")
    app = make_app(bringing({"shop": theirs}))
    assert app.templates.list_templates() == ["shop/base.html", "shop/cart.html"]
    assert app.render_template("shop/base.html") == "their cart"
    app.configure_templates(write({"shop/cart.html": "our cart"}))
    assert app.render_template("shop/base.html") == "our cart"
    with pytest.raises(LookupError, match=r"shop \(as shop/\)"):
        app.render_template("shop/card.html")


def test_a_plugin_that_is_registered_late_is_heard(make_app, write, connect, tmp_path):
    app = make_app()
    app.configure_templates(write({"a": "{{ theme|default('none') }}"}))
    app.add_route("/", lambda: app.render_template("a"))
    client = connect(app)
    assert client.get("/").text == "none"
    app.plugins.register(Theme)
    assert client.get("/").text == "light"
    (tmp_path / "late").mkdir()
    (tmp_path / "late/x").write_text("late x")
    app.plugins.register(bringing({"late": tmp_path / "late"}, "late"))
    assert app.render_template("late/x") == "late x"


def test_hooks_are_asked_once_and_not_through_pluggy(make_app, write, connect):
    calls = []

    class Counting:
        name = "counting"

        @hookimpl
        def template_context(self, request):
            calls.append("context")

        @hookimpl
        def template_globals(self):
            calls.append("globals")

        @hookimpl
        def template_directories(self):
            calls.append("directories")

    app = make_app(Counting)
    app.configure_templates(write({"a": ""}))
    app.add_route("/", lambda: app.render_template("a"))
    hooked = []
    with app.test_client() as client:
        undo = app.plugins.manager.add_hookcall_monitoring(
            lambda name, *rest: hooked.append(name), lambda *rest: None
        )
        for _ in range(3):
            client.get("/")
        undo()
    assert calls == ["directories", "globals", "context", "context", "context"]
    assert hooked == []


@pytest.mark.parametrize("hook", ["template_context", "template_globals", "template_directories"])
def test_async_hooks_are_refused(make_app, hook):
    async def awaited(self):
        return {}

    odd = type("Odd", (), {"name": "odd", hook: hookimpl(awaited)})
    with pytest.raises(PluginError, match=f"'odd': {hook} is async") as caught:
        make_app(odd)
    assert caught.value.plugin == "odd"


@pytest.mark.parametrize("hook", ["template_globals", "template_directories"])
@pytest.mark.parametrize("answer", [["x"], "x", {1: "x"}], ids=repr)
def test_hooks_return_mappings(make_app, hook, answer):
    odd = type("Odd", (), {"name": "odd", hook: hookimpl(lambda self: answer)})
    with pytest.raises(PluginError, match=f"'odd': {hook} must return a mapping"):
        make_app(odd).render_template("a")


def test_a_template_context_that_is_no_mapping_is_an_error(make_app, write, connect):
    odd = type("Odd", (), {"name": "odd", "template_context": hookimpl(lambda self: "x")})
    app = make_app(odd)
    app.configure_templates(write({"a": ""}))
    app.add_route("/", lambda: app.render_template("a"))
    assert connect(app).get("/").status_code == 500


@pytest.mark.parametrize(
    ("directories", "message"),
    [
        ({"shop": "relative/path"}, "not an absolute path"),
        ({"shop": None}, "not an absolute path"),
        ({"shop": "/no/such/directory"}, "no template directory"),
        ({"a/b": "/"}, "cannot be the prefix"),
        ({"..": "/"}, "cannot be the prefix"),
    ],
)
def test_impossible_directories_are_attributed(make_app, directories, message):
    with pytest.raises(PluginError, match=message) as caught:
        make_app(bringing(directories)).render_template("a")
    assert caught.value.plugin == "shop"


def test_clashes_name_both_plugins(make_app, tmp_path):
    one, two = bringing({"shop": tmp_path}, "one"), bringing({"shop": tmp_path}, "two")
    with pytest.raises(PluginError, match="'one' and 'two' both bring 'shop'"):
        make_app(one, two).render_template("a")


@pytest.mark.parametrize("name", ["request", "g", "url_for", "range", "lipsum"])
def test_plugins_cannot_replace_what_is_built_in(make_app, name):
    odd = type("Odd", (), {"name": "odd", "template_globals": hookimpl(lambda self: {name: 1})})
    with pytest.raises(PluginError, match=f"both bring '{name}'"):
        make_app(odd).render_template("a")


def test_the_auth_plugin_brings_current_user(make_app, write, connect):
    from flasgo_auth import AuthPlugin, User

    app = make_app(AuthPlugin)
    app.configure_templates(write({"a": "{{ current_user.id if current_user else 'nobody' }}"}))

    @app.before_request
    def log_in(request):
        if "x-user" in request.headers:
            request.user = User(id=request.headers["x-user"])

    app.add_route("/", lambda: app.render_template("a"))
    client = connect(app)
    assert client.get("/").text == "nobody"
    assert client.get("/", headers={"x-user": "<ada>"}).text == "&lt;ada&gt;"


def test_the_plugin_lists_what_it_brings(make_app):
    info = make_app().plugins["templates"]
    assert TemplatesPlugin.name == "templates"
    assert set(info.settings) == {
        "MAX_TEMPLATE_BYTES",
        "TEMPLATE_AUTO_RELOAD",
        "TEMPLATE_BYTECODE_DIRECTORY",
        "TEMPLATE_CACHE_SIZE",
    }
    assert set(info.methods) == {
        "configure_templates",
        "context_processor",
        "render_template",
        "render_template_async",
        "template_filter",
        "template_global",
        "template_test",
        "templates",
    }
