"""What must not be shown, not even to a developer whose screen is shared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flasgo.settings import Settings

__all__ = ["MASK", "Masker"]

MASK = "********"

_SECRET_NAME = re.compile(
    r"(?:^|[^a-z0-9])(?:auth|authorization|bearer|cookie|credentials?|csrf|jwt|key|otp|pass|passwd"
    r"|password|passphrase|pin|pwd|secret|session|sessionid|sid|signature|sig|token)s?(?:$|[^a-z0-9])"
    r"|apikey|password|secret|token",
    re.IGNORECASE,
)
# Names of settings that say where something is or how long it lasts, not what it is.
_HARMLESS_NAME = re.compile(r"_(?:NAME|PATH|SECURE|SAMESITE|HTTP_ONLY|SECONDS|LIMIT|ENABLED|DOMAIN|MAX_KEYS)$")
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/?#@:]*):([^\s/?#@]+)@")
_MIN_SECRET = 6


class Masker:
    """Takes secrets out of texts: by the names they go under, and wherever their values appear.

    Args:
        secrets: Values that must not appear anywhere; very short ones are left alone.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = sorted({s for s in secrets if len(s) >= _MIN_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, found))) if found else None

    @classmethod
    def of(cls, settings: Settings) -> Masker:
        """Return a masker that knows the values of an app's secret settings."""
        secrets: list[str] = []
        for row in settings.describe():
            if row.secret:
                value = settings[row.name]
                values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
                secrets += [item for item in values if isinstance(item, str)]
        return cls(secrets)

    def text(self, value: object, limit: int = 10_000) -> str:
        """Return a value as text without the secrets in it.

        Args:
            value: Anything; what cannot be shown is said to be unprintable.
            limit: How many characters to show at most.
        """
        try:
            shown = str(value)
        except Exception:  # noqa: BLE001 - whatever an object's own __str__ raises
            shown = f"<{type(value).__name__} that cannot be shown>"
        if len(shown) > 4 * limit:
            shown = shown[: 4 * limit]
        if self._secrets is not None:
            shown = self._secrets.sub(MASK, shown)
        shown = _URL_PASSWORD.sub(rf"\1:{MASK}@", shown)
        return shown if len(shown) <= limit else f"{shown[:limit]}..."

    def html(self, value: object, limit: int = 10_000) -> str:
        """Return a value as escaped text without the secrets in it (CWE-79, CWE-209)."""
        return escape(self.text(value, limit))

    def value(self, name: str, value: object, limit: int = 500) -> str:
        """Return a named value as text: masked when the name says that it is a secret.

        Args:
            name: The name of a header, a parameter or a setting.
            value: Its value.
            limit: How many characters to show at most.
        """
        if value and _SECRET_NAME.search(name) and not _HARMLESS_NAME.search(name):
            return MASK
        return self.text(value, limit)
