"""Sessions in a signed cookie: loaded when asked for, written when changed."""

from __future__ import annotations

import logging
import secrets
import time
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, TypeVar, cast, overload

import msgspec
from flasgo import ConfigurationError, WebSocket

from flasgo_security.caching import PrivateCaching, is_private
from flasgo_security.cookie_options import CookieOptions, cookie_fault
from flasgo_security.events import security_event
from flasgo_security.sent_heads import leaving_head, sent_response
from flasgo_security.signing import PurposeSigner

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Settings

    from flasgo_security.sessions.stored import StoredSessions

__all__ = ["InvalidSessionError", "Session", "SessionCodec", "SessionGuard", "encode_value"]

logger = logging.getLogger("flasgo.security")

_D = TypeVar("_D")

_DEFAULT_NAME = "session"
_LONGEST_COOKIE = 4096  # RFC 6265bis, section 5.6
_LONGEST_WRITTEN = 4093  # what the strictest browsers keep of name, "=" and value
_TWO_WEEKS = 14 * 24 * 60 * 60
_NOTHING = b"{}"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_STORE_SCHEMES = ("redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix")

_decode = msgspec.json.Decoder(dict[str, object]).decode
_encode = msgspec.json.Encoder().encode


class Session(MutableMapping[str, object]):
    """The data of one visitor: a mapping of str to anything JSON can hold.

    Changes inside nested lists and dicts are noticed too. After the next request a tuple has
    become a list, and a datetime a str: values come back as JSON has them.

    Args:
        data: What the session holds.
        identifier: Its random identifier; None makes one when it is needed.
        saved: The JSON under which the client has the session; None when it has none.
    """

    __slots__ = ("_data", "_forced", "_identifier", "_is_too_late", "_loaded_binding", "_saved")

    def __init__(
        self,
        data: dict[str, object] | None = None,
        identifier: str | None = None,
        saved: bytes | None = None,
    ) -> None:
        self._data = {} if data is None else data
        self._identifier = identifier
        self._saved = saved
        self._forced = False
        self._is_too_late: Callable[[], bool] = _never
        self._loaded_binding = identifier if identifier is not None and self._data else ""

    @property
    def new(self) -> bool:
        """Whether the client sent no valid session."""
        return self._saved is None

    @property
    def id(self) -> str:
        """The session's random identifier: 128 bits, changed by `regenerate` and `clear`."""
        if self._identifier is None:
            self._identifier = secrets.token_urlsafe(16)
        return self._identifier

    @property
    def binding(self) -> str:
        """What tokens are bound to: the identifier, or `""` while the session is empty."""
        return self.id if self._data else ""

    @property
    def has_new_binding(self) -> bool:
        """Whether tokens made before this request are no longer bound to this session."""
        return self.binding != self._loaded_binding

    @property
    def modified(self) -> bool:
        """Whether there is something to write; set it to True to write in any case."""
        return self._forced or self.encoded() != (self._saved or _NOTHING)

    @modified.setter
    def modified(self, value: bool) -> None:
        self._change("session.modified = ...")
        self._forced = bool(value)

    def close_when(self, is_too_late: Callable[[], bool]) -> None:
        """Refuse changes from the moment on when they can no longer be written.

        Args:
            is_too_late: Tells whether that moment has come.
        """
        self._is_too_late = is_too_late

    def _change(self, what: str) -> None:
        if self._is_too_late():
            raise RuntimeError(
                f"{what} came after the response's headers had been sent, so the change would be "
                "lost. Change the session in the handler, before the stream begins; on a "
                "WebSocket it can be read only: change it in an HTTP request."
            )

    def regenerate(self) -> None:
        """Give the session a new identifier and keep its data.

        SECURITY: call it whenever the visitor's rights change, such as at login (CWE-384).

        Raises:
            RuntimeError: When the response's headers have been sent, as for every change.
        """
        self._change("session.regenerate()")
        self._identifier = None
        self._forced = True

    def clear(self) -> None:
        """Forget everything; the client's cookie is deleted, unless something is added again."""
        self._change("session.clear()")
        self._data.clear()
        self._identifier = None
        self._forced = True

    def encoded(self) -> bytes:
        """Return the data as JSON.

        Raises:
            TypeError: When a value cannot be JSON; its key is named.
        """
        try:
            return _encode(self._data)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise TypeError(self._culprit(error)) from error

    def _culprit(self, error: Exception) -> str:
        for key, value in self._data.items():
            try:
                encode_value(key, value)
            except TypeError as reason:
                return str(reason)
        return f"The session is not JSON: {error}."

    def __getitem__(self, key: str) -> object:
        return self._data[key]

    def __setitem__(self, key: str, value: object) -> None:
        if not isinstance(key, str):
            raise TypeError(f"Session keys are str, not {type(key).__name__}: {key!r}.")
        self._change(f"session[{key!r}] = ...")
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        self._change(f"del session[{key!r}]")
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, key: object) -> bool:
        return key in self._data

    @overload
    def get(self, key: object, default: None = None, /) -> object | None: ...
    @overload
    def get(self, key: object, default: _D, /) -> object | _D: ...
    def get(self, key: object, default: object = None, /) -> object:
        """Return the value of a key, or `default`."""
        return self._data.get(cast("str", key), default)

    def __repr__(self) -> str:
        # SECURITY: values stay out: they end up in logs and debug pages.
        return f"<Session {', '.join(map(repr, self._data)) or 'empty'}>"


def encode_value(key: str, value: object) -> bytes:
    """Return one value of a session as JSON.

    Raises:
        TypeError: When it cannot be JSON; the key is named.
    """
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise TypeError(
            f"session[{key!r}] holds {type(value).__name__}, which is not JSON: {error}. "
            "Keep str, numbers, bool, None, lists and dicts in a session."
        ) from error


class InvalidSessionError(Exception):
    """Raised when a session cookie cannot be used.

    Attributes:
        is_suspicious: Whether the cookie was not one of ours, rather than merely old.
    """

    def __init__(self, reason: str, *, is_suspicious: bool) -> None:
        super().__init__(reason)
        self.is_suspicious = is_suspicious


class SessionCodec:
    """Turns sessions into signed text and back.

    The text is `<data>.<identifier>.<time of writing>.<signature>`, the data JSON in base64: it
    can be read by the client, but not changed.

    Args:
        signer: Signs it.
        lifetime: Seconds for which a text is valid after it was written.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, signer: PurposeSigner, lifetime: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock

    def dumps(self, session: Session) -> str:
        """Return a session as signed text."""
        data = urlsafe_b64encode(session.encoded()).rstrip(b"=").decode("ascii")
        return self._signer.sign(f"{data}.{session.id}.{int(self._clock())}")

    def loads(self, text: str) -> Session:
        """Return the session of a signed text.

        Raises:
            InvalidSessionError: When the text is too long, not signed by this app, or expired.
        """
        # SECURITY: length before signature, signature before everything else (CWE-400, CWE-502).
        if len(text) > _LONGEST_COOKIE:
            raise InvalidSessionError("the session cookie is too long", is_suspicious=True)
        value = self._signer.unsign(text)
        if value is None:
            raise InvalidSessionError(
                "the session cookie was not signed with this key", is_suspicious=True
            )
        try:
            encoded, identifier, written = value.split(".")
            if self._clock() - int(written) > self._lifetime:
                raise InvalidSessionError("the session has expired", is_suspicious=False)
            saved = a2b_base64(encoded.encode("ascii").translate(_STANDARD) + b"==")
            return Session(_decode(saved), identifier, saved)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise InvalidSessionError(
                "the session cookie has another format", is_suspicious=False
            ) from None


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
            help="Seconds for which a session is valid after it was last written.",
            check=lambda value: None if cast("int", value) > 0 else "it must be greater than 0",
        )
        registry.setting(
            "SESSION_STORE_URI",
            str | None,
            default=None,
            help="Where sessions are kept, such as 'redis://localhost:6379/0' (also rediss, "
            "redis+unix, valkey, valkeys, valkey+unix); None keeps them in the cookie.",
            secret=True,
            check=_check_store_uri,
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
        registry.request_attribute("session", self.load)
        registry.app_method("revoke_session", self.revoke)
        registry.app_property("session_cookie_name", self.get_cookie_name)

    def configure(self, settings: Settings, *, caching: PrivateCaching) -> None:
        """Read the settings.

        Args:
            settings: The app's settings.
            caching: Keeps responses out of shared caches.

        Raises:
            ConfigurationError: When the client of the session store is not installed.
        """
        self._cookie = CookieOptions.read(
            settings,
            "SESSION",
            _DEFAULT_NAME,
            domain=cast("str | None", settings["SESSION_COOKIE_DOMAIN"]),
            path=cast("str", settings["SESSION_COOKIE_PATH"]),
        )
        self._lifetime = cast("int", settings["SESSION_LIFETIME_SECONDS"])
        self._caching = caching
        self._debug = bool(settings["DEBUG"])
        signer = PurposeSigner.from_settings("session", settings)
        self._codec = SessionCodec(signer, self._lifetime, self._clock)
        uri = cast("str | None", settings["SESSION_STORE_URI"])
        self.stored = self._open_store(uri, settings) if uri else None

    def _open_store(self, uri: str, settings: Settings) -> StoredSessions:
        # Here, because only apps with a store pay for the import.
        from flasgo_security.sessions.store import RedisSessionStore
        from flasgo_security.sessions.stored import StoredSessions
        from flasgo_security.stores.health import StoreHealth
        from flasgo_security.stores.redis_pool import RedisPool

        timeout = cast("float", settings["SESSION_STORE_TIMEOUT_SECONDS"])
        pool = RedisPool("SESSION_STORE_URI", uri, timeout)
        return StoredSessions(
            RedisSessionStore(pool, cast("str", settings["SESSION_STORE_PREFIX"])),
            StoreHealth(
                "The session store (SESSION_STORE_URI)", timeout, pool.errors, pool.refusals
            ),
            PurposeSigner.from_settings("session-id", settings),
            self._cookie,
            lifetime=self._lifetime,
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
        elif (response := sent_response(request)) is not None:
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
            session.modified = True  # so that the useless cookie goes
            return session

    async def revoke(self, identifier: str) -> bool:
        """End a session at once, on all devices that hold it; `app.revoke_session`.

        Args:
            identifier: What `request.session.id` was when the session was written.

        Returns:
            Whether there was one.

        Raises:
            ConfigurationError: When sessions are kept in cookies, which nobody can call back.
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
        if not session.modified:
            return
        if not session:
            if request.cookies.get(self._cookie.name) is not None:
                self._cookie.delete(response)
            return
        self._write(session, request, response)

    def _write(self, session: Session, request: Request, response: Response) -> None:
        text = self._codec.dumps(session)
        size = len(self._cookie.name) + 1 + len(text)
        if size > _LONGEST_WRITTEN:
            raise ValueError(
                f"The session takes a cookie of {size} bytes; browsers keep at most "
                f"{_LONGEST_WRITTEN}. Keep identifiers in the session (it holds "
                f"{', '.join(map(repr, session))}) and the data in a database."
            )
        self._cookie.set(response, text, max_age=self._lifetime)
        if self._debug and self._cookie.secure and not request.is_secure:
            self._warn_of_http()

    def _warn_of_http(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The session cookie is for https only and was set over http: most browsers drop "
                "it. For development set SESSION_COOKIE_SECURE to False."
            )


def _never() -> bool:
    return False


def _check_store_uri(value: object) -> str | None:
    scheme, found, rest = str(value or "").partition("://")
    if value is None or (found and rest and scheme in _STORE_SCHEMES):
        return None
    # SECURITY: the value may hold a password, so it is not shown.
    return f"its scheme must be one of {', '.join(_STORE_SCHEMES)}: 'redis://localhost:6379/0'"
