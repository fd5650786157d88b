"""Loads sessions when they are asked for, and writes them when they have changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flasgo import ConfigurationError, Connection, SettingError, WebSocket
from flasgo.plugin import is_async

from flasgo_security.caching import PrivateCaching, is_private
from flasgo_security.cookie_options import CookieOptions, cookie_fault
from flasgo_security.events import security_event
from flasgo_security.sent_heads import RESPONSE, leaving_head, sent_response
from flasgo_security.sessions.codec import SessionCodec
from flasgo_security.sessions.session import Session
from flasgo_security.sessions.stamps import InvalidSessionError
from flasgo_security.signing import PurposeSigner

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Settings

    from flasgo_security.sessions.store import SessionStore
    from flasgo_security.sessions.stored import StoredSessions

__all__ = ["Lifetimes", "SessionGuard"]

logger = logging.getLogger("flasgo.security")

_DEFAULT_NAME = "session"
_TWO_WEEKS = 14 * 24 * 60 * 60
_STORE_SCHEMES = ("redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix")


async def _session_of(connection: Connection) -> Session:
    return connection.session


@dataclass(frozen=True)
class Lifetimes:
    """For how long sessions are valid that do not say so themselves.

    Attributes:
        seconds: How long a session is valid after it was written.
        is_permanent: Whether its cookie outlives the browser.
        refresh: Seconds after which a session that is used is written again; None for never.
    """

    seconds: int = _TWO_WEEKS
    is_permanent: bool = True
    refresh: int | None = None

    def of(self, session: Session) -> int:
        """Return for how many seconds a session is valid."""
        return session.lifetime or self.seconds

    def max_age(self, session: Session) -> int | None:
        """Return the Max-Age of its cookie; None for one that ends with the browser."""
        permanent = self.is_permanent if session.permanent is None else session.permanent
        return self.of(session) if permanent else None

    def is_due(self, session: Session, now: float) -> bool:
        """Whether a session is to be written again for having been used."""
        if self.refresh is None or session.written is None or not session:
            return False
        return now - session.written >= self.refresh


class SessionGuard:
    """Loads sessions from cookies and writes them back.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._cookie = CookieOptions(_DEFAULT_NAME)
        self._caching = PrivateCaching("")
        self._has_warned = False
        self._debug = False
        self.stored: StoredSessions | None = None
        # Any: the stores that plugins make.
        self._factories: Mapping[str, Callable[[str, str], Any]] = {}

    def declare(self, registry: Registry) -> None:
        """Declare the settings and attributes of this concern."""
        CookieOptions.declare(registry, "SESSION", "session", http_only=True)
        registry.setting(
            "SESSION_COOKIE_DOMAIN",
            str | None,
            default=None,
            help="Domain whose subdomains get the session cookie too; None for this host only.",
            check=lambda value: cookie_fault(domain=value),
        )
        registry.setting(
            "SESSION_COOKIE_PATH",
            str,
            default="/",
            help="Path prefix for which browsers send the session cookie.",
            check=lambda value: cookie_fault(path=value),
        )
        registry.setting(
            "SESSION_LIFETIME_SECONDS",
            int,
            default=_TWO_WEEKS,
            help="Seconds for which a session is valid after it was last written, unless "
            "session.lifetime says otherwise.",
            check=lambda value: None if cast("int", value) > 0 else "it must be greater than 0",
        )
        registry.setting(
            "SESSION_REFRESH_SECONDS",
            int | None,
            default=None,
            help="Seconds after which a session that is used is written again, so that it expires "
            "SESSION_LIFETIME_SECONDS after its last use (0: at each use); None writes it only "
            "when it has changed.",
            check=_check_refresh,
        )
        registry.setting(
            "SESSION_PERMANENT",
            bool,
            default=True,
            help="Whether the session cookie outlives the browser, unless session.permanent says "
            "otherwise.",
        )
        registry.setting(
            "SESSION_STORE_URI",
            str | None,
            default=None,
            help="Where sessions are kept, such as 'redis://localhost:6379/0' (also rediss, "
            "redis+unix, valkey, valkeys, valkey+unix); None keeps them in the cookie.",
            secret=True,
            check=lambda value: _check_store_uri(value, registry.session_stores),
        )
        registry.setting(
            "SESSION_STORE_TIMEOUT_SECONDS",
            float,
            default=2.0,
            help="Seconds that the session store may take; past them requests that need their "
            "session are answered 503.",
            check=lambda value: None if cast("float", value) > 0 else "it must be greater than 0",
        )
        registry.setting(
            "SESSION_STORE_PREFIX",
            str,
            default="flasgo:session:",
            help="What the store's keys begin with; apps that share a server take different ones.",
        )
        self._factories = registry.session_stores
        registry.request_attribute("session", self.load)
        registry.provides(Session, _session_of, blocking=False)
        registry.app_method("revoke_session", self.revoke)
        registry.app_property("session_cookie_name", self.get_cookie_name)

    def configure(self, settings: Settings, *, caching: PrivateCaching) -> None:
        """Read the settings.

        Args:
            settings: The app's settings.
            caching: Keeps responses out of shared caches.

        Raises:
            ConfigurationError: When the client of the session store is not installed.
            SettingError: When settings contradict each other.
        """
        self._cookie = CookieOptions.read(
            settings,
            "SESSION",
            _DEFAULT_NAME,
            domain=cast("str | None", settings["SESSION_COOKIE_DOMAIN"]),
            path=cast("str", settings["SESSION_COOKIE_PATH"]),
        )
        self._lifetimes = _read_lifetimes(settings)
        self._caching = caching
        self._debug = bool(settings["DEBUG"])
        signer = PurposeSigner.from_settings("session", settings)
        self._codec = SessionCodec(signer, self._lifetimes.seconds, self._clock)
        uri = cast("str | None", settings["SESSION_STORE_URI"])
        self.stored = self._open_store(uri, settings) if uri else None

    def _open_store(self, uri: str, settings: Settings) -> StoredSessions:
        # Here, because only apps with a store pay for the import.
        from flasgo_security.sessions.stored import StoredSessions
        from flasgo_security.stores.health import StoreHealth

        timeout = cast("float", settings["SESSION_STORE_TIMEOUT_SECONDS"])
        prefix = cast("str", settings["SESSION_STORE_PREFIX"])
        factory = self._factories.get(uri.partition("://")[0])
        if factory is None:
            from flasgo_security.sessions.store import RedisSessionStore
            from flasgo_security.stores.redis_pool import RedisPool

            pool = RedisPool("SESSION_STORE_URI", uri, timeout)
            store: SessionStore = RedisSessionStore(pool, prefix)
            failures = (pool.errors, pool.refusals)
        else:
            store = factory(uri, prefix)
            _check_store(store)
            failures = (tuple(getattr(store, "errors", ())), ())
        return StoredSessions(
            store,
            StoreHealth("The session store (SESSION_STORE_URI)", timeout, *failures),
            PurposeSigner.from_settings("session-id", settings),
            self._cookie,
            lifetimes=self._lifetimes,
            caching=self._caching,
            clock=self._clock,
        )

    @property
    def cookie_name(self) -> str:
        """The name of the session cookie."""
        return self._cookie.name

    def get_cookie_name(self) -> str:
        """Return the name of the session cookie; this is `app.session_cookie_name`."""
        return self.cookie_name

    def load(self, request: Request) -> Session:
        """Return the session of a request; the value of `request.session`.

        A cookie that cannot be used gives an empty session, and is deleted.

        Raises:
            RuntimeError: When the headers have been sent and let shared caches keep the response.
        """
        session = self._load(request) if self.stored is None else self.stored.load(request)
        if isinstance(request, WebSocket):
            session.close_when(leaving_head(request))
        # PERF: most sessions are asked for before there is a response.
        elif RESPONSE in request.__dict__ and (response := sent_response(request)) is not None:
            # SECURITY: what the session shapes would reach the next visitor (CWE-524).
            if not is_private(response):
                raise RuntimeError(
                    "request.session was first asked for after the response's headers had been "
                    "sent, and they let shared caches keep the response. Ask for it before the "
                    "stream begins: session = request.session in the handler, not in the generator."
                )
            session.close_when(lambda: True)
        return session

    def _load(self, request: Request) -> Session:
        text = request.cookies.get(self._cookie.name)
        if not text:
            return Session()
        try:
            return self._codec.loads(text)
        except InvalidSessionError as error:
            if error.is_suspicious:
                security_event("session", request, str(error))
            session = Session()
            session.modified = error.is_useless  # so that the cookie goes
            return session

    async def revoke(self, identifier: str) -> bool:
        """End a session at once, on all devices that hold it; `app.revoke_session`.

        Args:
            identifier: What `request.session.id` was when the session was written.

        Returns:
            Whether there was one.

        Raises:
            ConfigurationError: When sessions are kept in cookies, which cannot be revoked.
            StoreDownError: When the store does not answer.
        """
        if self.stored is None:
            raise ConfigurationError(
                "revoke_session needs sessions on the server: set SESSION_STORE_URI, such as to "
                "'redis://localhost:6379/0'. A session in a cookie ends when its lifetime does."
            )
        return await self.stored.revoke(identifier)

    def commit(self, session: Session, request: Request, response: Response) -> None:
        """Write a session if it changed, and keep what it shaped out of shared caches.

        Args:
            session: The session of the request, which was asked for.
            request: The request.
            response: The response that takes the cookie.

        Raises:
            TypeError: When the session holds something that is not JSON, or was replaced by
                another object.
            ValueError: When the cookie would be larger than browsers take.
        """
        if not isinstance(session, Session):
            raise TypeError(
                f"request.session was replaced by {type(session).__name__}; change the session in "
                "place instead: request.session.update(...), request.session.clear()."
            )
        self._caching.apply(response)
        # PERF: the clock is asked only where using a session prolongs it.
        is_due = self._lifetimes.refresh is not None and self._lifetimes.is_due(
            session, self._clock()
        )
        if not (is_due or session.modified):
            return
        if not session:
            if request.cookies.get(self._cookie.name) is not None:
                self._cookie.delete(response)
            return
        self._write(session, request, response)

    def _write(self, session: Session, request: Request, response: Response) -> None:
        text = self._codec.dumps(session)
        max_age = self._lifetimes.max_age(session)
        room = self._cookie.room(max_age)
        if len(text) > room:
            raise ValueError(
                f"The session takes {len(text)} bytes of its cookie; browsers take {room}, since "
                "they keep at most 4096 bytes with the name and the attributes. Keep identifiers "
                f"in the session (it holds {', '.join(map(repr, session))}) and the data in a "
                "database."
            )
        self._cookie.set(response, text, max_age=max_age)
        if self._debug and self._cookie.secure and not request.is_secure:
            self._warn_of_http()

    def _warn_of_http(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The session cookie is for https only and was set over http: most browsers drop "
                "it. For development set SESSION_COOKIE_SECURE to False."
            )


def _read_lifetimes(settings: Settings) -> Lifetimes:
    seconds = cast("int", settings["SESSION_LIFETIME_SECONDS"])
    refresh = cast("int | None", settings["SESSION_REFRESH_SECONDS"])
    if refresh is not None and refresh >= seconds:
        raise SettingError(
            f"SESSION_REFRESH_SECONDS is {refresh}, and sessions end after {seconds} seconds "
            "(SESSION_LIFETIME_SECONDS): none would live to be written again. Set it to less.",
            name="SESSION_REFRESH_SECONDS",
        )
    return Lifetimes(seconds, bool(settings["SESSION_PERMANENT"]), refresh)


def _check_refresh(value: object) -> str | None:
    refresh = cast("int | None", value)
    return "it must be 0 or more, or None" if refresh is not None and refresh < 0 else None


def _check_store_uri(value: object, brought: Iterable[str]) -> str | None:
    scheme, found, rest = str(value or "").partition("://")
    schemes = (*_STORE_SCHEMES, *brought)
    if value is None or (found and rest and scheme in schemes):
        return None
    # SECURITY: the value may hold a password, so it is not shown.
    return f"its scheme must be one of {', '.join(schemes)}: 'redis://localhost:6379/0'"


def _check_store(store: object) -> None:
    """Refuse what a plugin's factory made where it is no session store.

    Raises:
        ConfigurationError: When a method is missing.
    """
    methods = ("load", "merge", "take", "close")
    missing = [name for name in methods if not is_async(getattr(store, name, None))]
    if missing:
        raise ConfigurationError(
            f"The session store of SESSION_STORE_URI, {type(store).__qualname__}, has no async "
            f"{', '.join(missing)}: see flasgo_security.SessionStore."
        )
