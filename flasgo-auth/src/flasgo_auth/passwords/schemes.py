"""How passwords are hashed: the schemes, their parameters, and the text they are kept as.

The text is in PHC format: `$argon2id$v=19$m=...,t=...,p=...$salt$hash` (RFC 9106 has the
parameters), or `$scrypt$ln=...,r=...,p=...$salt$hash` (RFC 7914).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import importlib.util
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from flasgo import ConfigurationError

__all__ = ["Argon2", "PasswordScheme", "Scrypt", "best_scheme", "scheme_of"]

_SALT_BYTES = 16
_HASH_BYTES = 32
_MEBIBYTE = 1024 * 1024
# SECURITY: what a stored hash may ask for; a row that somebody wrote must not take the server down.
_MOST_MEMORY = 1024 * _MEBIBYTE
_MOST_PASSES = 64
_LONGEST_TEXT = 512


class PasswordScheme:
    """A way to hash passwords. Its methods take long: they never run on the event loop.

    Subclass it to make hashes of another kind, or only to read those of another framework: then
    `reads` and `verify` are enough, and `verify_password(older=[...])` renews them.

    Attributes:
        name: What hashes in PHC format begin with, between two dollar signs.
    """

    name: ClassVar[str] = ""

    def reads(self, stored: str) -> bool:
        """Tell whether a text looks as if this scheme had made it.

        Args:
            stored: What is kept for a user, of whatever kind.
        """
        return stored.startswith(f"${self.name}$")

    def hash(self, password: bytes) -> str:
        """Return the text to keep for a password, with a new salt.

        Args:
            password: The password as bytes.
        """
        raise NotImplementedError

    def verify(self, password: bytes, stored: str) -> bool:
        """Tell whether a text was made for a password, by this scheme with whatever parameters.

        Args:
            password: The password as bytes.
            stored: What `hash` returned.

        Raises:
            ValueError: When the text is malformed, or asks for too much.
        """
        raise NotImplementedError

    def covers(self, stored: str) -> bool:
        """Tell whether a text was made by this scheme with parameters that are no weaker.

        Args:
            stored: What `hash` returned.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Scrypt(PasswordScheme):
    """scrypt, from the standard library.

    Args:
        log_cost: How often the memory is filled, as a power of two.
        block_size: The memory is 128 bytes times this, times 2 to the `log_cost`.
        parallelism: How many times all of that is done.

    Raises:
        ValueError: When a parameter is out of range.
    """

    log_cost: int = 15
    block_size: int = 8
    parallelism: int = 3

    name = "scrypt"

    def __post_init__(self) -> None:
        if not (1 <= self.log_cost <= 24 and self.block_size >= 1 and self.parallelism >= 1):
            raise ValueError(f"{self!r}: log_cost is 1 to 24, the others at least 1.")
        if self._memory > _MOST_MEMORY or self.parallelism > _MOST_PASSES:
            raise ValueError(
                f"{self!r} takes {self._memory // _MEBIBYTE} MiB; at most "
                f"{_MOST_MEMORY // _MEBIBYTE} MiB and a parallelism of {_MOST_PASSES} are allowed."
            )

    @property
    def _memory(self) -> int:
        return 128 * self.block_size << self.log_cost

    def hash(self, password: bytes) -> str:
        """Return the text to keep for a password."""
        salt = os.urandom(_SALT_BYTES)
        parameters = f"ln={self.log_cost},r={self.block_size},p={self.parallelism}"
        return f"$scrypt${parameters}${_encode(salt)}${_encode(self._derive(password, salt))}"

    def verify(self, password: bytes, stored: str) -> bool:
        """Tell whether a text was made for a password."""
        scheme, salt, expected = _parse_scrypt(stored)
        return hmac.compare_digest(scheme._derive(password, salt), expected)

    def covers(self, stored: str) -> bool:
        """Tell whether a text has these parameters, or stronger ones."""
        try:
            other, _, _ = _parse_scrypt(stored)
        except ValueError:
            return False
        return (
            other.log_cost >= self.log_cost
            and other.block_size >= self.block_size
            and other.parallelism >= self.parallelism
        )

    def _derive(self, password: bytes, salt: bytes) -> bytes:
        return hashlib.scrypt(
            password,
            salt=salt,
            n=1 << self.log_cost,
            r=self.block_size,
            p=self.parallelism,
            maxmem=self._memory + 128 * self.block_size * self.parallelism + _MEBIBYTE,
            dklen=_HASH_BYTES,
        )


@dataclass(frozen=True)
class Argon2(PasswordScheme):
    """Argon2id, from argon2-cffi: `pip install 'flasgo-auth[argon2]'`.

    The parameters are the second choice of RFC 9106, section 4, for where memory is dear.

    Args:
        time_cost: Passes over the memory.
        memory_cost: Memory in KiB.
        parallelism: Threads.

    Raises:
        ValueError: When a parameter is out of range.
    """

    time_cost: int = 3
    memory_cost: int = 64 * 1024
    parallelism: int = 4

    name = "argon2id"

    def __post_init__(self) -> None:
        if not (
            1 <= self.time_cost <= _MOST_PASSES
            and 1 <= self.parallelism <= _MOST_PASSES
            and 8 * self.parallelism <= self.memory_cost <= _MOST_MEMORY // 1024
        ):
            raise ValueError(
                f"{self!r}: time_cost and parallelism are 1 to {_MOST_PASSES}, memory_cost is "
                f"8 times the parallelism to {_MOST_MEMORY // 1024} KiB (RFC 9106, section 3.1)."
            )

    def hash(self, password: bytes) -> str:
        """Return the text to keep for a password."""
        low_level = _argon2()
        return low_level.hash_secret(
            password,
            os.urandom(_SALT_BYTES),
            time_cost=self.time_cost,
            memory_cost=self.memory_cost,
            parallelism=self.parallelism,
            hash_len=_HASH_BYTES,
            type=low_level.Type.ID,
        ).decode("ascii")

    def verify(self, password: bytes, stored: str) -> bool:
        """Tell whether a text was made for a password."""
        _parse_argon2(stored)
        low_level = _argon2()
        from argon2.exceptions import VerificationError, VerifyMismatchError

        try:
            return low_level.verify_secret(stored.encode("ascii"), password, low_level.Type.ID)
        except VerifyMismatchError:
            return False
        except VerificationError as error:
            raise ValueError(f"argon2 cannot read it: {error}") from None

    def covers(self, stored: str) -> bool:
        """Tell whether a text has these parameters, or stronger ones.

        The parallelism does not count: it says how the work is divided, not how much there is.
        """
        try:
            other = _parse_argon2(stored)
        except ValueError:
            return False
        return other.memory_cost >= self.memory_cost and other.time_cost >= self.time_cost


def best_scheme() -> PasswordScheme:
    """Return Argon2id where argon2-cffi is installed, else scrypt; with today's parameters."""
    return Argon2() if importlib.util.find_spec("argon2") is not None else Scrypt()


def scheme_of(stored: str, others: Iterable[PasswordScheme] = ()) -> PasswordScheme | None:
    """Return a scheme that verifies a text, or None when none of them made it.

    Args:
        stored: What a scheme's `hash` returned.
        others: Schemes to ask before those of this module.
    """
    return next((scheme for scheme in (*others, Argon2(), Scrypt()) if scheme.reads(stored)), None)


_SCRYPT = re.compile(
    r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})"
    r"\$([A-Za-z0-9+/]{1,86})\$([A-Za-z0-9+/]{22,86})"
)
_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,4}),p=([0-9]{1,4})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,128})"
)


def _parse_scrypt(stored: str) -> tuple[Scrypt, bytes, bytes]:
    found = _SCRYPT.fullmatch(stored)
    if found is None:
        raise ValueError("it is not in the format $scrypt$ln=,r=,p=$salt$hash")
    expected = _decode(found[5])
    if len(expected) != _HASH_BYTES:
        raise ValueError(f"its hash has {len(expected)} bytes, not {_HASH_BYTES}")
    return Scrypt(int(found[1]), int(found[2]), int(found[3])), _decode(found[4]), expected


def _parse_argon2(stored: str) -> Argon2:
    found = _ARGON2.fullmatch(stored) if len(stored) <= _LONGEST_TEXT else None
    if found is None:
        raise ValueError("it is not in the format $argon2id$v=19$m=,t=,p=$salt$hash")
    return Argon2(time_cost=int(found[2]), memory_cost=int(found[1]), parallelism=int(found[3]))


def _argon2():
    try:
        from argon2 import low_level
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in ("argon2", "_argon2_cffi_bindings"):
            raise
        raise ConfigurationError(
            "A password is hashed with Argon2, and argon2-cffi is not installed. Install it with: "
            "pip install 'flasgo-auth[argon2]'"
        ) from None
    return low_level


def _encode(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"its base64 is malformed: {error}") from None
