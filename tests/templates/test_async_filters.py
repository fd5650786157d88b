"""TPL-1: asynchronous rendering gives what synchronous rendering gives (jinja#2081)."""

import random
import re

import jinja2
import pytest
from flasgo_templates import JinjaTemplates
from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_TESTS

ITEMS = [{"v": "b", "n": 2}, {"v": "a", "n": 1}, {"v": "B", "n": 3}, {"v": "a", "n": 1}]
SOURCES = {
    "map": "items|map(attribute='v')",
    "map filter": "items|map(attribute='v')|map('upper')",
    "numbers": "items|map(attribute='n')",
    "select": "items|map(attribute='v')|select('ne', 'b')",
    "reject": "items|map(attribute='v')|reject('eq', 'b')",
    "selectattr": "items|selectattr('n', 'gt', 1)",
    "rejectattr": "items|rejectattr('n', 'gt', 1)",
    "nested": "[items, items]|map('map', attribute='n')|map('list')",
}
ARGUMENTS = {
    "attr": "'x'",
    "batch": "2, '-'",
    "format": "1",
    "groupby": "'n'",
    "map": "attribute='n'",
    "rejectattr": "'n'",
    "replace": "'a', 'b'",
    "selectattr": "'n'",
    "slice": "2",
}
# Whole expressions: operators, calls, unpacking, and arguments other than the first.
EXPRESSIONS = [
    "{{ 'a' in items|map(attribute='v') }}",
    "{{ items|map(attribute='v') is iterable }}",
    "{{ 'a' is in(items|map(attribute='v')) }}",
    "{{ pair(items|map(attribute='v'), items|map(attribute='n')) }}",
    "{% set a, b, c, d = items|map(attribute='v') %}{{ a }}{{ d }}",
    "{{ show(*items|map(attribute='v')) }}",
    "{% for x in items|map(attribute='v') %}{{ loop.index }}{{ x }}{% if loop.last %}.{% endif %}"
    "{% endfor %}",
    "{% for x in items|map(attribute='v')|sort(reverse=true) %}{{ x }}{% endfor %}",
    "{{ items|map(attribute='v')|paired(items|map(attribute='n'))|list }}",
    "{{ items|map(attribute='n')|sort|map('string')|join('-') }}",
    "{{ items|map('shout')|sort|join }}",
    "{{ (items|map(attribute='v')|batch(3))|map('list')|list }}",
    "{{ nothing|map(attribute='v')|sort }}",
    "{{ nothing|sort }}",
    "{{ nothing|list }}",
    "{{ nothing|first }}",
    "{{ nothing|sum }}",
    "{% for x in nothing %}{% endfor %}",
    "{% for x in items[0].nothing %}{% endfor %}",
    "{{ items|map(attribute='missing')|list }}",
    "{% filter upper %}{{ items|map(attribute='v')|sort|join }}{% endfilter %}",
]


@pytest.fixture
def templates(write):
    def make(source):
        return JinjaTemplates(
            write({"a": source}),
            filters={
                "paired": lambda one, other: list(zip(one, other, strict=True)),
                "shout": lambda item: item["v"].upper(),
            },
            globals={
                "pair": lambda one, other: list(zip(one, other, strict=True)),
                "show": lambda *each: ",".join(map(str, each)),
            },
        )

    return make


def normal(text):
    """Return a text without the addresses of objects."""
    return re.sub(r"&lt;(\w+) object .*?&gt;", r"<\1>", text)


async def both(templates):
    """Return what each way of rendering gives: text, or the error's class."""
    outcomes = []
    for is_async in (False, True):
        random.seed(1)
        try:
            if is_async:
                text = await templates.render_async("a", {"items": ITEMS})
            else:
                text = templates.render("a", {"items": ITEMS})
            outcomes.append(normal(text))
        except Exception as error:
            outcomes.append(type(error))
    return outcomes


# For these a generator is a text such as `<generator object ...>`.
OF_TEXT = {
    *("capitalize", "center", "e", "escape", "forceescape", "lower", "pprint", "replace", "safe"),
    *("string", "title", "trim", "upper", "urlize"),
}


@pytest.mark.parametrize("name", sorted({*DEFAULT_FILTERS} - OF_TEXT))
async def test_every_filter(templates, name):
    for source in SOURCES.values():
        arguments = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
        for shape in ("{{ %s|%s%s }}", "{{ %s|%s%s|list }}", "{{ %s|sort|%s%s }}"):
            plain, awaited = await both(templates(shape % (source, name, arguments)))
            if plain != "<generator>":  # which has not run yet, so that it has not failed either
                assert plain == awaited, (name, source, shape)


@pytest.mark.parametrize("name", sorted({*DEFAULT_TESTS}))
async def test_every_test(templates, name):
    for source in SOURCES.values():
        for shape in ("{{ %s is %s }}", "{{ 1 is %s(%s) }}", "{{ %s is %s(1) }}"):
            pair = (name, source) if shape.startswith("{{ 1") else (source, name)
            text = shape % pair
            try:
                made = templates(text)
                made.compile("a")
            except jinja2.TemplateSyntaxError:  # such as `is None(1)`
                continue
            plain, awaited = await both(made)
            assert plain == awaited, text


@pytest.mark.parametrize("source", EXPRESSIONS)
async def test_every_use(templates, source):
    plain, awaited = await both(templates(source))
    assert plain == awaited


async def test_the_finding(write):
    templates = JinjaTemplates(write({"a": "{{ l|map(attribute='v')|sort|join(',') }}"}))
    values = {"l": [{"v": "b"}, {"v": "a"}]}
    assert await templates.render_async("a", values) == "a,b"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ numbers()|sort|join }}", "123"),
        ("{{ numbers()|max }}{{ numbers()|min }}{{ numbers()|sum }}", "316"),
        ("{{ numbers()|reverse|join }}", "213"),
        ("{{ numbers()|map('string')|sort|join('-') }}", "1-2-3"),
        ("{{ numbers()|batch(2)|map('list')|list }}", "[[3, 1], [2]]"),
        ("{{ numbers()|select('gt', 1)|sort }}", "[2, 3]"),
        ("{{ numbers()|own }}", "[3, 1, 2]"),
        ("{{ numbers()|total }}", "6"),
        ("{{ numbers()|total|own_sync }}", "6!"),
        ("{{ 2 is in(numbers()) }}", "True"),
        ("{{ numbers()|map('later')|sort }}", "[2, 4, 6]"),
        ("{{ [1, 2]|map('later')|sort(reverse=true) }}", "[4, 2]"),
        ("{{ users|map(attribute='name')|sort|join }}", "abc"),
    ],
)
async def test_async_iterators_and_awaitables(write, source, expected):
    async def numbers():
        for number in (3, 1, 2):
            yield number

    async def total(values):
        return sum([value async for value in values])

    async def later(value):
        return value * 2

    async def name(letter):
        return letter

    templates = JinjaTemplates(
        write({"a": source}),
        filters={
            "own": list,
            "own_sync": lambda value: f"{value}!",
            "total": total,
            "later": later,
        },
        globals={"numbers": numbers},
    )
    users = [{"name": name(letter)} for letter in ("c", "a", "b")]
    try:
        assert await templates.render_async("a", {"users": users}) == expected
    finally:
        for user in users:
            user["name"].close()


async def test_an_async_iterator_without_end_is_read_no_further_than_asked(write):
    asked = []

    async def numbers():
        number = 0
        while True:
            asked.append(number)
            yield number
            number += 1

    source = "{{ numbers()|map('string')|select('ne', '0')|first }}"
    templates = JinjaTemplates(write({"a": source}), globals={"numbers": numbers})
    assert await templates.render_async("a") == "1"
    assert asked == [0, 1]


async def test_a_filter_that_is_added_later_is_seen(write):
    templates = JinjaTemplates(write({"a": "{{ l|map(attribute='v')|late }}"}))
    for answer in ("one", "two"):
        templates.environment.filters["late"] = lambda value, answer=answer: (
            answer + str(len([*value]))
        )
        assert await templates.render_async("a", {"l": ITEMS}) == f"{answer}4"
