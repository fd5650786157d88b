"""Passwords: hashed and verified in worker threads, never on the event loop."""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from flasgo import current_request

from flasgo_auth.passwords.pending import Pending
from flasgo_auth.passwords.schemes import PasswordScheme, best_scheme, scheme_of

__all__ = [
    "MAX_PASSWORD_BYTES",
    "PasswordCheck",
    "check_password_hash",
    "generate_password_hash",
    "hash_password",
    "needs_rehash",
    "verify_password",
]

MAX_PASSWORD_BYTES = 1024
"""The longest password that is taken, in bytes of UTF-8."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

_logger = logging.getLogger("flasgo.security")


@dataclass(frozen=True)
class PasswordCheck:
    """What `verify_password` found; true when the password was right.

    Attributes:
        is_valid: Whether the password was right.
        new_hash: What to store in place of the hash, when the password was right and the hash
            is weaker than those that are made today; None otherwise.
    """

    is_valid: bool
    new_hash: str | None = None

    def __bool__(self) -> bool:
        return self.is_valid

    def __repr__(self) -> str:
        """Return what was found without the hash: this may end in a log."""
        return f"PasswordCheck(is_valid={self.is_valid}, is_rehashed={self.new_hash is not None})"


async def hash_password(password: str, *, scheme: PasswordScheme | None = None) -> str:
    """Return the text to store for a password, in PHC format.

    The work is done in a worker thread. Argon2id is used where argon2-cffi is installed
    (`pip install 'flasgo-auth[argon2]'`), else scrypt.

    Args:
        password: The password: 1 to `MAX_PASSWORD_BYTES` bytes of UTF-8 without NUL. Different
            ways to write one character count as the same (Unicode NFC, RFC 8265, section 4.2.2).
        scheme: Another scheme or other parameters.

    Raises:
        TypeError: When the password is not a str.
        ValueError: When the password is empty, too long, or has characters that cannot be kept;
            the message can be shown to who chose it.
    """
    data = _prepared(password)
    return await _off_the_loop((scheme or best_scheme()).hash, data)


def verify_password(
    password: str,
    stored: str | None,
    *,
    scheme: PasswordScheme | None = None,
    older: Iterable[PasswordScheme] = (),
) -> Pending[PasswordCheck]:
    """Tell whether a password is the one that a hash was made for.

    The work is done in a worker thread. Call it for unknown users too, with None: it does the
    same work and says no, so that the time does not tell who has an account (CWE-208).

    ```python
    account = await find_account(name)
    check = await verify_password(password, account.password_hash if account else None)
    if account and check:
        if check.new_hash:
            await save_password_hash(account, check.new_hash)
        login(request, User(id=account.id))
    ```

    Args:
        password: What the visitor typed.
        stored: What `hash_password` returned, or None for a user without a password.
        scheme: What hashes are made with today, when it is not the default.
        older: What hashes were made with in former days, by another framework say. Those of
            Argon2id and scrypt need no mention.

    Returns:
        What is awaited, for a true value when the password is right, with the hash to store in
        place of `stored` when that has aged. Without `await` it is neither true nor false:
        `if verify_password(...)` is a TypeError.

    Raises:
        TypeError: When the password is not a str, or `stored` neither a str nor None.
        ConfigurationError: When the hash is of Argon2 and argon2-cffi is not installed.
    """
    checking = _check_password(password, stored, scheme or best_scheme(), tuple(older))
    return Pending(checking, "verify_password(password, stored)")


async def _check_password(
    password: str, stored: str | None, current: PasswordScheme, older: tuple[PasswordScheme, ...]
) -> PasswordCheck:
    if stored is not None:
        _check_stored(stored)
    try:
        data = _prepared(password)
    except ValueError:
        # No hash was ever made for it; known and unknown users are refused alike.
        return PasswordCheck(is_valid=False)
    return await _off_the_loop(_verify, data, stored, current, older)


def generate_password_hash(password: str, *, scheme: PasswordScheme | None = None) -> str:
    """Return what `hash_password` does, for `def` handlers and commands: it blocks meanwhile.

    Args:
        password: As for `hash_password`.
        scheme: As for `hash_password`.

    Raises:
        RuntimeError: On the event loop, where `await hash_password(password)` is right.
        TypeError: When the password is not a str.
        ValueError: When the password cannot be one; see `hash_password`.
    """
    _check_thread("generate_password_hash(password)", "await hash_password(password)")
    return (scheme or best_scheme()).hash(_prepared(password))


def check_password_hash(
    stored: str | None,
    password: str,
    *,
    scheme: PasswordScheme | None = None,
    older: Iterable[PasswordScheme] = (),
) -> PasswordCheck:
    """Return what `verify_password` does, for `def` handlers and commands: it blocks meanwhile.

    Args:
        stored: What was returned for the password, or None for a user without one: call it for
            unknown users too, so that the time does not tell who has an account (CWE-208).
        password: What the visitor typed.
        scheme: As for `verify_password`.
        older: As for `verify_password`.

    Raises:
        RuntimeError: On the event loop, where `await verify_password(password, stored)` is right.
        TypeError: When the password is not a str, or `stored` neither a str nor None.
        ConfigurationError: When the hash is of Argon2 and argon2-cffi is not installed.
    """
    _check_thread(
        "check_password_hash(stored, password)", "await verify_password(password, stored)"
    )
    if stored is not None:
        _check_stored(stored)
    try:
        data = _prepared(password)
    except ValueError:
        return PasswordCheck(is_valid=False)
    return _verify(data, stored, scheme or best_scheme(), tuple(older))


def _check_thread(call: str, instead: str) -> None:
    """Refuse to block an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"{call} would stop the event loop for as long as it computes. Write `{instead}` in an "
        "`async def` function, or make the handler `def`."
    )


def needs_rehash(stored: str, *, scheme: PasswordScheme | None = None) -> bool:
    """Tell whether a hash is weaker than those that are made today, or of another scheme.

    `verify_password` looks at this by itself; the function is for counting what is left.

    Args:
        stored: What `hash_password` returned.
        scheme: What hashes are made with today, when it is not the default.

    Raises:
        TypeError: When `stored` is not a str.
    """
    _check_stored(stored)
    return not (scheme or best_scheme()).covers(stored)


def _check_stored(stored: object) -> None:
    # SECURITY: the message does not show it.
    if not isinstance(stored, str):
        raise TypeError(
            f"A stored password hash is a str, got {type(stored).__name__}; decode bytes of the "
            "database as ASCII, and pass None for a user without a password."
        )


def _verify(
    password: bytes,
    stored: str | None,
    current: PasswordScheme,
    older: tuple[PasswordScheme, ...],
) -> PasswordCheck:
    scheme = None if stored is None else scheme_of(stored, (current, *older))
    if stored is None or scheme is None:
        if stored is not None:
            _complain("it is of no scheme that is known here")
        return _refuse(password, current)
    try:
        is_valid = scheme.verify(password, stored)
    except ValueError as error:
        _complain(str(error))
        return _refuse(password, current)
    if is_valid and not current.covers(stored):
        return PasswordCheck(is_valid=True, new_hash=current.hash(password))
    return PasswordCheck(is_valid)


def _refuse(password: bytes, current: PasswordScheme) -> PasswordCheck:
    # SECURITY: the work of a verification, and an answer that does not depend on it.
    current.hash(password)
    return PasswordCheck(is_valid=False)


def _complain(reason: str) -> None:
    # SECURITY: without the hash, which is worth guessing at.
    _logger.error("A stored password hash cannot be used: %s. It cannot be used to log in.", reason)


def _prepared(password: object) -> bytes:
    if not isinstance(password, str):
        raise TypeError(f"A password is a str, got {type(password).__name__}.")
    # SECURITY: the length comes first; normalizing a long text is work, too.
    if len(password) > MAX_PASSWORD_BYTES:
        raise ValueError(_TOO_LONG)
    if not password:
        raise ValueError("The password is empty; choose one with some characters.")
    if "\x00" in password:
        raise ValueError("The password contains a NUL character; leave that out.")
    try:
        data = unicodedata.normalize("NFC", password).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("The password contains half a character; leave that out.") from None
    if len(data) > MAX_PASSWORD_BYTES:
        raise ValueError(_TOO_LONG)
    return data


_TOO_LONG = f"The password is too long; choose one of at most {MAX_PASSWORD_BYTES} bytes."


async def _off_the_loop(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call a function in a worker thread: one of the app's password threads, if there is an app."""
    try:
        app = current_request().app
    except RuntimeError:
        return await asyncio.to_thread(function, *args, **kwargs)
    # SECURITY: few threads of their own, since each hash takes megabytes, and a flood of logins
    # must not take the threads of the handlers (CWE-400).
    threads = getattr(app, "password_threads", None) or app.threads
    return await threads.run(function, *args, **kwargs)
