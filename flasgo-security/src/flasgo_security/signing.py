"""Signatures: one salt per purpose, one key per salt, old keys still verified."""

from __future__ import annotations

import logging
from binascii import b2a_base64
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, cast

from flasgo.plugin import lazy

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from flasgo import Settings

    _Keyed = tuple[Hash, Hash]

__all__ = ["PurposeSigner"]

logger = logging.getLogger("flasgo.security")

_told: set[str] = set()
_SALT_PREFIX = "flasgo.security."
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BLOCK = sha256().block_size
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class PurposeSigner:
    """Signs and verifies text for one purpose, such as session cookies.

    SECURITY: the purpose is the salt from which the signing key is derived, so that what was
    signed for one purpose is worthless for another (Django, CVE-2026-6873).

    Args:
        purpose: A short name, different for everything that is signed.
        secret_key: Signs, and verifies first.
        fallbacks: Former keys, oldest first; they only verify.
        is_made_up: Whether the key was made up by this process, for want of a SECRET_KEY.
    """

    def __init__(
        self,
        purpose: str,
        secret_key: str,
        fallbacks: Sequence[str] = (),
        *,
        is_made_up: bool = False,
    ) -> None:
        self._purpose = purpose
        self._keys = (secret_key, *fallbacks)
        self._is_made_up = is_made_up

    @classmethod
    def from_settings(cls, purpose: str, settings: Settings) -> PurposeSigner:
        """Return the signer of an app for one purpose, keyed by SECRET_KEY and its fallbacks."""
        return cls(
            purpose,
            cast("str", settings["SECRET_KEY"]),
            cast("list[str]", settings["SECRET_KEY_FALLBACKS"]),
            is_made_up=settings.source("SECRET_KEY") == "default",
        )

    @lazy
    def _signatures(self) -> tuple[_Keyed, ...]:
        """The keys, ready to sign; derived when something is signed or verified."""
        from itsdangerous import Signer  # PERF: not before something is signed

        if self._is_made_up:
            _warn_of_made_up_key(self._keys[0])
        signer = Signer(
            list(self._keys[::-1]),
            salt=_SALT_PREFIX + self._purpose,
            key_derivation="hmac",
            digest_method=sha256,
        )
        return tuple(_keyed(signer.derive_key(key)) for key in self._keys)

    def sign(self, value: str) -> str:
        """Return `value`, a dot and its signature."""
        return f"{value}.{self.signature(value)}"

    def unsign(self, signed: str) -> str | None:
        """Return the value in front of the signature, or None when the signature is wrong.

        Args:
            signed: What a client sent; bound its length before calling.
        """
        value, found, signature = signed.rpartition(".")
        if found and self.is_signature(value, signature):
            return value
        return None

    def signature(self, value: str) -> str:
        """Return the signature of `value` alone."""
        return _signed(self._signatures[0], value.encode()).decode("ascii")

    def is_signature(self, value: str, signature: str) -> bool:
        """Whether `signature` was made for `value`, in constant time."""
        if not (value.isascii() and signature.isascii()):
            return False
        # SECURITY: every key is tried, and the text is compared, so one signature has one form.
        message, given = value.encode("ascii"), signature.encode("ascii")
        is_match = False
        for keyed in self._signatures:
            is_match |= compare_digest(_signed(keyed, message), given)
        return is_match


def _warn_of_made_up_key(key: str) -> None:
    """Say once that what is signed is worth nothing after a restart."""
    if key in _told:
        return
    _told.add(key)
    logger.warning(
        "SECRET_KEY is not set, so a random one is used: signed sessions and tokens will not "
        "survive a restart, nor be understood by another worker. Make one with "
        "`openssl rand -hex 32` and set FLASGO_SECRET_KEY to it."
    )


def _keyed(key: bytes) -> _Keyed:
    """Return the two hashes of HMAC (RFC 2104, section 2) with a key of at most 64 bytes in each.

    PERF: both are made once; a copy of each takes a third of the time of an `hmac.HMAC`.
    """
    padded = key.ljust(_BLOCK, b"\0")
    return sha256(padded.translate(_INNER)), sha256(padded.translate(_OUTER))


def _signed(keyed: _Keyed, message: bytes) -> bytes:
    """Return the signature of a message as itsdangerous writes it; a test compares."""
    inner, outer = keyed
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return b2a_base64(outer.digest(), newline=False).translate(_URL_SAFE).rstrip(b"=")
