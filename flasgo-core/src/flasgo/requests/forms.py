"""Submitted forms: fields and uploaded files, within limits."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from functools import cache, lru_cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from flasgo.errors import HTTPException, printable
from flasgo.http.charsets import codec_of
from flasgo.http.filenames import sanitize_filename, sent_filename
from flasgo.http.multidict import MultiDict
from flasgo.http.urlencoded import TooManyFieldsError, parse_urlencoded
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio

    from multipart import MultipartSegment, PushMultipartParser

    from flasgo.requests.request import Request
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = [
    "PEEKED_BYTES",
    "FormData",
    "UploadedFile",
    "field_in",
    "read_form",
    "sanitize_filename",
]

PEEKED_BYTES = 64 * 1024
"""How much of a multipart body is looked through for one field."""

_logger = logging.getLogger("flasgo.app")
# How often a folder for temporary files that is full is reported.
_REPORT_SECONDS = 600

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_COPY_BYTES = 256 * 1024
# What goes to disk in one piece: each piece costs a trip to a worker thread.
_FLUSH_BYTES = 512 * 1024
# So many fields of the largest size may be in memory at once, however large bodies may be.
_LARGEST_FIELDS = 16
# URL-encoding makes three bytes of one.
_ESCAPED = 3
# RFC 2046, section 5.1.1 allows 70 characters; some clients use more, none uses controls.
_BOUNDARY = re.compile(r"[ -~]{0,199}[!-~]")
_QUOTED = re.compile('"[^"]*"')
# What browsers send; they leave backslashes as they are (WHATWG HTML, multipart/form-data).
_PLAIN_DISPOSITION = re.compile('form-data; name="[^"]*"(?:; filename="[^"]*")?')
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
# SECURITY: every repetition is possessive, so a hostile header costs linear time (CWE-1333).
_PARAMETER = re.compile(rf' *+; *+(?:({_WORD}) *+= *+(?:{_WORD}|"(?:[^"\\]|\\.)*+") *+)?')
_EXTENDED_NAME = re.compile(r";[ \t]*filename\*[ \t]*=([^;]*)", re.IGNORECASE)


class UploadedFile:
    """A file that came with a form.

    It is kept in memory as long as the files of its form have at most `MAX_UPLOAD_MEMORY_BYTES`
    together, else on disk, and closed when the request is over: read or save it before.

    Args:
        file: An open binary file with the content, at its beginning; for code that cannot await.
        filename: The name the client gave, already sanitised.
        content_type: The media type the client claims.
        size: The number of bytes.
        in_memory: Whether reading never touches the disk.
        charset: The charset that the client claims for text, or None.
    """

    __slots__ = ("_lock", "charset", "content_type", "file", "filename", "in_memory", "size")

    def __init__(
        self,
        file: IO[bytes],
        *,
        filename: str,
        content_type: str,
        size: int,
        in_memory: bool,
        charset: str | None = None,
    ) -> None:
        self.charset = charset
        self.file = file
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self.in_memory = in_memory
        # Two tasks may read at once, in two threads, from a file with one position.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r}, {self.content_type}, {self.size} bytes>"

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __getattr__ has every attribute.
        def __getattr__(self, name: str) -> NoReturn:
            from flasgo.advice.names_elsewhere import no_attribute

            raise AttributeError(no_attribute("upload", self, name), name=name)

    def _check_open(self) -> None:
        if self.file.closed:
            raise RuntimeError(
                f"Upload {self.filename!r} was closed with its request; read or save it before the "
                "handler returns."
            )

    def _read_at(self, position: int, size: int = -1) -> bytes:
        with self._lock:
            self.file.seek(position)
            return self.file.read(size)

    def _copy_to(self, path: Path) -> None:
        from shutil import copyfileobj

        with self._lock, path.open("wb") as target:
            self.file.seek(0)
            copyfileobj(self.file, target, _COPY_BYTES)

    async def read(self) -> bytes:
        """Return the whole content, every time from its beginning."""
        self._check_open()
        return self._read_at(0) if self.in_memory else await asyncio.to_thread(self._read_at, 0)

    async def text(self, encoding: str | None = None) -> str:
        """Return the whole content as text.

        Args:
            encoding: How the text is encoded; None is the charset that came with it, else UTF-8.

        Raises:
            HTTPException: 400 when the content is not text in that encoding, 415 when the charset
                that came with it is not supported.
        """
        encoding = encoding or codec_of(self.charset)
        content = await self.read()
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            raise HTTPException(
                400, f"The uploaded file is not {encoding} text; send it in that encoding."
            ) from None

    async def chunks(self, size: int = _COPY_BYTES) -> AsyncIterator[bytes]:
        """Yield the content in pieces, from its beginning.

        Args:
            size: How many bytes a piece has at most.
        """
        self._check_open()
        position = 0
        while position < self.size:
            if self.in_memory:
                chunk = self._read_at(position, size)
            else:
                chunk = await asyncio.to_thread(self._read_at, position, size)
            if not chunk:
                return
            position += len(chunk)
            yield chunk

    async def save(self, path: str | PathLike[str]) -> None:
        """Write the content to a file, replacing what is there.

        Args:
            path: Where to. Do not build it from `filename` alone: two clients may choose the same.
        """
        self._check_open()
        await asyncio.to_thread(self._copy_to, Path(path))

    def close(self) -> None:
        """Give the memory or the disk space back."""
        with suppress(OSError):  # what a full disk did not take; it is given up
            self.file.close()


class FormData(MultiDict):
    """The fields of a form as a mapping of text, and its files.

    Args:
        fields: Names and texts in the order received.
        files: Names and files in the order received.
    """

    __slots__ = ("_files",)

    def __init__(
        self,
        fields: Iterable[tuple[str, str]] = (),
        files: Iterable[tuple[str, UploadedFile]] = (),
    ) -> None:
        super().__init__(fields, kind="form field")
        self._files = list(files)

    def file(self, name: str) -> UploadedFile | None:
        """Return the first file sent under `name`, or None."""
        return next((file for key, file in self._files if key == name), None)

    def filelist(self, name: str) -> list[UploadedFile]:
        """Return all files sent under `name`, or an empty list."""
        return [file for key, file in self._files if key == name]

    @property
    def files(self) -> list[tuple[str, UploadedFile]]:
        """All names and files in the order received."""
        return list(self._files)

    def close(self) -> None:
        """Close all files."""
        for _, file in self._files:
            file.close()


async def read_form(request: Request) -> FormData:
    """Read the body of a request as a form.

    Args:
        request: The request; multipart bodies are streamed, others are read whole.

    Raises:
        HTTPException: 415 when the body is not a form, 413 when a limit is exceeded, 400 when the
            form is malformed.
    """
    kind = request.content_type
    if kind == _MULTIPART:
        return await _read_multipart(request)
    if kind == _URLENCODED:
        return _parse_urlencoded_form(request, await _bounded_body(request))
    if not kind and not await request.body():
        return FormData()
    found = f"not {printable(kind)!r}" if kind else "and this one has no Content-Type"
    raise HTTPException(
        415,
        f"This request takes a form, {found}; send `Content-Type: {_URLENCODED}` or "
        f"`Content-Type: {_MULTIPART}; boundary=...`.",
    )


async def _bounded_body(request: Request) -> bytes:
    """Read the whole body, which may be larger for uploads than is good for memory (CWE-770)."""
    if request._body is None:
        settings = request.app.settings
        chunks: list[bytes] = []
        received = 0
        async for chunk in request._pieces("form()"):
            received += len(chunk)
            limit = _LARGEST_FIELDS * _ESCAPED * settings.MAX_FORM_FIELD_BYTES
            if received > limit:
                raise _fields_too_large(limit)
            chunks.append(chunk)
        request._body = b"".join(chunks)
    return request._body


def _parse_urlencoded_form(request: Request, body: bytes) -> FormData:
    settings = request.app.settings
    try:
        pairs = parse_urlencoded(body, settings.MAX_FORM_FIELDS, errors="strict")
    except TooManyFieldsError:
        raise _too_many("fields", settings.MAX_FORM_FIELDS) from None
    except UnicodeDecodeError:
        raise HTTPException(400, "The form is not UTF-8; encode it in UTF-8.") from None
    except ValueError as error:
        raise HTTPException(400, f"The form has {error}; send %25 for a percent sign.") from None
    limit = settings.MAX_FORM_FIELD_BYTES
    if len(body) > limit:  # only then can a field be too large
        for name, value in pairs:
            if len(name.encode()) > limit or len(value.encode()) > limit:
                raise _field_too_large(limit)
    return FormData(pairs)


async def _read_multipart(request: Request) -> FormData:
    from multipart import MultipartError

    parser = _make_parser(request)
    collector = _Collector(request, parser)
    try:
        async for chunk in request._pieces("form()"):
            await collector.feed(chunk)
        return collector.finish()
    except MultipartError as error:
        collector.discard()
        raise _multipart_problem(error) from None
    except BaseException:
        collector.discard()
        raise


def field_in(request: Request, beginning: bytes, name: str) -> str | None:
    """Return a text field of a multipart form that is complete in the beginning of its body.

    Args:
        request: The request.
        beginning: The first bytes of the body.
        name: The field's name.

    Returns:
        Its text; None when it is not there, or the form is malformed.
    """
    from multipart import MultipartError, MultipartSegment

    found: list[bytes] | None = None
    try:
        for event in _make_parser(request).parse(beginning):
            if isinstance(event, MultipartSegment):
                found = [] if event.name == name and event.filename is None else None
            elif event is None and found is not None:
                return b"".join(found).decode()
            elif event and found is not None:
                found.append(bytes(event))
    # What is wrong with the form is for `form` to say.
    except (MultipartError, HTTPException, UnicodeDecodeError):
        return None
    return None


@cache
def _parser_class() -> type[PushMultipartParser]:
    from multipart import ParserError, PushMultipartParser  # only where there is a form

    class Parser(PushMultipartParser):
        """Refuses bare line breaks in headers, which the base class sees in some packets only."""

        def _on_segment_headerline(self, line: bytes) -> None:
            if b"\n" in line or b"\r" in line:
                raise ParserError("Invalid line break in segment header")
            super()._on_segment_headerline(line)

    return Parser


def _make_parser(request: Request) -> PushMultipartParser:
    from multipart import parse_options_header

    raw = (request.raw_header(b"content-type") or b"").decode("latin-1")
    boundary = parse_options_header(raw)[1].get("boundary", "")
    if not boundary:
        raise HTTPException(
            400,
            "The multipart form has no boundary; send `Content-Type: multipart/form-data; "
            "boundary=...` with the boundary that separates the parts.",
        )
    if _BOUNDARY.fullmatch(boundary) is None:
        raise HTTPException(
            400, "The boundary of the multipart form is not 1 to 200 printable ASCII characters."
        )
    if not _has_clear_parameters(raw):
        raise HTTPException(
            400,
            "The Content-Type of the multipart form is malformed; send `multipart/form-data; "
            "boundary=...` with one boundary, in quotes where it is not a token.",
        )
    settings = request.app.settings
    return _parser_class()(
        boundary,
        max_header_size=settings.MAX_FORM_HEADER_BYTES,
        max_header_count=8,
        max_segment_count=settings.MAX_FORM_FIELDS + settings.MAX_FORM_FILES,
        strict=True,
    )


def _has_clear_parameters(value: str) -> bool:
    """Whether a header's parameters are well formed, each with another name.

    SECURITY: what reads the form in front of the app may take the other one of two, or see a file
    where the parser sees a field (RFC 9110, section 5.6.6).
    """
    names: set[str] = set()
    at = len(value.partition(";")[0])
    while at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None:
            return False
        at = match.end()
        if match[1] is not None:
            name = match[1].lower()
            if name in names:
                return False
            names.add(name)
    return True


def _multipart_problem(error: Exception) -> HTTPException:
    from multipart import ParserLimitReached

    if isinstance(error, ParserLimitReached):
        return HTTPException(
            413, f"The multipart form exceeds a limit ({error}); send fewer or smaller parts."
        )
    reason = error.args[0] if error.args else "for no stated reason"
    return HTTPException(
        400,
        f"The multipart form is malformed ({reason}); send parts that each have a "
        '`Content-Disposition: form-data; name="..."` header, separated by the boundary and ended '
        "by `--boundary--`.",
    )


class _Collector:
    """Takes the parser's events and builds the form from them."""

    def __init__(self, request: Request, parser: PushMultipartParser) -> None:
        settings = request.app.settings
        self._parser = parser
        self._max_fields: int = settings.MAX_FORM_FIELDS
        self._max_files: int = settings.MAX_FORM_FILES
        self._max_field_bytes: int = settings.MAX_FORM_FIELD_BYTES
        self._max_header_bytes: int = settings.MAX_FORM_HEADER_BYTES
        self._memory: int = settings.MAX_UPLOAD_MEMORY_BYTES
        self._fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, UploadedFile]] = []
        self._file_count = 0
        self._name = ""
        self._codec = "utf-8"
        self._upload: _Upload | None = None
        self._text = bytearray()
        self._room = _LARGEST_FIELDS * self._max_field_bytes
        self._delimiter = b"\r\n--" + parser.boundary
        self._head = b""
        self._begun = b""
        self._complete = False

    async def feed(self, chunk: bytes) -> None:
        """Parse one chunk; what follows the last boundary is ignored (RFC 2046, 5.1.1)."""
        from multipart import MultipartError, MultipartSegment

        if self._complete:
            return
        if len(self._head) < len(self._delimiter):
            self._check_beginning(chunk)
        try:
            for event in self._parser.parse(chunk):
                if event is None:
                    await self._end_part()
                elif isinstance(event, MultipartSegment):
                    self._begin_part(event)
                else:
                    if len(self._begun) < len(self._delimiter):
                        self._check_content(event)
                    if self._upload is not None:
                        await self._upload.write(event)
                    else:
                        self._add_text(event)
        except MultipartError as error:
            # In strict mode data after the last boundary is an error, which would make the answer
            # depend on how the network cut the body. `close` raises unless the end was reached.
            try:
                self._parser.close()
            except MultipartError:
                raise error from None
            self._complete = True

    def finish(self) -> FormData:
        """Return the form, or refuse it when its end is missing."""
        from multipart import MultipartError

        try:
            self._parser.close()
        except MultipartError:
            raise HTTPException(
                400,
                "The multipart form is cut short; send all of it, up to the last boundary with "
                "`--` behind it.",
            ) from None
        return FormData(self._fields, self._files)

    def discard(self) -> None:
        """Close every file so far."""
        if self._upload is not None:
            self._upload.close()
        for _, file in self._files:
            file.close()

    def _check_beginning(self, chunk: bytes) -> None:
        """Refuse text before the first boundary, of which the parser sees only what came with it.

        No client sends any, and the answer must not depend on how the network cut the body.
        """
        self._head += chunk[: len(self._delimiter) - len(self._head)]
        head, boundary = self._head, self._delimiter[2:]
        if not (self._delimiter.startswith(head) or head.startswith(boundary[: len(head)])):
            raise HTTPException(
                400,
                "The multipart form does not begin with its boundary; send the boundary that "
                "Content-Type names, with `--` before it.",
            )

    def _check_content(self, chunk: bytes | bytearray) -> None:
        """Refuse content that begins with the boundary.

        It is a part without content to those who take the line break before it for the boundary's
        (RFC 2046, section 5.1.1), and what follows is another part to them. No client sends it.
        """
        self._begun += chunk[: len(self._delimiter) - len(self._begun)]
        if self._begun.startswith(self._delimiter[2:]):
            raise HTTPException(
                400,
                "A part of the multipart form begins with the boundary; send an empty line before "
                "the boundary, or choose a boundary that is not in the content.",
            )

    def _begin_part(self, segment: MultipartSegment) -> None:
        self._begun = b""
        names = [name.lower() for name, _ in segment.headerlist]
        if len(names) != len(set(names)):
            # SECURITY: what reads the form in front of the app may have taken the other one.
            raise HTTPException(
                400, "A part of the multipart form has a header twice; send each one once."
            )
        if sum(len(name) + len(value) for name, value in segment.headerlist) > (
            self._max_header_bytes
        ):
            raise HTTPException(
                413,
                f"The headers of a part are larger than {self._max_header_bytes} bytes; shorten "
                "its name or file name.",
            )
        disposition = segment.header("Content-Disposition") or ""
        if not (_PLAIN_DISPOSITION.fullmatch(disposition) or _has_clear_parameters(disposition)):
            raise HTTPException(
                400,
                "The Content-Disposition of a part is malformed; send `form-data; "
                'name="..."; filename="..."` with name and file name in quotes, each once.',
            )
        if not segment.name:
            _refuse_nameless()
        self._name = segment.name
        filename = _filename_of(segment)
        if filename is None:
            if len(self._fields) >= self._max_fields:
                raise _too_many("fields", self._max_fields)
            self._codec = codec_of(segment.charset)
            return
        self._file_count += 1
        if self._file_count > self._max_files:
            raise _too_many("files", self._max_files)
        kind = segment.content_type or "application/octet-stream"
        self._upload = _Upload(filename, kind, segment.charset, self._memory)

    def _add_text(self, chunk: bytes) -> None:
        self._text += chunk
        if len(self._text) > self._max_field_bytes:
            raise _field_too_large(self._max_field_bytes)
        self._room -= len(chunk)
        if self._room < 0:
            raise _fields_too_large(_LARGEST_FIELDS * self._max_field_bytes)

    async def _end_part(self) -> None:
        upload = self._upload
        if upload is None:
            try:
                text = self._text.decode(self._codec)
            except UnicodeDecodeError:
                raise HTTPException(
                    400,
                    f"A field of the multipart form is not {self._codec.upper()}; encode it in "
                    "UTF-8.",
                ) from None
            self._fields.append((self._name, text))
            self._text = bytearray()
            return
        if upload.is_blank:
            # What a browser sends for a file input that was left empty.
            upload.close()
        else:
            file = await upload.finish()
            self._files.append((self._name, file))
            if file.in_memory:
                self._memory -= file.size
        self._upload = None


class _Upload:
    """Takes one file in: kept in memory while it is small, else on disk, off the event loop.

    Pieces go into one buffer, because a client that sends two bytes at a time would make a list of
    them many times as large as the file.
    """

    def __init__(self, filename: str, content_type: str, charset: str | None, memory: int) -> None:
        self._claimed = filename
        self._content_type = content_type
        self._charset = charset
        self._memory = memory
        self._size = 0
        self._pending = BytesIO()
        self._disk: IO[bytes] | None = None
        self._closed = False
        # A flush goes on in its thread when the request that waits for it is cancelled.
        self._lock = threading.Lock()

    @property
    def is_blank(self) -> bool:
        """Whether there is neither a name nor content."""
        return not self._claimed and not self._size

    async def write(self, chunk: bytes) -> None:
        """Add to the file."""
        self._size += self._pending.write(chunk)
        if self._size > self._memory and self._pending.tell() >= _FLUSH_BYTES:
            await self._to_disk()

    async def finish(self) -> UploadedFile:
        """Return the complete file."""
        in_memory = self._size <= self._memory
        if in_memory:
            self._pending.seek(0)
        else:
            await self._to_disk(rewind=True)
        return UploadedFile(
            self._pending if in_memory or self._disk is None else self._disk,
            filename=sanitize_filename(self._claimed),
            content_type=self._content_type,
            size=self._size,
            in_memory=in_memory,
            charset=self._charset,
        )

    def close(self) -> None:
        """Give up what was written."""
        with self._lock:
            self._closed = True
            if self._disk is not None:
                with suppress(OSError):  # what a full disk did not take; it is given up
                    self._disk.close()

    async def _to_disk(self, *, rewind: bool = False) -> None:
        try:
            await asyncio.to_thread(self._flush, rewind=rewind)
        except OSError as error:
            _report_full_disk(error.strerror or str(error), int(time.monotonic() / _REPORT_SECONDS))
            raise HTTPException(
                507, "The server has no room for this upload now; send it again later."
            ) from None

    def _flush(self, *, rewind: bool = False) -> None:
        with self._lock:
            if self._closed:
                return
            if self._disk is None:
                from tempfile import TemporaryFile  # PERF: most forms stay in memory

                self._disk = TemporaryFile()  # noqa: SIM115 - closed with the request
            with self._pending.getbuffer() as pending:
                self._disk.write(pending)
            self._disk.flush()  # what does not fit is to fail here
            self._pending = BytesIO()
            if rewind:
                self._disk.seek(0)


@lru_cache(maxsize=1)
def _report_full_disk(reason: str, period: int) -> None:
    """Log once in a while, not once for each upload, that temporary files cannot be written.

    Args:
        reason: What the system says.
        period: The number of the period of time.
    """
    _logger.error(
        "Uploads are answered 507: a temporary file cannot be written (%s). Make room in the "
        "folder for temporary files, or name another one in the environment variable TMPDIR.",
        reason,
    )


def _filename_of(segment: MultipartSegment) -> str | None:
    """Return the file name of a part as the client meant it; None where the part is a field."""
    disposition = segment.header("Content-Disposition") or ""
    if "*" not in disposition:
        return segment.filename
    extended = _EXTENDED_NAME.search(_QUOTED.sub("", disposition))
    try:
        return sent_filename(segment.filename, extended and extended[1].strip())
    except ValueError as error:
        raise HTTPException(
            400, f"The file name of a part is malformed: {error}; send it as filename."
        ) from None


def _refuse_nameless() -> NoReturn:
    raise HTTPException(
        400,
        "A part of the multipart form has no name; give each part a "
        '`Content-Disposition: form-data; name="..."` header.',
    )


def _too_many(what: str, limit: int) -> HTTPException:
    return HTTPException(413, f"The form has more than {limit} {what}; send fewer.")


def _fields_too_large(limit: int) -> HTTPException:
    return HTTPException(
        413,
        f"The fields of the form are larger than {limit} bytes together; send large content as "
        "files.",
    )


def _field_too_large(limit: int) -> HTTPException:
    return HTTPException(
        413, f"A field of the form is larger than {limit} bytes; send large content as a file."
    )
