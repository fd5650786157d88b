"""Sessions on the server: the cookie holds an identifier, the store holds the data."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import msgspec
from flasgo import HTTPException, Response, hookimpl

from flasgo_security.events import security_event
from flasgo_security.sessions.session import Session
from flasgo_security.sessions.stamps import InvalidSessionError, Stamp
from flasgo_security.sessions.store import ENDED, MOVED, SessionStore
from flasgo_security.sessions.values import check_round_trip, to_json
from flasgo_security.stores.health import StoreDownError, StoreHealth

if TYPE_CHECKING:
    from flasgo import Flasgo, Request

    from flasgo_security.caching import PrivateCaching
    from flasgo_security.cookie_options import CookieOptions
    from flasgo_security.sessions.guard import Lifetimes
    from flasgo_security.signing import PurposeSigner

__all__ = ["StoredSession", "StoredSessions"]

logger = logging.getLogger("flasgo.security")

_LONGEST_COOKIE = 512
_LARGEST_SESSION = 256 * 1024  # bytes of JSON; more belongs into a database
_RECORD = "security.session_record"
_RETRY_AFTER_SECONDS = "1"
_DOWN = object()

_decode = msgspec.json.Decoder().decode


class StoredSession(Session):
    """The data of one visitor, kept on the server.

    Args:
        fields: The JSON of each key, as the store has it.
        identifier: Its identifier; None for a visitor without a session.
        stamp: When its cookie was written; None for a visitor without a session.
    """

    __slots__ = ("_fields", "_origin", "was_cleared")

    def __init__(
        self,
        fields: dict[str, bytes] | None = None,
        identifier: str | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self._fields = fields or {}
        data = {key: _decode(value) for key, value in self._fields.items()}
        super().__init__(data, identifier, stamp=stamp)
        self._origin = identifier
        self.was_cleared = False

    @property
    def origin(self) -> str | None:
        """The identifier under which the store has it; None when it does not."""
        return self._origin

    @property
    def loaded(self) -> dict[str, bytes]:
        """The JSON of each key, as the store had it."""
        return dict(self._fields)

    @property
    def new(self) -> bool:
        """Whether the client sent no valid session."""
        return self._origin is None

    @property
    def modified(self) -> bool:
        """Whether there is something to write; set it to True to write in any case."""
        return self._forced or bool(self.removed()) or bool(self.changed())

    @modified.setter
    def modified(self, value: bool) -> None:
        self._change("session.modified = ...")
        self._forced = bool(value)

    def clear(self) -> None:
        """Forget everything, on the server too; what is added afterwards is a new session."""
        super().clear()
        self._fields = {}
        self.was_cleared = True

    def changed(self) -> dict[str, bytes]:
        """Return the JSON of the keys that were set or changed, also deep inside."""
        found: dict[str, bytes] = {}
        for key, value in self._data.items():
            try:
                encoded = to_json(value)
            except (TypeError, ValueError, RecursionError, OverflowError) as error:
                self._refuse(error)
                raise
            if self._fields.get(key) != encoded:
                check_round_trip(key, value, encoded)
                found[key] = encoded
        return found

    def removed(self) -> list[str]:
        """Return the keys that were removed."""
        return [key for key in self._fields if key not in self._data]


class StoredSessions:
    """Loads sessions before anybody can ask for them, and writes them back.

    `request.session` cannot be awaited, so the data is fetched when a request begins, if it
    brings a session cookie of ours. That counts as reading only once a handler asks.

    Args:
        store: Keeps the sessions.
        health: Asks it.
        signer: Signs the identifiers, so that guesses never reach the store.
        cookie: How the cookie is named and protected.
        lifetimes: For how long sessions are valid.
        caching: Keeps responses out of shared caches.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: SessionStore,
        health: StoreHealth,
        signer: PurposeSigner,
        cookie: CookieOptions,
        *,
        lifetimes: Lifetimes,
        caching: PrivateCaching,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._health = health
        self._signer = signer
        self._cookie = cookie
        self._lifetimes = lifetimes
        self._caching = caching
        self._clock = clock

    async def ping(self) -> None:
        """Ask the store for a session that does not exist.

        Raises:
            StoreDownError: When it does not answer.
        """
        await self._health.ask(lambda: self._store.load("ping"))

    # --- Reading ----------------------------------------------------------------------------

    @hookimpl(tryfirst=True, after=("security.hosts", "security.https", "security.cors"))
    async def request_started(self, request: Request) -> None:
        """Fetch the session that the cookie names."""
        if request.raw_header(b"cookie") is None:
            return
        text = request.cookies.get(self._cookie.name)
        if not text:
            return
        try:
            identifier, _ = self._read(text)
        except InvalidSessionError:
            return  # told of when somebody asks for the session
        record: object = _DOWN
        with suppress(StoreDownError):  # a request that needs no session is none the worse
            record = await self._health.ask(lambda: self._store.load(identifier))
        request.__dict__[_RECORD] = record

    def load(self, request: Request) -> Session:
        """Return the session of a request; the value of `request.session`.

        Raises:
            HTTPException: 503 when the store does not answer.
            RuntimeError: When it is too early to ask.
        """
        text = request.cookies.get(self._cookie.name)
        if not text:
            return StoredSession()
        try:
            identifier, stamp = self._read(text)
        except InvalidSessionError as error:
            if error.is_suspicious:
                security_event("session", request, str(error))
            session = StoredSession()
            session.modified = error.is_useless  # so that the cookie goes
            return session
        record = request.peek(_RECORD)
        if record is None:
            raise RuntimeError(
                "request.session was asked for before it was fetched: give the request_started "
                "hook that asks after=('security.sessions',)."
            )
        if record is _DOWN:
            raise _unavailable()
        fields = cast("dict[str, bytes]", record)
        # SECURITY: an identifier that the store does not know is never taken up (CWE-384).
        # The cookie stays: a log-in may be replacing it at this moment, in another response.
        return StoredSession(fields, identifier, stamp) if fields else StoredSession()

    def _read(self, text: str) -> tuple[str, Stamp]:
        """Return the identifier in a cookie, and when it was written.

        Raises:
            InvalidSessionError: When it is not one of ours, or its time is over.
        """
        if len(text) > _LONGEST_COOKIE:
            raise InvalidSessionError("the session cookie is too long", is_suspicious=True)
        value = self._signer.unsign(text)
        if value is None:
            raise InvalidSessionError(
                "the session cookie was not signed with this key", is_suspicious=True
            )
        identifier, _, written = value.partition(".")
        try:
            stamp = Stamp.parse(written)
        except ValueError:
            raise InvalidSessionError(
                "the session cookie has another format", is_suspicious=False
            ) from None
        stamp.check(self._clock(), self._lifetimes.seconds)
        return identifier, stamp

    # --- Writing ----------------------------------------------------------------------------

    async def commit(
        self, session: Session, request: Request, response: Response
    ) -> Response | None:
        """Write a session if it changed, and keep what it shaped out of shared caches.

        Args:
            session: The session of the request, which was asked for.
            request: The request.
            response: The response that takes the cookie.

        Returns:
            None, or the answer to give instead because the store does not take the session.

        Raises:
            TypeError: When the session holds something that is not JSON, or was replaced.
            ValueError: When it is too large.
        """
        if not isinstance(session, StoredSession):
            raise TypeError(
                f"request.session was replaced by {type(session).__name__}; change the session in "
                "place instead: request.session.update(...), request.session.clear()."
            )
        self._caching.apply(response)
        if not (session.modified or self._lifetimes.is_due(session, self._clock())):
            return None
        changed = session.changed()
        self._check_size(session, changed)
        remaining = 0
        if changed or session.origin is not None:
            try:
                remaining = await self._health.ask(lambda: self._write(session, changed))
            except StoreDownError:
                return _down_answer()
        if remaining == ENDED:
            # The request that ended it told the browser; a cookie from here could undo a new login.
            logger.warning(
                "A session was ended while a request was running that has changed it: the change "
                "of %s is lost.",
                ", ".join(map(repr, [*changed, *session.removed()])) or "its identifier",
            )
        elif remaining == MOVED:
            pass  # the answer that moved it has told the browser
        elif remaining:
            value = self._signer.sign(f"{session.id}.{session.stamp(self._clock())}")
            self._cookie.set(response, value, max_age=self._lifetimes.max_age(session))
        elif request.cookies.get(self._cookie.name) is not None:
            self._cookie.delete(response)
        return None

    async def _write(self, session: StoredSession, changed: dict[str, bytes]) -> int:
        """Bring the store up to date; return how many fields it has then, `MOVED` or `ENDED`."""
        origin = session.origin
        if origin is None:
            return await self._create(session, changed)
        if session.was_cleared:
            await self._store.take(origin)
            return await self._create(session, changed)
        if session.id == origin:
            lifetime = self._lifetimes.of(session)
            return await self._store.merge(
                origin, changed, session.removed(), lifetime=lifetime, create=False
            )
        # It was given another identifier: the request that takes the old one moves the data, once.
        fields = await self._store.take(origin, successor=session.id)
        if fields is None:
            # SECURITY: another request has moved it at the same time, perhaps for somebody else
            # who knew the old identifier. This one gets a copy, so that neither gets the other's.
            fields = session.loaded
        if not fields:
            return ENDED
        for key in session.removed():
            fields.pop(key, None)
        return await self._create(session, {**fields, **changed})

    async def _create(self, session: StoredSession, fields: dict[str, bytes]) -> int:
        if not fields:
            return 0
        lifetime = self._lifetimes.of(session)
        return await self._store.merge(session.id, fields, (), lifetime=lifetime, create=True)

    def _check_size(self, session: StoredSession, changed: dict[str, bytes]) -> None:
        size = sum(map(len, changed.values()))
        if size > _LARGEST_SESSION:
            largest = max(changed, key=lambda key: len(changed[key]))
            raise ValueError(
                f"The session is to take {size} bytes of JSON, most of them under {largest!r}; at "
                f"most {_LARGEST_SESSION} are kept. Keep identifiers in the session and the data "
                "in a database."
            )

    # --- Ending -----------------------------------------------------------------------------

    async def revoke(self, identifier: str) -> bool:
        """End a session of any user.

        Args:
            identifier: What `request.session.id` was when it was written.

        Returns:
            Whether there was one.

        Raises:
            StoreDownError: When the store does not answer.
        """
        return bool(await self._health.ask(lambda: self._store.take(identifier)))

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        """Close the connections to the store."""
        await self._store.close()


def _unavailable() -> HTTPException:
    return HTTPException(
        503,
        "Sessions are not available at the moment; try again.",
        headers={"retry-after": _RETRY_AFTER_SECONDS},
    )


def _down_answer() -> Response:
    error = _unavailable()
    return Response.json(
        {"error": error.error, "detail": error.detail}, 503, {"retry-after": _RETRY_AFTER_SECONDS}
    )
