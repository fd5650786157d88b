"""Which file answers a request: the plain one, or a sibling that was compressed beforehand."""

from __future__ import annotations

import os

from flasgo import HTTPException
from flasgo.plugin import OpenFile, acceptable_encodings, media_type

from flasgo_static.fingerprints import Fingerprints, plain_name
from flasgo_static.folder import StaticFolder

__all__ = ["IMMUTABLE", "Representations", "is_compressible"]

IMMUTABLE = "public, max-age=31536000, immutable"
"""For URLs that hold the hash of the content: they never mean anything else (RFC 8246)."""
_OUTDATED = "public, no-cache"

# The endings of siblings by content coding, the smallest first.
_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}
_CODINGS = tuple(_ENDINGS)
# Kinds of files that are compressed already, so they have no smaller sibling.
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
        expected = None
        plain = self._folder.open(filename)
        if plain is None:
            filename, expected, plain = self._open_fingerprinted(filename)
        try:
            headers: dict[str, str] = {}
            if expected is not None:
                # The page that asks may be older than the file: it gets what there is now.
                is_current = self._fingerprints.hash_of(filename, plain) == expected
                headers["cache-control"] = IMMUTABLE if is_current else _OUTDATED
            chosen = plain
            if is_compressible(media_type(filename)):
                headers["vary"] = "Accept-Encoding"
                chosen = self._preferred(filename, plain, accept_encoding)
        except BaseException:
            os.close(plain.descriptor)
            raise
        if chosen is not plain:
            os.close(plain.descriptor)
            headers["content-encoding"] = chosen.variant
        return chosen._replace(headers=headers)

    def _open_fingerprinted(self, filename: str) -> tuple[str, str, OpenFile]:
        """Open the file that a name with a hash stands for; return its name and that hash too."""
        split = plain_name(filename)
        opened = None if split is None else self._folder.open(split[0])
        if split is None or opened is None:
            raise HTTPException(404, "No file is at this address; check the path.")
        return *split, opened

    def _preferred(self, filename: str, plain: OpenFile, accept_encoding: str | None) -> OpenFile:
        """Return the plain file, or a sibling, newly opened, that the client likes better."""
        for coding in acceptable_encodings(accept_encoding, _CODINGS):
            if coding == "identity":
                return plain
            sibling = self._folder.open(filename + _ENDINGS[coding])
            if sibling is None:
                continue
            # One that is older than the file was made from another version of it.
            if sibling.status.st_mtime_ns >= plain.status.st_mtime_ns:
                return sibling._replace(variant=coding)
            os.close(sibling.descriptor)
        raise HTTPException(
            406,
            "There is no representation of this file with a content coding that you accept; "
            "do not refuse identity in Accept-Encoding.",
            headers={"vary": "Accept-Encoding"},
        )
