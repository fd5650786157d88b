"""The settings that core itself owns."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
from typing import Literal

from flasgo.settings.specs import SettingSpec

__all__ = ["CORE_SETTINGS", "key_of_run", "weak_secret_key"]

logger = logging.getLogger("flasgo.settings")

# Words people leave in SECRET_KEY, compared in lower case with `_` and spaces read as `-`.
_PLACEHOLDER_KEYS = frozenset(
    {
        "change-me",
        "changeit",
        "changeme",
        "default",
        "dev",
        "development",
        "insecure",
        "my-secret-key",
        "mysecretkey",
        "password",
        "please-change-me",
        "replace-in-production",
        "replace-me",
        "replaceme",
        "secret",
        "secret-key",
        "secretkey",
        "super-secret",
        "super-secret-key",
        "supersecret",
        "supersecretkey",
        "test",
        "testing",
        "your-secret-key",
        "your-secret-key-here",
        "yoursecretkey",
    }
)
_MIN_KEY_LENGTH = 32
_MIN_KEY_ALPHABET = 8
# A random key that a server has made for the processes that it starts: its process id, and the key.
RUN_KEY = "FLASGO_RUN_KEY"
_HOW_TO_MAKE_A_KEY = "Make one with `openssl rand -hex 32` and set FLASGO_SECRET_KEY to it."


def weak_secret_key(value: str) -> str | None:
    """Say what makes a SECRET_KEY weak.

    Args:
        value: The key.

    Returns:
        The reason, as the end of a sentence that begins with "SECRET_KEY", or None for a good key.
    """
    word = re.sub(r"[\s_-]+", "-", value.strip().lower()).strip("-!.")
    if word in _PLACEHOLDER_KEYS or word.startswith("django-insecure"):
        return "is a placeholder that anyone can guess"
    if len(value) < _MIN_KEY_LENGTH:
        return f"is {len(value)} characters long; it needs at least {_MIN_KEY_LENGTH}"
    if len(set(value)) < _MIN_KEY_ALPHABET:
        return f"has only {len(set(value))} different characters"
    return None


def _warn_weak_key(value: object) -> str | None:
    reason = weak_secret_key(str(value))
    if reason is None:
        return None
    return f"{reason}. Anyone who guesses it can forge sessions and tokens. {_HOW_TO_MAKE_A_KEY}"


def _warn_weak_fallbacks(value: object) -> str | None:
    for key in value if isinstance(value, list) else []:
        advice = _warn_weak_key(key)
        if advice is not None:
            return f"holds a key that {advice}"
    return None


def key_of_run() -> str | None:
    """Return the random key that the server which started this process has made for all of its."""
    parent, _, key = os.environ.get(RUN_KEY, "").partition(":")
    return key if key and parent == str(os.getppid()) else None


def _random_secret_key() -> str:
    # What signs with it says that it is random; an app that signs nothing needs none.
    return secrets.token_urlsafe(32)


def _refuse_blank_key(value: object) -> str | None:
    if str(value).strip():
        return None
    return f"it is empty, and an empty key signs nothing. {_HOW_TO_MAKE_A_KEY}"


def _refuse_blank_fallbacks(value: object) -> str | None:
    if isinstance(value, list) and all(str(key).strip() for key in value):
        return None
    return "one of the keys is empty, which lets anyone forge sessions and tokens"


def _positive(value: object) -> str | None:
    if isinstance(value, (int, float)) and value > 0 and math.isfinite(value):
        return None
    return "it must be greater than 0"


def _positive_or_none(value: object) -> str | None:
    return None if value is None else _positive(value)


def _not_negative(value: object) -> str | None:
    return None if isinstance(value, int) and value >= 0 else "it must be 0 or more"


def _server_name(value: object) -> str | None:
    if value is None or (isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", value)):
        return None
    return "write a host and perhaps a port, such as example.com or localhost:8000"


def _worker_threads() -> int:
    return min(32, (os.cpu_count() or 1) + 4)


_KIB = 1024
_MIB = 1024 * _KIB

CORE_SETTINGS: tuple[SettingSpec, ...] = (
    SettingSpec(
        "DEBUG",
        bool,
        default=False,
        help="Show error pages with source and values. For development only.",
    ),
    SettingSpec(
        "LOG_FORMAT",
        Literal["text", "json"] | None,
        default=None,
        help="How `flasgo run` writes its log: every record with the request that it belongs to. "
        "Read from the environment, before the app is loaded.",
    ),
    SettingSpec(
        "TRACE_HOOKS",
        bool,
        default=False,
        help="Log every step of each request with its plugin, decision and time (logger "
        "`flasgo.trace`).",
    ),
    SettingSpec(
        "SECRET_KEY",
        str,
        default_factory=_random_secret_key,
        secret=True,
        check=_refuse_blank_key,
        warn=_warn_weak_key,
        help="Signs sessions and tokens. At least 32 random characters; random per process if "
        "absent.",
    ),
    SettingSpec(
        "SECRET_KEY_FALLBACKS",
        list[str],
        default=[],
        secret=True,
        check=_refuse_blank_fallbacks,
        warn=_warn_weak_fallbacks,
        help="Former SECRET_KEYs that still verify what they signed. For rotation.",
    ),
    SettingSpec(
        "PLUGINS",
        set[str] | None,
        default=None,
        help="Only these installed plugins are loaded; None loads all. Those that come with core, "
        "and those handed to Flasgo(), are loaded anyway: DISABLED_PLUGINS switches them off.",
    ),
    SettingSpec(
        "DISABLED_PLUGINS",
        set[str],
        default=set(),
        aliases=("FLASGO_DISABLE_PLUGINS",),
        cumulative=True,
        help="Plugins that are not loaded. Every source adds to the set.",
    ),
    SettingSpec(
        "OPTIONAL_PLUGINS",
        set[str],
        default=frozenset(),
        help="Plugins that may fail to load; the app starts without them and says so.",
    ),
    SettingSpec(
        "SYNC_WORKERS",
        int,
        default_factory=_worker_threads,
        check=_positive,
        help="`def` functions and steps of ordinary iterators that run at a time, per process.",
    ),
    SettingSpec(
        "TRAILING_SLASH",
        Literal["strict", "redirect", "ignore"],
        default="redirect",
        help="What a missing or extra slash at the end of a path means: 404, a redirect (GET and "
        "HEAD only), or nothing.",
    ),
    SettingSpec(
        "SERVER_NAME",
        str | None,
        default=None,
        check=_server_name,
        help="Host, and port if need be, of external URLs built outside a request.",
    ),
    SettingSpec(
        "MAX_REQUEST_BODY_BYTES",
        int,
        default=10 * _MIB,
        check=_positive,
        help="Longest request body, in bytes; a longer one is answered 413.",
    ),
    SettingSpec(
        "MAX_REQUEST_HEAD_BYTES",
        int,
        default=64 * _KIB,
        check=_positive,
        help="Longest request line plus headers, in bytes; longer ones are answered 431.",
    ),
    SettingSpec(
        "REQUEST_READ_TIMEOUT_SECONDS",
        float,
        default=30.0,
        check=_positive,
        help="Longest time to receive a whole request body, in seconds; then 408.",
    ),
    SettingSpec(
        "WEBSOCKET_MAX_MESSAGE_BYTES",
        int,
        default=_MIB,
        check=_positive,
        help="Largest WebSocket message, in bytes; a larger one closes the connection with 1009.",
    ),
    SettingSpec(
        "WEBSOCKET_MAX_MESSAGES_PER_SECOND",
        float | None,
        default=None,
        check=_positive_or_none,
        help="WebSocket messages a client may send per second, with bursts of one second's worth; "
        "more close the connection with 1008. None sets no bound.",
    ),
    SettingSpec(
        "BACKGROUND_TASK_GRACE_SECONDS",
        float,
        default=10.0,
        check=_positive,
        help="How long background tasks may go on at shut-down, in seconds; then they are "
        "cancelled and reported.",
    ),
    SettingSpec(
        "MAX_UPLOAD_MEMORY_BYTES",
        int,
        default=_MIB,
        check=_not_negative,
        help="Bytes of a form's uploaded files kept in memory; larger files go to temporary files.",
    ),
    SettingSpec(
        "MAX_FORM_FIELDS",
        int,
        default=1000,
        check=_positive,
        help="Most fields in one form, files not counted.",
    ),
    SettingSpec(
        "MAX_FORM_FILES",
        int,
        default=100,
        check=_not_negative,
        help="Most files in one form.",
    ),
    SettingSpec(
        "MAX_FORM_FIELD_BYTES",
        int,
        default=_MIB,
        check=_positive,
        help="Longest value of one form field, in bytes.",
    ),
    SettingSpec(
        "MAX_FORM_HEADER_BYTES",
        int,
        default=8 * _KIB,
        check=_positive,
        help="Longest header block of one part of a multipart form, in bytes.",
    ),
)
