"""The hook `template_environment`: extensions and filters of plugins, translations among them."""

import asyncio
import threading

import pytest
from flasgo import PluginError, hookimpl
from jinja2 import DictLoader, Undefined
from jinja2.ext import Extension
from jinja2.nodes import Const, Output

GERMAN = {"Hello, %(name)s!": "Hallo, %(name)s!", "one note": "eine Notiz"}
FORMS = {("%(num)s note", "%(num)s notes"): ("%(num)s Notiz", "%(num)s Notizen")}


class Translations:
    """Brings `{% trans %}`, in the language that a request prefers."""

    name = "i18n"

    def __init__(self) -> None:
        self.environments = []
        self.language = threading.local()

    @hookimpl
    def template_environment(self, environment):
        self.environments.append(environment)
        environment.add_extension("jinja2.ext.i18n")
        environment.install_gettext_callables(self.gettext, self.ngettext, newstyle=True)

    @hookimpl
    def template_context(self, request):
        self.language.now = request.headers.get("accept-language")
        return {}

    def gettext(self, text):
        return GERMAN.get(text, text) if getattr(self.language, "now", None) == "de" else text

    def ngettext(self, one, many, number):
        if getattr(self.language, "now", None) == "de":
            one, many = FORMS[one, many]
        return one if number == 1 else many


PAGE = (
    "{% trans name=name %}Hello, {{ name }}!{% endtrans %} "
    "{% trans num=count %}{{ num }} note{% pluralize %}{{ num }} notes{% endtrans %} "
    "{{ _('one note') }}"
)


def test_translations_follow_each_request_and_are_escaped(make_app, write, connect):
    app = make_app(Translations)
    app.configure_templates(write({"a.html": PAGE}))

    @app.get("/")
    async def page():
        return app.render_template("a.html", name="<b>", count=2)

    client = connect(app)
    german = client.get("/", headers={"accept-language": "de"})
    assert german.text == "Hallo, &lt;b&gt;! 2 Notizen eine Notiz"
    assert client.get("/").text == "Hello, &lt;b&gt;! 2 notes one note"


def test_it_survives_configure_templates_and_serves_text_and_async(make_app, write, tmp_path):
    plugin = Translations()
    app = make_app(plugin)
    text = "{% trans %}one note{% endtrans %}"
    assert app.templates.render_string(text) == "one note"
    for number in range(2):
        app.configure_templates(write({f"{number}": text}))
        assert asyncio.run(app.render_template_async(f"{number}")) == "one note"
        assert app.render_template(f"{number}") == "one note"
    assert len(plugin.environments) == 3
    assert len(set(map(id, plugin.environments))) == 3


class Mark(Extension):
    tags = {"mark"}

    def parse(self, parser):
        return Output([Const("marked")]).set_lineno(next(parser.stream).lineno)


class Late:
    name = "late"

    @hookimpl
    def template_environment(self, environment):
        environment.add_extension(Mark)
        environment.filters["shout"] = str.upper


def test_a_plugin_that_is_registered_late_is_heard_once(make_app, write):
    early = Translations()
    app = make_app(early)
    app.configure_templates(write({"a": "a", "b": "{% mark %} {{ 'x'|shout }}"}))
    asyncio.run(app.render_template_async("a"))
    app.plugins.register(Late)
    assert asyncio.run(app.render_template_async("b")) == "marked X"
    assert app.render_template("b") == "marked X"
    assert len(early.environments) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("autoescape", False),
        ("loader", DictLoader({})),
        ("undefined", Undefined),
        ("sandboxed", False),
        ("bytecode_cache", object()),
    ],
)
def test_what_keeps_templates_safe_cannot_be_changed(make_app, write, name, value):
    class Odd:
        @hookimpl
        def template_environment(self, environment):
            setattr(environment, name, value)

    app = make_app(Odd)
    app.configure_templates(write({"a": ""}))
    with pytest.raises(PluginError, match=rf"'odd': .* changed environment.{name}"):
        app.test_client().__enter__()
    with pytest.raises(PluginError, match="which keeps templates safe"):
        app.render_template("a")


def test_what_fails_stops_the_start_up_and_names_the_plugin(make_app, write):
    class Broken:
        name = "broken"

        @hookimpl
        def template_environment(self, environment):
            environment.add_extension("no.such.extension")

    app = make_app(Broken)
    app.configure_templates(write({"a": ""}))
    with pytest.raises(PluginError, match="'broken' failed in template_environment"):
        app.test_client().__enter__()


def test_code_on_disk_is_not_that_of_other_extensions(make_app, write, tmp_path):
    directory = tmp_path / "code"
    directory.mkdir(mode=0o700)
    options = {"TEMPLATE_BYTECODE_DIRECTORY": str(directory)}
    templates = write({"a": "x{% raw %}{% endraw %}"})
    for plugins in ((), (Late,)):
        app = make_app(*plugins, **options)
        app.configure_templates(templates)
        app.render_template("a")
    assert len(list(directory.rglob("*"))) >= 2
