"""Where a folder is, and under which URL its files are served."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from flasgo import ConfigurationError

__all__ = ["caller_directory", "checked_url_path", "locate_folder", "url_path_problem"]

_MACHINERY = frozenset({"flasgo", "flasgo_static", "pluggy"})
_UNSAFE_IN_URL = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=@/]")


def caller_directory() -> Path | None:
    """Return the directory of the source file that called into Flasgo.

    Returns:
        The directory, or None where there is no file, as in an interactive session.
    """
    frame = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _MACHINERY:
            source = Path(frame.f_code.co_filename)
            return source.resolve().parent if source.is_file() else None
        frame = frame.f_back
    return None


def locate_folder(directory: str | os.PathLike[str], base: Path | None) -> Path:
    """Make the path of a folder absolute.

    A relative path is relative to `base` if that holds such a directory, else to the working
    directory.

    Args:
        directory: The path as written.
        base: The directory of the file that it was written in, if known.

    Returns:
        An absolute path, whether or not it exists.

    Raises:
        ConfigurationError: If it is not a path, or an empty one.
    """
    if not isinstance(directory, str | os.PathLike) or not os.fspath(directory):
        raise ConfigurationError(
            f"A static folder is the path of a directory, not {directory!r}. "
            "Write for example static_folder='static'."
        )
    path = Path(directory)
    if base is not None and (base / path).is_dir():
        return base / path
    return Path.cwd() / path


def checked_url_path(url_path: str, source: str) -> str:
    """Check the URL under which files are served.

    Args:
        url_path: A path that begins with a slash.
        source: Where it was given, for the message.

    Returns:
        The path without a slash at its end; empty for `/`.

    Raises:
        ConfigurationError: If it is not such a path.
    """
    problem = url_path_problem(url_path)
    if problem is not None:
        raise ConfigurationError(f"{source} is {url_path!r}: {problem}")
    return url_path.rstrip("/")


def url_path_problem(url_path: object) -> str | None:
    """Say what is wrong with a URL path, or None."""
    if not isinstance(url_path, str) or not url_path.startswith("/"):
        return "it must be a path that begins with a slash, such as '/static'."
    found = _UNSAFE_IN_URL.search(url_path)
    if found is not None:
        return f"{found.group()!r} is not allowed in it; use letters, digits, '-', '_' and '.'."
    segments = url_path.strip("/").split("/") if url_path != "/" else []
    if any(segment in ("", ".", "..") for segment in segments):
        return "it must not contain empty, '.' or '..' segments."
    return None
