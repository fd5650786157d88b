"""The header `Forwarded` (RFC 7239)."""

from __future__ import annotations

import re

__all__ = ["parse_forwarded"]

# SECURITY: each alternative begins with other characters, so that matching is linear.
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = re.compile(rf'({_NAME})=(?:({_NAME})|"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[ -~])*)")')
_BLANKS = " \t"
_ESCAPED = re.compile(r"\\(.)")


def parse_forwarded(value: str) -> list[dict[str, str]]:
    """Return the elements of a `Forwarded` header, the nearest proxy's last.

    SECURITY: what is malformed is refused as a whole. A client that begins a quoted string, and a
    proxy that appends its own element, would else make one element of both (CWE-348).

    Args:
        value: The header's value, several headers joined with commas.

    Returns:
        The parameters of each element by their lower-case names, quotes and escapes taken off.

    Raises:
        ValueError: When it is malformed, or has a parameter twice in one element.
    """
    elements: list[dict[str, str]] = []
    element: dict[str, str] = {}
    place, end = 0, len(value)
    while place < end:
        match = _PAIR.match(value, place)
        if match is not None:
            name = match[1].lower()
            if name in element:
                raise ValueError(f"{name} comes twice in one element")
            text = match[2]
            element[name] = _ESCAPED.sub(r"\1", match[3]) if text is None else text
            place = _skip(value, match.end())
            if place == end:
                break
        if value[place] == ",":
            # An empty element is one that a list may have (RFC 9110, section 5.6.1).
            if element:
                elements.append(element)
                element = {}
        elif match is None or value[place] != ";":
            if match is None and value[place] in _BLANKS:
                place += 1
                continue
            raise ValueError(f"it cannot be read from character {place + 1} on")
        place = _skip(value, place + 1)
    if element:
        elements.append(element)
    return elements


def _skip(value: str, place: int) -> int:
    while place < len(value) and value[place] in _BLANKS:
        place += 1
    return place
