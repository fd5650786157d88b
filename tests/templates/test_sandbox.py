"""TPL-1: published ways out of Jinja's sandbox, and ways from the request to the app."""

import pytest
from flasgo import Request
from flasgo_templates import JinjaTemplates
from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

ESCAPES = [
    # Walking the class tree.
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ ''|attr(['_', '_class_', '_']|join) }}",
    "{{ [].append.__self__ }}",
    "{{ func.__globals__ }}",
    "{{ func['__globals__']['os'] }}",
    "{{ func.__code__ }}",
    "{{ func.__closure__ }}",
    "{{ obj.method.__func__.__globals__ }}",
    "{{ type.mro() }}",
    # Through what Jinja itself puts into every template.
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ range.__class__ }}",
    "{{ dict.__base__ }}",
    "{{ dict.mro() }}",
    "{% set ns = namespace() %}{{ ns.__class__ }}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{{ loop_holder.gi_frame.f_globals }}",
    "{{ coroutine.cr_frame }}",
    "{{ async_gen.ag_frame }}",
    "{{ error.__traceback__.tb_frame }}",
    # CVE-2016-10745, CVE-2019-10906, CVE-2024-56326, CVE-2025-27516: str.format in disguise.
    "{{ '{0.__class__}'.format(obj) }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(obj) }}",
    "{{ '{x.__class__}'.format_map({'x': obj}) }}",
    "{{ '{0.__class__}'|attr('format')(obj) }}",
    "{{ ('{x.__class__}'|attr('format_map'))({'x': obj}) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(obj) }}",
    "{{ ['{0.__class__}'.format]|map('call_it', obj)|list }}",
    "{{ call_it('{0.__class__}'.format, obj) }}",
    "{{ ('{0.__class__}'|safe).format(obj) }}",
    "{{ '{0[__class__]}'.format(obj) }}",
    "{{ (['{0.__class__}']|map(attribute='format')|first)(obj) }}",
    "{{ (['{0.__class__}']|map('attr', 'format')|first)(obj) }}",
    "{{ (('{0.__class__}'|safe)|attr('format'))(obj) }}",
    # CVE-2024-22195, CVE-2024-34064: names of attributes that end the tag or begin another one.
    "{{ {'a b': 1}|xmlattr }}",
    "{{ {'a/onfocus': 1}|xmlattr }}",
    "{{ {'a>b': 1}|xmlattr }}",
    "{{ {'a=b': 1}|xmlattr }}",
    # CVE-2024-56201: names of templates that end up in generated code.
    "{% include 'a\\'+__import__(\\'os\\').name+\\'' %}",
    # Filters that look up attributes.
    "{{ [obj]|map(attribute='__class__')|join }}",
    "{{ [obj]|map('attr', '__class__')|join }}",
    "{{ [obj]|selectattr('__class__')|list }}",
    "{% for kind, things in [obj]|groupby('__class__') %}{{ kind }}{% endfor %}",
    "{{ [obj, obj]|sort(attribute='__class__') }}",
    "{{ [obj]|sum(attribute='__class__') }}",
    "{{ [obj]|join(attribute='__class__') }}",
    "{{ [obj]|unique(attribute='__class__')|list }}",
    # Changing what was given.
    "{{ items.append(1) }}",
    "{{ items.clear() }}",
    "{{ mapping.update({'a': 1}) }}",
    "{{ mapping.pop('a') }}",
    "{{ mapping.setdefault('z', 1) }}",
    "{{ tags.add(1) }}",
    "{{ queue.popleft() }}",
    "{% do items.append(1) %}",
    # What says of itself that it is not safe.
    "{{ obj.delete() }}",
    "{{ obj.wipe() }}",
    "{{ obj._private }}",
    "{{ range(100001) }}",
]


class Thing:
    _private = "private"
    public = "public"

    def method(self):
        return "method"

    def delete(self):
        raise AssertionError("a template deleted something")

    def wipe(self):
        raise AssertionError("a template wiped something")

    delete.alters_data = True  # ty: ignore[missing-attribute]
    wipe.unsafe_callable = True  # ty: ignore[missing-attribute]


async def coroutine_function():
    return 1


async def async_generator_function():
    yield 1


@pytest.fixture
def context():
    from collections import deque

    try:
        raise ValueError
    except ValueError as caught:
        error = caught
    coroutine = coroutine_function()
    yield {
        "obj": Thing(),
        "type": Thing,
        "func": test_published_escapes_fail,
        "loop_holder": (x for x in [1]),
        "coroutine": coroutine,
        "async_gen": async_generator_function(),
        "error": error,
        "items": [1],
        "mapping": {"a": 1},
        "tags": {1},
        "queue": deque([1]),
        "call_it": lambda function, *args: function(*args),
    }
    coroutine.close()


FAILURES = (TemplateError, OverflowError, ValueError)


@pytest.mark.parametrize("source", ESCAPES)
def test_published_escapes_fail(context, source):
    templates = JinjaTemplates(
        (), filters={"call_it": context["call_it"]}, extensions=["jinja2.ext.do"]
    )
    with pytest.raises(FAILURES):
        templates.render_string(source, context)
    assert context["items"] == [1]
    assert context["mapping"] == {"a": 1}


@pytest.mark.parametrize("source", [s for s in ESCAPES if "'a\\'" not in s])
async def test_published_escapes_fail_in_async_rendering(context, source, tmp_path):
    (tmp_path / "escape").write_text(source)
    templates = JinjaTemplates(
        tmp_path, filters={"call_it": context["call_it"]}, extensions=["jinja2.ext.do"]
    )
    with pytest.raises(FAILURES):
        await templates.render_async("escape", context)
    assert context["items"] == [1]


def test_harmless_uses_still_work(context):
    source = (
        "{{ obj.public }} {{ obj.method() }} {{ '{0}-{a}'.format(1, a='<') }} "
        "{{ [3, 1]|sort|join(',') }} {{ mapping.get('a') }} {{ range(3)|list }}"
    )
    shown = JinjaTemplates(()).render_string(source, context)
    assert shown == "public method 1-&lt; 1,3 1 [0, 1, 2]"


TO_THE_APP = [
    "{{ request.app }}",
    "{{ request['app'] }}",
    "{{ request|attr('app') }}",
    "{{ request.app.settings.SECRET_KEY }}",
    "{{ '{0.app.settings.SECRET_KEY}'.format(request) }}",
    "{{ [request]|map(attribute='app.settings.SECRET_KEY')|list }}",
    "{% for app, requests in [request]|groupby('app') %}{{ app }}{% endfor %}",
    "{{ request.peek('app') }}",
    "{{ request.scope }}",
    "{{ request.scope['state'] }}",
    "{{ request.route.handler() }}",
    "{{ request.route.pipeline }}",
    "{{ request.route.plan }}",
    "{{ request.route.scopes }}",
    "{{ request.route.mounted }}",
    "{{ request.route.policies }}",
    "{{ request.background.add(url_for, 'home') }}",
    "{{ request._receive() }}",
    "{{ request._close() }}",
    "{{ url_for.__self__.settings }}",
    "{{ url_for.__func__ }}",
    "{{ request.body.__self__.app }}",
    "{{ request._head }}",
    "{{ request.__dict__ }}",
    "{{ g.__class__ }}",
    "{{ app.settings }}",
    "{{ app.run() }}",
    "{{ holder.app.name }}",
    "{{ settings.SECRET_KEY }}",
]


@pytest.mark.parametrize("source", TO_THE_APP)
@pytest.mark.parametrize("how", ["context", "macro"])
def test_the_app_is_out_of_reach(make_app, write, source, how):
    app = make_app()
    root = write(
        {
            "context": source,
            "macro.html": "{% macro m(app, holder, settings) %}" + source + "{% endmacro %}",
            "macro": "{% from 'macro.html' import m %}{{ m(app, holder, settings) }}",
        }
    )
    app.configure_templates(root)

    @app.get("/")
    async def home(request: Request):
        class Holder:
            pass

        holder = Holder()
        holder.app = app  # ty: ignore[missing-attribute]
        return app.render_template(how, app=app, holder=holder, settings=app.settings)

    with app.test_client() as client, pytest.raises(SecurityError):
        client.get("/")


def test_what_templates_need_of_the_request_is_there(make_app, write):
    app = make_app()
    app.configure_templates(
        write(
            {
                "a": "{{ request.method }} {{ request.path }} {{ request.query.get('q') }} "
                "{{ request.route.endpoint }} {{ request.headers['x-a'] }} {{ request.is_secure }}"
            }
        )
    )
    app.add_route("/a", lambda: app.render_template("a"), endpoint="ep")
    with app.test_client() as client:
        shown = client.get("/a?q=<", headers={"x-a": "A"}).text
    assert shown == "GET /a &lt; ep A False"
