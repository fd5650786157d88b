"""`session`: the session of the request being served."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flasgo import context_proxy, current_request

if TYPE_CHECKING:
    from flasgo_security.sessions.session import Session

__all__ = ["session"]

session = cast("Session", context_proxy("session", lambda: current_request().session))
"""The session of the current request; a RuntimeError outside of one."""
