"""Authentication backends: who is asked for the user of a request, and under which name."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeAlias

from flasgo import ConfigurationError, Connection, Flasgo
from flasgo.plugin import did_you_mean, is_async

from flasgo_auth.users import User
from flasgo_auth.workers import run_at_once, runner

__all__ = ["AuthBackend", "AuthFunction", "Backends", "NamedBackend", "check_challenge"]

AuthFunction: TypeAlias = Callable[[Connection], User | Awaitable[User | None] | None]
"""A function `(request) -> User | None`, sync or async."""

# Those of the IANA registry that a plain function may speak (RFC 9110, section 16.4.1).
_HTTP_SCHEMES = frozenset({"basic", "bearer", "digest", "dpop", "negotiate"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2


def check_challenge(challenge: str) -> str:
    """Return a challenge unchanged when it can stand in a `WWW-Authenticate` header.

    Args:
        challenge: A scheme, and its parameters after a space (RFC 9110, section 11.6.1).

    Raises:
        ValueError: When the scheme is malformed, or a character is not printable ASCII.
    """
    scheme, _, _ = challenge.partition(" ")
    if not _TOKEN.fullmatch(scheme) or any(not " " <= char <= "~" for char in challenge):
        raise ValueError(
            f"{challenge!r} is not a challenge for WWW-Authenticate; write a scheme and its "
            "parameters, such as 'Basic realm=\"staff\"'."
        )
    return challenge


class AuthBackend:
    """Recognises users by one kind of credentials. Subclass it and write `authenticate`.

    Attributes:
        blocking: Whether a `def authenticate` may block, and so runs in a worker thread.
        is_immediate: Whether an `async def authenticate` never waits but for functions that were
            given as `def`; None is as `authenticate` is written.
        remembers_login: Whether it goes by what an earlier log-in has left, as sessions do. Where
            it finds no user, that has ended, and no log-in has failed.
    """

    blocking = True
    is_immediate: bool | None = None
    remembers_login = False

    def authenticate(self, request: Connection) -> User | Awaitable[User | None] | None:
        """Return the user that the request's credentials belong to.

        Write it as `def` or `async def`. An exception ends the request with a 500, or with its
        own status when it is an HTTPException; the handler does not run.

        Args:
            request: The request or WebSocket connection.

        Returns:
            The user, or None when there are no credentials for this backend or they are wrong.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `authenticate` method; write one.")

    def has_credentials(self, request: Connection) -> bool:
        """Return whether a request brings credentials of this kind, right or wrong.

        It is called for each request to the app, before an `async def authenticate` is, so that
        requests without credentials cost nothing. Look at headers and cookies only.

        Args:
            request: The request or WebSocket connection.

        Returns:
            False when `authenticate` would return None for want of credentials. By default True:
            it is asked for every request.
        """
        return True

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return what `WWW-Authenticate` tells a client that was denied (RFC 9110, 11.6.1).

        Args:
            request: The denied request.
            forbidden: False for a 401; True for a 403, when this backend recognised the user
                and a permission was missing.

        Returns:
            The challenge; None adds nothing.
        """
        return None

    def openapi_scheme(self, app: Flasgo) -> dict[str, object] | None:
        """Return the OpenAPI 3.1 Security Scheme Object of these credentials.

        Args:
            app: The app that is described, for what its settings say.

        Returns:
            Such as `{"type": "http", "scheme": "bearer"}`; None leaves the backend out of the
            API description.
        """
        return None


class _FunctionBackend(AuthBackend):
    """A backend made of a plain function."""

    def __init__(self, function: AuthFunction, challenge: str, blocking: bool) -> None:
        self._function = function
        self._challenge = challenge
        self.blocking = blocking and not is_async(function)

    def authenticate(self, request: Connection) -> User | Awaitable[User | None] | None:
        return self._function(request)

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        return None if forbidden else self._challenge

    def openapi_scheme(self, app: Flasgo) -> dict[str, object] | None:
        scheme = self._challenge.partition(" ")[0].lower()
        return {"type": "http", "scheme": scheme} if scheme in _HTTP_SCHEMES else None


class NamedBackend:
    """A backend under the name it was registered with.

    Args:
        name: The name, as `authorize(backend=...)` gives it.
        backend: The backend.
    """

    def __init__(self, name: str, backend: AuthBackend) -> None:
        self.name = name
        self.backend = backend
        function = backend.authenticate
        if isinstance(backend, _FunctionBackend):
            function = backend._function  # PERF: what it would call
        self._authenticate = runner(function, blocking=backend.blocking)
        immediate = backend.is_immediate
        self.is_immediate = not is_async(backend.authenticate) if immediate is None else immediate

    def was_tried(self, request: Connection) -> bool:
        """Return whether a request tries to log in with credentials that this backend looks for.

        Args:
            request: The request or WebSocket connection.
        """
        backend = self.backend
        # A backend that does not say what it looks for is asked for every request.
        says_so = type(backend).has_credentials is not AuthBackend.has_credentials
        return says_so and not backend.remembers_login and backend.has_credentials(request)

    async def identify(self, request: Connection) -> User | None:
        """Return the authenticated user the backend recognises, or None.

        Args:
            request: The request or WebSocket connection.

        Raises:
            TypeError: When the backend returns something other than a User or None.
        """
        return self._checked(await self._authenticate(request, request))

    def identify_now(self, request: Connection) -> User | None:
        """Return the same without waiting, where `is_immediate` is True.

        What may block is called in the thread of the caller.

        Args:
            request: The request or WebSocket connection.

        Raises:
            RuntimeError: When the answer has to be awaited after all.
            TypeError: When the backend returns something other than a User or None.
        """
        return self._checked(run_at_once(self.backend.authenticate, request))

    def _checked(self, answer: object) -> User | None:
        if answer is None:
            return None
        # SECURITY: a truthy row, dict or True is no user; guessing would let someone in.
        if not isinstance(answer, User):
            raise TypeError(
                f"Auth backend {self.name!r} must return a flasgo_auth.User or None, got "
                f"{type(answer).__name__}."
            )
        return answer if answer.is_authenticated else None


class Backends:
    """The backends of one app, in the order they were registered."""

    def __init__(self) -> None:
        self._backends: dict[str, NamedBackend] = {}

    def __iter__(self) -> Iterator[NamedBackend]:
        return iter(self._backends.values())

    def __len__(self) -> int:
        return len(self._backends)

    def add(
        self,
        name: str,
        backend: AuthFunction | AuthBackend,
        *,
        challenge: str | None = None,
        blocking: bool = True,
    ) -> None:
        """Register a backend.

        Args:
            name: What `authorize(backend=...)` calls it.
            backend: An `AuthBackend`, or a function `(request) -> User | None`.
            challenge: For a function: what `WWW-Authenticate` says; the name when left out.
            blocking: For a function: whether it may block, and so runs in a worker thread.

        Raises:
            ConfigurationError: When the name is taken or malformed.
            TypeError: When `backend` is not a backend, or takes no such arguments.
            ValueError: When the challenge is malformed.
        """
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} cannot name an auth backend; use letters, digits, '-' and '_'."
            )
        if name in self._backends:
            raise ConfigurationError(
                f"An auth backend named {name!r} is registered already: "
                f"{self._backends[name].backend!r}. Give the second one another name."
            )
        if isinstance(backend, AuthBackend):
            if challenge is not None or not blocking:
                raise TypeError(
                    f"{type(backend).__name__} is an AuthBackend and knows its own challenge and "
                    "whether it blocks; set them on the backend."
                )
        else:
            backend = _wrap(name, backend, challenge, blocking)
        self._backends[name] = NamedBackend(name, backend)

    def named(self, name: str) -> NamedBackend:
        """Return the backend of that name.

        Args:
            name: The name it was registered with.

        Raises:
            ConfigurationError: When there is none; the message names those there are.
        """
        found = self._backends.get(name)
        if found is None:
            raise ConfigurationError(
                f"No auth backend is named {name!r}; {_listing(self._backends)}."
                f"{did_you_mean(name, self._backends)} Register it with "
                f"app.register_auth_backend({name!r}, ...)."
            )
        return found


def _wrap(name: str, function: AuthFunction, challenge: str | None, blocking: bool) -> AuthBackend:
    # SECURITY: a class would be called with the request, and its instance taken for an answer.
    if isinstance(function, type) or not callable(function):
        raise TypeError(
            f"Auth backend {name!r} must be a function (request) -> User | None or an instance of "
            f"AuthBackend, got {function!r}."
        )
    return _FunctionBackend(function, check_challenge(challenge or name), blocking)


def _listing(names: Iterable[str]) -> str:
    known = ", ".join(repr(name) for name in names)
    return f"registered are {known}" if known else "no backend is registered"
