"""Range requests: RFC 9110, section 14, for ranges of bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from flasgo.http.conditional import parse_http_date
from flasgo.http.headers import Headers

__all__ = ["MAX_RANGES", "Part", "RangeRequest", "UnsatisfiableRangeError"]

MAX_RANGES = 16
"""More ranges than this in one request are ignored (CWE-405), as section 14.2 allows."""

_MAX_HEADER = 1024
# One range; larger numbers than these fit no file.
_RANGE = re.compile(r"[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII)
# A gap that is cheaper to send than the head of a further part.
_SMALL_GAP = 128


class UnsatisfiableRangeError(ValueError):
    """Raised when no byte of the file is in the ranges."""


class Part(NamedTuple):
    """The bytes of a file from `start` up to, but not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.stop - self.start


class RangeRequest(Struct, frozen=True):
    """A request for parts of a file.

    Attributes:
        value: The `Range` header.
        if_range: The `If-Range` headers: normally none, or one.
    """

    value: str
    if_range: Sequence[str] = ()

    @classmethod
    def of(cls, headers: Headers) -> RangeRequest | None:
        """Read the `Range` of a GET request; None without one, or if there are several.

        Args:
            headers: The request's headers.
        """
        values = headers.getlist("range")
        return cls(values[0], headers.getlist("if-range")) if len(values) == 1 else None

    def parts(self, size: int, etag: str | None, modified: int) -> tuple[Part, ...] | None:
        """Find the parts of a file that are asked for.

        Args:
            size: The file's size in bytes.
            etag: Its entity tag with its quotes, or None without one.
            modified: When it was last modified, in seconds since the epoch.

        Returns:
            The parts in the order of the file, none of which touches another; None to send the
            whole file.

        Raises:
            UnsatisfiableRangeError: If no byte of the file is in the ranges.
        """
        wanted = _parsed(self.value)
        if wanted is None or not self._is_current(etag, modified):
            return None
        if not size and any(first is None and last for first, last in wanted):
            return None  # the last bytes of an empty file are the whole file
        found = [part for first, last in wanted if (part := _part(first, last, size)) is not None]
        if not found:
            raise UnsatisfiableRangeError(self.value)
        return _merged(found)

    def _is_current(self, etag: str | None, modified: int) -> bool:
        """Tell whether the parts would continue what the client has (section 13.1.5)."""
        if not self.if_range:
            return True
        if len(self.if_range) > 1:
            return False
        value = self.if_range[0]
        if etag is not None and value == etag:
            return not etag.startswith("W/")
        # A date counts only if no second change can have happened in the same second.
        return parse_http_date(value) == modified and modified < int(time.time())


def _parsed(value: str) -> list[tuple[int | None, int | None]] | None:
    """Read the ranges as pairs of first and last byte; None if they are to be ignored."""
    unit, found, rest = value.partition("=")
    if not found or unit.strip(" \t").lower() != "bytes" or len(value) > _MAX_HEADER:
        return None
    pieces = [piece for piece in rest.split(",") if piece.strip(" \t")]
    if not 1 <= len(pieces) <= MAX_RANGES:
        return None
    ranges: list[tuple[int | None, int | None]] = []
    for piece in pieces:
        match = _RANGE.fullmatch(piece)
        if match is None:
            return None
        first, last = (int(number) if number else None for number in match.groups())
        if first is None and last is None:
            return None
        if first is not None and last is not None and last < first:
            return None
        ranges.append((first, last))
    return ranges


def _part(first: int | None, last: int | None, size: int) -> Part | None:
    """Return the part of a file that one range stands for; None if it holds no byte."""
    if first is None:
        return Part(max(0, size - last), size) if last and size else None
    if first >= size:
        return None
    return Part(first, size if last is None else min(last + 1, size))


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Join parts that overlap or nearly touch, so that no byte is sent twice."""
    merged: list[Part] = []
    for part in sorted(parts):
        if merged and part.start <= merged[-1].stop + _SMALL_GAP:
            merged[-1] = Part(merged[-1].start, max(merged[-1].stop, part.stop))
        else:
            merged.append(part)
    return tuple(merged)
