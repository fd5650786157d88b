"""Names with a hash of the content in them, so that browsers may keep a file for good."""

from __future__ import annotations

import os
import re
import time

from flasgo.plugin import FileFacts, OpenFile

from flasgo_static.folder import StaticFolder

__all__ = ["HASH_DIGITS", "MAX_FINGERPRINTED_BYTES", "Fingerprints", "plain_name"]

HASH_DIGITS = 12
"""How many hexadecimal digits of a hash stand in a name."""

MAX_FINGERPRINTED_BYTES = 32 * 1024 * 1024
"""Larger files keep their plain names: hashing them would delay the first request."""

_FINGERPRINTED = re.compile(
    rf"(?P<stem>(?:.*/)?[^/]+)\.(?P<hash>[0-9a-f]{{{HASH_DIGITS}}})(?P<extension>\.[^./]+)?"
)
_PIECE_BYTES = 262_144
_MAX_KNOWN = 10_000
_RECHECK_SECONDS = 1.0


def plain_name(filename: str) -> tuple[str, str] | None:
    """Split a name such as `css/app.0123456789ab.css` into `css/app.css` and the hash.

    Args:
        filename: The name in a URL.

    Returns:
        Both, or None for a name that holds no hash.
    """
    match = _FINGERPRINTED.fullmatch(filename)
    if match is None:
        return None
    name = match["stem"] + (match["extension"] or "")
    # There is one name with a hash for each file, not one with the hash in another place.
    return (name, match["hash"]) if _fingerprinted(name, match["hash"]) == filename else None


class Fingerprints:
    """The hashes of the files of one folder, each computed once for each state of the file.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: StaticFolder) -> None:
        self._folder = folder
        self._hashes: dict[str, tuple[FileFacts, str]] = {}
        self._names: dict[str, tuple[float, str]] = {}

    def name_of(self, filename: str) -> str | None:
        """Return the name of a file with the hash of its content in it.

        Blocks for the time of a look at the file, at most once per second and file, and for that
        of reading it when it is new or has changed.

        Args:
            filename: The file's path in the folder.

        Returns:
            The name; the plain one of a file that is too large; None if there is no such file.
        """
        now = time.monotonic()
        known = self._names.get(filename)
        if known is not None and now - known[0] < _RECHECK_SECONDS:
            return known[1]
        opened = self._folder.open(filename)
        if opened is None:
            self._names.pop(filename, None)
            return None
        try:
            found = self.hash_of(filename, opened)
        finally:
            os.close(opened.descriptor)
        name = filename if found is None else _fingerprinted(filename, found)
        _remember(self._names, filename, (now, name))
        return name

    def hash_of(self, filename: str, opened: OpenFile) -> str | None:
        """Return the hash of an open file.

        Args:
            filename: The file's path in the folder.
            opened: The file; its position is where it was afterwards: at the beginning.

        Returns:
            The hash, or None for a file that is too large.
        """
        facts = FileFacts.of(opened.status)
        known = self._hashes.get(filename)
        if known is not None and known[0] == facts:
            return known[1]
        if facts.size > MAX_FINGERPRINTED_BYTES:
            return None
        digest = _digest(opened.descriptor)
        # A file that is being written gets another hash with the next look.
        if FileFacts.of(os.fstat(opened.descriptor)) == facts:
            _remember(self._hashes, filename, (facts, digest))
        return digest


def _fingerprinted(filename: str, found: str) -> str:
    directory, slash, base = filename.rpartition("/")
    stem, dot, extension = base.rpartition(".")
    if not stem:
        stem, dot, extension = base, "", ""
    return f"{directory}{slash}{stem}.{found}{dot}{extension}"


def _digest(descriptor: int) -> str:
    from hashlib import blake2b  # only once a fingerprint is wanted

    found = blake2b(digest_size=HASH_DIGITS // 2)
    while piece := os.read(descriptor, _PIECE_BYTES):
        found.update(piece)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found.hexdigest()


def _remember(table: dict[str, tuple], filename: str, value: tuple) -> None:
    """Keep a value; a table that has grown past all reason starts anew."""
    if len(table) >= _MAX_KNOWN:
        table.clear()
    table[filename] = value
