"""What lets a test client act inside of an app: as a user, and on a session.

SECURITY: these hooks are not part of the `testing` plugin. They join an app when a client asks for
them (`login`, `session_transaction`), so a served app has none of them. And they obey objects of
this module in the ASGI scope: no server puts a header or a body there, so no request can.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from flasgo import ClientDisconnect, Flasgo, Registry, Request, Response, hookimpl

from .asgi import ASGIApp

__all__ = [
    "LOGIN_EXTENSION",
    "SESSION_EXTENSION",
    "ClientHooks",
    "Login",
    "SessionDoor",
    "app_with_hooks",
]

LOGIN_EXTENSION = "flasgo_testing.login"
"""Scope key: the `Login` of a client that is logged in."""

SESSION_EXTENSION = "flasgo_testing.session"
"""Scope key: the `SessionDoor` of a session transaction."""

_NAME = "test_client"
_joining = threading.Lock()


@dataclass(frozen=True)
class Login:
    """The user that a test client is logged in as.

    Args:
        user: What `request.user` is to be.
    """

    user: object


class SessionDoor:
    """Hands the session of one request to a test, and keeps the request open meanwhile."""

    def __init__(self) -> None:
        self.session: object = None
        self.is_abandoned = False
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the test can have the session."""
        return self._opened.is_set()

    async def until_open(self, app: asyncio.Task[None]) -> None:
        """Wait until the app has opened the session, or has ended without doing so."""
        opened = asyncio.ensure_future(self._opened.wait())
        await asyncio.wait((app, opened), return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()

    def close(self, *, is_abandoned: bool) -> None:
        """Let the request go on: to its response, or to nowhere."""
        self.is_abandoned = is_abandoned
        self._closed.set()

    async def lend(self, request: Request) -> Response:
        """Open the session of a request, and answer once the test has closed it.

        Raises:
            ClientDisconnect: When the test failed, so that nothing is to be saved.
        """
        self.session = request.session
        self._opened.set()
        await self._closed.wait()
        if self.is_abandoned:
            raise ClientDisconnect("The session transaction was abandoned.")
        return Response(status_code=204)


class _SessionHooks:
    """Comes after every other `request_started`: plugins may have to load the session first."""

    @hookimpl(trylast=True)
    async def request_started(self, request: Request) -> Response | None:
        """Lend the session to the test that asks for it."""
        door = request.scope.get(SESSION_EXTENSION)
        return await door.lend(request) if isinstance(door, SessionDoor) else None


class ClientHooks:
    """The plugin that joins an app when one of its test clients needs it."""

    __test__ = False
    name = _NAME

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Add the hook for sessions, which has another place in the order."""
        registry.component("sessions", _SessionHooks())

    @hookimpl(tryfirst=True)
    def request_started(self, request: Request) -> None:
        """Assign the user whom the client is logged in as."""
        login = request.scope.get(LOGIN_EXTENSION)
        if isinstance(login, Login):
            request.user = login.user

    @hookimpl(optionalhook=True)
    def identify_user(self, request: Request) -> object:
        """Answer for the backends: some endpoints ask one by name, even where the user is known."""
        login = request.scope.get(LOGIN_EXTENSION)
        return login.user if isinstance(login, Login) else None


def app_with_hooks(app: ASGIApp, *, attribute: str, method: str) -> Flasgo:
    """Return the Flasgo app behind an ASGI app, with the client's hooks in it.

    Args:
        app: A Flasgo app, or middleware that keeps what it wraps in `.app`.
        attribute: The request attribute that a plugin of the app has to bring.
        method: What the test called, for the message.

    Raises:
        RuntimeError: When it is no Flasgo app, or no plugin brings the attribute.
    """
    found: object = app
    while found is not None and not isinstance(found, Flasgo):
        found = getattr(found, "app", None)
    if found is None:
        raise RuntimeError(
            f"{method} works with Flasgo apps; this client's app is of type {type(app).__name__}."
        )
    if attribute not in found.plugins.declarations.request_attributes:
        active = ", ".join(
            info.name for info in found.plugins if info.status == "active" and not info.builtin
        )
        brings = {"session": "flasgo-security", "user": "flasgo-auth"}[attribute]
        raise RuntimeError(
            f"{method} needs request.{attribute}, and no active plugin of this app brings it "
            f"(active: {active or 'none'}). Install {brings} (pip install {brings}), or do not "
            "switch it off for this app."
        )
    with _joining:
        if _NAME not in found.plugins:
            found.plugins.register(ClientHooks(), name=_NAME)
    return found
