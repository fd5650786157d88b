"""Tells whether the uvicorn that is installed is one that the quick protocols were written against.

They do what uvicorn's own code does, in fewer steps. Where that code differs from what was read, it
serves itself.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from types import ModuleType

import uvicorn

__all__ = ["digest", "is_known"]

_logger = logging.getLogger("flasgo.serving")


def is_known(known: frozenset[str], *modules: ModuleType) -> bool:
    """Return whether modules of uvicorn are the ones that were read; say so in the log where not.

    Args:
        known: Digests of the source that was read, one for each version that differs.
        modules: The modules.
    """
    found = digest(*modules)
    if found in known:
        return True
    _logger.warning(
        "uvicorn %s differs from what Flasgo's quick answers were written against (%s: %s), so "
        "uvicorn's own code sends the answers. All works; a newer Flasgo may be quicker here.",
        uvicorn.__version__,
        ", ".join(module.__name__ for module in modules),
        found or "no source",
    )
    return False


def digest(*modules: ModuleType) -> str:
    """Return the start of a digest of the source of modules; empty where there is no source.

    Args:
        modules: The modules.
    """
    total = hashlib.sha256()
    try:
        for module in modules:
            total.update(Path(module.__file__ or "").read_bytes())
    except OSError:
        return ""
    return total.hexdigest()[:16]
