"""Converters: how one parameter of a rule is read from a URL and written back."""

from __future__ import annotations

import logging
import math
import operator
import re
import string
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, SupportsIndex
from uuid import UUID

__all__ = [
    "BUILT_IN",
    "REFUSALS",
    "AnyConverter",
    "Converter",
    "FloatConverter",
    "IntConverter",
    "PathConverter",
    "StringConverter",
    "UUIDConverter",
    "choice_of",
    "report_fault",
    "text_of",
]

_logger = logging.getLogger("flasgo.app")

# What a converter may raise to say "not mine"; Decimal and Enum raise the latter two.
REFUSALS = (ValueError, ArithmeticError, LookupError)

_MAX_INT = 2**63 - 1  # what a signed 64-bit column holds
_INT_DIGITS = len(str(_MAX_INT))
# In positional notation the largest float has 309 digits, and the smallest repr about 340.
_FLOAT = re.compile(r"[0-9]{1,400}(?:\.[0-9]{1,400})?")
_UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Converter:
    """Reads and writes one `<name:parameter>`; subclass it and call `app.add_converter`.

    ```python
    class Slug(Converter):
        def convert(self, value: str) -> str:
            if not value.islower():
                raise ValueError("a slug is lower case")
            return value
    ```

    One instance serves all requests at once, from several threads: keep no state between calls.

    Attributes:
        specificity: Converters with a higher number are tried first. `int` and `uuid` have 40,
            `float` 35, your own 30 unless you say otherwise, `str` 20, `path` 10.
        spans_segments: Whether a value may contain `/`. Such a parameter is a whole segment of
            its rule, there is at most one in a rule, and it is tried after all others.
        alphabet: The characters that values are made of, if that is a closed set. Where a
            segment holds several parameters it tells the router where one ends, so that
            `<name>-<int:id>` finds the right hyphen in `my-first-post-12`.
        length: The number of characters of every value, if it is fixed. Same purpose.
        schema: The JSON Schema that describes a value in the API description.
    """

    specificity: ClassVar[int] = 30
    spans_segments: ClassVar[bool] = False
    alphabet: ClassVar[str | None] = None
    length: ClassVar[int | None] = None
    schema: ClassVar[Mapping[str, object]] = {"type": "string"}

    def convert(self, value: str) -> object:
        """Return the value a handler gets.

        Args:
            value: Part of the decoded path: never empty, without `/` unless `spans_segments`.

        Raises:
            ValueError: When the text is not one of yours: the route does not match (404).
                ArithmeticError and LookupError, which Decimal and Enum raise, count as well.
                Any other exception is a fault of the converter: it is logged, and the answer is
                404 as well.
        """
        return value

    def build(self, value: object) -> str:
        """Return the text that stands for `value` in a URL, not yet percent-encoded.

        Args:
            value: What the caller of `url_for` gave.

        Raises:
            ValueError: When no URL can stand for the value.
        """
        return text_of(value)


def report_fault(error: Exception) -> None:
    """Log an error of a converter that is not a refusal; the route then does not match.

    SECURITY: the path comes from the client, so it must neither reach the handler nor get an
    answer that no hook has seen.

    Args:
        error: What the converter raised; the traceback says where.
    """
    _logger.error(
        "A converter failed with %s, so its route does not match. A converter that refuses a text "
        "raises ValueError.",
        type(error).__name__,
        exc_info=error,
    )


def text_of(value: object) -> str:
    """Return a value as the text of one segment.

    Args:
        value: Anything but None and bytes, whose text is not meant for a URL.

    Raises:
        ValueError: When there is no such text, or it is empty or contains `/`.
    """
    text = _plain_text(value)
    if "/" in text:
        raise ValueError("a segment cannot contain '/'; use <path:...> in the rule for that")
    return text


def _plain_text(value: object) -> str:
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        raise ValueError(f"{type(value).__name__} has no text for a URL; pass a str")
    text = str(value)
    if not text:
        raise ValueError("it would leave an empty segment")
    return text


class StringConverter(Converter):
    """`<name>` or `<str:name>`: one whole segment, as text."""

    specificity: ClassVar[int] = 20


class IntConverter(Converter):
    """`<int:name>`: ASCII digits without a sign, up to 2**63 - 1; leading zeros are allowed."""

    specificity: ClassVar[int] = 40
    alphabet: ClassVar[str | None] = string.digits
    schema: ClassVar[Mapping[str, object]] = {"type": "integer", "minimum": 0}

    def convert(self, value: str) -> int:
        """Return the number, or raise ValueError."""
        # SECURITY: int() alone would take "٣", " 1", "1_0" and "-1", and a megabyte of digits.
        if value.isdigit() and value.isascii() and len(value.lstrip("0")) <= _INT_DIGITS:
            # PERF: so few digits are below the limit.
            if len(value) < _INT_DIGITS:
                return int(value)
            number = int(value.lstrip("0") or "0")
            if number <= _MAX_INT:
                return number
        raise ValueError(f"an int is ASCII digits, at most {_MAX_INT}")

    def build(self, value: object) -> str:
        """Return the digits of an integer from 0 to 2**63 - 1, or of text that holds one."""
        if isinstance(value, bool):
            raise ValueError("a bool is not an int here")
        if isinstance(value, str):
            return str(self.convert(value))
        if not isinstance(value, SupportsIndex):
            raise ValueError(f"an int is needed, not {type(value).__name__}")
        number = operator.index(value)
        if not 0 <= number <= _MAX_INT:
            raise ValueError(f"an int in a URL is from 0 to {_MAX_INT}")
        return str(number)


class FloatConverter(Converter):
    """`<float:name>`: `12` or `12.5`, ASCII digits without sign and exponent, any finite float."""

    specificity: ClassVar[int] = 35
    alphabet: ClassVar[str | None] = string.digits + "."
    schema: ClassVar[Mapping[str, object]] = {"type": "number", "minimum": 0}

    def convert(self, value: str) -> float:
        """Return the number, or raise ValueError; never an infinity or NaN."""
        if _FLOAT.fullmatch(value) is None:
            raise ValueError("a float is digits, or digits, a point and digits")
        number = float(value)
        if math.isinf(number):
            raise ValueError("a float is at most 1.7976931348623157e308")
        return number

    def build(self, value: object) -> str:
        """Return the number in positional notation, without an exponent."""
        if isinstance(value, str):
            value = self.convert(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError(f"a float is needed, not {type(value).__name__}")
        if not _is_finite(value) or (isinstance(value, Decimal) and value.adjusted() < -400):
            raise ValueError("a float in a URL is finite and not below 1e-400")
        text = format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
        if _FLOAT.fullmatch(text) is None:
            raise ValueError("a float in a URL has no sign and at most 400 digits on each side")
        return text


def _is_finite(value: float | Decimal) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


class UUIDConverter(Converter):
    """`<uuid:name>`: the form with hyphens, in either case (RFC 9562 section 4), to `uuid.UUID`."""

    specificity: ClassVar[int] = 40
    alphabet: ClassVar[str | None] = string.hexdigits + "-"
    length: ClassVar[int | None] = 36
    schema: ClassVar[Mapping[str, object]] = {"type": "string", "format": "uuid"}

    def convert(self, value: str) -> UUID:
        """Return the UUID, or raise ValueError for braces, `urn:` and missing hyphens too."""
        if _UUID.fullmatch(value) is None:
            raise ValueError("a UUID is 8-4-4-4-12 hexadecimal digits")
        return UUID(int=int(value.replace("-", ""), 16))

    def build(self, value: object) -> str:
        """Return the UUID in lower case with hyphens."""
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, str):
            return str(self.convert(value))
        raise ValueError(f"a uuid.UUID is needed, not {type(value).__name__}")


class PathConverter(Converter):
    """`<path:name>`: one or more segments, `/` included; a last `/` is part of the value."""

    specificity: ClassVar[int] = 10
    spans_segments: ClassVar[bool] = True

    def build(self, value: object) -> str:
        """Return the path, which neither begins with `/` nor has empty or dot segments."""
        text = _plain_text(value)
        if text[0] == "/" or "//" in text:
            raise ValueError("a path in a URL has no '/' in front and no empty segment")
        return text


class AnyConverter(Converter):
    """`<any(day,week):name>`: one of some texts; `choice_of` makes the class for them."""

    specificity: ClassVar[int] = 45
    values: ClassVar[frozenset[str]] = frozenset()

    def convert(self, value: str) -> str:
        """Return the text, or raise ValueError."""
        if value not in self.values:
            raise ValueError(f"it is one of {', '.join(sorted(self.values))}")
        return value

    def build(self, value: object) -> str:
        """Return the text, or raise ValueError."""
        return self.convert(text_of(value))


def choice_of(values: Sequence[str]) -> Converter:
    """Return the converter of `<any(...):name>`.

    Args:
        values: The texts.
    """
    schema = {"type": "string", "enum": list(values)}
    own = {"values": frozenset(values), "schema": schema}
    return type("AnyConverter", (AnyConverter,), own)()


BUILT_IN: Mapping[str, Converter] = {
    "str": StringConverter(),
    "int": IntConverter(),
    "float": FloatConverter(),
    "uuid": UUIDConverter(),
    "path": PathConverter(),
}
