"""Range requests: RFC 9110, section 14, for one range of bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flasgo import Request

from .conditional import parse_http_date

__all__ = ["Part", "RangeRequest", "UnsatisfiableRangeError"]

# One range, of numbers that are small enough to be meant. Several ranges are ignored, as section
# 14.2 allows: the answer to many small ones would be larger than the file (CWE-405).
_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """Raised when a range lies behind the end of the file."""


class Part(NamedTuple):
    """The bytes of a file from `start` up to, but not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """A request for a part of a file.

    Attributes:
        value: The `Range` header.
        if_range: The `If-Range` headers: normally none, or one.
    """

    value: str
    if_range: Sequence[str] = ()

    @classmethod
    def of(cls, request: Request) -> RangeRequest | None:
        """Read a request's `Range`; None without one, or if it is not a GET request."""
        if request.raw_header(b"range") is None or request.method != "GET":
            return None
        values = request.headers.getlist("range")
        return cls(values[0], request.headers.getlist("if-range")) if len(values) == 1 else None

    def part(self, size: int, etag: str, modified: int) -> Part | None:
        """Find the part of a file that is asked for.

        Args:
            size: The file's size in bytes.
            etag: Its entity tag, strong, with its quotes.
            modified: When it was last modified, in seconds since the epoch.

        Returns:
            The part, or None to send the whole file.

        Raises:
            UnsatisfiableRangeError: If no byte of the file is in the range.
        """
        match = _RANGE.fullmatch(self.value)
        if match is None or not self._is_current(etag, modified):
            return None
        first, last = match.groups()
        if not first:
            return _suffix(int(last), size) if last else None
        start = int(first)
        if last and int(last) < start:
            return None
        if start >= size:
            raise UnsatisfiableRangeError(self.value)
        return Part(start, min(int(last) + 1, size) if last else size)

    def _is_current(self, etag: str, modified: int) -> bool:
        """Tell whether the part would continue what the client has (section 13.1.5)."""
        if not self.if_range:
            return True
        if len(self.if_range) > 1:
            return False
        value = self.if_range[0]
        if value == etag:
            return True
        # A date counts only if no second change can have happened in the same second.
        return parse_http_date(value) == modified and modified < int(time.time())


def _suffix(length: int, size: int) -> Part | None:
    if length == 0:
        raise UnsatisfiableRangeError("the last 0 bytes")
    return Part(max(0, size - length), size) if size else None
