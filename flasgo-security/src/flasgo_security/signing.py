"""Signatures: one salt per purpose, one key per salt, old keys still verified."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from itsdangerous import Signer
from itsdangerous.encoding import base64_encode

if TYPE_CHECKING:
    from flasgo import Settings

__all__ = ["PurposeSigner"]

_SALT_PREFIX = "flasgo.security."


class PurposeSigner:
    """Signs and verifies text for one purpose, such as session cookies.

    SECURITY: the purpose is the salt from which the signing key is derived, so that what was
    signed for one purpose is worthless for another (Django, CVE-2026-6873).

    Args:
        purpose: A short name, different for everything that is signed.
        secret_key: Signs, and verifies first.
        fallbacks: Former keys, oldest first; they only verify.
    """

    __slots__ = ("_keys",)

    def __init__(self, purpose: str, secret_key: str, fallbacks: Sequence[str] = ()) -> None:
        signer = Signer(
            [*fallbacks, secret_key],
            salt=_SALT_PREFIX + purpose,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        self._keys = [signer.derive_key(key) for key in (secret_key, *fallbacks)]

    @classmethod
    def from_settings(cls, purpose: str, settings: Settings) -> PurposeSigner:
        """Return the signer of an app for one purpose, keyed by SECRET_KEY and its fallbacks."""
        return cls(
            purpose,
            cast("str", settings["SECRET_KEY"]),
            cast("list[str]", settings["SECRET_KEY_FALLBACKS"]),
        )

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
        # PERF: what itsdangerous computes, without deriving the key each time; a test compares.
        return base64_encode(hmac.digest(self._keys[0], value.encode(), "sha256")).decode("ascii")

    def is_signature(self, value: str, signature: str) -> bool:
        """Whether `signature` was made for `value`, in constant time."""
        if not (value.isascii() and signature.isascii()):
            return False
        # PERF: what itsdangerous verifies, without its conversions; the keys are derived once.
        # SECURITY: every key is tried, and the text is compared, so one signature has one form.
        message, given = value.encode("ascii"), signature.encode("ascii")
        is_match = False
        for key in self._keys:
            expected = base64_encode(hmac.digest(key, message, "sha256"))
            is_match |= hmac.compare_digest(expected, given)
        return is_match
