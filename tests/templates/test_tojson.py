"""TPL-1: `tojson` takes what JSON answers take, and says what it cannot write."""

import enum
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest
from flasgo import Response
from flasgo_security import SecurityPlugin
from flasgo_templates import JinjaTemplates, UndefinedVariableError
from markupsafe import Markup


@dataclass
class Point:
    x: int
    y: int


class Struct(msgspec.Struct):
    b: int
    a: datetime


class Colour(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Odd:
    pass


class Pair(NamedTuple):
    one: int
    two: int


@pytest.fixture
def templates():
    return JinjaTemplates(())


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1, tzinfo=UTC),
        date(2026, 1, 1),
        timedelta(seconds=3),
        UUID(int=1),
        Decimal("1.50"),
        Point(1, 2),
        Struct(1, datetime(2026, 1, 1, tzinfo=UTC)),
        Colour.RED,
        Pair(1, 2),
        OrderedDict(a=1),
        {1: 2},
        {UUID(int=1): 2},
        b"bytes",
        float("nan"),
        2**70,
        "naïve \u2028",
        None,
        [True, 1.5, "x", {"a": [Point(1, 2)]}],
    ],
)
def test_it_writes_what_an_answer_writes(templates, value):
    shown = templates.render_string("{{ v|tojson }}", {"v": value})
    assert json.loads(shown) == json.loads(Response.json(value).body)


def test_text_that_is_marked_safe_and_other_subclasses(templates):
    values = {"v": [Markup("<b>"), Text("t"), type("I", (int,), {})(3), type("F", (float,), {})(1)]}
    assert json.loads(templates.render_string("{{ v|tojson }}", values)) == ["<b>", "t", 3, 1.0]


def test_it_is_safe_in_html_sorted_and_indented(templates):
    shown = templates.render_string("{{ v|tojson }}", {"v": {"b": "</script>'&", "a": 1}})
    assert shown == '{"a":1,"b":"\\u003c/script\\u003e\\u0027\\u0026"}'
    indented = templates.render_string("{{ v|tojson(indent=2) }}", {"v": {"a": [1]}})
    assert indented == '{\n  "a": [\n    1\n  ]\n}'


def test_the_token_and_the_nonce_of_a_page(make_app, connect):
    app = make_app(SecurityPlugin())
    app.get("/")(
        lambda: app.templates.render_string("{{ {'t': csrf_token, 'n': csp_nonce}|tojson }}")
    )
    answer = connect(app).get("/")
    shown = json.loads(answer.text)
    assert f"'nonce-{shown['n']}'" in answer.headers["content-security-policy"]
    assert len(shown["t"]) > 40


@pytest.mark.parametrize(
    ("source", "variable"),
    [
        ("a\n{{ {'a': d.y}|tojson }}", "y"),
        ("a\n{{ [1, z]|tojson }}", "z"),
        ("\n{{ z|tojson }}", "z"),
    ],
)
def test_what_is_not_there_is_named_with_its_line(templates, source, variable):
    with pytest.raises(UndefinedVariableError) as caught:
        templates.render_string(source, {"d": {}})
    assert (caught.value.variable, caught.value.line) == (variable, 2)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("a\n{{ odd|tojson }}", "odd, which is Odd"),
        ("\n{{ d|tojson }}", "d['a'][1], which is Odd"),
        ("\n{{ d.a|tojson }}", "the value[1], which is Odd"),
        ("{% for each in d.a[1:] %}\n{{ each|tojson }}{% endfor %}", "odd, which is Odd"),
        ("{% for each in [no] %}\n{{ each.x|tojson }}{% endfor %}", "the value, which is object"),
        ("{% set copy = [no] %}\n{{ copy|tojson }}", "copy[0]['x'], which is object"),
        ("\n{{ surrogate|tojson }}", "surrogate, which is str"),
        ("\n{{ d.a|map('string')|tojson }}", "the value, which is generator"),
    ],
)
async def test_what_cannot_be_written_is_named_with_its_line(write, source, named):
    odd = Odd()
    values = {
        "odd": odd,
        "d": {"a": [1, odd]},
        "no": {"x": object()},
        "surrogate": "\ud800",
    }
    templates = JinjaTemplates(write({"t.html": source}))
    with pytest.raises(TypeError) as caught:
        templates.render("t.html", values)
    assert str(caught.value).startswith("Template 't.html', line 2: tojson cannot write ")
    assert named in str(caught.value)
    with pytest.raises(TypeError) as again:
        await templates.render_async("t.html", values)
    assert named in str(again.value)


def test_keys_need_not_be_sorted(templates):
    templates.environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    assert templates.render_string("{{ {'b': 1, 'a': 2}|tojson }}") == '{"b":1,"a":2}'
