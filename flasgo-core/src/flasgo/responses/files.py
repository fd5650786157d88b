"""Reading files so that what is sent is what was announced.

Everything here blocks: it is called in worker threads.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from msgspec import Struct

from flasgo.http.conditional import Preconditions
from flasgo.http.ranges import Part, RangeRequest, UnsatisfiableRangeError

__all__ = [
    "CHUNK_BYTES",
    "FRESH_SECONDS",
    "OPEN_FLAGS",
    "WHOLE_BYTES",
    "FileChangedError",
    "FileFacts",
    "Found",
    "Handle",
    "OpenFile",
    "Opener",
    "RecentFacts",
    "Wanted",
    "find",
    "open_path",
    "read",
    "regular_file",
]

WHOLE_BYTES = 262_144
"""Up to this size a file is read in one go, together with everything else about it."""

CHUNK_BYTES = 262_144
"""How much of a larger file is in memory at a time."""

OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
"""Flags that a platform lacks count as 0. O_NONBLOCK: opening a named pipe must not wait for a
writer. O_BINARY: Windows would translate line ends."""

FRESH_SECONDS = 0.25
"""For how long what was found of a file counts."""

_SETTLED_SECONDS = 5.0
_MOST_KNOWN = 1024
_ATTEMPTS = 3
_NO_HEADERS: Mapping[str, str] = {}


class FileChangedError(Exception):
    """Raised when a file changes while it is read, so that no answer about it would be true."""


class OpenFile(NamedTuple):
    """A regular file, open for reading. The receiver closes it.

    Attributes:
        descriptor: The open file.
        status: What `fstat` says about it.
        headers: What this file adds to the answer, such as its `Content-Encoding`.
        variant: Tells representations of one resource apart in the entity tag; empty for the
            plain one.
    """

    descriptor: int
    status: os.stat_result
    headers: Mapping[str, str] = _NO_HEADERS
    variant: str = ""


Opener = Callable[[], OpenFile]
"""Opens the file of an answer; what it raises is the answer."""


class FileFacts(Struct, frozen=True):
    """What identifies one state of one file."""

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileFacts:
        """Take the facts from a `stat` result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)

    def etag(self, variant: str = "") -> str:
        """Return a strong entity tag (RFC 9110, section 8.8.3), the same on every host.

        Args:
            variant: Tells representations of one resource apart.
        """
        suffix = f"-{variant}" if variant else ""
        return f'"{self.mtime_ns:x}-{self.size:x}{suffix}"'

    @property
    def modified(self) -> int:
        """When the file was last modified, in seconds since the epoch, never in the future.

        A server must not send a `Last-Modified` later than its own clock (section 8.8.2.1).
        """
        return max(0, min(self.mtime_ns // 1_000_000_000, int(time.time())))


class Handle:
    """A descriptor that is closed with its last reference, unless it is closed before.

    An answer may be given up between its making and its sending.

    Args:
        descriptor: An open file.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int:
        """The open file.

        Raises:
            FileChangedError: If it has been closed.
        """
        if self._descriptor < 0:
            raise FileChangedError("the file was closed before it was sent")
        return self._descriptor

    def close(self) -> None:
        """Close the file, once."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()


class Wanted(NamedTuple):
    """What a request says about the file it wants, besides its name.

    Attributes:
        conditions: Its preconditions.
        ranges: The parts it asks for.
        body: Whether it wants the content at all.
        content_type: The media type, for the heads of several parts.
        etag: The entity tag to send; None for the file's own.
    """

    conditions: Preconditions | None = None
    ranges: RangeRequest | None = None
    body: bool = True
    content_type: str = "application/octet-stream"
    etag: str | None = None


class Found(Struct):
    """The answer to a request for a file that is there.

    Attributes:
        status: 200, 206, 304, 412 or 416.
        facts: The file's.
        etag: The entity tag to send.
        headers: What the file adds to the answer.
        segments: What to send: parts of the file, and bytes between them.
        boundary: What separates several parts; empty for one.
        parts: The parts that were asked for; empty for the whole file.
        body: The content; None where it is not wanted, or too large to be read at once.
        handle: The open file where its content is still to be read.
    """

    status: int
    facts: FileFacts
    etag: str
    headers: Mapping[str, str]
    segments: tuple[bytes | Part, ...] = ()
    boundary: str = ""
    parts: tuple[Part, ...] = ()
    body: bytes | None = None
    handle: Handle | None = None

    @property
    def length(self) -> int:
        """How many bytes the content has."""
        return sum(
            len(segment) if isinstance(segment, bytes) else segment.length
            for segment in self.segments
        )


class RecentFacts:
    """What was found of files a moment ago, so that a 304 needs no trip to a worker thread.

    A client may be told that its copy is good for `FRESH_SECONDS` after a file has changed, as if
    it had asked that much earlier. Files that have changed lately are not remembered.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[float, Found]] = {}

    def not_modified(self, key: Hashable, conditions: Preconditions) -> Found | None:
        """Return a 304, where what is known of a file is fresh and the request's conditions agree.

        Args:
            key: What the file was asked for by.
            conditions: The request's.
        """
        at, known = self._known.get(key, (0.0, None))
        if known is None or time.monotonic() - at > FRESH_SECONDS:
            return None
        if conditions.status(known.etag, known.facts.modified) != 304:
            return None
        return known

    def keep(self, key: Hashable, found: Found) -> None:
        """Remember what was found.

        Args:
            key: What the file was asked for by.
            found: The answer.
        """
        if time.time() - found.facts.modified < _SETTLED_SECONDS:
            self._known.pop(key, None)
            return
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = Found(304, found.facts, found.etag, found.headers)
        self._known[key] = (time.monotonic(), known)


def open_path(path: str | os.PathLike[str]) -> OpenFile:
    """Open a regular file for an answer.

    Args:
        path: The file. Links are followed, so the name must not come from a client.

    Raises:
        OSError: If it cannot be opened, or is not a regular file.
    """
    descriptor = os.open(path, OPEN_FLAGS)
    opened = regular_file(descriptor)
    if opened is None:
        raise OSError(f"{os.fspath(path)!r} is not a regular file; name one that can be read.")
    return opened


def regular_file(descriptor: int) -> OpenFile | None:
    """Return the open file if it is a regular one, else close it and return None."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return OpenFile(descriptor, status)
    os.close(descriptor)
    return None


def find(opener: Opener, wanted: Wanted) -> Found:
    """Open a file, judge the request's conditions and read the file if it is small.

    PERF: all of it in one function, so that a request costs one trip to a worker thread.

    Args:
        opener: Opens the file; what it raises passes through.
        wanted: What the request says.

    Raises:
        FileChangedError: If the file is being written again and again.
    """
    for _ in range(_ATTEMPTS):
        opened = opener()
        handle = Handle(opened.descriptor)
        try:
            found = _judge(opened, wanted)
            if found.status > 206 or not wanted.body:
                return found
            if found.length > WHOLE_BYTES:
                found.handle, handle = handle, None
                return found
            found.body = _read_whole(opened.descriptor, found.segments)
            if len(found.body) == found.length and _is_still(opened.descriptor, found.facts):
                return found
        finally:
            if handle is not None:
                handle.close()
    raise FileChangedError("the file changes faster than it can be read")


def read(
    handle: Handle, expected: FileFacts, segments: tuple[bytes | Part, ...]
) -> Iterator[bytes]:
    """Read a large content piece by piece.

    Args:
        handle: The open file, closed in the end.
        expected: The facts that were announced to the client.
        segments: What to read, and what to put between it.

    Yields:
        Pieces of at most `CHUNK_BYTES`.

    Raises:
        FileChangedError: If the file is no longer the one announced. Raised before its last piece
            at the latest, so that the client sees a broken transfer and not a wrong file.
    """
    try:
        for segment in segments:
            if isinstance(segment, bytes):
                yield segment
            else:
                yield from _read_pieces(handle.descriptor, expected, segment)
    finally:
        handle.close()


def _read_pieces(descriptor: int, expected: FileFacts, part: Part) -> Iterator[bytes]:
    os.lseek(descriptor, part.start, os.SEEK_SET)
    remaining = part.length
    while remaining:
        piece = os.read(descriptor, min(CHUNK_BYTES, remaining))
        remaining -= len(piece)
        if not piece or not _is_still(descriptor, expected):
            raise FileChangedError("the file changed while it was sent")
        yield piece


def _judge(opened: OpenFile, wanted: Wanted) -> Found:
    """Decide what the answer will be: first the conditions, then the ranges (section 13.2.2)."""
    facts = FileFacts.of(opened.status)
    etag = facts.etag(opened.variant) if wanted.etag is None else wanted.etag
    found = Found(200, facts, etag, opened.headers, (Part(0, facts.size),))
    if wanted.conditions is not None:
        found.status = wanted.conditions.status(etag, facts.modified)
    if found.status != 200 or wanted.ranges is None:
        return found
    try:
        parts = wanted.ranges.parts(facts.size, etag, facts.modified)
    except UnsatisfiableRangeError:
        found.status = 416
        return found
    if parts is not None:
        found.status = 206
        found.parts = found.segments = parts
        if len(parts) > 1:
            found.boundary = secrets.token_hex(12)
            found.segments = _framed(parts, facts.size, wanted.content_type, found.boundary)
    return found


def _framed(
    parts: tuple[Part, ...], size: int, content_type: str, boundary: str
) -> tuple[bytes | Part, ...]:
    """Put the heads of `multipart/byteranges` between parts (RFC 9110, section 14.6)."""
    segments: list[bytes | Part] = []
    lead = ""
    for part in parts:
        head = (
            f"{lead}--{boundary}\r\n"
            f"Content-Type: {content_type}\r\n"
            f"Content-Range: bytes {part.start}-{part.stop - 1}/{size}\r\n\r\n"
        )
        segments += [head.encode("latin-1"), part]
        lead = "\r\n"
    segments.append(f"\r\n--{boundary}--\r\n".encode("ascii"))
    return tuple(segments)


def _is_still(descriptor: int, facts: FileFacts) -> bool:
    return FileFacts.of(os.fstat(descriptor)) == facts


def _read_whole(descriptor: int, segments: tuple[bytes | Part, ...]) -> bytes:
    """Read a small content, or less if the file ends before."""
    if len(segments) == 1 and isinstance(segments[0], Part):
        return _read_part(descriptor, segments[0])
    return b"".join(
        segment if isinstance(segment, bytes) else _read_part(descriptor, segment)
        for segment in segments
    )


def _read_part(descriptor: int, part: Part) -> bytes:
    """Read a part, or less if the file ends before."""
    os.lseek(descriptor, part.start, os.SEEK_SET)
    body = os.read(descriptor, part.length)
    while len(body) < part.length:
        more = os.read(descriptor, part.length - len(body))
        if not more:
            break
        body += more
    return body
