"""Quotas that many processes and hosts count together, in a storage of the `limits` package."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from flasgo import ConfigurationError

from flasgo_security.quotas.window import Usage
from flasgo_security.stores.health import StoreHealth
from flasgo_security.stores.redis_pool import RedisPool

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import RateLimiter

__all__ = ["SharedQuota", "SharedQuotas"]

_POOLED = frozenset({"redis", "rediss", "redis+unix", "valkey", "valkeys", "valkey+unix"})
# Memcached allows 250 bytes without blanks, and a client must not choose what else they contain.
_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LONGEST_PERIOD = 365 * 24 * 60 * 60


class SharedQuota(NamedTuple):
    """A quota under the name that all processes have for it.

    Attributes:
        name: The scope, or the handler's name.
        limit: Requests...
        period: ...in any stretch of so many seconds.
    """

    name: str
    limit: int
    period: float


class SharedQuotas:
    """Counts hits in a shared storage, exactly where the storage can.

    Redis and Valkey keep the time of each hit and decide in one step, so that however many
    processes ask, exactly as many hits as the quota allows are admitted. Memcached cannot do
    that: there a sliding counter is used, which estimates the share of the previous window.

    Args:
        uri: Where, as `RATELIMIT_STORAGE_URI` has it. SECURITY: it may hold a password.
        timeout: Seconds that an answer may take.
        prefix: What the storage's keys begin with.

    Raises:
        ConfigurationError: When the client library is missing, or the URI is malformed.
    """

    def __init__(self, uri: str, timeout: float, prefix: str) -> None:
        self._uri = uri.removeprefix("async+")
        self._timeout = timeout
        self._prefix = prefix
        self._scheme = self._uri.partition("://")[0]
        pooled = self._scheme in _POOLED
        self._pool = RedisPool("RATELIMIT_STORAGE_URI", self._uri, timeout) if pooled else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._limiter = self._make_limiter(None)
        errors = self._limiter.storage.base_exceptions
        self._health = StoreHealth(
            "The storage of quotas (RATELIMIT_STORAGE_URI)",
            timeout,
            errors if isinstance(errors, tuple) else (errors,),
            () if self._pool is None else self._pool.refusals,
        )

    # --- Counting ---------------------------------------------------------------------------

    async def take(
        self, quotas: Sequence[SharedQuota], keys: Sequence[str], costs: Sequence[int] = ()
    ) -> tuple[list[Usage], int | None]:
        """Count a hit in every quota, or in none if one is used up.

        Should two requests fight for the last hit of several quotas, the loser may have been
        counted in some of them; more than the quota are never admitted.

        Args:
            quotas: The quotas.
            keys: Whom to count in each of them.
            costs: How many hits to count in each of them; one when left out.

        Returns:
            How much is used of each, and which one refuses, or None.

        Raises:
            StoreDownError: When the storage does not answer.
        """
        items = [self._item(quota) for quota in quotas]
        names = [self._identifiers(quota, key) for quota, key in zip(quotas, keys, strict=True)]
        weights = costs or [1] * len(items)
        return await self._health.ask(lambda: self._take(items, names, weights))

    async def _take(
        self,
        items: Sequence[RateLimitItem],
        names: Sequence[tuple[str, str]],
        costs: Sequence[int],
    ) -> tuple[list[Usage], int | None]:
        limiter = self._running_limiter()
        if len(items) > 1:
            usages = [await _usage(limiter, *pair) for pair in zip(items, names, strict=True)]
            spent = [i for i, usage in enumerate(usages) if usage.used + costs[i] > items[i].amount]
            if spent:
                return usages, max(spent, key=lambda i: usages[i].wait)
        refusing = None
        for number, (item, name) in enumerate(zip(items, names, strict=True)):
            if not await limiter.hit(item, *name, cost=costs[number]):
                refusing = number
                break
        usages = [await _usage(limiter, *pair) for pair in zip(items, names, strict=True)]
        return usages, refusing

    async def look(self, quotas: Sequence[SharedQuota], keys: Sequence[str]) -> list[Usage]:
        """Return how much is used of quotas, without counting anything.

        Raises:
            StoreDownError: When the storage does not answer.
        """
        pairs = [
            (self._item(quota), self._identifiers(quota, key))
            for quota, key in zip(quotas, keys, strict=True)
        ]

        async def look() -> list[Usage]:
            limiter = self._running_limiter()
            return [await _usage(limiter, *pair) for pair in pairs]

        return await self._health.ask(look)

    async def ping(self) -> None:
        """Ask the storage whether it is there.

        Raises:
            StoreDownError: When it does not answer.
        """

        async def check() -> None:
            if not await self._running_limiter().storage.check():
                raise OSError("it does not answer")

        await self._health.ask(check)

    async def give_back(self, quota: SharedQuota, key: str, cost: int) -> None:
        """Take the latest hits of a key back.

        Raises:
            StoreDownError: When the storage does not answer.
        """
        item, name = self._item(quota), self._identifiers(quota, key)

        async def give_back() -> None:
            # The list holds the times of the hits, the latest first; `limits` has no word for it.
            bridge = getattr(self._running_limiter().storage, "bridge")  # noqa: B009
            list_key = bridge.prefixed_key(item.key_for(*name))
            await bridge.get_connection().lpop(list_key, cost)

        await self._health.ask(give_back)

    async def reset(self, quotas: Sequence[SharedQuota], key: str) -> None:
        """Let a key begin anew in some quotas.

        Raises:
            StoreDownError: When the storage does not answer.
        """

        async def reset() -> None:
            limiter = self._running_limiter()
            for quota in quotas:
                await limiter.clear(self._item(quota), *self._identifiers(quota, key))

        await self._health.ask(reset)

    def check(self, quota: SharedQuota, *, gives_back: bool = False) -> None:
        """Refuse a quota that cannot be shared.

        Args:
            quota: The quota.
            gives_back: Whether some hits are taken back.

        Raises:
            ConfigurationError: When its period is not a whole number of seconds, or the storage
                cannot take hits back.
        """
        self._item(quota)
        if gives_back and self._scheme == "memcached":
            raise ConfigurationError(
                f"The quota {quota.name} counts only some answers (on=...), which memcached "
                "cannot do exactly; use redis:// or valkey://, or count every request."
            )

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()
        elif self._loop is asyncio.get_running_loop():
            for client in _clients_of(self._limiter.storage):
                await client.aclose()

    # --- Storages ---------------------------------------------------------------------------

    def _running_limiter(self) -> RateLimiter:
        """Return the limiter of the running event loop: connections belong to one."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            pool = None if self._pool is None else self._pool.connections()
            self._limiter = self._make_limiter(pool)
            self._loop = loop
        return self._limiter

    def _make_limiter(self, pool: object) -> RateLimiter:
        from limits.aio import strategies
        from limits.errors import ConfigurationError as LimitsError
        from limits.storage import storage_from_string

        # A pool of our own knows where to connect to; limits takes fewer URIs than the clients.
        uri = self._uri if self._pool is None else f"{self._pool.family}://"
        try:
            storage = storage_from_string(f"async+{uri}", **self._options(pool))
        except (LimitsError, ValueError):
            # Not chained: the message may repeat the URI, password and all.
            raise ConfigurationError(
                f"RATELIMIT_STORAGE_URI ({self._scheme}://...) cannot be used: its client library "
                f"is missing, or the URI is malformed. {_ADVICE.get(self._scheme, _REDIS_ADVICE)}"
            ) from None
        if self._scheme == "memcached":
            return strategies.SlidingWindowCounterRateLimiter(storage)
        return strategies.MovingWindowRateLimiter(storage)

    # Any: each storage has options of its own.
    def _options(self, pool: object) -> dict[str, Any]:
        if self._scheme == "memcached":
            return {}
        options: dict[str, Any] = {"key_prefix": self._prefix.rstrip(":")}
        if self._scheme.startswith("redis"):
            options["implementation"] = "redispy"
        if pool is not None:
            options["connection_pool"] = pool
        else:
            options["socket_timeout"] = options["socket_connect_timeout"] = self._timeout
        return options

    def _item(self, quota: SharedQuota) -> RateLimitItem:
        from limits import RateLimitItemPerSecond

        seconds = int(quota.period)
        if seconds != quota.period or not 0 < seconds <= _LONGEST_PERIOD:
            raise ConfigurationError(
                f"The quota of {quota.limit} requests per {quota.period:g} seconds "
                f"({quota.name}) cannot be shared: with RATELIMIT_STORAGE_URI, per is a whole "
                "number of seconds, up to a year."
            )
        return RateLimitItemPerSecond(quota.limit, seconds, namespace="q")

    def _identifiers(self, quota: SharedQuota, key: str) -> tuple[str, str]:
        prefix = self._prefix if self._scheme == "memcached" else ""
        return prefix + _plain(quota.name), _plain(key)


_REDIS_ADVICE = (
    "Install it with: pip install 'flasgo-security[redis]' (or [valkey]); write "
    "'redis://host:6379/0', 'redis+cluster://host:7000' or "
    "'redis+sentinel://host:26379/service'."
)
_ADVICE = {
    "memcached": "Install it with: pip install 'flasgo-security[memcached]'; write "
    "'memcached://host:11211'."
}


# Any: whatever client the storage uses.
def _clients_of(storage: object) -> list[Any]:
    """Return what a storage without a pool of ours has opened, as far as it can be closed."""
    bridge = getattr(storage, "bridge", None)
    found = [getattr(bridge, "storage", None), getattr(bridge, "storage_replica", None)]
    found += getattr(getattr(bridge, "sentinel", None), "sentinels", ())
    return [client for client in found if hasattr(client, "aclose")]


async def _usage(limiter: RateLimiter, item: RateLimitItem, name: tuple[str, str]) -> Usage:
    reset, remaining = await limiter.get_window_stats(item, *name)
    used = item.amount - max(remaining, 0)
    return Usage(used, max(reset - time.time(), 0.0) if used else 0.0)


def _plain(text: str) -> str:
    """Return text as part of a key: as it is, or hashed where it is long or has odd characters."""
    if _PLAIN.fullmatch(text):
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return f"#{digest}"
