"""The HTTP protocol of `flasgo run`: uvicorn's, with bounds, for the parser that is installed.

With uvicorn's own command: `uvicorn --http flasgo.serving.protocol:GuardedProtocol app:app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flasgo.serving.h11_guard import GuardedH11

if TYPE_CHECKING:
    from flasgo.serving.guard import ConnectionGuard

__all__ = ["GuardedH11", "GuardedProtocol"]

GuardedProtocol: type[ConnectionGuard] = GuardedH11
try:
    from flasgo.serving.httptools_guard import GuardedHttpTools
except ImportError:  # pragma: no cover
    pass
else:
    GuardedProtocol = GuardedHttpTools
