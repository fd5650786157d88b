"""Conditional requests: RFC 9110, section 13."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from msgspec import Struct

__all__ = ["Preconditions", "http_date", "parse_entity_tags", "parse_http_date"]

# One member of a list of entity tags, with the comma or the end behind it; members may be empty.
# SECURITY: every repetition is possessive, so a hostile header costs linear time (CWE-1333).
_MEMBER = re.compile(
    r'[ \t]*+(?:((?:W/)?"[\x21\x23-\x7e\x80-\xff]*+")[ \t]*+)?(?:,|\Z)',
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DATES = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"[A-Z][a-z]{{2}}, (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"[A-Z][a-z]{{5,8}}, (?P<day>\d{{2}})-{_MONTH}-(?P<year>\d{{2}}) {_TIME} GMT",
        rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)

_NAMES = frozenset({b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"})


class Preconditions(Struct, frozen=True):
    """What a GET or HEAD request demands of what it asks for, before it wants it.

    Attributes:
        if_match: The entity tags of `If-Match`, or None without that header.
        if_none_match: The entity tags of `If-None-Match`, or None.
        if_modified_since: Seconds since the epoch, or None without a valid date.
        if_unmodified_since: Seconds since the epoch, or None without a valid date.
    """

    if_match: Sequence[str] | None = None
    if_none_match: Sequence[str] | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Preconditions | None:
        """Read a request's preconditions; None if it has none, as most have.

        Args:
            headers: The request's headers, with lower-case names.
        """
        values: dict[bytes, list[str]] = {}
        for name, value in headers:
            if name in _NAMES:
                values.setdefault(name, []).append(value.decode("latin-1"))
        if not values:
            return None
        return cls(
            if_match=_entity_tags(values.get(b"if-match")),
            if_none_match=_entity_tags(values.get(b"if-none-match")),
            if_modified_since=_single_date(values.get(b"if-modified-since")),
            if_unmodified_since=_single_date(values.get(b"if-unmodified-since")),
        )

    def status(self, etag: str | None, modified: int | None) -> int:
        """Evaluate the preconditions in the order of section 13.2.2.

        Args:
            etag: The entity tag of what would be sent, with its quotes; None without one.
            modified: When it was last modified, in seconds since the epoch, or None.

        Returns:
            200 to send it, 304 if the client has it, 412 if it is not the one wanted.
        """
        if self.if_match is not None:
            if not _matches_strongly(self.if_match, etag):
                return 412
        elif (
            self.if_unmodified_since is not None
            and modified is not None
            and modified > self.if_unmodified_since
        ):
            return 412
        if self.if_none_match is not None:
            # The date is not looked at then, whatever it says: tags are more exact.
            return 304 if _matches_weakly(self.if_none_match, etag) else 200
        if (
            self.if_modified_since is not None
            and modified is not None
            and modified <= self.if_modified_since
        ):
            return 304
        return 200


def parse_entity_tags(value: str) -> list[str]:
    """Split a list of entity tags (section 8.8.3).

    Args:
        value: The header's value; `*` stands for itself.

    Returns:
        The tags with their quotes and `W/`, up to the first text that is not one.
    """
    if value.strip(" \t") == "*":
        return ["*"]
    tags: list[str] = []
    position = 0
    while position < len(value) and (member := _MEMBER.match(value, position)):
        if member[1] is not None:
            tags.append(member[1])
        position = member.end()
    return tags


def parse_http_date(value: str) -> int | None:
    """Read a date in one of the three forms of section 5.6.7.

    Args:
        value: The header's value.

    Returns:
        Seconds since the epoch, or None if it is not such a date.
    """
    for form in _DATES:
        match = form.fullmatch(value)
        if match is not None:
            break
    else:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        year = _full_year(year, datetime.now(UTC).year)
    month = _MONTHS.index(match["month"]) + 1
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, int(match["day"])).toordinal() - _EPOCH
    except ValueError:
        return None
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def http_date(seconds: int) -> str:
    """Write a date in the preferred form, as in `Sun, 06 Nov 1994 08:49:37 GMT`.

    Args:
        seconds: Seconds since the epoch.

    Returns:
        The date; it does not depend on the locale.
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"


def _full_year(two_digits: int, this_year: int) -> int:
    """Place a two-digit year: one that seems over 50 years ahead is past."""
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + 50 else year


def _entity_tags(values: Sequence[str] | None) -> list[str] | None:
    return parse_entity_tags(",".join(values)) if values else None


def _single_date(values: Sequence[str] | None) -> int | None:
    return parse_http_date(values[0]) if values and len(values) == 1 else None


def _matches_strongly(tags: Sequence[str], etag: str | None) -> bool:
    return "*" in tags or (etag is not None and not etag.startswith("W/") and etag in tags)


def _matches_weakly(tags: Sequence[str], etag: str | None) -> bool:
    if "*" in tags or etag in tags:
        return True
    return etag is not None and etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in tags]
