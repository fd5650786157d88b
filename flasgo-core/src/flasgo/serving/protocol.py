"""The HTTP protocol of `flasgo run`: uvicorn's, with bounds, for the parser that is installed.

With uvicorn's own command: `uvicorn --http flasgo.serving.protocol:GuardedProtocol app:app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http import flow_control, h11_impl

from flasgo.serving.uvicorn_code import is_known

if TYPE_CHECKING:
    from flasgo.serving.guard import ConnectionGuard

__all__ = ["GuardedProtocol"]

# Versions 0.53 and 0.54.
_KNOWN_HTTPTOOLS = frozenset({"ea814cf42e50628d"})
_KNOWN_H11 = frozenset({"9969833e1b531c52"})


def _on_httptools() -> type[ConnectionGuard] | None:
    try:
        from uvicorn.protocols.http import httptools_impl
    except ImportError:  # httptools is not installed
        return None
    if is_known(_KNOWN_HTTPTOOLS, httptools_impl, flow_control):
        from flasgo.serving.httptools_quick import QuickHttpTools

        return QuickHttpTools
    from flasgo.serving.httptools_guard import GuardedHttpTools

    return GuardedHttpTools


def _on_h11() -> type[ConnectionGuard]:
    if is_known(_KNOWN_H11, h11_impl, flow_control):
        from flasgo.serving.h11_quick import QuickH11

        return QuickH11
    from flasgo.serving.h11_guard import GuardedH11

    return GuardedH11


GuardedProtocol: type[ConnectionGuard] = _on_httptools() or _on_h11()
