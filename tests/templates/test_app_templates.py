"""TPL-1: templates of an app: `configure_templates`, `render_template`, what templates see."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import jinja2
import pytest
from flasgo import ConfigurationError, Flasgo, Request, Response, SettingError
from flasgo_templates import JinjaTemplates, MissingTemplateError, render_template


def test_the_four_ways_to_render(make_app, write, connect):
    app = make_app()
    templates = app.configure_templates(write({"a.html": "{{ x }}"}))
    assert templates is app.templates
    assert isinstance(templates, JinjaTemplates)

    app.add_route("/app", lambda: app.render_template("a.html", {"x": "<"}), endpoint="app")
    app.add_route("/alone", lambda: render_template("a.html", x="<"), endpoint="alone")
    app.add_route(
        "/response",
        lambda: Response.template("a.html", templates=app.templates, context={"x": "<"}),
        endpoint="response",
    )

    @app.get("/async")
    async def awaited():
        return await app.templates.render_async("a.html", {"x": "<"})

    client = connect(app)
    for path in ("/app", "/alone", "/response", "/async"):
        answer = client.get(path)
        assert answer.text == "&lt;"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_render_template_takes_a_mapping_and_keywords(make_app, write):
    app = make_app()
    app.configure_templates(write({"a": "{{ name }}{{ self_made }}"}))
    assert app.render_template("a", {"name": 1, "self_made": 2}) == "12"
    assert app.render_template("a", name=1, self_made=2) == "12"
    assert app.render_template("a", context={"name": 1, "self_made": 2}, self_made=3) == "13"


def test_render_template_alone_needs_a_request(make_app, write):
    make_app().configure_templates(write({"a": ""}))
    with pytest.raises(RuntimeError, match="no request here"):
        render_template("a")


def test_a_second_call_replaces_the_first(make_app, write, tmp_path):
    app = make_app()
    app.configure_templates(write({"a": "first"}))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a").write_text("second")
    app.configure_templates(tmp_path / "other")
    assert app.render_template("a") == "second"


def test_before_configure_templates_the_error_says_so(make_app):
    with pytest.raises(MissingTemplateError, match="configure_templates"):
        make_app().render_template("home.html")


def test_two_apps_have_templates_of_their_own(make_app, write, tmp_path, connect):
    one, two = make_app(), make_app()
    one.configure_templates(write({"a": "one"}))
    (tmp_path / "two").mkdir()
    (tmp_path / "two/a").write_text("two")
    two.configure_templates(tmp_path / "two")
    for app in (one, two):
        app.add_route("/", lambda: render_template("a"))
    assert connect(one).get("/").text == "one"
    assert connect(two).get("/").text == "two"


def test_a_missing_variable_is_a_500_without_details(make_app, write, connect):
    app = make_app()
    app.configure_templates(write({"a": "{{ secret_name }}"}))
    app.add_route("/", lambda: render_template("a"))
    answer = connect(app).get("/")
    assert answer.status_code == 500
    assert "secret_name" not in answer.text


# --- what templates see -----------------------------------------------------------------------


def test_templates_see_the_request_g_and_url_for(make_app, write, connect):
    app = make_app()
    app.configure_templates(
        write({"a": "{{ request.path }} {{ g.user }} {{ url_for('note', number=7, q='<') }}"})
    )

    @app.before_request
    def before(request):
        request.g.user = "ada"

    @app.get("/notes/<int:number>")
    def note(number: int):
        return render_template("a")

    assert connect(app).get("/notes/3").text == "/notes/3 ada /notes/7?q=%3C"


def test_imported_macros_see_them_as_well(make_app, write, connect):
    app = make_app()
    app.configure_templates(
        write(
            {
                "m": "{% macro here() %}{{ request.path }} {{ url_for('home') }}{% endmacro %}",
                "a": "{% from 'm' import here %}{{ here() }}",
            }
        )
    )
    app.add_route("/home", lambda: render_template("a"), endpoint="home")
    assert connect(app).get("/home").text == "/home /home"


def test_outside_of_a_request_there_is_no_request(make_app, write):
    app = make_app()
    app.configure_templates(
        write({"a": "{{ request is defined }} {{ url_for('home') }}", "b": "{{ request.path }}"})
    )
    app.add_route("/home", lambda: "", endpoint="home")
    assert app.render_template("a") == "False /home"
    with pytest.raises(jinja2.UndefinedError, match="outside of a request"):
        app.render_template("b")


async def test_each_request_sees_itself(make_app, write, connect):
    app = make_app()
    app.configure_templates(
        write({"a": "{{ request.path }}{{ nap() }}{{ request.path }}{{ shown() }}"})
    )

    @app.context_processor
    def helpers(request: Request):
        return {"shown": lambda: request.path}

    @app.get("/<name>")
    async def page(name: str):
        async def nap():
            await asyncio.sleep(0.005)
            return " "

        return await app.templates.render_async("a", {"nap": nap})

    client = connect(app)
    answers = await asyncio.gather(*(client.arequest("GET", f"/{n}") for n in range(10)))
    assert [answer.text for answer in answers] == [f"/{n} /{n}/{n}" for n in range(10)]


def test_context_processors_with_and_without_the_request(make_app, write, connect):
    app = make_app()
    app.configure_templates(write({"a": "{{ site }} {{ where|default('nowhere') }} {{ x }}"}))

    @app.context_processor
    def site():
        return {"site": "Shop", "x": "from the processor"}

    @app.context_processor
    def where(request):
        return {"where": request.path}

    app.add_route("/here", lambda: render_template("a", x="given"))
    assert connect(app).get("/here").text == "Shop /here given"
    assert app.render_template("a") == "Shop nowhere from the processor"


def test_a_context_processor_may_return_nothing(make_app, write):
    app = make_app()
    app.configure_templates(write({"a": "ok"}))
    app.context_processor(lambda: None)
    assert app.render_template("a") == "ok"


def test_a_context_processor_returns_a_mapping(make_app, write):
    app = make_app()
    app.configure_templates(write({"a": "ok"}))
    app.context_processor(lambda: ["x"])
    with pytest.raises(TypeError, match="must return a mapping of template variables, got list"):
        app.render_template("a")


def test_unusable_context_processors_are_refused_at_once(make_app):
    app = make_app()

    async def awaited():
        return {}

    with pytest.raises(ConfigurationError, match="is async"):
        app.context_processor(awaited)
    with pytest.raises(ConfigurationError, match="no argument, or the request"):
        app.context_processor(lambda a, b: {})


def test_filters_tests_and_globals_before_and_after_configuring(make_app, write):
    app = make_app()

    @app.template_filter()
    def shout(text):
        return f"{text}!"

    app.configure_templates(write({"a": "{{ 'x'|shout|twice }}{{ 3 is odd_one }}{{ VERSION() }}"}))
    app.template_filter("twice")(lambda text: text * 2)
    app.template_test("odd_one")(lambda n: n % 2 == 1)
    app.template_global("VERSION")(lambda: 1)
    assert app.render_template("a") == "x!x!True1"
    assert shout("a") == "a!"


def test_forgotten_parentheses_are_noticed(make_app):
    app = make_app()
    with pytest.raises(ConfigurationError, match=r"template_filter\(\)"):
        app.template_filter(lambda text: text)


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sees_changes"),
    [
        ({}, False),
        ({"DEBUG": True}, True),
        ({"DEBUG": True, "TEMPLATE_AUTO_RELOAD": False}, False),
        ({"TEMPLATE_AUTO_RELOAD": True}, True),
    ],
)
def test_auto_reload_follows_debug(make_app, write, settings, sees_changes):
    app = make_app(**settings)
    app.configure_templates(write({"a": "1"}))
    assert app.render_template("a") == "1"
    write({"a": "22"})
    assert app.render_template("a") == ("22" if sees_changes else "1")


def test_the_size_bound_is_a_setting(make_app, write):
    app = make_app(MAX_TEMPLATE_BYTES=3)
    app.configure_templates(write({"a": "1234"}))
    with pytest.raises(jinja2.TemplateNotFound, match="larger than 3 bytes"):
        app.render_template("a")


def test_options_win_over_settings(make_app, write):
    app = make_app(MAX_TEMPLATE_BYTES=3)
    app.configure_templates(write({"a": "1234"}), max_bytes=4)
    assert app.render_template("a") == "1234"


def test_bytecode_goes_where_the_setting_says(make_app, write, tmp_path):
    app = make_app(TEMPLATE_BYTECODE_DIRECTORY=str(tmp_path / "cache"))
    app.configure_templates(write({"a": "1"}))
    app.render_template("a")
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    "settings", [{"MAX_TEMPLATE_BYTES": 0}, {"TEMPLATE_CACHE_SIZE": -2}], ids=str
)
def test_impossible_settings_are_refused(make_app, settings):
    with pytest.raises(SettingError):
        make_app(**settings)


# --- directories ------------------------------------------------------------------------------


SCRIPT = """
from flasgo import Flasgo
from flasgo_templates import JinjaTemplates, TemplatesPlugin
app = Flasgo(
    settings={"SECRET_KEY": "0123456789abcdef" * 4}, plugins=[TemplatesPlugin], discover=False
)
app.configure_templates("templates")
print(app.render_template("a"))
print(JinjaTemplates("templates").render("a"))
"""


def run(script: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if not k.startswith("FLASGO_")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_relative_directories_are_beside_the_file_then_in_the_current_directory(tmp_path):
    for folder in ("project", "elsewhere", "bare"):
        (tmp_path / folder).mkdir()
    for folder in ("project", "elsewhere"):
        (tmp_path / folder / "templates").mkdir()
        (tmp_path / folder / "templates/a").write_text(f"from {folder}")
    (tmp_path / "project/app.py").write_text(SCRIPT)
    (tmp_path / "bare/app.py").write_text(SCRIPT)
    beside = run(tmp_path / "project/app.py", tmp_path / "elsewhere")
    assert beside.stdout.split("\n")[:2] == ["from project"] * 2, beside.stderr
    current = run(tmp_path / "bare/app.py", tmp_path / "elsewhere")
    assert current.stdout.split("\n")[:2] == ["from elsewhere"] * 2, current.stderr
    nowhere = run(tmp_path / "bare/app.py", tmp_path)
    assert nowhere.returncode == 1
    assert "There is no template directory 'templates'" in nowhere.stderr
    assert str(tmp_path / "bare/templates") in nowhere.stderr
    assert str(tmp_path / "templates") in nowhere.stderr


def test_this_file_is_the_base_here(make_app):
    app = make_app()
    with pytest.raises(ConfigurationError) as caught:
        app.configure_templates("no-such-folder")
    assert str(Path(__file__).parent / "no-such-folder") in str(caught.value)


@pytest.mark.parametrize("directory", ["", "a\0b", __file__])
def test_what_is_no_directory_is_refused(make_app, directory):
    with pytest.raises(ConfigurationError):
        make_app().configure_templates(directory)


def test_an_empty_list_is_refused(make_app):
    with pytest.raises(ConfigurationError, match="no directory"):
        make_app().configure_templates([])


def test_several_directories(make_app, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    app = make_app()
    app.configure_templates([tmp_path / "one", str(tmp_path / "two")])
    assert app.render_template("one") + app.render_template("two") == "onetwo"


# --- cost -------------------------------------------------------------------------------------


def test_an_app_without_templates_does_not_import_jinja():
    code = (
        "import sys; from flasgo import Flasgo; from flasgo_templates import TemplatesPlugin; "
        "import flasgo_templates; "
        "Flasgo(settings={'SECRET_KEY': 'x1y2z3' * 9}, plugins=[TemplatesPlugin], discover=False); "
        "sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_rendering_in_worker_threads(make_app, write, connect):
    app = make_app()
    app.configure_templates(write({"a": "{{ thread() }} {{ request.path }}"}))
    app.template_global("thread")(lambda: threading.current_thread().name[:6])
    app.add_route("/a", lambda: render_template("a"))
    assert connect(app).get("/a").text == "flasgo /a"


def test_the_public_names():
    import flasgo_templates

    for name in flasgo_templates.__all__:
        assert getattr(flasgo_templates, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = flasgo_templates.nonsense  # ty: ignore[missing-attribute]
    assert set(flasgo_templates.__all__) <= set(dir(flasgo_templates))


def test_the_quick_start_of_the_description(tmp_path, monkeypatch):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/home.html").write_text("<h1>{{ title }}</h1>")
    monkeypatch.chdir(tmp_path)
    app = Flasgo(settings={"SECRET_KEY": "0123456789abcdef" * 4}, disable_plugins={"security"})
    app.configure_templates("templates")

    @app.get("/")
    def home() -> Response:
        return Response.template("home.html", templates=app.templates, context={"title": "Welcome"})

    with app.test_client() as client:
        assert client.get("/").text == "<h1>Welcome</h1>"
    assert app.render_template("home.html", {"title": "Hi"}) == "<h1>Hi</h1>"
