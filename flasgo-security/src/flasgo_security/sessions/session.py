"""The data of one visitor, as a mapping that knows whether it has changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Self, TypeVar, cast, overload

from flasgo_security.sessions.stamps import Stamp
from flasgo_security.sessions.values import check_round_trip, encode_value, to_json

if TYPE_CHECKING:
    from flasgo import Response

__all__ = ["Session"]

_D = TypeVar("_D")
_NOTHING = b"{}"
_LONGEST_LIFETIME = 10 * 366 * 24 * 60 * 60


class Session(MutableMapping[str, object]):
    """The data of one visitor: a mapping of str to anything JSON can hold.

    Changes inside nested lists and dicts are noticed too. After the next request a tuple has
    become a list, and a datetime, UUID or Decimal a str: values come back as JSON has them. What
    JSON would change in other ways (bytes, sets, NaN, keys that are not text) is refused.

    Args:
        data: What the session holds.
        identifier: Its random identifier; None makes one when it is needed.
        saved: The JSON under which the client has the session; None when it has none.
        stamp: When it was written; None when it was not.
    """

    __slots__ = (
        "_data",
        "_forced",
        "_identifier",
        "_is_too_late",
        "_leaves_with",
        "_lifetime",
        "_loaded_binding",
        "_permanent",
        "_saved",
        "_written",
    )

    def __init__(
        self,
        data: dict[str, object] | None = None,
        identifier: str | None = None,
        saved: bytes | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self._data = {} if data is None else data
        self._identifier = identifier
        self._saved = saved
        self._forced = False
        self._is_too_late: Callable[[], bool] = _never
        self._leaves_with: Response | None = None
        self._loaded_binding = identifier if identifier is not None and self._data else ""
        self._written, self._permanent, self._lifetime = stamp or (None, None, None)

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
        # PERF: the usual session has data and is what it was; `binding` asks twice more.
        if self._data and self._identifier is not None:
            return self._identifier != self._loaded_binding
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

    def close_with(self, response: Response) -> None:
        """Refuse changes from the moment on when the headers of a response have been sent.

        Args:
            response: The response that takes the cookie.
        """
        self._leaves_with = response

    def _change(self, what: str) -> None:
        response = self._leaves_with
        if (response is not None and response.is_sent) or self._is_too_late():
            raise RuntimeError(
                f"{what} came after the response's headers had been sent, so the change would be "
                "lost. Change the session in the handler, before the stream begins; on a "
                "WebSocket it can be read only: change it in an HTTP request."
            )

    @property
    def permanent(self) -> bool | None:
        """Whether the session outlives the browser; None is as `SESSION_PERMANENT` says."""
        return self._permanent

    @permanent.setter
    def permanent(self, value: bool | None) -> None:
        if not (value is None or isinstance(value, bool)):
            raise TypeError(f"session.permanent is True, False or None, not {value!r}.")
        self._change("session.permanent = ...")
        self._forced = self._forced or value != self._permanent
        self._permanent = value

    @property
    def lifetime(self) -> int | None:
        """Seconds for which it is valid once written; None is `SESSION_LIFETIME_SECONDS`."""
        return self._lifetime

    @lifetime.setter
    def lifetime(self, value: int | None) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise TypeError(
                f"session.lifetime is a whole number of seconds or None, not {value!r}."
            )
        if value is not None and not 0 < value <= _LONGEST_LIFETIME:
            raise ValueError(
                f"session.lifetime is from 1 to {_LONGEST_LIFETIME} seconds (ten years), or None; "
                f"not {value}."
            )
        self._change("session.lifetime = ...")
        self._forced = self._forced or value != self._lifetime
        self._lifetime = value

    @property
    def written(self) -> int | None:
        """When it was written, in seconds since the epoch; None when it is new."""
        return self._written

    def stamp(self, now: float) -> Stamp:
        """Return what its cookie says when it is written now."""
        return Stamp(int(now), self._permanent, self._lifetime)

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
        self._permanent = self._lifetime = None
        self._forced = True

    def encoded(self) -> bytes:
        """Return the data as JSON.

        Raises:
            TypeError: When a value cannot be kept in a session; its key is named.
        """
        try:
            data = to_json(self._data)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            self._refuse(error)
            raise
        # PERF: what the client has already was looked at when it was written.
        if data != self._saved:
            for key, value in self._data.items():
                check_round_trip(key, value, to_json(value))
        return data

    def _refuse(self, error: Exception) -> None:
        for key, value in self._data.items():
            encode_value(key, value)
        raise TypeError(f"The session is not JSON: {error}.") from error

    def __getitem__(self, key: str) -> object:
        return self._data[key]

    def __setitem__(self, key: str, value: object) -> None:
        if not isinstance(key, str):
            raise TypeError(f"Session keys are str, not {type(key).__name__}: {key!r}.")
        self._change(f"session[{key!r}] = ...")
        if not (value is None or isinstance(value, bool) or _is_plain_text(value)):
            # Here, where the traceback shows who wrote it; again before it is sent, because
            # lists and dicts can change.
            encode_value(key, value)
        self._data[key] = value

    def __or__(self, other: Mapping[str, object]) -> dict[str, object]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**self._data, **other}

    def __ror__(self, other: Mapping[str, object]) -> dict[str, object]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**other, **self._data}

    def __ior__(self, other: Mapping[str, object] | Iterable[tuple[str, object]]) -> Self:
        self.update(other)
        return self

    def copy(self) -> dict[str, object]:
        """Return the data as a dict of its own."""
        return dict(self._data)

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


def _never() -> bool:
    return False


def _is_plain_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii()
