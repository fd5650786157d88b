"""Sessions in Redis or Valkey: one hash per session, one field per key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flasgo_security.stores.redis_pool import RedisPool

__all__ = ["ENDED", "RedisSessionStore", "SessionStore"]

ENDED = -1
"""What `merge` returns for a session that is no longer there."""

# Each script has one key, so that any layout of a cluster takes it.
_MERGE = """
if ARGV[1] == '0' and redis.call('exists', KEYS[1]) == 0 then
    return -1
end
local last = 3 + tonumber(ARGV[3]) * 2
for i = 4, last, 2 do
    redis.call('hset', KEYS[1], ARGV[i], ARGV[i + 1])
end
for i = last + 1, #ARGV do
    redis.call('hdel', KEYS[1], ARGV[i])
end
redis.call('expire', KEYS[1], ARGV[2])
return redis.call('hlen', KEYS[1])
"""
_TAKE = """
local fields = redis.call('hgetall', KEYS[1])
redis.call('del', KEYS[1])
return fields
"""


class SessionStore(Protocol):
    """Keeps sessions by their identifier: JSON values by key."""

    async def load(self, identifier: str) -> dict[str, bytes]:
        """Return the fields of a session; empty when there is none."""
        ...

    async def merge(
        self,
        identifier: str,
        changed: Mapping[str, bytes],
        removed: Iterable[str],
        *,
        lifetime: int,
        create: bool,
    ) -> int:
        """Change fields of a session, all or none; return how many it has, or `ENDED`."""
        ...

    async def take(self, identifier: str) -> dict[str, bytes]:
        """End a session, and return what it held; empty when there was none."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class RedisSessionStore:
    """Sessions as hashes in Redis or Valkey, which forgets them when their time is over.

    Requests of one session that run at the same time change only the fields that they have
    changed themselves: what differs is merged, and of one field the last write stays. A session
    that was ended stays ended, whatever a request that began before then writes.

    Args:
        pool: Connections to the server.
        prefix: What its keys begin with.
    """

    def __init__(self, pool: RedisPool, prefix: str) -> None:
        self._pool = pool
        self._prefix = prefix

    def _key(self, identifier: str) -> str:
        # SECURITY: whoever reads the store, or a backup of it, learns no identifier to present.
        return self._prefix + sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()

    async def load(self, identifier: str) -> dict[str, bytes]:
        """Return the fields of a session; empty when there is none."""
        fields = await self._pool.client().hgetall(self._key(identifier))
        return {name.decode("utf-8", "surrogatepass"): value for name, value in fields.items()}

    async def merge(
        self,
        identifier: str,
        changed: Mapping[str, bytes],
        removed: Iterable[str],
        *,
        lifetime: int,
        create: bool,
    ) -> int:
        """Change fields of a session, all or none.

        Args:
            identifier: The session's identifier.
            changed: The JSON of the fields to set.
            removed: The fields to remove.
            lifetime: Seconds from now until it is forgotten.
            create: Whether it may be new; otherwise one that is gone stays so.

        Returns:
            How many fields it has now, or `ENDED`.
        """
        pairs = [part for name, value in changed.items() for part in (_encoded(name), value)]
        arguments = [int(create), lifetime, len(changed), *pairs, *map(_encoded, removed)]
        script = self._pool.client().register_script(_MERGE)
        return int(await script(keys=[self._key(identifier)], args=arguments))

    async def take(self, identifier: str) -> dict[str, bytes]:
        """End a session, and return what it held; empty when there was none."""
        script = self._pool.client().register_script(_TAKE)
        flat = await script(keys=[self._key(identifier)])
        names = [name.decode("utf-8", "surrogatepass") for name in flat[::2]]
        return dict(zip(names, flat[1::2], strict=True))

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
