"""Signatures: one salt per purpose, one key per salt, old keys still verified."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import want_bytes
from itsdangerous.signer import SigningAlgorithm

if TYPE_CHECKING:
    from flasgo import Settings

__all__ = ["PurposeSigner"]

_SALT_PREFIX = "flasgo.security."


class _HmacSha256(SigningAlgorithm):
    """HMAC-SHA256 in one call to OpenSSL."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


class _CachedKeySigner(Signer):
    """A signer that derives the key of each secret once.

    PERF: deriving costs as much as signing, and the secrets of an app do not change.
    """

    _derived: dict[bytes, bytes]

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        secret = self.secret_keys[-1] if secret_key is None else want_bytes(secret_key)
        derived = self._derived.get(secret)
        if derived is None:
            derived = self._derived[secret] = super().derive_key(secret)
        return derived


class PurposeSigner:
    """Signs and verifies text for one purpose, such as session cookies.

    SECURITY: the purpose is the salt from which the signing key is derived, so that what was
    signed for one purpose is worthless for another (Django, CVE-2026-6873).

    Args:
        purpose: A short name, different for everything that is signed.
        secret_key: Signs, and verifies first.
        fallbacks: Former keys, oldest first; they only verify.
    """

    __slots__ = ("_signer",)

    def __init__(self, purpose: str, secret_key: str, fallbacks: Sequence[str] = ()) -> None:
        self._signer = _CachedKeySigner(
            [*fallbacks, secret_key],
            salt=_SALT_PREFIX + purpose,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
            algorithm=_HmacSha256(),
        )
        self._signer._derived = {}

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
        return self._signer.sign(value).decode("ascii")

    def unsign(self, signed: str) -> str | None:
        """Return the value in front of the signature, or None when the signature is wrong.

        Args:
            signed: What a client sent; bound its length before calling.
        """
        try:
            return self._signer.unsign(signed.encode("ascii")).decode("ascii")
        except (BadSignature, UnicodeError):
            return None

    def signature(self, value: str) -> str:
        """Return the signature of `value` alone."""
        return self._signer.get_signature(value).decode("ascii")

    def is_signature(self, value: str, signature: str) -> bool:
        """Whether `signature` was made for `value`, in constant time."""
        return self._signer.verify_signature(value, signature)
