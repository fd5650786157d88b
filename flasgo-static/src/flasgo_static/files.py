"""Reading files so that what is sent is what was announced."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .conditional import Preconditions
from .folder import StaticFolder

__all__ = ["CHUNK_BYTES", "WHOLE_BYTES", "FileChangedError", "FileFacts", "Found", "find", "read"]

WHOLE_BYTES = 262_144
"""Files up to this size are read in one go, together with everything else about them."""

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

    `body` is None where it is not wanted, or too large to be read at once.
    """

    status: int
    facts: FileFacts
    body: bytes | None


def find(
    folder: StaticFolder, filename: str, conditions: Preconditions | None, wants_body: bool
) -> Found | None:
    """Open a file, judge the preconditions and read it if it is small.

    PERF: all of it in one function, so that a request costs one trip to a worker thread.

    Args:
        folder: Where to look.
        filename: What follows the folder's own URL, percent-decoded once.
        conditions: The request's preconditions, if any.
        wants_body: False for HEAD.

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
            facts = FileFacts.of(opened.status)
            status = conditions.status(facts.etag, facts.modified) if conditions else 200
            if status != 200 or not wants_body or facts.size > WHOLE_BYTES:
                return Found(status, facts, None)
            body = _read_up_to(opened.descriptor, facts.size)
            if len(body) == facts.size and FileFacts.of(os.fstat(opened.descriptor)) == facts:
                return Found(status, facts, body)
        finally:
            os.close(opened.descriptor)
    raise FileChangedError(f"{filename!r} in {folder!r} changes faster than it can be read.")


def read(folder: StaticFolder, filename: str, expected: FileFacts) -> Iterator[bytes]:
    """Read a large file piece by piece. Blocks: iterate in a worker thread.

    The file is opened at the first step, so an iterator that is never used holds nothing.

    Args:
        folder: Where the file is.
        filename: What follows the folder's own URL, percent-decoded once.
        expected: The facts that were announced to the client.

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
        remaining = expected.size
        while remaining:
            piece = os.read(opened.descriptor, min(CHUNK_BYTES, remaining))
            remaining -= len(piece)
            is_intact = piece and FileFacts.of(os.fstat(opened.descriptor)) == expected
            if not is_intact:
                raise FileChangedError(f"{filename!r} in {folder!r} changed while it was sent.")
            yield piece
    finally:
        os.close(opened.descriptor)


def _read_up_to(descriptor: int, size: int) -> bytes:
    """Read `size` bytes, or fewer if the file ends before."""
    body = os.read(descriptor, size)
    while len(body) < size:
        more = os.read(descriptor, size - len(body))
        if not more:
            break
        body += more
    return body
