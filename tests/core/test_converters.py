"""Rules and their converters: what they take from a URL, and what they write (CORE-3)."""

from __future__ import annotations

import decimal
import enum
import math
import random
import string
import uuid
from decimal import Decimal

import pytest
from flasgo.errors import RouteError
from flasgo.routing import (
    Converter,
    FloatConverter,
    IntConverter,
    Match,
    PathConverter,
    Route,
    Router,
    StringConverter,
    UUIDConverter,
)
from hypothesis import given, strategies as st

UUID_TEXT = "0188c0de-7e57-7abc-8def-0123456789ab"


def handler() -> None:
    """Stand for a handler."""


def router_for(rule: str, **converters: Converter | type[Converter]) -> Router:
    router = Router(converters)
    router.add(Route(rule, handler))
    return router


def value_at(router: Router, path: str) -> object:
    match = router.match("GET", path)
    assert isinstance(match, Match), path
    assert match.params is not None
    (value,) = match.params.values()
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("42", 42),
        ("9" * 18, 10**18 - 1),
        ("0" * 18, 0),
        (str(2**63 - 1), 2**63 - 1),
        ("1234567890123456789", 1234567890123456789),
        ("0" * 6000, 0),
        ("0" * 6000 + "7", 7),
    ],
)
def test_int_takes_ascii_digits(text: str, value: int) -> None:
    assert IntConverter().convert(text) == value
    assert value_at(router_for("/<int:x>"), f"/{text}") == value


NOT_INTS = [
    "-1",
    "+1",
    " 1",
    "1 ",
    "1_000",
    "1.0",
    "1e3",
    "0x10",
    "abc",
    "1a",
    "١٢",  # Arabic-Indic digits, which int() takes
    "\uff11\uff12",  # full-width digits
    "²",  # isdigit() is true for it, int() refuses it
    "①",
    "9" * 19,  # the bound is a value, not a number of digits
    str(2**63),
    "0" * 30 + str(2**63),
    "9" * 5000,  # past the interpreter's own limit for int()
    "1\n",
    "",
]


@pytest.mark.parametrize("text", NOT_INTS)
def test_int_refuses_everything_else(text: str) -> None:
    with pytest.raises(ValueError, match="ASCII digits"):
        IntConverter().convert(text)
    assert router_for("/<int:x>").match("GET", f"/{text}") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("1.5", 1.5),
        ("00.10", 0.1),
        ("9" * 18 + ".5", 1e18),
        ("9" * 19, 1e19),
        ("1." + "9" * 19, 2.0),
        ("1" + "0" * 308, 1e308),
        (f"{Decimal(repr(5e-324)):f}", 5e-324),
        ("0.1" + "0" * 60, 0.1),
    ],
)
def test_float_takes_plain_decimals(text: str, value: float) -> None:
    found = value_at(router_for("/<float:x>"), f"/{text}")
    assert isinstance(found, float)
    assert found == value


@pytest.mark.parametrize(
    "text",
    [
        *["inf", "nan", "infinity", "-inf", "NaN", "1e5", "1E400", "-1.5", "+1.5", " 1.5", "1.5 "],
        *[
            ".5",
            "1.",
            "1..5",
            "1.5.2",
            "1,5",
            "1_0.0",
            "\u0663.\u0665",
            "9" * 310,  # an infinity
            "9" * 401,
            "0." + "0" * 401,
            "1.5\n",
        ],
    ],
)
def test_float_refuses_everything_else(text: str) -> None:
    with pytest.raises(ValueError, match="a float is"):
        FloatConverter().convert(text)
    assert router_for("/<float:x>").match("GET", f"/{text}") is None


@pytest.mark.parametrize("text", [UUID_TEXT, UUID_TEXT.upper()])
def test_uuid_takes_the_hyphenated_form_in_either_case(text: str) -> None:
    assert value_at(router_for("/<uuid:x>"), f"/{text}") == uuid.UUID(UUID_TEXT)


@pytest.mark.parametrize(
    "text",
    [
        UUID_TEXT.replace("-", ""),
        f"{{{UUID_TEXT}}}",
        f"urn:uuid:{UUID_TEXT}",
        UUID_TEXT[:-1],
        UUID_TEXT + "0",
        UUID_TEXT.replace("0", "g", 1),
        UUID_TEXT.replace("0", "\u0660", 1),
        UUID_TEXT + "\n",
        "",
    ],
)
def test_uuid_refuses_every_other_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="a UUID is"):
        UUIDConverter().convert(text)
    assert router_for("/<uuid:x>").match("GET", f"/{text}") is None


@pytest.mark.parametrize(
    ("converter", "value", "text"),
    [
        (IntConverter(), 0, "0"),
        (IntConverter(), 10**18 - 1, "9" * 18),
        (IntConverter(), 2**63 - 1, "9223372036854775807"),
        (IntConverter(), "0042", "42"),
        (FloatConverter(), 1e22, "1" + "0" * 22),
        (FloatConverter(), 1e-300, "0." + "0" * 299 + "1"),
        (FloatConverter(), 3, "3"),
        (FloatConverter(), 1.5, "1.5"),
        (FloatConverter(), 1e-7, "0.0000001"),
        (FloatConverter(), 1e17, "100000000000000000"),
        (FloatConverter(), Decimal("2.50"), "2.50"),
        (FloatConverter(), "2.5", "2.5"),
        (UUIDConverter(), uuid.UUID(UUID_TEXT), UUID_TEXT),
        (UUIDConverter(), UUID_TEXT.upper(), UUID_TEXT),
        (StringConverter(), "a b", "a b"),
        (StringConverter(), 5, "5"),
        (PathConverter(), "a/b", "a/b"),
        (PathConverter(), "a/b/", "a/b/"),
    ],
)
def test_build_writes_what_convert_reads(converter: Converter, value: object, text: str) -> None:
    written = converter.build(value)
    assert written == text
    converter.convert(written)


@pytest.mark.parametrize(
    ("converter", "value"),
    [
        *[
            (IntConverter(), value)
            for value in (-1, 2**63, 10**30, True, 1.0, "-1", "x", None, b"1", "")
        ],
        *[
            (FloatConverter(), value)
            for value in (-0.5, -0.0, math.inf, math.nan, 10**400, True, None, "inf", 1j)
        ],
        *[
            (FloatConverter(), Decimal(value))
            for value in ("NaN", "Infinity", "-1", "1e400", "1e-999999999")
        ],
        *[(UUIDConverter(), value) for value in (5, None, UUID_TEXT.replace("-", ""), "")],
        *[(StringConverter(), value) for value in (None, b"x", "", "a/b", "/")],
        *[(PathConverter(), value) for value in (None, b"x", "", "/", "/a", "a//b", "//")],
    ],
)
def test_build_refuses_what_no_url_can_stand_for(converter: Converter, value: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        converter.build(value)


@given(st.text(string.printable + "٣²é-_", max_size=25))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    for converter in (IntConverter(), FloatConverter(), UUIDConverter()):
        try:
            value = converter.convert(text)
        except ValueError:
            continue
        assert isinstance(value, int | float | uuid.UUID)
        assert converter.convert(converter.build(value)) == value


class Slug(Converter):
    def convert(self, value: str) -> str:
        if value != value.lower():
            raise ValueError("a slug is lower case")
        return value


class Colour(enum.Enum):
    RED = "red"


class ColourConverter(Converter):
    def convert(self, value: str) -> Colour:
        return Colour[value]  # KeyError

    def build(self, value: object) -> str:
        assert isinstance(value, Colour)
        return value.name


class DecimalConverter(Converter):
    def convert(self, value: str) -> Decimal:
        return Decimal(value)  # decimal.InvalidOperation


class Codes(Converter):
    def __init__(self, *codes: str) -> None:
        self.codes = codes

    def convert(self, value: str) -> int:
        return self.codes.index(value)

    def build(self, value: object) -> str:
        assert isinstance(value, int)
        return self.codes[value]


class Dated(Converter):
    """A spanning converter: `2024/05/17`."""

    spans_segments = True
    specificity = 30

    def convert(self, value: str) -> tuple[int, ...]:
        year, month, day = value.split("/")
        return int(year), int(month), int(day)


@pytest.mark.parametrize(
    ("name", "converter", "good", "value", "bad"),
    [
        ("slug", Slug, "a-b", "a-b", "A-b"),
        ("slug", Slug(), "a-b", "a-b", "A-b"),
        ("colour", ColourConverter, "RED", Colour.RED, "BLUE"),
        ("decimal", DecimalConverter, "1.50", Decimal("1.50"), "x"),
        ("code", Codes("a", "b"), "b", 1, "c"),
    ],
)
def test_custom_converter(
    name: str, converter: type[Converter] | Converter, good: str, value: object, bad: str
) -> None:
    router = Router()
    router.add_converter(name, converter)
    router.add(Route(f"/c/<{name}:x>", handler))
    assert value_at(router, f"/c/{good}") == value
    assert router.match("GET", f"/c/{bad}") is None
    assert router.build("handler", {"x": value}).startswith("/c/")
    assert router.routes[0].parameters["x"] is router.converters[name]


def test_a_custom_converter_may_span_segments_and_is_asked_before_path() -> None:
    router = Router({"dated": Dated})
    router.add(Route("/log/<dated:when>", handler))
    router.add(Route("/log/<path:rest>", test_custom_converter, endpoint="rest"))
    match = router.match("GET", "/log/2024/05/17")
    assert match is not None
    assert match.params == {"when": (2024, 5, 17)}
    other = router.match("GET", "/log/2024/05")
    assert other is not None
    assert other.route.endpoint == "rest"
    assert router.routes[0].spans_segments


class Broken(Converter):
    def convert(self, value: str) -> object:
        raise RuntimeError("a bug")


@pytest.mark.parametrize("rule", ["/<broken:x>", "/a-<broken:x>", "/<broken:x>-<int:y>"])
def test_an_error_that_is_no_refusal_is_logged_and_does_not_match(
    rule: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert router_for(rule, broken=Broken).match("GET", "/a-1") is None
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "RuntimeError" in record.message
    assert isinstance(record.exc_info, tuple)
    assert str(record.exc_info[1]) == "a bug"


def test_decimal_refusals_are_arithmetic_errors() -> None:
    """Why ArithmeticError counts as a refusal."""
    assert not issubclass(decimal.InvalidOperation, ValueError)
    assert issubclass(decimal.InvalidOperation, ArithmeticError)


@pytest.mark.parametrize("name", ["str", "int", "float", "uuid", "path", "mine"])
def test_a_converter_name_is_given_once(name: str) -> None:
    router = Router({"mine": Slug()})
    before = dict(router.converters)
    with pytest.raises(RouteError, match=f"{name!r} is .*; choose another name"):
        router.add_converter(name, Slug)
    assert dict(router.converters) == before


@pytest.mark.parametrize("name", ["", "a b", "a-b", "1a", "a:b", "<a>", None, 5])
def test_a_converter_name_is_an_identifier(name: object) -> None:
    with pytest.raises(RouteError, match="is an identifier"):
        Router().add_converter(name, Slug)  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize("converter", [int, str, object(), None, "int", lambda text: text])
def test_a_converter_is_a_converter(converter: object) -> None:
    with pytest.raises(RouteError, match=r"must be a flasgo\.Converter"):
        Router().add_converter("x", converter)  # ty: ignore[invalid-argument-type]


def test_a_class_that_needs_arguments_is_refused_with_advice() -> None:
    class Strict(Converter):
        def __init__(self, pattern: str) -> None:
            self.pattern = pattern

    with pytest.raises(RouteError, match="pass an instance of Strict"):
        Router().add_converter("strict", Strict)


def test_converters_belong_to_one_router() -> None:
    Router({"slug": Slug})
    assert "slug" not in Router().converters


def test_equal_specificity_is_ordered_by_name_not_by_registration() -> None:
    rules = ["/<alpha:x>", "/<beta:x>", "/<gamma:x>"]
    for seed in range(6):
        router = Router({"gamma": Slug(), "beta": Slug(), "alpha": Slug()})
        random.Random(seed).shuffle(rules)
        for rule in rules:
            router.add(Route(rule, handler, endpoint="shared"))
        match = router.match("GET", "/x")
        assert match is not None
        assert match.route.path == "/<alpha:x>"


# --- Text and parameters in one segment ---


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("/@<name>", "/@ada", {"name": "ada"}),
        ("/@<name>", "/@", None),
        ("/@<name>", "/ada", None),
        ("/<name>.json", "/a.json.json", {"name": "a.json"}),
        ("/<name>.json", "/.json", None),
        ("/v<int:a>.json", "/v12.json", {"a": 12}),
        ("/v<int:a>.json", "/vx.json", None),
        ("/v<int:a>.json", "/v.json", None),
        ("/<int:a>-<int:b>", "/1-2", {"a": 1, "b": 2}),
        ("/<int:a>-<int:b>", "/1-2-3", None),
        ("/<int:a>-<int:b>", "/1-", None),
        ("/<int:a>-<int:b>", "/-1", None),
        ("/<int:a>-<int:b>", "/-", None),
        ("/<slug>-<int:id>", "/my-first-post-12", {"slug": "my-first-post", "id": 12}),
        ("/<slug>-<int:id>", "/my-first-post", None),
        ("/<int:id>-<slug>", "/12-my-first-post", {"id": 12, "slug": "my-first-post"}),
        ("/<a>-<b>", "/x-y-z", {"a": "x", "b": "y-z"}),
        ("/<a>-<b>", "/-x-y", {"a": "-x", "b": "y"}),
        ("/<a>-<b>", "/x-", None),
        ("/<a>--<b>", "/x---y", {"a": "x", "b": "-y"}),
        ("/<int:y>-<int:m>-<t>_<int:n>", "/2024-05-a_b_7", {"y": 2024, "m": 5, "t": "a_b", "n": 7}),
        ("/<float:lat>,<float:lon>", "/1.5,2.5", {"lat": 1.5, "lon": 2.5}),
        ("/<int:a>.<float:b>", "/1.2.5", {"a": 1, "b": 2.5}),
        ("/x<a>x", "/xx", None),
        ("/x<a>x", "/xxx", {"a": "x"}),
        ("/ab<a>ba", "/aba", None),
    ],
)
def test_text_and_parameters_in_one_segment(
    rule: str, path: str, expected: dict[str, object] | None
) -> None:
    match = router_for(rule).match("GET", path)
    assert (None if match is None else match.params) == expected


def test_a_parameter_of_fixed_length_may_contain_the_separator() -> None:
    key = "0188c0de-7e57-7abc-8def-0123456789ab"
    for rule, path in (
        ("/<name>-<uuid:id>", f"/a-b-{key}"),
        ("/<uuid:id>-<name>", f"/{key}-a-b"),
    ):
        match = router_for(rule).match("GET", path)
        assert match is not None
        found_params = match.params
        assert found_params is not None
        assert found_params["name"] == "a-b"
        assert str(found_params["id"]) == key
        assert router_for(rule).match("GET", path.replace(key, key[:-1])) is None
        assert router_for(rule).match("GET", "/a-b") is None


# --- The syntax of rules ---


@pytest.mark.parametrize(
    ("rule", "position", "message"),
    [
        ("", 1, "a rule starts with '/'"),
        ("a", 1, "a rule starts with '/'"),
        ("<a>", 1, "a rule starts with '/'"),
        ("http://x/", 1, "a rule starts with '/'"),
        ("//", 2, "no empty segment"),
        ("//a", 2, "no empty segment"),
        ("/a//b", 4, "no empty segment"),
        ("/a/./b", 4, "'.' cannot be a segment"),
        ("/a/..", 4, "'..' cannot be a segment"),
        ("/a?b=c", 3, "take query parameters in the handler"),
        ("/a#b", 3, "a fragment is never sent"),
        ("/a\\b", 3, "browsers turn"),
        ("/a%20b", 3, "write the character itself"),
        ("/a\nb", 3, "no control characters"),
        ("/a\x00", 3, "no control characters"),
        ("/a\ud800", 3, "no control characters"),
        ("/a/<b", 4, "'<' is never closed"),
        ("/a/{b}", 4, "'{' is not allowed: parameters stand between '<' and '>'"),
        ("/a/b>", 5, "'>' without '<'"),
        ("/a/<b>>", 7, "'>' without '<'"),
        ("/a/<>", 4, "'' is not a Python identifier"),
        ("/a/<int:>", 4, "'' is not a Python identifier"),
        ("/a/<1a>", 4, "'1a' is not a Python identifier"),
        ("/a/<a-b>", 4, "'a-b' is not a Python identifier"),
        ("/a/<class>", 4, "'class' is not a Python identifier"),
        ("/a/< a>", 4, "' a' is not a Python identifier"),
        ("/a/<<a>>", 4, "'<a' is not a Python identifier"),
        ("/a/<a/b>", 4, "'<' is never closed"),
        ("/<a>/<a>", 6, "the parameter 'a' is there twice"),
        ("/<a>-<a>", 6, "the parameter 'a' is there twice"),
        ("/<a><b>", 5, "two parameters need text or '/' between them"),
        ("/<itn:a>", 2, "no converter is called 'itn'. Did you mean 'int'?"),
        ("/<:a>", 2, "no converter is called ''."),
        ("/<INT:a>", 2, "Did you mean 'int'?"),
        ("/<int(min=1):a>", 2, "converters take no arguments"),
        ("/<path:a>/<path:b>", 1, "at most one parameter that spans segments"),
        ("/x<path:a>", 2, "'a' spans segments, so it stands alone"),
        ("/<path:a>.txt", 2, "'a' spans segments, so it stands alone"),
        ("/a" * 101, 1, "at most 100 segments, not 101"),
    ],
)
def test_a_bad_rule_says_where_and_what_is_allowed(rule: str, position: int, message: str) -> None:
    router = Router()
    with pytest.raises(RouteError) as caught:
        router.add(Route(rule, handler))
    text = str(caught.value)
    assert text.startswith(f"Bad rule {rule!r}, character {position}: ")
    assert message in text
    assert router.routes == ()


@pytest.mark.parametrize("rule", [None, 5, b"/a", ["/a"]])
def test_a_rule_is_text(rule: object) -> None:
    with pytest.raises(RouteError, match="A rule is a str"):
        Router().add(Route(rule, handler))  # ty: ignore[invalid-argument-type]


@given(st.text(st.sampled_from("/<>:ab.int-%?"), max_size=16).map("/".__add__))
def test_any_text_is_a_rule_or_a_route_error(rule: str) -> None:
    try:
        Router().add(Route(rule, handler))
    except RouteError as error:
        message = str(error)
    else:
        message = repr(rule)
    assert repr(rule) in message


def test_an_unknown_converter_lists_the_known_ones() -> None:
    with pytest.raises(RouteError, match="float, int, mine, path, str, uuid"):
        Router({"mine": Slug}).add(Route("/<x:y>", handler))
