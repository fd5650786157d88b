"""Writes the cookies that a response owes to its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flasgo import hookimpl

if TYPE_CHECKING:
    from flasgo import Request, Response

    from flasgo_security.csrf import CsrfGuard
    from flasgo_security.sessions.guard import SessionGuard
    from flasgo_security.sessions.session import Session
    from flasgo_security.sessions.stored import StoredSessions

__all__ = ["CookieWriter", "StoredCookieWriter"]


class CookieWriter:
    """Writes the session's cookie, then that of the CSRF token bound to it.

    Args:
        sessions: Writes sessions.
        csrf: Writes tokens.
    """

    def __init__(self, sessions: SessionGuard, csrf: CsrfGuard) -> None:
        self._sessions = sessions
        self._csrf = csrf

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> None:
        """Write what the request has changed."""
        # PERF: one look for both, as a token is bound to a session: code that asks for a token asks
        # for the session. The usual request asks for neither.
        session: Session | None = request.__dict__.get("session")
        if session is not None:
            self._sessions.commit(session, request, response)
            self._csrf.commit(session, request, response)
            session.close_with(response)


class StoredCookieWriter:
    """Does the same where sessions are kept on the server.

    Args:
        sessions: Writes sessions.
        csrf: Writes tokens.
    """

    def __init__(self, sessions: StoredSessions, csrf: CsrfGuard) -> None:
        self._sessions = sessions
        self._csrf = csrf

    @hookimpl
    async def response_finalize(self, request: Request, response: Response) -> Response | None:
        """Write what the request has changed; a 503 goes out where the store takes nothing."""
        session = cast("Session | None", request.peek("session"))
        if session is None:
            return None
        instead = await self._sessions.commit(session, request, response)
        if instead is None:
            self._csrf.commit(session, request, response)
        session.close_with(response)
        return instead
