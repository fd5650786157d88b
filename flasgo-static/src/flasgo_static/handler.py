"""The handler behind the URLs of static files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial

from flasgo import FileResponse, Request, Response, attach_policy
from flasgo.plugin import RecentFacts, encode_header, media_type

from flasgo_static.fingerprints import Fingerprints
from flasgo_static.folder import StaticFolder
from flasgo_static.policy import StaticFiles
from flasgo_static.representations import Representations

__all__ = ["StaticHandler", "static_handler"]

# PERF: checked and encoded once for each media type, of which there are few.
_encoded_type = cache(partial(encode_header, "content-type"))

# A longer name, with what a client accepts, is not remembered.
_LONGEST = 256

StaticHandler = Callable[[Request, str], Awaitable[Response]]


def static_handler(
    folder: StaticFolder, cache_max_age: int = 3600, fingerprints: Fingerprints | None = None
) -> StaticHandler:
    """Make a handler for a route such as `/downloads/<path:filename>`.

    Args:
        folder: The folder to serve.
        cache_max_age: How long clients may keep a file without asking, in seconds.
        fingerprints: The hashes of the folder's files, where somebody else needs them as well.

    Returns:
        A handler that takes the request and `filename`.
    """
    cache_control = encode_header("cache-control", f"public, max-age={cache_max_age}")
    recent = RecentFacts()
    files = Representations(folder, fingerprints or Fingerprints(folder))

    # The prefix of a blueprint may have parameters, which change nothing about its files.
    async def static_file(request: Request, filename: str, **others: object) -> Response:
        accept = None
        if request.raw_header(b"accept-encoding") is not None:
            accept = ",".join(request.headers.getlist("accept-encoding"))
        opener = partial(files.open, filename, accept)
        return FileResponse.opened_by(
            opener,
            (_encoded_type(media_type(filename)), cache_control),
            # With DEBUG on, files are being edited: each request looks at its file.
            None if request.app.debug or len(filename) + len(accept or "") > _LONGEST else recent,
            (filename, accept),
        )

    policy = StaticFiles(folder=str(folder.path), cache_max_age=cache_max_age)
    return attach_policy(static_file, policy)
