"""The charsets in which text is read; all others are refused."""

from __future__ import annotations

import codecs

from flasgo.errors import HTTPException, printable

__all__ = ["codec_of"]

# Only codecs that decode in linear time and cannot be turned against us (UTF-7, IDNA).
_CODECS = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "utf-8", "utf-16"})


def codec_of(charset: str | None) -> str:
    """Return the codec for the charset parameter of a `Content-Type`; UTF-8 without one.

    Args:
        charset: The parameter.

    Raises:
        HTTPException: 415 when the charset is not supported.
    """
    if not charset:
        return "utf-8"
    try:
        codec = codecs.lookup(charset).name
    except (LookupError, ValueError):
        codec = ""
    if codec not in _CODECS:
        raise HTTPException(
            415, f"The charset {printable(charset)!r} is not supported; send UTF-8."
        )
    return codec
