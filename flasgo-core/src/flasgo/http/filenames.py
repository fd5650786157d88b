"""File names that come from clients, and those that are offered to them."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

__all__ = ["content_disposition", "sanitize_filename", "sent_filename"]

_MAX_BYTES = 255
_UNSAFE = re.compile(r'[<>:"|?*]')
_DEVICES = frozenset(
    {"aux", "con", "nul", "prn", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))}
)
# RFC 8187, section 3.2.1: attr-char, besides the letters and digits that quote() never escapes.
_ATTR_CHAR = "!#$&+-.^_`|~"
# What a quoted-string may hold and every browser reads alike: no escapes, no "%xx".
_NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")


def sanitize_filename(name: str) -> str:
    """Return a client's file name as a plain base name that is safe to join to a directory.

    Directories (`/` and Windows' `\\`), control and formatting characters, leading dots, Windows'
    reserved characters and device names are taken out (CWE-22); letters of all scripts stay. At
    most 255 bytes remain, with the extension.

    Args:
        name: What the client sent.

    Returns:
        The base name; `""` when nothing is left.
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    base = "".join(char for char in base if char.isprintable())
    base = _UNSAFE.sub("_", base).lstrip(". ").rstrip(". ")
    if base.partition(".")[0].rstrip(" ").lower() in _DEVICES:
        base = f"_{base}"
    if len(base.encode("utf-8", "replace")) > _MAX_BYTES:
        stem, dot, extension = base.rpartition(".")
        ending = f"{dot}{extension}" if stem and len(extension) <= 16 else ""
        room = _MAX_BYTES - len(ending.encode())
        base = base.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + ending
    return base


# RFC 8187, section 3.2.1; other charsets than these two are obsolete.
_EXTENDED = re.compile(r"(utf-8|iso-8859-1)'[^']*'([!#$&+\-.^_`|~0-9A-Za-z%]*)", re.IGNORECASE)
# What clients put into `filename` for a character that it cannot carry.
_STAND_INS = re.compile("[?_\ufffd]|[^\0-\x7f]")


def sent_filename(plain: str | None, extended: str | None) -> str | None:
    """Return the file name of a form's part, from its `filename` and `filename*`.

    RFC 7578, section 4.2 forbids `filename*`, but clients send it: alone, or beside a `filename`
    that has lost its non-ASCII characters.

    SECURITY: what looks at uploads in front of the app reads `filename`, so the other one counts
    only where they differ in nothing else: not in the extension, for one.

    Args:
        plain: The value of `filename`, or None.
        extended: The value of `filename*` as it was sent, or None.

    Returns:
        The name, not sanitised; None when there is none.

    Raises:
        ValueError: When `filename*` stands alone and is malformed.
    """
    if extended is None:
        return plain
    match = _EXTENDED.fullmatch(extended)
    try:
        name = None if match is None else unquote_to_bytes(match[2]).decode(match[1])
    except UnicodeDecodeError:
        name = None
    if plain is None:
        if name is None:
            raise ValueError("filename* is not UTF-8''..., percent-encoded")
        return name
    if name is not None and _STAND_INS.sub("", name) == _STAND_INS.sub("", plain):
        return name
    return plain


def content_disposition(filename: str | None, *, attachment: bool) -> str:
    """Return a `Content-Disposition` header (RFC 6266).

    Args:
        filename: The name to save under. It is sanitised first, so a name that a client gave
            cannot end the header or lead into another directory.
        attachment: Whether the file is to be saved, not shown.

    Returns:
        The header's value: ASCII, with `filename*` (RFC 8187) where the name is not plain.
    """
    kind = "attachment" if attachment else "inline"
    if filename is None:
        return kind
    name = sanitize_filename(filename) or "download"
    plain = _NOT_PLAIN.sub("_", name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
    return value
