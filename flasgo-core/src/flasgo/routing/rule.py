"""Parses the text of a rule, such as `/users/<int:id>`."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flasgo.errors import RouteError, did_you_mean
from flasgo.routing.converters import Converter, choice_of
from flasgo.routing.paths import is_clean_text
from flasgo.routing.segment import Parameter, Segment

if TYPE_CHECKING:
    from flasgo.routing.hosts import HostRule

__all__ = ["Rule", "parse_rule"]

_MAX_SEGMENTS = 100  # the walk recurses once per segment of a rule
_DEFAULT_CONVERTER = "str"
_OTHER_NAMES = {"string": "str"}  # what Werkzeug calls them
_ANY = re.compile(r"any\((.*)\)")
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_FORM = "Write parameters as <name> or <converter:name>, for example '/users/<int:id>'."


class Rule:
    """A parsed rule.

    Args:
        text: The rule as registered.
        segments: Its segments; the last one is empty text where the rule ends in a slash.

    Attributes:
        host: The host that the rule is bound to, if it is.
        defaults: The values of parameters that it does not have.
    """

    __slots__ = ("defaults", "host", "key", "parameters", "segments", "spans_segments", "text")

    def __init__(self, text: str, segments: Sequence[Segment]) -> None:
        self.text = text
        self.segments = tuple(segments)
        self.parameters = tuple(p for segment in self.segments for p in segment.parameters)
        self.spans_segments = any(segment.spans for segment in self.segments)
        self.key = tuple(segment.key for segment in self.segments)
        self.host: HostRule | None = None
        self.defaults: Mapping[str, object] = {}

    @property
    def every_parameter(self) -> tuple[Parameter, ...]:
        """The parameters of the path, then those of the host."""
        return self.parameters if self.host is None else self.parameters + self.host.parameters

    @property
    def is_static(self) -> bool:
        """Whether the rule has no parameter."""
        return not self.parameters

    def without_trailing_slash(self) -> Rule:
        """Return the same rule without a slash at its end (the rule `/` is kept)."""
        if len(self.segments) > 1 and self.text.endswith("/"):
            return Rule(self.text[:-1], self.segments[:-1])
        return self


def parse_rule(text: str, converters: Mapping[str, Converter]) -> Rule:
    """Parse the text of a rule.

    Args:
        text: The rule.
        converters: The known converters by name.

    Raises:
        RouteError: When the rule is not well formed; says where and what is allowed.
    """
    if not isinstance(text, str):
        raise RouteError(f"A rule is a str such as '/users/<int:id>', not {text!r}.")
    return _Parser(text, converters).parse()


class _Parser:
    """The state of parsing one rule; positions in messages count from 1."""

    def __init__(self, text: str, converters: Mapping[str, Converter]) -> None:
        self.text = text
        self.converters = converters
        self.names: set[str] = set()

    def parse(self) -> Rule:
        if not self.text.startswith("/"):
            raise self.error(0, "a rule starts with '/'")
        if not is_clean_text(self.text):
            at = next(i for i, char in enumerate(self.text) if not is_clean_text(char))
            raise self.error(at, "a rule has no control characters")
        texts = self.text[1:].split("/")
        if len(texts) > _MAX_SEGMENTS:
            raise self.error(0, f"a rule has at most {_MAX_SEGMENTS} segments, not {len(texts)}")
        segments: list[Segment] = []
        at = 1
        for index, text in enumerate(texts):
            if not text and index < len(texts) - 1:
                raise self.error(at, "a rule has no empty segment ('//')")
            if text in {".", ".."}:
                raise self.error(at, f"{text!r} cannot be a segment, requests for it never match")
            segments.append(self.segment(text, at))
            at += len(text) + 1
        if sum(segment.spans for segment in segments) > 1:
            raise self.error(0, "a rule has at most one parameter that spans segments (<path:...>)")
        return Rule(self.text, segments)

    def segment(self, text: str, at: int) -> Segment:
        """Parse the segment that begins at index `at` of the rule."""
        texts: list[str] = []
        parameters: list[Parameter] = []
        done = 0
        while (opening := text.find("<", done)) >= 0:
            closing = text.find(">", opening)
            if closing < 0:
                raise self.error(at + opening, f"'<' is never closed. {_FORM}")
            if parameters and opening == done:
                raise self.error(at + opening, "two parameters need text or '/' between them")
            texts.append(self.literal(text[done:opening], at + done))
            parameters.append(self.parameter(text[opening + 1 : closing], at + opening))
            done = closing + 1
        texts.append(self.literal(text[done:], at + done))
        segment = Segment(texts, parameters)
        if segment.spans and not segment.is_whole:
            name = next(p.name for p in parameters if p.converter.spans_segments)
            raise self.error(at, f"{name!r} spans segments, so it stands alone between slashes")
        return segment

    def literal(self, text: str, at: int) -> str:
        """Check the text between parameters."""
        for found, reason in (
            ("?", "a rule ends where the query begins, take query parameters in the handler"),
            ("#", "a fragment is never sent to a server"),
            ("\\", "browsers turn '\\' into '/'"),
            (">", f"'>' without '<'. {_FORM}"),
            ("{", f"parameters stand between '<' and '>'. {_FORM}"),
        ):
            if found in text:
                raise self.error(at + text.index(found), f"{found!r} is not allowed: {reason}")
        if escape := _ESCAPE.search(text):
            raise self.error(
                at + escape.start(),
                f"{escape[0]!r} is not allowed: rules are compared with decoded paths, "
                "write the character itself",
            )
        return text

    def parameter(self, text: str, at: int) -> Parameter:
        """Parse what stands between `<` and `>`; `at` is the index of `<`."""
        kind, colon, name = text.rpartition(":")
        if not colon:
            kind = _DEFAULT_CONVERTER
        kind = _OTHER_NAMES.get(kind, kind) if kind not in self.converters else kind
        if found := _ANY.fullmatch(kind):
            return self.choice(name, found[1], at)
        if "(" in kind:
            raise self.error(
                at,
                f"converters take no arguments in a rule ({kind!r}), save any(a,b); register "
                "one of your own",
            )
        self.check_name(name, at)
        converter = self.converters.get(kind)
        if converter is None:
            raise self.error(
                at,
                f"no converter is called {kind!r}.{did_you_mean(kind, self.converters)} "
                f"There are: {', '.join(sorted(self.converters))}; "
                "add_converter() adds your own",
            )
        return Parameter(name, kind, converter)

    def choice(self, name: str, listed: str, at: int) -> Parameter:
        """Return the parameter of `<any(a,b):name>`."""
        self.check_name(name, at)
        values = [value.strip().strip("\"'") for value in listed.split(",")]
        if not all(values):
            raise self.error(at, "any(...) lists texts, such as <any(day,week):span>")
        return Parameter(name, f"any({','.join(values)})", choice_of(values))

    def check_name(self, name: str, at: int) -> None:
        """Take note of a parameter's name, or refuse it."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise self.error(at, f"{name!r} is not a Python identifier. {_FORM}")
        if name in self.names:
            raise self.error(at, f"the parameter {name!r} is there twice")
        self.names.add(name)

    def error(self, at: int, reason: str) -> RouteError:
        """Return the error for the character at index `at`."""
        end = "" if reason.endswith(".") else "."
        return RouteError(f"Bad rule {self.text!r}, character {at + 1}: {reason}{end}")
