"""Files as answers: in parts, conditionally, and never blocking the event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Self, Unpack

from flasgo.asgi import Send
from flasgo.errors import HTTPException
from flasgo.http.conditional import Preconditions, http_date
from flasgo.http.filenames import content_disposition
from flasgo.http.headers import RawHeader
from flasgo.http.media_types import media_type
from flasgo.http.ranges import RangeRequest
from flasgo.kernel.background import Background
from flasgo.kernel.context import active_request
from flasgo.lazy_import import lazy_import
from flasgo.responses.files import (
    FileChangedError,
    FileFacts,
    Found,
    Opener,
    RecentFacts,
    Wanted,
    find,
    open_path,
    read,
)
from flasgo.responses.response import HeadersLike, Response, ResponseAliases, StreamingResponse
from flasgo.responses.streaming import Closed, producer
from flasgo.responses.validators import changed_since

if TYPE_CHECKING:
    import asyncio

    from flasgo.requests.connection import Connection
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["FileResponse"]

_ACCEPT_RANGES = (b"accept-ranges", b"bytes")


class FileResponse(StreamingResponse):
    """A response whose body is a file.

    The file is opened in a worker thread once the handler has returned; a large one is sent in
    pieces. `Range` with `If-Range`, `If-None-Match`, `If-Modified-Since`, `If-Match` and
    `If-Unmodified-Since` are answered as RFC 9110 has it: 206, 304, 412, 416.

    ```python
    @app.get("/invoices/<int:number>")
    async def invoice(number: int) -> FileResponse:
        return FileResponse(f"/srv/invoices/{number}.pdf", filename=f"invoice {number}.pdf")
    ```

    SECURITY: the path is the app's word. Where clients choose the name, serve a folder instead, as
    the static plugin does: it never leaves that folder (CWE-22).

    Args:
        path: The file; a relative path is relative to the working directory.
        status_code: The status; ranges and conditions are for 200 only.
        headers: Response headers; an `ETag` or `Last-Modified` of your own takes the place of the
            file's.
        content_type: The media type; by the extension when left out.
        filename: The name under which browsers save the file. It is sanitised.
        attachment: Whether browsers save the file instead of showing it; None saves it when there
            is a `filename`.
        max_age: Seconds that clients may keep the file without asking; None says `private,
            no-cache`, so that they keep it but ask each time.
        background: What is to be called after the response: `BackgroundTasks`, or a function, such
            as `path.unlink` of a file that was made for it.
        aliases: The same by the names of other frameworks; see `ResponseAliases`.

    Raises:
        ValueError: When status or headers are not allowed.
    """

    _prepared = False
    # Set for files that are sent in pieces.
    _source: AsyncIterator[object] | None = None
    _opener: Opener
    _recent: RecentFacts | None = None
    _key: Hashable = None

    def __init__(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: HeadersLike | None = None,
        content_type: str | None = None,
        *,
        filename: str | None = None,
        attachment: bool | None = None,
        max_age: int | None = None,
        background: Background | None = None,
        **aliases: Unpack[ResponseAliases],
    ) -> None:
        location = os.fspath(path)
        Response.__init__(self, None, status_code, headers, content_type, background, **aliases)
        self.headers.setdefault("content-type", media_type(location))
        self._opener = partial(open_path, location)
        if attachment and filename is None:
            filename = os.path.basename(location)  # noqa: PTH119 - a name, nothing is opened
        if filename is not None or attachment is not None:
            saved = attachment is None or attachment
            self.headers["content-disposition"] = content_disposition(filename, attachment=saved)
        if max_age is not None:
            self.headers["cache-control"] = f"private, max-age={_seconds(max_age)}"
        else:
            self.headers.setdefault("cache-control", "private, no-cache")

    @classmethod
    def opened_by(
        cls,
        opener: Opener,
        headers: Iterable[RawHeader],
        recent: RecentFacts | None = None,
        key: Hashable = None,
    ) -> Self:
        """Return a response for a file that is found in a way of its own.

        For plugins: what the opener raises, such as an HTTPException, is the answer.

        Args:
            opener: Opens the file; called in a worker thread.
            headers: Response headers, `Content-Type` among them, as `encode_header` made them;
                those that the opener gives replace them.
            recent: What is known of the files of this opener.
            key: What this one is known by there.
        """
        self = cls.__new__(cls)
        self._status = 200
        self._body = b""
        self._raw = [*headers]
        self._opener = opener
        self._recent = recent
        self._key = key
        return self

    @property
    def body(self) -> bytes:
        """Empty until the file has been read, and for files that are sent in pieces."""
        return self._body

    @body.setter
    def body(self, content: str | bytes) -> None:
        raise TypeError("A FileResponse has no body to replace; return another Response.")

    def make_conditional(self, request: Connection) -> Self:
        """Return this response as it is: files are conditional without being asked."""
        return self

    async def _prepare(self, request: Connection) -> None:
        """Open the file and judge the request's conditions; called by the dispatcher.

        Args:
            request: The request.

        Raises:
            HTTPException: 412 or 416 as the request's conditions have it, 503 when the file is
                written faster than it can be read.
            OSError: When there is no such file, or it cannot be read.
        """
        if self._prepared:
            return
        self._prepared = True
        method = request.scope.get("method", "GET")
        wanted = Wanted(
            body=method != "HEAD", content_type=self.content_type, etag=self.headers.get("etag")
        )
        if self._status == 200 and method in ("GET", "HEAD"):
            wanted = wanted._replace(
                conditions=Preconditions.of(request.scope["headers"]),
                # RFC 9110, section 14.2: a server ignores Range with other methods than GET.
                ranges=RangeRequest.of(request.headers) if method == "GET" else None,
            )
        recent = self._recent
        if recent is not None and wanted.conditions is not None and wanted.etag is None:
            known = recent.not_modified(self._key, wanted.conditions)
            if known is not None:
                self._take(known)
                return
        # The thread gets no copy of the context: nothing in it looks at the request.
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(None, find, self._opener, wanted)
        except FileChangedError as error:
            raise HTTPException(
                503, "The file is being written; try again.", headers={"retry-after": "1"}
            ) from error
        if recent is not None and wanted.etag is None:
            recent.keep(self._key, found)
        self._take(found)

    def _take(self, found: Found) -> None:
        """Describe what was found in the headers, or raise the error that it stands for."""
        if found.status == 412:
            raise changed_since()
        if found.status == 416:
            raise _unsatisfiable(found.facts)
        headers = self.headers
        for name, value in found.headers.items():
            headers[name] = value
        headers.setdefault("etag", found.etag)
        if "last-modified" not in headers:
            self._raw.append((b"last-modified", http_date(found.facts.modified).encode("ascii")))
        if found.status == 304:
            self._become_not_modified()
            return
        if self._status == 200 and "accept-ranges" not in headers:
            self._raw.append(_ACCEPT_RANGES)
        if found.status == 206:
            self._status = 206
            self._describe_parts(found)
        headers["content-length"] = str(found.length)
        if found.handle is None:
            self._body = found.body or b""
        else:
            self._source = producer(
                read(found.handle, found.facts, found.segments), keeps_thread=False
            )

    def _describe_parts(self, found: Found) -> None:
        if found.boundary:
            self.content_type = f"multipart/byteranges; boundary={found.boundary}"
        else:
            part = found.parts[0]
            content_range = f"bytes {part.start}-{part.stop - 1}/{found.facts.size}"
            self.headers["content-range"] = content_range

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Send the response as `StreamingResponse` does.

        Raises:
            FileChangedError: When the file changes in place while it is sent.
        """
        if not self._prepared:  # a hook made it, after the dispatcher had looked
            await self._prepare(active_request.get())
        if self._source is None:
            send = self._through(send, head_only=head_only)
            await Response._emit(self, send, head_only=head_only)
        else:
            await super()._emit(send, head_only=head_only, closed=closed)


def _seconds(max_age: int) -> int:
    if isinstance(max_age, bool) or not isinstance(max_age, int) or max_age < 0:
        raise ValueError(f"max_age is {max_age!r}: it must be a number of seconds, 0 or more.")
    return max_age


def _unsatisfiable(facts: FileFacts) -> HTTPException:
    return HTTPException(
        416,
        f"The file has {facts.size} bytes, and none of them is in the ranges you asked for.",
        headers={"content-range": f"bytes */{facts.size}"},
    )
