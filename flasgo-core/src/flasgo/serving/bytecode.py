"""Byte code that may be older than its source, although nothing shows it.

Python compares the time of a source, in whole seconds, and its size with what the byte code says.
Two saves of the same length within one second look alike.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable
from importlib.util import source_from_cache
from pathlib import Path

__all__ = ["drop_bytecode"]

_CACHE = "__pycache__"


def drop_bytecode(folders: Iterable[Path], excluded: Collection[str]) -> None:
    """Delete the byte code beside sources that are being edited; importing them makes it anew.

    Virtual environments and installed packages keep theirs.

    Args:
        folders: Where to look, with all that is below.
        excluded: Names of folders that are left alone.
    """
    for folder in folders:
        for parent, names, files in os.walk(folder):
            if "pyvenv.cfg" in files:
                names.clear()
                continue
            names[:] = [
                name
                for name in names
                if name == _CACHE or (name not in excluded and name != "site-packages")
            ]
            if Path(parent).name == _CACHE:
                for name in files:
                    with contextlib.suppress(OSError, ValueError):
                        _drop(Path(parent, name))


def _drop(cached: Path) -> None:
    if cached.suffix == ".pyc" and Path(source_from_cache(cached)).exists():
        cached.unlink()
