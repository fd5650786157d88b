"""When a session was written, and for how long it is valid from then on."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["InvalidSessionError", "Stamp"]

CLOCK_SKEW = 60
"""Seconds by which the clocks of the hosts that serve an app may differ."""

_LONGEST_TIME = 12  # digits
_STAMP = re.compile(r"([0-9]{1,12})(?:([bdp])([0-9]{0,10}))?")
_KINDS = {None: "d", True: "p", False: "b"}
_PERMANENT = {kind: value for value, kind in _KINDS.items()}


class InvalidSessionError(Exception):
    """Raised when a session cookie cannot be used.

    Attributes:
        is_suspicious: Whether the cookie was not one of ours, rather than merely old.
        is_useless: Whether it will never be valid, so that the client need not keep it.
    """

    def __init__(self, reason: str, *, is_suspicious: bool, is_useless: bool = True) -> None:
        super().__init__(reason)
        self.is_suspicious = is_suspicious
        self.is_useless = is_useless


class Stamp(NamedTuple):
    """The part of a signed session cookie that says when it was written.

    As text `1700000000`, or `1700000000p2592000` with what the session has of its own.

    Attributes:
        written: Seconds since the epoch.
        permanent: Whether the cookie outlives the browser; None is as the setting says.
        lifetime: Seconds for which it is valid; None is as the setting says.
    """

    written: int
    permanent: bool | None = None
    lifetime: int | None = None

    def __str__(self) -> str:
        if self.permanent is None and self.lifetime is None:
            return str(self.written)
        return f"{self.written}{_KINDS[self.permanent]}{self.lifetime or ''}"

    @classmethod
    def parse(cls, text: str) -> Stamp:
        """Return the stamp of a text.

        Raises:
            ValueError: When it is no stamp.
        """
        # PERF: most sessions have nothing of their own.
        if len(text) <= _LONGEST_TIME and text.isascii() and text.isdecimal():
            return tuple.__new__(cls, (int(text), None, None))
        match = _STAMP.fullmatch(text)
        if match is None:
            raise ValueError("not a stamp")
        written, kind, lifetime = match.groups()
        return cls(int(written), _PERMANENT.get(kind), int(lifetime or 0) or None)

    def check(self, now: float, lifetime: int) -> None:
        """Refuse a session whose time is over, or has not come.

        Args:
            now: Seconds since the epoch.
            lifetime: For how many seconds sessions are valid that have no lifetime of their own.

        Raises:
            InvalidSessionError: When it is not valid now.
        """
        age = now - self.written
        if age > (self.lifetime or lifetime):
            raise InvalidSessionError("the session has expired", is_suspicious=False)
        # SECURITY: one from the future would be valid for longer than sessions are.
        if age < -CLOCK_SKEW:
            # A clock is wrong, perhaps this one: when it is right again, so is the cookie.
            raise InvalidSessionError(
                "the session was written in the future", is_suspicious=False, is_useless=False
            )
