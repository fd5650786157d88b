"""A folder of static files, and the way from a URL to an open file in it."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from flasgo.plugin import OPEN_FLAGS, OpenFile, regular_file

from flasgo_static.names import is_servable, servable_parts

__all__ = ["StaticFolder"]

_logger = logging.getLogger("flasgo.static")

_FILE = OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_PATH", 0)
)
_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")

# What a system answers when O_NOFOLLOW meets a symbolic link, or a path goes through a file.
_MAYBE_LINK = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})
# What a client can cause with a name: there is nothing to serve, and nothing wrong with the server.
_NOTHING_THERE = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.EMLINK,
        errno.EISDIR,
        errno.EINVAL,
        errno.ENAMETOOLONG,
        errno.ENXIO,
        errno.ENODEV,
        errno.EILSEQ,
    }
)
_NO_ACCESS = frozenset({errno.EACCES, errno.EPERM})


class StaticFolder:
    """A directory whose files are public.

    Symbolic links are followed as long as they end inside the folder. The folder itself may be a
    link, and may be created, or pointed elsewhere, while the app runs.

    Args:
        path: The directory, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = os.fspath(path)

    def __repr__(self) -> str:
        return f"StaticFolder({self._root!r})"

    def open(self, filename: str) -> OpenFile | None:
        """Open a file for reading. Blocks: call it in a worker thread.

        Args:
            filename: What follows the folder's own URL, percent-decoded once.

        Returns:
            The file, or None if there is no such file, or none that may be served.

        Raises:
            OSError: If the system fails for reasons that have nothing to do with the name.
        """
        parts = servable_parts(filename)
        if parts is None:
            return None
        try:
            descriptor = self._open_parts(parts)
        except ValueError:  # a name that the file system's encoding cannot express
            return None
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                return None
            if error.errno in _NO_ACCESS:
                _logger.warning("No permission to read %r in %s.", filename, self._root)
                return None
            raise
        return None if descriptor is None else regular_file(descriptor)

    def _open_parts(self, parts: Sequence[str]) -> int | None:
        if not _CAN_WALK:
            return self._open_resolved(parts)
        try:
            return _walk(self._root, parts)
        except OSError as error:
            if error.errno not in _MAYBE_LINK:
                raise
        return self._open_resolved(parts)

    def _open_resolved(self, parts: Sequence[str]) -> int | None:
        """Open a file whose path contains symbolic links, if it ends inside the folder.

        SECURITY: containment is judged by components (CWE-59). What was resolved is then opened
        without following links, so that a link put there meanwhile leads nowhere (CWE-367).
        """
        root = Path(os.path.realpath(self._root))
        target = Path(os.path.realpath(root.joinpath(*parts)))
        if not target.is_relative_to(root):
            _logger.warning("%s leads out of the static folder %s.", "/".join(parts), root)
            return None
        inner = target.relative_to(root).parts
        if not inner or not all(map(is_servable, inner)):
            return None
        if not _CAN_WALK:
            return os.open(target, _FILE)
        return _walk(os.fspath(root), inner)


def _walk(root: str, parts: Sequence[str]) -> int:
    """Open `parts` below `root` component by component, following no link on the way.

    Args:
        root: A directory. Links in its own path are followed.
        parts: At least one name.

    Returns:
        A file descriptor.

    Raises:
        OSError: If a component is missing, a link, or no directory.
    """
    if len(parts) == 1:
        return os.open(f"{root}/{parts[0]}", _FILE)
    directory = os.open(f"{root}/{parts[0]}", _DIRECTORY)
    try:
        for name in parts[1:-1]:
            inner = os.open(name, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = inner
        return os.open(parts[-1], _FILE, dir_fd=directory)
    finally:
        os.close(directory)
