"""TPL-1: rendering without an app."""

import jinja2
import pytest
from flasgo import TemplateRenderer
from flasgo_templates import JinjaTemplates, MissingTemplateError, RefusedTemplateError
from hypothesis import given, strategies as st
from markupsafe import Markup, escape


def test_a_template_is_rendered(write):
    templates = JinjaTemplates(write({"home.html": "Hello {{ name }}!"}))
    assert templates.render("home.html", {"name": "Ada"}) == "Hello Ada!"


def test_it_is_the_renderer_that_responses_take(write):
    renderer: TemplateRenderer = JinjaTemplates(write({"a.txt": "a"}))
    assert renderer.render("a.txt") == "a"


@pytest.mark.parametrize("name", ["a.html", "a.txt", "a.js", "a", "a.sql", "mail/a.eml"])
def test_escaping_is_on_whatever_the_name(write, name):
    templates = JinjaTemplates(write({name: "{{ x }}"}))
    assert templates.render(name, {"x": "<b>"}) == "&lt;b&gt;"


def test_escaping_is_on_for_strings_includes_and_macros(write):
    templates = JinjaTemplates(
        write({"part.txt": "{{ x }}", "m.txt": "{% macro show(x) %}[{{ x }}]{% endmacro %}"})
    )
    assert templates.render_string("{{ x }}", {"x": "<"}) == "&lt;"
    assert templates.render_string("{% include 'part.txt' %}", {"x": "<"}) == "&lt;"
    source = "{% from 'm.txt' import show %}{{ show(x) }}"
    assert templates.render_string(source, {"x": "<"}) == "[&lt;]"


def test_markup_is_trusted(write):
    templates = JinjaTemplates(write({"a": "{{ x }}{{ y|safe }}"}))
    assert templates.render("a", {"x": Markup("<i>"), "y": "<b>"}) == "<i><b>"


@given(st.text(max_size=50))
def test_no_text_leaves_its_place(text):
    templates = JinjaTemplates(())
    shown = templates.render_string("<p>{{ x }}</p>", {"x": text})
    assert shown == f"<p>{escape(text)}</p>"
    assert shown.count("<") == 2


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ user.missing }}",
        "{{ user['missing'] }}",
        "{{ user.missing.deeper }}",
        "{% if missing %}{% endif %}",
        "{% for x in missing %}{% endfor %}",
        "{{ missing|upper }}",
        "{{ missing == 1 }}",
        "{{ [1][7] }}",
    ],
)
def test_what_nobody_gave_is_an_error(source):
    with pytest.raises(jinja2.UndefinedError):
        JinjaTemplates(()).render_string(source, {"user": {"name": "Ada"}})


def test_a_default_and_a_test_are_the_ways_out():
    templates = JinjaTemplates(())
    assert templates.render_string("{{ x|default('none') }}{{ x is defined }}") == "noneFalse"


def test_directories_are_searched_in_order(tmp_path):
    for name, files in {"first": ["a"], "second": ["a", "b"]}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(f"{file} from {name}")
    templates = JinjaTemplates([tmp_path / "first", str(tmp_path / "second")])
    assert templates.render("a") == "a from first"
    assert templates.render("b") == "b from second"
    assert templates.directories == (tmp_path / "first", tmp_path / "second")
    assert templates.list_templates() == ["a", "b"]


def test_prefixes_come_after_the_directories(tmp_path):
    for path in ["own/shop/a", "theirs/a", "theirs/sub/b"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    templates = JinjaTemplates(tmp_path / "own", prefixes={"shop": tmp_path / "theirs"})
    assert templates.render("shop/a") == "own/shop/a"
    assert templates.render("shop/sub/b") == "theirs/sub/b"
    assert templates.list_templates() == ["shop/a", "shop/sub/b"]
    for name in ("sub/b", "shop", "shop/missing", "shop2/a"):
        with pytest.raises(MissingTemplateError):
            templates.render(name)


def test_a_missing_template_says_where_it_was_looked_for(write):
    root = write({"home.html": "", "mail/welcome.txt": ""})
    with pytest.raises(MissingTemplateError) as caught:
        JinjaTemplates(root).render("mail/welcom.txt")
    assert caught.value.name == "mail/welcom.txt"
    assert caught.value.searched == (str(root),)
    assert str(caught.value) == (
        f"There is no template 'mail/welcom.txt' in {root}. Did you mean 'mail/welcome.txt'?"
    )


def test_without_a_directory_the_error_says_what_to_call():
    with pytest.raises(MissingTemplateError, match="configure_templates"):
        JinjaTemplates(()).render("home.html")


def test_jinja_sees_its_own_kind_of_error(write):
    templates = JinjaTemplates(write({"a": "{% include 'b' ignore missing %}ok"}))
    assert templates.render("a") == "ok"
    with pytest.raises(jinja2.TemplateNotFound):
        templates.render("b")


@pytest.mark.parametrize("name", [None, 7, b"home.html", ["home.html"]], ids=repr)
def test_a_name_is_a_str(write, name):
    with pytest.raises(TypeError, match="named by a str"):
        JinjaTemplates(write({"home.html": ""})).render(name)


def test_a_template_at_the_bound_is_taken_and_one_byte_more_is_not(write):
    templates = JinjaTemplates(write({"fits": "é" * 50, "not": "é" * 50 + "x"}), max_bytes=100)
    assert templates.render("fits") == "é" * 50
    with pytest.raises(RefusedTemplateError, match="larger than 100 bytes"):
        templates.render("not")
    assert templates.render_string("é" * 50) == "é" * 50
    with pytest.raises(RefusedTemplateError, match="larger than 100 bytes"):
        templates.render_string("é" * 50 + "x")


def test_options_of_jinja(write):
    templates = JinjaTemplates(
        write({"a": "  {% if x is odd_one %}\n{{ x|double }}{{ name }}{% endif %}{% do [] %}"}),
        filters={"double": lambda x: x * 2},
        tests={"odd_one": lambda x: x % 2 == 1},
        globals={"name": "G"},
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    assert templates.render("a", {"x": 3}) == "6G"


def test_a_changed_file_is_seen_with_auto_reload_only(write):
    root = write({"a": "1"})
    watching, resting = JinjaTemplates(root, auto_reload=True), JinjaTemplates(root)
    assert watching.render("a") == resting.render("a") == "1"
    write({"a": "22"})
    assert watching.render("a") == "22"
    assert resting.render("a") == "1"
    (root / "a").unlink()
    with pytest.raises(MissingTemplateError):
        watching.render("a")


# --- async ------------------------------------------------------------------------------------


async def test_async_rendering_awaits_what_the_template_calls(write):
    async def price(item):
        return len(item)

    async def items():
        yield "tea"
        yield "<coffee>"

    templates = JinjaTemplates(
        write({"a": "{% for i in items() %}{{ i }}={{ price(i) }};{% endfor %}"})
    )
    shown = await templates.render_async("a", {"items": items, "price": price})
    assert shown == "tea=3;&lt;coffee&gt;=8;"


async def test_both_kinds_of_rendering_share_everything_else(write):
    root = write({"a": "{{ x|double }}{% include 'b' %}", "b": "{{ x }}"})
    templates = JinjaTemplates(root, filters={"double": lambda x: x * 2})
    assert templates.render("a", {"x": "<"}) == "&lt;&lt;&lt;"
    assert await templates.render_async("a", {"x": "<"}) == "&lt;&lt;&lt;"
    with pytest.raises(jinja2.UndefinedError):
        await templates.render_async("a")
    with pytest.raises(MissingTemplateError):
        await templates.render_async("c")


# --- bytecode ---------------------------------------------------------------------------------


async def test_bytecode_is_kept_apart_by_what_it_depends_on(write, tmp_path):
    root, cache = write({"a": "{% if 1 %}\n{{ x }}{% endif %}"}), tmp_path / "cache"
    assert JinjaTemplates(root, bytecode_directory=cache).render("a", {"x": "<"}) == "\n&lt;"
    assert len(list(cache.iterdir())) == 1
    again = JinjaTemplates(root, bytecode_directory=cache)
    assert again.render("a", {"x": "<"}) == "\n&lt;"
    assert len(list(cache.iterdir())) == 1
    assert await again.render_async("a", {"x": "<"}) == "\n&lt;"
    assert len(list(cache.iterdir())) == 2
    trimmed = JinjaTemplates(root, bytecode_directory=cache, trim_blocks=True)
    assert trimmed.render("a", {"x": "<"}) == "&lt;"
    assert len(list(cache.iterdir())) == 3


def test_bytecode_of_another_environment_is_not_picked_up(write, tmp_path):
    root, cache = write({"a": "{{ x.__class__ }}"}), tmp_path / "cache"
    cache.mkdir(0o700)
    loose = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        bytecode_cache=jinja2.FileSystemBytecodeCache(str(cache)),
    )
    assert loose.get_template("a").render(x=1)
    with pytest.raises(jinja2.exceptions.SecurityError):
        JinjaTemplates(root, bytecode_directory=cache).render("a", {"x": 1})


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_bytecode_directory_that_others_can_write_to_is_refused(write, tmp_path, mode):
    from flasgo import ConfigurationError

    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(mode)
    with pytest.raises(ConfigurationError, match="only that user may write"):
        JinjaTemplates(write({"a": ""}), bytecode_directory=cache)


def test_a_bytecode_directory_that_is_a_file_is_refused(write, tmp_path):
    from flasgo import ConfigurationError

    (tmp_path / "cache").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        JinjaTemplates(write({"a": ""}), bytecode_directory=tmp_path / "cache")
