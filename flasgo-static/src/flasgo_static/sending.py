"""`send_file` and `send_from_directory`: files as answers, with Flask's arguments."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypedDict, Unpack

from flasgo import FileResponse, HTTPException, Response, StreamingResponse
from flasgo.plugin import OpenFile, encode_header, media_type

from flasgo_static.folder import StaticFolder
from flasgo_static.location import caller_directory, locate_folder

__all__ = ["SendOptions", "send_file", "send_from_directory"]

_PIECE = 65_536

MaxAge = int | Callable[[str | None], int | None] | None


class SendOptions(TypedDict, total=False):
    """How a file is sent.

    Attributes:
        mimetype: The media type; by the extension of the name when left out.
        as_attachment: Whether browsers save the file instead of showing it.
        download_name: The name under which it is saved; the file's own when left out.
        etag: An `ETag` of your own, without quotes; True, the default, takes the file's.
        last_modified: When it was changed: a datetime, or seconds since 1970; the file's own when
            left out.
        max_age: Seconds that clients may keep the file without asking, or a function of its path
            that returns them; None has them ask each time.
    """

    mimetype: str | None
    as_attachment: bool
    download_name: str | None
    etag: str | bool
    last_modified: datetime | float | None
    max_age: MaxAge


def send_file(
    path_or_file: str | os.PathLike[str] | BinaryIO, **options: Unpack[SendOptions]
) -> Response:
    """Return a file as a response.

    SECURITY: the path is the app's word. Where clients choose the name, use
    `send_from_directory`, which never leaves its directory (CWE-22).

    Args:
        path_or_file: A path, or a file opened in binary mode, which is read from where it stands
            and closed. A relative path is looked for next to the file that calls this, then in
            the working directory. Files on disk are answered conditionally and in ranges.
        options: See `SendOptions`.

    Raises:
        ValueError: When the file is opened in text mode, or its media type cannot be told.
    """
    if isinstance(path_or_file, str | os.PathLike):
        return _described(_located(Path(path_or_file)), options)
    return _from_stream(path_or_file, options)


def send_from_directory(
    directory: str | os.PathLike[str],
    path: str | os.PathLike[str],
    **options: Unpack[SendOptions],
) -> Response:
    """Return a file below a directory as a response; 404 where there is none that may be served.

    SECURITY: neither `..` nor a link leads out of the directory, and hidden files are not served
    (CWE-22, CWE-59).

    Args:
        directory: The directory, found as that of `app.configure_static`.
        path: The file's path in it, as a client may have sent it.
        options: See `SendOptions`.

    Raises:
        ConfigurationError: When the directory is not a path.
    """
    folder = StaticFolder(locate_folder(directory, caller_directory()))
    name = os.fspath(path)
    headers = [encode_header(*pair) for pair in _described(Path(name), options).headers.items()]
    return FileResponse.opened_by(partial(_open, folder, name), headers)


def _open(folder: StaticFolder, name: str) -> OpenFile:
    found = folder.open(name)
    if found is None:
        raise HTTPException(404, "No file is at this address; check the path.")
    return found


def _located(path: Path) -> Path:
    base = None if path.is_absolute() else caller_directory()
    return path if base is None or not (base / path).exists() else base / path


def _described(path: Path, options: SendOptions) -> FileResponse:
    return FileResponse(
        path,
        headers=_headers(options),
        content_type=options.get("mimetype"),
        filename=options.get("download_name"),
        attachment=options.get("as_attachment", False) or None,
        max_age=_max_age(os.fspath(path), options),
    )


def _from_stream(file: BinaryIO, options: SendOptions) -> Response:
    if isinstance(file, io.TextIOBase):
        raise ValueError("send_file was given a text file; open it in binary mode, or use BytesIO.")
    name = options.get("download_name")
    if options.get("as_attachment") and name is None:
        raise ValueError("send_file(file, as_attachment=True) needs download_name=, too.")
    kind = options.get("mimetype") or (None if name is None else media_type(name))
    if kind is None:
        raise ValueError(
            "send_file cannot tell the media type of a file without a name; give mimetype= or "
            "download_name=."
        )
    # The headers are those of a file of this name; it is never opened.
    described = _described(Path(name or "download"), {**options, "mimetype": kind})
    headers = list(described.headers.items())
    if isinstance(file, io.BytesIO):
        with file:
            return Response(file.read(), headers=headers)
    return StreamingResponse(_pieces(file), headers=headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _headers(options: SendOptions) -> dict[str, str]:
    headers: dict[str, str] = {}
    etag, changed = options.get("etag", True), options.get("last_modified")
    if isinstance(etag, str):
        headers["etag"] = f'"{etag}"'
    if changed is not None:
        if not isinstance(changed, datetime):
            changed = datetime.fromtimestamp(changed, UTC)
        elif changed.tzinfo is None:
            changed = changed.replace(tzinfo=UTC)
        from email.utils import format_datetime  # PERF: only here

        headers["last-modified"] = format_datetime(changed.astimezone(UTC), usegmt=True)
    return headers


def _max_age(path: str, options: SendOptions) -> int | None:
    given = options.get("max_age")
    return given if given is None or isinstance(given, int) else given(path)
