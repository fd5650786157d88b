"""Uploaded pictures: what is accepted, and where they are kept."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from flasgo import FileResponse, UploadedFile

__all__ = ["MAX_PICTURE_BYTES", "BadPictureError", "Picture", "Pictures"]

MAX_PICTURE_BYTES = 5 * 1024 * 1024

# What a file begins with says what it is. Its name and the type that the client claims do not.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class BadPictureError(Exception):
    """Raised when an upload is not accepted; the message is for the person who sent it."""


class Picture(NamedTuple):
    """A stored picture.

    Attributes:
        name: The name of its file.
        media_type: What it is.
    """

    name: str
    media_type: str


class Pictures:
    """A folder of pictures, under names that nobody can guess. Every method may block.

    Args:
        folder: The folder; it is made with the first picture.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, upload: UploadedFile) -> Picture:
        """Store an upload.

        Raises:
            BadPictureError: When it is too large, or not a picture.
        """
        if upload.size > MAX_PICTURE_BYTES:
            raise BadPictureError(
                f"The picture has {upload.size / 1024 / 1024:.1f} MB; "
                f"up to {MAX_PICTURE_BYTES // 1024 // 1024} MB are accepted."
            )
        content = upload.file.read()
        media_type = _media_type(content)
        if media_type is None:
            raise BadPictureError("This is not a PNG, JPEG, GIF or WebP picture.")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(16)
        (self._folder / name).write_bytes(content)
        return Picture(name, media_type)

    def forget(self, picture: Picture) -> None:
        """Delete a picture, if it is there."""
        with suppress(FileNotFoundError):
            (self._folder / picture.name).unlink()

    def response(self, picture: Picture) -> FileResponse:
        """Return the answer that shows a picture, and lets it do nothing but be shown."""
        return FileResponse(
            self._folder / picture.name,
            content_type=picture.media_type,
            headers={
                # The security plugin adds `X-Content-Type-Options: nosniff`.
                "content-security-policy": "default-src 'none'; sandbox",
                "cross-origin-resource-policy": "same-origin",
                "content-disposition": "inline",
            },
            max_age=3600,
        )


def _media_type(content: bytes) -> str | None:
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return "image/webp" if is_webp else None
