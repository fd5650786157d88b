"""What the plugin adds to `Flasgo` and `Request`, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from flasgo import Connection
from flasgo.plugin import PolicyScope, WorkerThreads

from flasgo_auth.backends.backend import AuthBackend, AuthFunction
from flasgo_auth.permissions import PermissionLike
from flasgo_auth.users import User

__all__ = ["AppMembers", "RequestMembers"]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)


class AppMembers:
    """Members of `Flasgo` that flasgo-auth contributes."""

    def register_auth_backend(
        self,
        name: str,
        backend: AuthFunction | AuthBackend,
        *,
        challenge: str | None = None,
        blocking: bool = True,
    ) -> None:
        """Register whom to ask for the user of a request.

        Args:
            name: What `authorize(backend=...)` calls it.
            backend: An `AuthBackend`, or a function `(request) -> User | None`, sync or async.
            challenge: For a function: what `WWW-Authenticate` says; the name when left out.
            blocking: For a function: whether it may block, and so runs in a worker thread.

        Raises:
            ConfigurationError: When the name is taken or malformed.
            TypeError: When `backend` is not a backend, or takes no such arguments.
            ValueError: When the challenge is malformed.
        """
        raise NotImplementedError  # a declaration: the plugin contributes the method itself

    async def authenticate(self, request: Connection) -> User:
        """Ask the backends who a request is from, and allow anybody.

        For code that runs where no policy was enforced, such as the error handler that shows the
        page for a path without a route.

        Args:
            request: The request or WebSocket connection.

        Returns:
            The user, who is `request.user` from now on; `ANONYMOUS` when no user was recognised.
        """
        raise NotImplementedError

    password_threads: WorkerThreads
    """The threads that hash passwords: few, and none of those that handlers run in."""

    def authorize(
        self, *permissions: PermissionLike, backend: str | Sequence[str] | None = None
    ) -> Callable[[_H], _H]:
        """Ask for permissions before the decorated handler runs; see `flasgo_auth.authorize`."""
        raise NotImplementedError


class RequestMembers:
    """Members of `Request` and `WebSocket` that flasgo-auth contributes."""

    user: User
    """Who was recognised on this request; `ANONYMOUS` when no user was."""
