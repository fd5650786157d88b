"""What each converter takes from a URL, and what it writes into one (CORE-3)."""

from __future__ import annotations

import decimal
import enum
import math
import random
import string
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    [("0", 0), ("7", 7), ("007", 7), ("42", 42), ("9" * 18, 10**18 - 1), ("0" * 18, 0)],
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
    "１２",  # full-width digits
    "²",  # isdigit() is true for it, int() refuses it
    "①",
    "9" * 19,
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
    [("0", 0.0), ("1", 1.0), ("1.5", 1.5), ("00.10", 0.1), ("9" * 18 + ".5", 1e18)],
)
def test_float_takes_plain_decimals(text: str, value: float) -> None:
    found = value_at(router_for("/<float:x>"), f"/{text}")
    assert isinstance(found, float)
    assert found == value


@pytest.mark.parametrize(
    "text",
    [
        *["inf", "nan", "infinity", "-inf", "NaN", "1e5", "1E400", "-1.5", "+1.5", " 1.5", "1.5 "],
        *[".5", "1.", "1..5", "1.5.2", "1,5", "1_0.0", "٣.٥", "9" * 19, "1." + "9" * 19, "1.5\n"],
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
        UUID_TEXT.replace("0", "٠", 1),
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
        (IntConverter(), "0042", "42"),
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
    assert written.rstrip("0.") == text.rstrip("0.")
    converter.convert(written)


@pytest.mark.parametrize(
    ("converter", "value"),
    [
        *[(IntConverter(), value) for value in (-1, 10**18, True, 1.0, "-1", "x", None, b"1", "")],
        *[
            (FloatConverter(), value)
            for value in (-0.5, -0.0, math.inf, math.nan, 1e18, 1e-300, True, None, "inf", 1j)
        ],
        *[(FloatConverter(), Decimal(value)) for value in ("NaN", "Infinity", "-1", "1e18")],
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


def test_an_error_that_is_no_refusal_is_not_hidden() -> None:
    class Broken(Converter):
        def convert(self, value: str) -> object:
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        router_for("/<broken:x>", broken=Broken).match("GET", "/x")


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
        Router().add_converter(name, Slug)  # type: ignore[invalid-argument-type]


@pytest.mark.parametrize("converter", [int, str, object(), None, "int", lambda text: text])
def test_a_converter_is_a_converter(converter: object) -> None:
    with pytest.raises(RouteError, match=r"must be a flasgo\.Converter"):
        Router().add_converter("x", converter)  # type: ignore[invalid-argument-type]


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
