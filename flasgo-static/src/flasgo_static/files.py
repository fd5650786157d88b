"""Reading files so that what is sent is what was announced."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .conditional import Preconditions
from .folder import StaticFolder
from .ranges import Part, RangeRequest, UnsatisfiableRangeError

__all__ = [
    "CHUNK_BYTES",
    "WHOLE_BYTES",
    "FileChangedError",
    "FileFacts",
    "Found",
    "Wanted",
    "find",
    "read",
]

WHOLE_BYTES = 262_144
"""Up to this size a file is read in one go, together with everything else about it."""

CHUNK_BYTES = 262_144
"""How much of a larger file is in memory at a time."""

_ATTEMPTS = 3


class FileChangedError(Exception):
    """Raised when a file changes while it is read, so that no answer about it would be true."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What identifies one state of one file."""

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileFacts:
        """Take the facts from a `stat` result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)

    @property
    def etag(self) -> str:
        """A strong entity tag (RFC 9110, section 8.8.3), the same on every host with this file."""
        return f'"{self.mtime_ns:x}-{self.size:x}"'

    @property
    def modified(self) -> int:
        """When the file was last modified, in seconds since the epoch, never in the future.

        A server must not send a `Last-Modified` later than its own clock (section 8.8.2.1).
        """
        return max(0, min(self.mtime_ns // 1_000_000_000, int(time.time())))


class Found(NamedTuple):
    """The answer to a request for a file that is there.

    Attributes:
        status: 200, 206, 304, 412 or 416.
        facts: The file's.
        part: The bytes to send.
        body: Those bytes; None where they are not wanted, or too many to be read at once.
    """

    status: int
    facts: FileFacts
    part: Part
    body: bytes | None = None


class Wanted(NamedTuple):
    """What a request says about the file it wants, besides its name."""

    conditions: Preconditions | None = None
    part: RangeRequest | None = None
    body: bool = True


def find(folder: StaticFolder, filename: str, wanted: Wanted) -> Found | None:
    """Open a file, judge the request's conditions and read the file if it is small.

    PERF: all of it in one function, so that a request costs one trip to a worker thread.

    Args:
        folder: Where to look.
        filename: What follows the folder's own URL, percent-decoded once.
        wanted: What the request says.

    Returns:
        What was found, or None if there is nothing to serve.

    Raises:
        FileChangedError: If the file is being written again and again.
    """
    for _ in range(_ATTEMPTS):
        opened = folder.open(filename)
        if opened is None:
            return None
        try:
            found = _judge(FileFacts.of(opened.status), wanted)
            length = found.part.length
            if found.status > 206 or not wanted.body or length > WHOLE_BYTES:
                return found
            body = _read_part(opened.descriptor, found.part)
            if len(body) == length and _is_still(opened.descriptor, found.facts):
                return found._replace(body=body)
        finally:
            os.close(opened.descriptor)
    raise FileChangedError(f"{filename!r} in {folder!r} changes faster than it can be read.")


def read(folder: StaticFolder, filename: str, expected: FileFacts, part: Part) -> Iterator[bytes]:
    """Read a large part of a file piece by piece. Blocks: iterate in a worker thread.

    The file is opened at the first step, so an iterator that is never used holds nothing.

    Args:
        folder: Where the file is.
        filename: What follows the folder's own URL, percent-decoded once.
        expected: The facts that were announced to the client.
        part: The bytes to read.

    Yields:
        Pieces of at most `CHUNK_BYTES`.

    Raises:
        FileChangedError: If the file is no longer the one announced. Raised before its last piece
            at the latest, so that the client sees a broken transfer and not a wrong file.
    """
    opened = folder.open(filename)
    if opened is None:
        raise FileChangedError(f"{filename!r} in {folder!r} has gone.")
    try:
        if FileFacts.of(opened.status) != expected:
            raise FileChangedError(f"{filename!r} in {folder!r} has been replaced.")
        if part.start:
            os.lseek(opened.descriptor, part.start, os.SEEK_SET)
        remaining = part.length
        while remaining:
            piece = os.read(opened.descriptor, min(CHUNK_BYTES, remaining))
            remaining -= len(piece)
            if not piece or not _is_still(opened.descriptor, expected):
                raise FileChangedError(f"{filename!r} in {folder!r} changed while it was sent.")
            yield piece
    finally:
        os.close(opened.descriptor)


def _judge(facts: FileFacts, wanted: Wanted) -> Found:
    """Decide what the answer will be: first the conditions, then the range (section 13.2.2)."""
    whole = Part(0, facts.size)
    conditions = wanted.conditions
    status = conditions.status(facts.etag, facts.modified) if conditions is not None else 200
    if status != 200 or wanted.part is None:
        return Found(status, facts, whole)
    try:
        part = wanted.part.part(facts.size, facts.etag, facts.modified)
    except UnsatisfiableRangeError:
        return Found(416, facts, whole)
    return Found(200, facts, whole) if part is None else Found(206, facts, part)


def _is_still(descriptor: int, facts: FileFacts) -> bool:
    return FileFacts.of(os.fstat(descriptor)) == facts


def _read_part(descriptor: int, part: Part) -> bytes:
    """Read a part, or less if the file ends before."""
    if part.start:
        os.lseek(descriptor, part.start, os.SEEK_SET)
    body = os.read(descriptor, part.length)
    while len(body) < part.length:
        more = os.read(descriptor, part.length - len(body))
        if not more:
            break
        body += more
    return body
