"""Logging users in and out: who they are is kept in the session."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import NamedTuple, Protocol, TypeAlias, cast

from flasgo import ConfigurationError, Connection, Flasgo
from flasgo.plugin import is_async

from flasgo_auth.backends.authorization import check_realm
from flasgo_auth.backends.backend import AuthBackend
from flasgo_auth.events import note, tell
from flasgo_auth.identification import forget
from flasgo_auth.users import ANONYMOUS, User, UserId
from flasgo_auth.workers import check_function, runner

__all__ = [
    "SESSION_KEY",
    "SessionBackend",
    "SessionLike",
    "UserLoader",
    "login",
    "login_of",
    "logout",
    "session_backend",
    "write_login",
]

SESSION_KEY = "_auth"
"""The key of the session under which a login is kept."""

# Not `Callable[[UserId], ...]`: no function takes ids of all types.
UserLoader: TypeAlias = (
    Callable[[str], User | Awaitable[User | None] | None]
    | Callable[[int], User | Awaitable[User | None] | None]
    | Callable[[uuid.UUID], User | Awaitable[User | None] | None]
)
"""A function `(user_id) -> User | None`, sync or async; the id has the type it had at login."""

# Not `Callable[[User], ...]`: it takes the subclass that the loader returns.
Generation: TypeAlias = Callable[..., str | int]
"""A function `(user) -> str | int`: what a login of that user has to be made with."""

# For plugins that bring `request.session` and do not say what its cookie is called.
_COOKIE_NAME = "session"
# JSON has no UUID, and an id has to come back as what it was.
_KINDS: dict[str, type[str | int | uuid.UUID]] = {
    "str": str,
    "int": int,
    "uuid": uuid.UUID,
}


class _Login(NamedTuple):
    """A login as the session remembers it."""

    user_id: UserId
    at: int
    generation: str | None


class SessionLike(Protocol):
    """What a session has to offer; any plugin may bring `request.session`."""

    def get(self, key: str, /) -> object | None:
        """Return the value of a key, or None."""
        raise NotImplementedError

    def __setitem__(self, key: str, value: object) -> None:
        """Keep a value that JSON can hold."""

    def regenerate(self) -> None:
        """Take a new identifier and keep the data."""

    def clear(self) -> None:
        """Forget everything, the identifier too."""


def login(
    request: Connection,
    user: User,
    *,
    generation: str | int | None = None,
    remember: bool | int | None = None,
) -> None:
    """Log a user in: from now on, `session_backend` recognises the visitor.

    The session gets a new identifier, and with it the CSRF token a new value, so that what was
    planted or stolen before is worthless (CWE-384). The visitor's data, such as a basket, stays;
    that of another user who was logged in does not.

    Args:
        request: The request that proved who the visitor is, by a password say.
        user: The user. Only the id is kept in the session.
        generation: What `session_backend(generation=...)` will compare; a digest is kept.
        remember: True for a session that outlives the browser, the seconds for which it is
            valid, or False for one that ends with the browser; None is as the settings say.

    Raises:
        TypeError: When `user` is not a User, or `remember` none of these.
        ValueError: When the user is not authenticated, or the seconds are too few or too many.
        ConfigurationError: When no plugin brings sessions, or none that can be remembered.
        RuntimeError: On a WebSocket, which cannot set cookies.
    """
    _check_user(user)
    session = _writable_session_of(request)
    earlier = _read(session)
    if earlier is not None and earlier.user_id != user.id:
        session.clear()
    session.regenerate()
    if remember is not None:
        _remember(session, remember)
    write_login(cast("MutableMapping[str, object]", session), user, generation=generation)
    _settle(request, user)
    note("auth.login", request, reason="logged in", user=user.id)
    tell("user_logged_in", request, user)


def logout(request: Connection) -> None:
    """Log the visitor out: the session ends with all that it held, and a new one may begin.

    The CSRF token changes as well, and `request.user` is `ANONYMOUS` at once. Without a login it
    does no harm.

    Args:
        request: The request. Let only unsafe methods log out: a link would do it from any site.

    Raises:
        ConfigurationError: When no plugin brings sessions.
        RuntimeError: On a WebSocket, which cannot set cookies.
    """
    session = _writable_session_of(request)
    earlier = _read(session)
    session.clear()
    _settle(request, ANONYMOUS)
    if earlier is not None:
        note("auth.logout", request, reason="logged out", user=earlier.user_id)
        tell("user_logged_out", request, earlier.user_id)


def login_of(request: Connection) -> tuple[UserId, int] | None:
    """Return who has logged in and when, in seconds since the epoch; None without a login.

    Args:
        request: The request or WebSocket connection.

    Raises:
        ConfigurationError: When no plugin brings sessions.
    """
    found = _read(_session_of(request))
    return None if found is None else (found.user_id, found.at)


def write_login(
    session: MutableMapping[str, object], user: User, *, generation: str | int | None = None
) -> None:
    """Write a login into the data of a session, without a request: for tests and tools.

    Args:
        session: The session, or a dict that becomes one.
        user: The user.
        generation: As in `login`.

    Raises:
        TypeError: When `user` is not a User.
        ValueError: When the user is not authenticated.
    """
    _check_user(user)
    kind = next(name for name, of_type in _KINDS.items() if isinstance(user.id, of_type))
    record: dict[str, object] = {"id": str(user.id), "kind": kind, "at": int(time.time())}
    if generation is not None:
        record["generation"] = _digest(generation)
    session[SESSION_KEY] = record


class SessionBackend(AuthBackend):
    """Recognises users who have logged in.

    Args:
        load_user: Takes the id of a user, returns the user or None.
        realm: What the challenge calls the protected space.
        max_age: Seconds after which a login ends, however busy the visitor is; None for the
            lifetime of the session.
        generation: Takes the loaded user, returns what the login must have been made with.
        blocking: Whether a `def load_user` may block, and so runs in a worker thread.
        clock: Seconds since the epoch.

    Raises:
        TypeError: When `load_user` or `generation` is not a function.
        ValueError: When the realm is malformed or `max_age` not positive.
    """

    remembers_login = True

    def __init__(
        self,
        load_user: UserLoader,
        *,
        realm: str,
        max_age: int | None,
        generation: Generation | None,
        blocking: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_function(load_user, "session_backend", "(user_id) -> User | None")
        if generation is not None:
            _check_generation(generation)
        if max_age is not None and max_age <= 0:
            raise ValueError(
                f"session_backend(max_age={max_age!r}): give a number of seconds above 0, or None."
            )
        self._challenge = f'Session realm="{check_realm(realm)}"'
        self._max_age = max_age
        self._generation = generation
        self._clock = clock
        self._load = runner(
            cast("Callable[[UserId], User | Awaitable[User | None] | None]", load_user),
            blocking=blocking,
        )
        self.is_immediate = not is_async(load_user)

    async def authenticate(self, request: Connection) -> User | None:
        """Return the user who has logged in, or None."""
        found = _read(_session_of(request))
        if found is None:
            return None
        if self._max_age is not None and self._clock() - found.at >= self._max_age:
            return None
        user = await self._load(request, found.user_id)
        if user is None or self._generation is None:
            return user
        return user if found.generation == _digest(self._generation(user)) else None

    def has_credentials(self, request: Connection) -> bool:
        """Return whether there is a session cookie."""
        if request.raw_header(b"cookie") is None:
            return False
        name = getattr(request.app, "session_cookie_name", None)
        return name is None or name in request.cookies

    def challenge(self, request: Connection, *, forbidden: bool = False) -> str | None:
        """Return a challenge that no browser acts on: a page of the app asks for the password."""
        return None if forbidden else self._challenge

    def openapi_scheme(self, app: Flasgo) -> dict[str, object]:
        """Return the scheme `apiKey` in a cookie, named as the plugin that brings sessions says."""
        name = getattr(app, "session_cookie_name", _COOKIE_NAME)
        return {"type": "apiKey", "in": "cookie", "name": name}


def session_backend(
    load_user: UserLoader,
    *,
    realm: str = "site",
    max_age: int | None = None,
    generation: Generation | None = None,
    blocking: bool = True,
) -> SessionBackend:
    """Return a backend that recognises users who have logged in with `login`.

    Needs a plugin that brings `request.session`, such as flasgo-security.

    Args:
        load_user: Takes the id of a user, with the type it had at login, returns the user, or
            None when the account is gone or closed; `def` or `async def`.
        realm: What the challenge calls the protected space.
        max_age: Seconds after which a login ends, however busy the visitor is; None for the
            lifetime of the session.
        generation: Takes the loaded user, returns a number or text that the app changes to end
            all of the user's logins at once, copied cookies included: a counter of the account,
            or the hash of the password. A login counts that was made with
            `login(request, user, generation=...)` and the same value. It runs on the event loop.
        blocking: Whether a `def load_user` may block, and so runs in a worker thread.

    Returns:
        The backend, for `app.register_auth_backend("session", ...)`.

    Raises:
        TypeError: When `load_user` or `generation` is not a function.
        ValueError: When the realm is malformed or `max_age` not positive.
    """
    return SessionBackend(
        load_user, realm=realm, max_age=max_age, generation=generation, blocking=blocking
    )


def _check_generation(function: Generation) -> None:
    check_function(function, "session_backend(generation=...)", "(user) -> str | int")
    if is_async(function):
        raise TypeError(
            f"session_backend(generation=...) takes a `def` function, got {function!r}; let "
            "load_user bring what it needs."
        )


def _check_user(user: object) -> None:
    if not isinstance(user, User):
        raise TypeError(f"A login needs a flasgo_auth.User, got {type(user).__name__}.")
    if not user.is_authenticated:
        raise ValueError("Only an authenticated User can log in; this one is not authenticated.")


def _session_of(request: Connection) -> SessionLike:
    if "session" not in request.app.plugins.declarations.request_attributes:
        raise ConfigurationError(
            "Logins are kept in request.session, and no active plugin brings sessions. Install "
            "one: pip install flasgo-security; if it is installed, enable the plugin 'security'."
        )
    session = request.session
    missing = [name for name in ("get", "regenerate", "clear") if not hasattr(session, name)]
    if missing:
        raise ConfigurationError(
            f"request.session is a {type(session).__name__} without {', '.join(missing)}; logins "
            "need a session whose identifier can be changed."
        )
    return session


def _writable_session_of(request: Connection) -> SessionLike:
    # SECURITY: what is written there is lost without a word, a logout included.
    if request.scope["type"] == "websocket":
        raise RuntimeError(
            "A WebSocket cannot log anybody in or out: its handshake sets no cookies. Let a page "
            "or a request do it, before the WebSocket is opened."
        )
    return _session_of(request)


def _remember(session: SessionLike, remember: bool | int) -> None:
    if not hasattr(session, "permanent") or not hasattr(session, "lifetime"):
        raise ConfigurationError(
            f"login(remember=...) needs a session with `permanent` and `lifetime`; "
            f"{type(session).__name__} has neither. Install flasgo-security, or leave it out."
        )
    # Attributes of sessions that have them; the protocol asks for none.
    setattr(session, "permanent", bool(remember))  # noqa: B010
    setattr(session, "lifetime", None if isinstance(remember, bool) else remember)  # noqa: B010


def _settle(request: Connection, user: User) -> None:
    # A token that was computed before belongs to the session of before.
    vars(request).pop("csrf_token", None)
    forget(request)
    setattr(request, "user", user)  # noqa: B010 - the attribute is the registry's, not the class's


def _read(session: SessionLike) -> _Login | None:
    """Return the login that a session remembers, or None."""
    found = session.get(SESSION_KEY)
    if not isinstance(found, dict):
        return None
    record = cast("dict[str, object]", found)
    text, kind, at = record.get("id"), record.get("kind"), record.get("at")
    if not (isinstance(text, str) and isinstance(at, int) and isinstance(kind, str)):
        return None
    of_type = _KINDS.get(kind)
    generation = record.get("generation")
    try:
        user_id = None if of_type is None else of_type(text)
    except ValueError:
        return None
    if user_id is None:
        return None
    return _Login(user_id, at, generation if isinstance(generation, str) else None)


def _digest(generation: str | int) -> str:
    # SECURITY: visitors can read their cookie, and this may be the hash of their password.
    if isinstance(generation, bool) or not isinstance(generation, (str, int)):
        raise TypeError(
            f"The generation of a login is a str or int, got {type(generation).__name__}."
        )
    return hashlib.blake2b(
        str(generation).encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()
