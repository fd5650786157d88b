"""The media type of a file, by its name alone."""

from __future__ import annotations

from functools import cache

__all__ = ["media_type"]

_DEFAULT = "application/octet-stream"

# What the standard library lacks or, in older versions, knows otherwise.
_OURS = {
    ".7z": "application/x-7z-compressed",
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".br": _DEFAULT,
    ".bz2": "application/x-bzip2",
    ".cjs": "text/javascript",
    ".csv": "text/csv",
    ".eot": "application/vnd.ms-fontobject",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".gz": "application/gzip",
    ".ico": "image/x-icon",
    ".ics": "text/calendar",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".rtf": "application/rtf",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".vtt": "text/vtt",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".xz": "application/x-xz",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}


def media_type(filename: str) -> str:
    """Return the `Content-Type` for a file.

    Only the last extension counts: `notes.txt.gz` is a gzip file, to be saved as it is.

    Args:
        filename: The file's name, with or without directories.

    Returns:
        A media type, with `charset=utf-8` for text; `application/octet-stream` if unknown.
    """
    _, dot, extension = filename.rpartition("/")[2].rpartition(".")
    return _table().get(f".{extension.lower()}", _DEFAULT) if dot else _DEFAULT


@cache
def _table() -> dict[str, str]:
    from mimetypes import MimeTypes  # only once a file is served

    # The tables built into Python, not the machine's mime.types: every server answers alike.
    table = {**MimeTypes().types_map[True], **_OURS}
    return {
        extension: f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        for extension, kind in table.items()
    }
