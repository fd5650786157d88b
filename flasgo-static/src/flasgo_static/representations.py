"""Which file answers a request: the plain one, or a sibling that was compressed beforehand."""

from __future__ import annotations

import os

from flasgo import HTTPException
from flasgo.files import OpenFile
from flasgo.media_types import media_type
from flasgo.negotiation import acceptable_encodings

from .fingerprints import Fingerprints, plain_name
from .folder import StaticFolder

__all__ = ["IMMUTABLE", "Representations", "is_compressible"]

IMMUTABLE = "public, max-age=31536000, immutable"
"""For URLs that hold the hash of the content: they never mean anything else (RFC 8246)."""

# The endings of siblings by content coding, the smallest first.
_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
_CODINGS = tuple(_ENDINGS)
# Kinds of files that are compressed already; nobody puts a smaller sibling next to them.
_COMPRESSED = ("image/", "audio/", "video/", "font/woff", "application/zip", "application/gzip")
_COMPRESSED_ALL_THE_SAME = frozenset({"application/zstd", "application/x-7z-compressed"})
_NOT_COMPRESSED = frozenset({"image/svg+xml", "image/bmp", "image/x-icon", "audio/wav"})


def is_compressible(content_type: str) -> bool:
    """Tell whether files of this type may have compressed siblings."""
    kind = content_type.partition(";")[0]
    if kind in _NOT_COMPRESSED:
        return True
    return not kind.startswith(_COMPRESSED) and kind not in _COMPRESSED_ALL_THE_SAME


class Representations:
    """Finds what to send for a name in a URL. Its methods block: call them in worker threads.

    Args:
        folder: The folder that is served.
        fingerprints: The hashes of its files.
    """

    def __init__(self, folder: StaticFolder, fingerprints: Fingerprints) -> None:
        self._folder = folder
        self._fingerprints = fingerprints

    def open(self, filename: str, accept_encoding: str | None) -> OpenFile:
        """Open the representation that a client likes best.

        Args:
            filename: What follows the folder's own URL, percent-decoded once.
            accept_encoding: The client's `Accept-Encoding`, or None.

        Raises:
            HTTPException: 404 if there is nothing to serve, 406 if the client takes no coding
                that there is.
        """
        headers: dict[str, str] = {}
        opened = self._folder.open(filename)
        if opened is None:
            filename, opened = self._open_fingerprinted(filename, headers)
        if not is_compressible(media_type(filename)):
            return opened._replace(headers=headers)
        headers["vary"] = "Accept-Encoding"
        return self._open_encoded(filename, opened, accept_encoding, headers)

    def _open_fingerprinted(self, filename: str, headers: dict[str, str]) -> tuple[str, OpenFile]:
        """Open the file that a name with a hash stands for."""
        split = plain_name(filename)
        opened = None if split is None else self._folder.open(split[0])
        if split is None or opened is None:
            raise HTTPException(404, "No file is at this address; check the path.")
        # The page that asks may be older than the file: it gets what there is, not to be kept.
        is_current = self._fingerprints.hash_of(split[0], opened) == split[1]
        headers["cache-control"] = IMMUTABLE if is_current else "public, no-cache"
        return split[0], opened

    def _open_encoded(
        self,
        filename: str,
        plain: OpenFile,
        accept_encoding: str | None,
        headers: dict[str, str],
    ) -> OpenFile:
        for coding in acceptable_encodings(accept_encoding, _CODINGS):
            if coding == "identity":
                return plain._replace(headers=headers)
            sibling = self._folder.open(filename + _ENDINGS[coding])
            if sibling is None:
                continue
            # One that is older than the file was made from another version of it.
            if sibling.status.st_mtime_ns >= plain.status.st_mtime_ns:
                os.close(plain.descriptor)
                headers["content-encoding"] = coding
                return sibling._replace(headers=headers, variant=coding)
            os.close(sibling.descriptor)
        os.close(plain.descriptor)
        raise HTTPException(
            406,
            "There is no representation of this file with a content coding that you accept; "
            "do not refuse identity in Accept-Encoding.",
            headers={"vary": "Accept-Encoding"},
        )
