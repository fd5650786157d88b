"""What must not be shown, not even to a developer whose screen is shared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flasgo.settings.settings import Settings

__all__ = ["MASK", "Masker"]

MASK = "********"

# Headers, parameters and cookies; each of these words between letters of other kinds.
_SECRET_NAME = re.compile(
    r"(?:^|[^a-z])(?:auth|authorization|bearer|cookie|credentials?|jwt|keys?|otp|pass|passphrase"
    r"|passwd|pin|pwd|session|sessionid|sid|signature|sig)(?:$|[^a-z])"
    r"|apikey|password|secret|token",
    re.IGNORECASE,
)
# Settings that are not declared as secret, but whose names say that they are.
_SECRET_SETTING = re.compile(r"(?:^|_)(?:CREDENTIALS?|KEY|PASSPHRASE|PASSWORD|SECRET|TOKEN)$")
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
        """Return what a client sent, as text: masked when its name says that it is a secret.

        Args:
            name: The name of a header or a parameter.
            value: Its value.
            limit: How many characters to show at most.
        """
        return MASK if value and _SECRET_NAME.search(name) else self.text(value, limit)

    def setting(self, name: str, value: object, limit: int = 500) -> str:
        """Return the value of a setting as text, masked when its name says that it is a secret.

        Args:
            name: The setting's name.
            value: Its value.
            limit: How many characters to show at most.
        """
        if value and _SECRET_SETTING.search(name):
            return MASK
        return self.text(value if value == MASK else repr(value), limit)
