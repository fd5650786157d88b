"""Turns the directories that users write into real paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from flasgo import ConfigurationError

__all__ = ["Directories", "PathLike", "caller_directory", "real_directories", "real_directory"]

PathLike: TypeAlias = str | os.PathLike[str]
Directories: TypeAlias = PathLike | Iterable[PathLike]

_OWN_PACKAGES = frozenset({"flasgo", "flasgo_templates"})


def caller_directory() -> Path | None:
    """Return the directory of the file whose code called into Flasgo, or None."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _OWN_PACKAGES:
            file = frame.f_globals.get("__file__")
            return Path(file).resolve().parent if isinstance(file, str) else None
        frame = frame.f_back
    return None


def real_directories(directories: Directories, base: Path | None) -> tuple[Path, ...]:
    """Return the real paths of one directory or several.

    Args:
        directories: What the user wrote.
        base: Where relative ones are looked for first, before the current directory.

    Raises:
        ConfigurationError: When one does not exist.
    """
    given = [directories] if isinstance(directories, (str, os.PathLike)) else directories
    return tuple(real_directory(directory, base) for directory in given)


def real_directory(directory: PathLike, base: Path | None) -> Path:
    """Return the real path of a directory.

    Args:
        directory: What the user wrote. A relative path is looked for next to the file that
            configures it, then in the current directory.
        base: The directory of that file, or None when there is no file.

    Raises:
        ConfigurationError: When it does not exist; the message names where it was looked for.
    """
    written = os.fspath(directory)
    if not isinstance(written, str) or not written or "\0" in written:
        raise ConfigurationError(f"{written!r} is not the path of a template directory.")
    tried = [place / written for place in (base, Path.cwd()) if place is not None]
    for path in tried:
        if path.is_dir():
            return path.resolve()
    raise ConfigurationError(
        f"There is no template directory {written!r}; looked for "
        f"{' and '.join(dict.fromkeys(map(str, tried)))}. Make it, or give its path relative to "
        "the file that configures it."
    )
