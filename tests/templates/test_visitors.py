"""TPL-1: nothing of one rendering reaches another (modules, globals, constants)."""

import asyncio
import threading

import jinja2
import pytest
from flasgo import Flasgo, request
from flasgo_auth import AuthPlugin
from flasgo_security import SecurityPlugin
from flasgo_security.csrf import unmask
from flasgo_templates import JinjaTemplates, TemplatesPlugin
from flasgo_testing import TestingPlugin

# What a module can take from a visitor, by the name under which it is a global.
TAKEN = {
    "request": "{% set taken = request.query.who %}",
    "a block": "{% set taken %}{{ request.query.who }}{% endset %}",
    "g": "{% set taken = g.who %}",
    "session": "{% set taken = request.session.who %}",
    "a global function": "{% set taken = who() %}",
    "a filter": "{% set taken = 'x'|whoever %}",
    "namespace": "{% set ns = namespace(who=request.query.who) %}{% set taken = ns.who %}",
    "another module": "{% from 'inner.html' import inner %}{% set taken = inner %}",
    "a loop": "{% set ns = namespace() %}{% for x in [who()] %}{% set ns.who = x %}{% endfor %}"
    "{% set taken = ns.who %}",
}
# Every way to use a template without handing it the context.
IMPORTS = {
    "import": "{% import 'm.html' as m %}{{ m.taken }}",
    "from": "{% from 'm.html' import taken %}{{ taken }}",
    "macro": "{% from 'm.html' import show %}{{ show() }}",
    "in a block": "{% extends 'base.html' %}{% block b %}{% import 'm.html' as m %}{{ m.taken }}"
    "{% endblock %}",
    "at the top of a child": "{% extends 'base.html' %}{% import 'm.html' as m %}"
    "{% block b %}{{ m.taken }}{% endblock %}",
    "include": "{% include 'm.html' without context %}",
    "include missing": "{% include 'm.html' ignore missing without context %}",
    "by variable": "{% set name = 'm.html' %}{% import name as m %}{{ m.taken }}",
    "in an include": "{% include 'includes.html' %}",
    "as text": "{% import 'm.html' as m %}{{ m }}",
}


@pytest.fixture
def serving(write):
    """An app whose page imports `m.html`; plugins bring sessions, tokens, nonces and users."""

    def serving(taken, imports):
        app = Flasgo(
            settings={"SECRET_KEY": "k" * 40, "CSRF_COOKIE_SECURE": False},
            plugins=[TemplatesPlugin, TestingPlugin, SecurityPlugin, AuthPlugin],
            discover=False,
        )
        app.template_global("who")(lambda: request.query["who"])
        app.template_filter("whoever")(lambda value: request.query["who"])
        app.configure_templates(
            write(
                {
                    "m.html": taken + "{% macro show() %}{{ taken }}{% endmacro %}{{ taken }}",
                    "inner.html": "{% set inner = request.query.who %}",
                    "base.html": "{% block b %}{% endblock %}",
                    "includes.html": "{% import 'm.html' as m %}{{ m.taken }}",
                    "page.html": imports,
                }
            )
        )

        def remember(request):
            request.g.who = request.session["who"] = request.query["who"]

        @app.get("/sync")
        def page(request):
            remember(request)
            return app.render_template("page.html")

        @app.get("/async")
        async def page_async(request):
            remember(request)
            return await app.render_template_async("page.html")

        return app

    return serving


@pytest.mark.parametrize("imports", IMPORTS.values(), ids=IMPORTS)
@pytest.mark.parametrize("taken", TAKEN.values(), ids=TAKEN)
def test_a_module_without_context_shows_each_visitor_their_own(serving, connect, taken, imports):
    client = connect(serving(taken, imports))
    for path in ("/sync", "/async"):
        for who in ("ada", "bob", "ada"):
            assert client.get(path, params={"who": who}).text == who


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_nonces_tokens_messages_and_users_too(serving, connect, path):
    names = ("csp_nonce", "csrf_token", "csrf_input", "get_flashed_messages()", "current_user")
    for name in names:
        taken = f"{{% set taken = {name} ~ '' %}}"
        client = connect(serving(taken, IMPORTS["from"]))
        first = client.get(path, params={"who": "ada"})
        connect_again = connect(client.app)
        second = connect_again.get(path, params={"who": "bob"})
        assert first.status_code == second.status_code == 200
        if name == "csp_nonce":
            assert first.text != second.text
            assert f"'nonce-{second.text}'" in second.headers["content-security-policy"]
        if name == "csrf_token":
            assert unmask(first.text) != unmask(second.text)
            assert second.cookies


def test_the_module_that_python_asks_for_is_new_each_time(write):
    calls = iter("abc")
    templates = JinjaTemplates(
        write({"m": "{% set x = f() %}"}), globals={"f": lambda: next(calls)}
    )
    template = templates.environment.get_template("m")
    assert [vars(template.module)["x"], vars(template.module)["x"]] == ["a", "b"]


def test_one_rendering_runs_a_module_once(write):
    files = {
        "ids": "{% set ns = namespace(n=0) %}"
        "{% macro new() %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}",
        "row": "{% from 'ids' import new %}{{ new() }}",
        "page": "{% for _ in range(3) %}{% include 'row' %}{% endfor %}",
    }
    templates = JinjaTemplates(write(files))
    # The numbers are unique on a page, and the next page begins anew.
    assert [templates.render("page"), templates.render("page")] == ["123", "123"]
    assert asyncio.run(templates.render_async("page")) == "123"


def test_a_module_still_sees_globals_and_no_variables(write):
    files = {"m": "{% macro show() %}{{ site }}{{ x is defined }}{% endmacro %}"}
    templates = JinjaTemplates(write(files), globals={"site": "S"})
    source = "{% from 'm' import show %}{{ show() }}"
    assert templates.render_string(source, {"x": 1}) == "SFalse"
    own = templates.environment.from_string(source, globals={"site": "own", "x": 2})
    assert own.render() == "STrue"  # Jinja hands on what only the importing template has


def test_two_renderings_at_once_do_not_share_modules(write):
    here = threading.local()
    barrier = threading.Barrier(2, timeout=10)

    def who():
        barrier.wait()
        return here.name

    templates = JinjaTemplates(write({"m": "{% set x = who() %}"}), globals={"who": who})
    shown = {}

    def show(name):
        here.name = name
        shown[name] = templates.render_string("{% from 'm' import x %}{{ x }}")

    threads = [threading.Thread(target=show, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == {"ada": "ada", "bob": "bob"}


async def test_async_renderings_in_turns_do_not_share_modules(write):
    async def pause(name):
        await asyncio.sleep(0.01)
        return name

    source = "{% set x = pause(name()) %}"
    from contextvars import ContextVar

    name = ContextVar("name")
    templates = JinjaTemplates(
        write({"m": source, "a": "{% from 'm' import x %}{{ x }}"}),
        globals={"pause": pause, "name": name.get},
    )

    async def show(who):
        name.set(who)
        return await templates.render_async("a")

    assert await asyncio.gather(show("ada"), show("bob")) == ["ada", "bob"]


@pytest.mark.parametrize("source", ["{{ 'x'|f }}", "{% if 'x' is t %}yes{% endif %}"])
async def test_filters_and_tests_are_not_called_when_a_template_is_compiled(write, source):
    calls = []
    templates = JinjaTemplates(
        write({"a": source}),
        filters={"f": lambda value: calls.append(value) or "yes"},
        tests={"t": lambda value: calls.append(value) or True},
    )
    templates.compile("a")
    assert calls == []
    assert [templates.render("a"), templates.render("a")] == ["yes", "yes"]
    assert await templates.render_async("a") == "yes"
    assert len(calls) == 3


def test_neither_are_they_in_what_lies_on_disk(write, tmp_path):
    answers = iter("abcd")
    root = write({"a": "{{ 'x'|f }}"})
    for expected in "ab":
        templates = JinjaTemplates(
            root,
            filters={"f": lambda value: next(answers)},
            bytecode_directory=tmp_path / "cache",
        )
        assert templates.render("a") == expected


def test_globals_given_with_one_template_stay_with_that_object(write):
    environment = JinjaTemplates(write({"a": "{{ user|default('nobody') }}"})).environment
    assert environment.get_template("a", globals={"user": "ada"}).render() == "ada"
    assert environment.get_template("a").render() == "nobody"
    first = environment.get_template("a", globals={"user": "ada"})
    second = environment.select_template(["a"], globals={"user": "bob"})
    assert (first.render(), second.render()) == ("ada", "bob")


def test_jinja_itself_still_works_as_these_tests_assume(write):
    """Red when a new Jinja no longer keeps modules: then ours can go."""
    calls = iter("ab")
    environment = jinja2.Environment(loader=jinja2.DictLoader({"m": "{% set x = f() %}"}))
    environment.globals.update({"f": lambda: next(calls)})  # ty: ignore[no-matching-overload]
    template = environment.from_string("{% from 'm' import x %}{{ x }}")
    assert [template.render(), template.render()] == ["a", "a"]
