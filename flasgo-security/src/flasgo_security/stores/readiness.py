"""Tells whether the shared stores of quotas and sessions answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from flasgo import hookimpl

from flasgo_security.stores.health import StoreDownError

if TYPE_CHECKING:
    from flasgo import Flasgo

__all__ = ["StoreReadiness"]


class StoreReadiness:
    """Implements the hook `health_check` for shared stores.

    Args:
        probes: What asks each store, by the name of its setting.
    """

    def __init__(self, probes: dict[str, Callable[[], Awaitable[object]]]) -> None:
        self._probes = probes

    @hookimpl(optionalhook=True)
    async def health_check(self, app: Flasgo) -> str | None:
        """Return which store does not answer, or None."""
        for setting, probe in self._probes.items():
            try:
                await probe()
            except StoreDownError as error:
                return f"the store of {setting} does not answer: {error}"
        return None
