"""The format of queries and simple forms: `name=value&other=value`."""

from __future__ import annotations

import re
from binascii import a2b_qp

__all__ = ["TooManyFieldsError", "parse_urlencoded"]

# A percent sign that begins no escape; browsers never send one, people typing URLs do.
_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MAX_STRAY_PERCENTS = 1000


class TooManyFieldsError(ValueError):
    """Raised when URL-encoded data has more fields than allowed."""


def parse_urlencoded(
    data: bytes, max_fields: int, *, errors: str = "replace"
) -> list[tuple[str, str]]:
    """Split `a=1&b=2` into decoded names and values.

    `+` is a space, `&` is the only separator, a field without `=` has an empty value, empty fields
    are skipped and a percent sign that begins no escape stands for itself (WHATWG URL,
    application/x-www-form-urlencoded). Time and memory are linear in the data.

    Args:
        data: The encoded bytes.
        max_fields: How many fields are allowed.
        errors: What to do with what is not UTF-8, as for `bytes.decode`.

    Returns:
        Names and values in the order received.

    Raises:
        TooManyFieldsError: When there are more fields than allowed.
        ValueError: When the data is full of broken escapes or, with `errors="strict"`, not UTF-8.
    """
    if data.count(b"&") >= max_fields:
        raise TooManyFieldsError(f"more than {max_fields} fields")
    if b"%" in data:
        data, strays = _STRAY_PERCENT.subn(b"%25", data, _MAX_STRAY_PERCENTS)
        if strays == _MAX_STRAY_PERCENTS:
            raise ValueError("too many percent signs that begin no escape")
    pairs: list[tuple[str, str]] = []
    for field in data.replace(b"+", b" ").split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            if b"%" in field:
                name, value = _unescape(name), _unescape(value)
            pairs.append((name.decode("utf-8", errors), value.decode("utf-8", errors)))
    return pairs


def _unescape(data: bytes) -> bytes:
    """Undo percent-encoding, every escape of which must be valid.

    PERF: rewritten as quoted-printable, which differs in the escape character only, this is done
    in C; urllib's loop takes seconds for a body that is all escapes.
    """
    return a2b_qp(data.replace(b"=", b"=3D").replace(b"%", b"="))
