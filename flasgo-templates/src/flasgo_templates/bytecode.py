"""Keeps compiled templates on disk, where no other user can write."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from flasgo import ConfigurationError
from jinja2 import FileSystemBytecodeCache

__all__ = ["bytecode_cache"]


def bytecode_cache(directory: Path, fingerprint: str) -> FileSystemBytecodeCache:
    """Return a cache of compiled templates.

    What the files hold is run as code, so the directory must belong to the user the app runs as,
    and no other user may write to it (CWE-732). It is made when it is missing.

    Args:
        directory: Where the files go.
        fingerprint: What the compiled code depends on besides the template's text. SECURITY:
            code from an environment without sandbox or autoescape must never be picked up.

    Raises:
        ConfigurationError: When others can write to the directory, or it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as error:
        raise ConfigurationError(
            f"The bytecode directory {directory} cannot be used: {error.strerror}. Give one that "
            "the app can make and write to."
        ) from error
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise ConfigurationError(
            f"The bytecode directory {directory} must belong to the user the app runs as, and "
            f"only that user may write to it; now its mode is {status.st_mode & 0o777:o}. "
            f"Correct it with: chmod 700 {directory}"
        )
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()[:16]
    return FileSystemBytecodeCache(str(directory), f"flasgo_{digest}_%s.cache")
