"""Timed tokens for links in mails and the like: `app.signer(purpose)`."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from flasgo import HTTPException

from flasgo_security.sessions.stamps import CLOCK_SKEW
from flasgo_security.sessions.values import json_fault, to_json
from flasgo_security.signing import PurposeSigner

if TYPE_CHECKING:
    from flasgo import Registry, Settings

__all__ = ["ExpiredTokenError", "SignedTokenError", "SignerConcern", "TimedSigner"]

_LONGEST_PURPOSE = 200
_LONGEST_TOKEN = 8192
_STANDARD = bytes.maketrans(b"-_", b"+/")

_decode = msgspec.json.Decoder().decode


class SignedTokenError(HTTPException):
    """Raised for a token that is not to be believed; left alone it is answered 400."""

    def __init__(
        self,
        detail: str = "This link or token is not valid; ask for a new one.",
        error: str = "invalid_token",
    ) -> None:
        super().__init__(400, detail, error=error)


class ExpiredTokenError(SignedTokenError):
    """Raised for a token whose time is over; left alone it is answered 400."""

    def __init__(self) -> None:
        super().__init__("This link or token has expired; ask for a new one.", "expired_token")


class TimedSigner:
    """Signs values for one purpose; what was signed for another one is worthless here.

    A token is text that goes into a URL as it is. Who has it can read the value, but not change
    it, and can use it as often as they like until it expires: sign something that using it
    changes, such as a digest of the password's hash, where once is enough.

    Args:
        signer: Signs them.
        clock: Seconds since the epoch.
    """

    def __init__(self, signer: PurposeSigner, clock: Callable[[], float] = time.time) -> None:
        self._signer = signer
        self._clock = clock

    def sign(self, value: object) -> str:
        """Return a token.

        Args:
            value: str, numbers, bool, None, or lists and dicts of these.

        Raises:
            TypeError: When the value would not come back as it was.
            ValueError: When the token would have more than 8192 characters.
        """
        data, fault = b"", None
        try:
            data = to_json(value)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            fault = json_fault(value) or str(error)
        if fault is None and _decode(data) != value:
            fault = json_fault(value)
        if fault is not None:
            raise TypeError(f"sign() takes values that JSON can hold: {fault}.")
        encoded = urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
        token = self._signer.sign(f"{encoded}.{int(self._clock())}")
        if len(token) > _LONGEST_TOKEN:
            raise ValueError(
                f"The token would have {len(token)} characters; at most {_LONGEST_TOKEN} are read. "
                "Sign an identifier, and keep the data in a database."
            )
        return token

    # Any: whatever was signed.
    def unsign(self, token: str, *, max_age: float | None) -> Any:
        """Return the value of a token.

        Args:
            token: What a client sent.
            max_age: Seconds for which a token is good; None is for ever.

        Raises:
            SignedTokenError: When it was not signed here, or for another purpose.
            ExpiredTokenError: When it was, and its time is over.
            ValueError: When `max_age` is not positive.
        """
        if max_age is not None and not max_age > 0:
            raise ValueError(f"unsign(max_age={max_age!r}): give seconds above 0, or None.")
        # SECURITY: length before signature, signature before everything else (CWE-400).
        if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
            raise SignedTokenError
        value = self._signer.unsign(token)
        if value is None:
            raise SignedTokenError
        encoded, _, written = value.partition(".")
        try:
            data = _decode(a2b_base64(encoded.encode("ascii").translate(_STANDARD) + b"=="))
            age = self._clock() - int(written)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            raise SignedTokenError from None
        if age < -CLOCK_SKEW:
            raise SignedTokenError
        if max_age is not None and age > max_age:
            raise ExpiredTokenError
        return data


class SignerConcern:
    """Gives the app its `signer`.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._make: Callable[[str], TimedSigner] | None = None

    def declare(self, registry: Registry) -> None:
        """Declare the method of the app."""
        registry.app_method("signer", self.signer)

    def configure(self, settings: Settings) -> None:
        """Read the keys."""

        def make(purpose: str) -> TimedSigner:
            # SECURITY: apart from what the plugin signs itself, whatever an app calls its own.
            return TimedSigner(PurposeSigner.from_settings(f"app.{purpose}", settings), self._clock)

        # PERF: keys are derived once for each purpose.
        self._make = lru_cache(maxsize=256)(make)

    def signer(self, purpose: str) -> TimedSigner:
        """Return what signs and verifies tokens for one purpose; `app.signer`.

        Args:
            purpose: A name such as `"password-reset"`, different for everything that is signed.

        Raises:
            TypeError: When it is not text.
            ValueError: When it is empty, or longer than 200 characters.
        """
        if not isinstance(purpose, str):
            raise TypeError(f"signer() takes a purpose such as 'password-reset', not {purpose!r}.")
        if not 0 < len(purpose.strip()) <= len(purpose) <= _LONGEST_PURPOSE:
            raise ValueError(
                f"signer() takes a purpose of 1 to {_LONGEST_PURPOSE} characters, such as "
                f"'password-reset'; not {purpose[:_LONGEST_PURPOSE]!r}."
            )
        if self._make is None:
            raise RuntimeError("app.signer was called before the app was created.")
        return self._make(purpose)
