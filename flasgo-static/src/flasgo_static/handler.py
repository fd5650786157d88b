"""The handler behind the URLs of static files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flasgo import HTTPException, Request, Response, StreamingResponse, attach_policy

from .conditional import Preconditions, http_date
from .files import FileChangedError, Found, Wanted, find, read
from .folder import StaticFolder
from .media_types import media_type
from .policy import StaticFiles
from .ranges import RangeRequest

__all__ = ["StaticHandler", "static_handler"]

StaticHandler = Callable[[Request, str], Awaitable[Response]]


def static_handler(folder: StaticFolder, cache_max_age: int = 3600) -> StaticHandler:
    """Make a handler for a route such as `/downloads/<path:filename>`.

    Args:
        folder: The folder to serve.
        cache_max_age: How long clients may keep a file without asking, in seconds.

    Returns:
        A handler that takes the request and `filename`.
    """
    cache_control = f"public, max-age={cache_max_age}"

    async def static_file(request: Request, filename: str) -> Response:
        wanted = Wanted(
            Preconditions.of(request), RangeRequest.of(request), request.method != "HEAD"
        )
        # The thread gets no copy of the context: nothing in it looks at the request.
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(None, find, folder, filename, wanted)
        except FileChangedError as error:
            raise HTTPException(
                503, "The file is being written; try again.", headers={"retry-after": "1"}
            ) from error
        if found is None:
            raise HTTPException(404, "No file is at this address; check the path.")
        if found.status > 400:
            raise _refusal(found)
        return _response(folder, filename, found, cache_control, wants_body=wanted.body)

    policy = StaticFiles(folder=str(folder.path), cache_max_age=cache_max_age)
    return attach_policy(static_file, policy)


def _response(
    folder: StaticFolder, filename: str, found: Found, cache_control: str, *, wants_body: bool
) -> Response:
    status, facts, part, body = found
    headers = {
        "cache-control": cache_control,
        "etag": facts.etag,
        "last-modified": http_date(facts.modified),
    }
    if status == 304:
        return Response(None, 304, headers)
    headers["accept-ranges"] = "bytes"
    if status == 206:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{facts.size}"
    kind = media_type(filename)
    if body is not None:
        return Response(body, status, headers, kind)
    headers["content-length"] = str(part.length)
    if not wants_body:
        return Response(None, status, headers, kind)
    return StreamingResponse(read(folder, filename, facts, part), status, headers, kind)


def _refusal(found: Found) -> HTTPException:
    """Return the error for a file that is there, but not as the client wants it."""
    if found.status == 412:
        return HTTPException(
            412, "The file has changed; ask again without If-Match and If-Unmodified-Since."
        )
    size = found.facts.size
    return HTTPException(
        416,
        f"The file has {size} bytes, and none of them is in the range you asked for.",
        headers={"content-range": f"bytes */{size}"},
    )
