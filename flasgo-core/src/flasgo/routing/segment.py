"""One segment of a rule: text, a parameter, or both mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flasgo.routing.converters import Converter

__all__ = ["Parameter", "Segment"]


class Parameter(NamedTuple):
    """One `<converter:name>` of a rule."""

    name: str
    converter_name: str
    converter: Converter


class _Cut(NamedTuple):
    """Where a parameter of a mixed segment ends (or begins, for cuts from the right)."""

    separator: str
    length: int | None


class Segment:
    """What stands between two slashes of a rule.

    `v<int:major>.<name>` has the texts `("v", ".", "")` and two parameters; plain text has one
    text and no parameter.

    Args:
        texts: The text around the parameters; one more than there are parameters.
        parameters: The parameters, left to right.
    """

    __slots__ = ("_left", "_right", "key", "parameters", "prefix", "suffix", "texts")

    def __init__(self, texts: Sequence[str], parameters: Sequence[Parameter]) -> None:
        self.texts = tuple(texts)
        self.parameters = tuple(parameters)
        self.prefix = self.texts[0]
        self.suffix = self.texts[-1] if parameters else ""
        # Two segments with one key take the same texts: the names of parameters do not matter.
        self.key = (self.texts, tuple(parameter.converter_name for parameter in parameters))
        self._left, self._right = _plan(self.parameters, self.texts[1:-1])

    @property
    def is_static(self) -> bool:
        """Whether the segment is text alone."""
        return not self.parameters

    @property
    def is_whole(self) -> bool:
        """Whether one parameter fills the segment."""
        return len(self.parameters) == 1 and self.texts == ("", "")

    @property
    def spans(self) -> bool:
        """Whether a value may go on over further segments."""
        return any(parameter.converter.spans_segments for parameter in self.parameters)

    @property
    def rank(self) -> tuple[object, ...]:
        """The sort key of precedence among the dynamic segments of one place."""
        return (
            -min(parameter.converter.specificity for parameter in self.parameters),
            -sum(map(len, self.texts)),  # with more text comes first
            -len(self.parameters),
            self.key,  # a tie needs an order that does not depend on registration
        )

    def split(self, text: str) -> list[str] | None:
        """Return the text of each parameter, or None when `text` does not fit.

        Every separator is looked for once, so the time is linear in the length of `text`.

        Args:
            text: A segment of a request path.
        """
        start, end = len(self.prefix), len(text) - len(self.suffix)
        if start >= end or not (text.startswith(self.prefix) and text.endswith(self.suffix)):
            return None
        right: list[str] = []
        for separator, length in self._right:
            at = _last(text, separator, length, start, end)
            if at < 0:
                return None
            right.append(text[at + len(separator) : end])
            end = at
        values: list[str] = []
        for separator, length in self._left:
            at = _first(text, separator, length, start, end)
            if at < 0:
                return None
            values.append(text[start:at])
            start = at + len(separator)
        if start >= end:
            return None
        values.append(text[start:end])
        values.extend(reversed(right))
        return values

    def convert(self, text: str) -> list[object]:
        """Return the value of each parameter.

        Args:
            text: A segment of a request path.

        Raises:
            ValueError: When `text` does not fit, or a converter refuses its part.
        """
        parts = self.split(text)
        if parts is None:
            raise ValueError("the segment has another form")
        return [
            parameter.converter.convert(part)
            for parameter, part in zip(self.parameters, parts, strict=True)
        ]

    def join(self, parts: Sequence[str]) -> str:
        """Return the segment with the parameters filled in.

        Args:
            parts: The text of each parameter.

        Raises:
            ValueError: When a request for the result would be split in another way.
        """
        text = self.prefix + "".join(
            part + after for part, after in zip(parts, self.texts[1:], strict=True)
        )
        if len(parts) > 1 and self.split(text) != list(parts):
            raise ValueError(f"the values cannot be told apart again in {text!r}")
        return text


def _plan(
    parameters: Sequence[Parameter], separators: Sequence[str]
) -> tuple[tuple[_Cut, ...], tuple[_Cut, ...]]:
    """Decide from which side each separator is looked for.

    A parameter that cannot contain the separator beside it has one possible end, from whichever
    side we come. So the closed ones at the right are cut off first, by the last separator, and
    the rest is cut from the left by the first separator: open ones take as little as they can.
    """
    last = len(parameters) - 1
    while last > 0 and _is_closed(parameters[last].converter, separators[last - 1]):
        if all(_is_closed(parameters[index].converter, separators[index]) for index in range(last)):
            break
        last -= 1
    left = tuple(
        _Cut(separators[index], parameters[index].converter.length) for index in range(last)
    )
    right = tuple(
        _Cut(separators[index - 1], parameters[index].converter.length)
        for index in range(len(parameters) - 1, last, -1)
    )
    return left, right


def _is_closed(converter: Converter, separator: str) -> bool:
    if converter.length is not None:
        return True
    return converter.alphabet is not None and not set(separator) <= set(converter.alphabet)


def _first(text: str, separator: str, length: int | None, start: int, end: int) -> int:
    if length is None:
        return text.find(separator, start + 1, end)
    at = start + length
    return at if at <= end and text.startswith(separator, at, end) else -1


def _last(text: str, separator: str, length: int | None, start: int, end: int) -> int:
    if length is None:
        return text.rfind(separator, start, end - 1)
    at = end - length - len(separator)
    return at if at >= start and text.startswith(separator, at, end) else -1
