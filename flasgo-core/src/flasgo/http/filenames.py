"""File names that come from clients, and those that are offered to them."""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["content_disposition", "sanitize_filename"]

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
