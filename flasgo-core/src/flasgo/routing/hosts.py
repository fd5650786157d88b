"""Hosts of routes: the name in a `Host` header, compared as text, label by label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flasgo.errors import RouteError
from flasgo.routing.converters import REFUSALS, Converter, report_fault
from flasgo.routing.rule import parse_rule
from flasgo.routing.segment import Segment

__all__ = ["HostRule", "parse_host_rule", "routed_host"]

# SECURITY: every alternative starts with another character, so matching is linear.
_HOST = re.compile(r"([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::[0-9]{1,5})?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LONGEST_HOST = 255  # RFC 1035, section 3.1, plus the trailing dot
_LONGEST_HEADER = _LONGEST_HOST + len(":65535")
_ADVICE = "write a name such as 'api.example.com', or '<tenant>.example.com' for its subdomains"


class HostRule:
    """The host of a route: plain labels, and parameters that fill one label each.

    Args:
        text: The host as registered.
        segments: Its labels, from left to right.
    """

    __slots__ = ("key", "parameters", "rank", "segments", "text")

    def __init__(self, text: str, segments: Sequence[Segment]) -> None:
        self.text = text
        self.segments = tuple(segments)
        self.parameters = tuple(p for segment in self.segments for p in segment.parameters)
        # Two hosts with one key take the same names: what parameters are called does not matter.
        self.key = tuple(segment.key for segment in self.segments)
        # With more plain labels comes first, then with stricter converters.
        self.rank = (
            len(self.parameters),
            tuple(-p.converter.specificity for p in self.parameters),
            self.key,
        )

    @property
    def is_static(self) -> bool:
        """Whether the host has no parameter."""
        return not self.parameters

    def match(self, labels: Sequence[str]) -> tuple[object, ...] | None:
        """Return the values of the parameters of a host, or None when it is another one.

        Args:
            labels: The host, in lower case, split at its dots.
        """
        if len(labels) != len(self.segments):
            return None
        values: list[object] = []
        for label, segment in zip(labels, self.segments, strict=True):
            if segment.is_static:
                if label != segment.prefix:
                    return None
                continue
            try:
                values.append(segment.parameters[0].converter.convert(label))
            except REFUSALS:
                return None
            except Exception as error:  # noqa: BLE001 - whatever user code raises
                report_fault(error)
                return None
        return tuple(values)

    def build(self, given: Mapping[str, object]) -> str:
        """Return the host with its parameters filled in.

        Args:
            given: The values of the parameters; further ones are not looked at.

        Raises:
            ValueError: When a value is impossible in a host.
        """
        return ".".join(_label(segment, given) for segment in self.segments)


def _label(segment: Segment, given: Mapping[str, object]) -> str:
    if segment.is_static:
        return segment.prefix
    parameter = segment.parameters[0]
    label = parameter.converter.build(given[parameter.name]).lower()
    if _LABEL.fullmatch(label) is None:
        raise ValueError(
            f"{parameter.name!r} cannot be {given[parameter.name]!r}: a label of a host is 1 to "
            "63 letters, digits, '-' and '_'"
        )
    return label


def parse_host_rule(text: str, path: str, converters: Mapping[str, Converter]) -> HostRule:
    """Parse the host of a route.

    Args:
        text: Such as `api.example.com` or `<tenant>.example.com`, without scheme and port.
        path: The path of the route, for error messages.
        converters: The known converters by name.

    Raises:
        RouteError: When it is not well formed; says what is allowed.
    """
    if not isinstance(text, str) or not text:
        raise RouteError(f"The host of {path!r} is a str, not {text!r}; {_ADVICE}.")
    for found, reason in (
        ("/", "a host has no scheme and no path"),
        ("*", "a host has no wildcards; name the label, as in '<sub>.example.com'"),
    ):
        if found in text:
            raise RouteError(f"Bad host {text!r} of {path!r}: {reason}. {_ADVICE.capitalize()}.")
    if len(text) > _LONGEST_HOST:
        raise RouteError(f"Bad host {text!r} of {path!r}: it is longer than 255 characters.")
    # The labels of a host are parsed like the segments of a path; plain ones in lower case.
    labels = [label if "<" in label else label.lower() for label in text.split(".")]
    try:
        rule = parse_rule("/" + "/".join(labels), converters)
    except RouteError as error:
        raise RouteError(
            f"Bad host {text!r} of {path!r}: {error} {_ADVICE.capitalize()}."
        ) from None
    for segment in rule.segments:
        if segment.is_static and _LABEL.fullmatch(segment.prefix) is None:
            raise RouteError(
                f"Bad host {text!r} of {path!r}: {segment.prefix!r} is not a label; {_ADVICE}. "
                "A route answers on every port."
            )
        if not segment.is_static and (not segment.is_whole or segment.spans):
            raise RouteError(
                f"Bad host {text!r} of {path!r}: a parameter fills a whole label and never spans "
                f"several; {_ADVICE}."
            )
    return HostRule(".".join(labels), rule.segments)


def routed_host(raw: bytes | None) -> str:
    """Return the host of a `Host` header in one spelling: lower case, no port, no dot at the end.

    SECURITY: what is not a well-formed name matches no host of a route. Whether the app answers
    to the name at all is for the guards to say, which see the same header.

    Args:
        raw: The header's value, or None.

    Returns:
        The name, or `""` when there is none.
    """
    if raw is None or len(raw) > _LONGEST_HEADER:
        return ""
    match = _HOST.fullmatch(raw.decode("latin-1").lower())
    return "" if match is None else match[1]
