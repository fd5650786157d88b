"""gzip for clients that take it: whole answers, streams and events."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from flasgo import Connection, Registry, Response, hookimpl
from flasgo.plugin import Plugin, acceptable_encodings

__all__ = ["CompressionPlugin"]

_TYPES = ("text/", "application/json", "application/javascript", "image/svg+xml")


def _squeezing(level: int) -> Callable[[bytes, bool], bytes]:
    squeezer = zlib.compressobj(level, wbits=31)

    def squeeze(piece: bytes, is_last: bool) -> bytes:
        flush = zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH
        return squeezer.compress(piece) + squeezer.flush(flush)

    return squeeze


class CompressionPlugin(Plugin):
    """Compresses text."""

    name = "compression"

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        registry.setting("GZIP_LEVEL", int, default=6, help="From 1, the fastest, to 9.")
        registry.setting("GZIP_MIN_BYTES", int, default=500, help="Smaller answers stay as is.")

    @hookimpl(trylast=True)
    def response_finalize(self, request: Connection, response: Response) -> None:
        # A 304 has no type, and tells what the 200 would (RFC 9110, section 15.4.5).
        if response.status_code != 304 and not response.mimetype.startswith(_TYPES):
            return
        response.headers.add_vary("Accept-Encoding")
        read = request.app.settings.read
        is_small = not response.is_streaming and len(response.body) < read("GZIP_MIN_BYTES", int)
        if is_small and response.status_code != 304:
            return
        codings = acceptable_encodings(request.headers.get("accept-encoding"), ["gzip"])
        if codings and codings[0] == "gzip":
            response.transform(_squeezing(read("GZIP_LEVEL", int)), content_encoding="gzip")
