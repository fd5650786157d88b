"""`app.quota`: what an app can do about the quotas of its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from flasgo_security.quotas.ratelimit import quota_key

if TYPE_CHECKING:
    from flasgo_security.quotas.ratelimit import RateLimitGuard

__all__ = ["Quotas"]


class Quotas:
    """The quotas of an app.

    Args:
        guard: Counts them.
    """

    def __init__(self, guard: RateLimitGuard) -> None:
        self._guard = guard

    async def reset(
        self,
        key: str | int | UUID | None = None,
        *,
        address: str | None = None,
        scope: str | None = None,
    ) -> None:
        """Let a caller begin anew, such as a user who has proved who they are.

        Quotas with a limit that a function of the request returns are reset with a storage only
        as far as this process has met their limits.

        Args:
            key: What `key_func` returns for the caller; or a `request.client_key`.
            address: The caller's address, for quotas without a `key_func`.
            scope: Only the quotas with this `scope=`.

        Raises:
            TypeError: Unless exactly one of `key` and `address` is given.
            StoreDownError: When the storage does not answer.
        """
        if (key is None) == (address is None):
            raise TypeError("app.quota.reset takes a key, or address=...; one of them.")
        if address is not None:
            key = self._guard.key_of_address(address)
        if isinstance(key, bool) or not isinstance(key, str | int | UUID):
            raise TypeError(f"app.quota.reset takes a str, int or UUID, not {key!r}.")
        await self._guard.reset(quota_key(key), scope)
