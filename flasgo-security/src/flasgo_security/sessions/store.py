"""Sessions in Redis or Valkey: one hash per session, one field per key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flasgo_security.stores.redis_pool import RedisPool

__all__ = ["ENDED", "MOVED", "RedisSessionStore", "SessionStore"]

ENDED = -1
"""What `merge` returns for a session that is no longer there."""

MOVED = -2
"""What `merge` returns when it wrote to the successor of a session."""

# Each script has one key, so that any layout of a cluster takes it. A session that was given
# another identifier leaves, for a while, a hash with the one field 0xFF, which no text encodes to:
# the key under which it went on.
_MERGE = """
local moved = redis.call('hget', KEYS[1], '\\255')
if moved then
    return moved
end
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
if fields[1] == '\\255' then
    return fields
end
redis.call('del', KEYS[1])
if ARGV[1] ~= '' and #fields > 0 then
    redis.call('hset', KEYS[1], '\\255', ARGV[1])
    redis.call('expire', KEYS[1], ARGV[2])
end
return fields
"""
_MOVED = b"\xff"
_MOVED_FOR_SECONDS = 3600  # longer than a request that had begun before takes
_MOST_MOVES = 5
# Between the end of the old one and the beginning of the new one lies one round trip.
_PAUSES = (0.01, 0.05, 0.2)


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
        """Change fields of a session, all or none; return how many it has, or `ENDED`.

        A session that has a successor by now is changed there, and `MOVED` is returned.
        """
        ...

    async def take(
        self, identifier: str, *, successor: str | None = None
    ) -> dict[str, bytes] | None:
        """End a session, and return what it held; empty when there was none.

        With a successor, what requests that had begun before still write goes there; None when
        it had one already, which lives. Without one, the successors end too.
        """
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
        # SECURITY: a reader of the store, or of a backup, learns no identifier to present.
        return self._prefix + sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()

    async def load(self, identifier: str) -> dict[str, bytes]:
        """Return the fields of a session; empty when there is none."""
        fields = await self._pool.client().hgetall(self._key(identifier))
        if _MOVED in fields:
            return {}
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
            How many fields it has now, `MOVED` or `ENDED`.
        """
        key = self._key(identifier)
        pairs = [part for name, value in changed.items() for part in (_encoded(name), value)]
        arguments = [int(create), lifetime, len(changed), *pairs, *map(_encoded, removed)]
        script = self._pool.client().register_script(_MERGE)
        answer = await script(keys=[key], args=arguments)
        if not isinstance(answer, bytes):
            return int(answer)
        for _ in range(_MOST_MOVES):
            if not isinstance(answer, bytes):
                break
            key = answer.decode("ascii")
            answer = await script(keys=[key], args=arguments)
            for pause in _PAUSES:
                if answer != ENDED:
                    break
                await asyncio.sleep(pause)
                answer = await script(keys=[key], args=arguments)
        return ENDED if isinstance(answer, bytes) or answer == ENDED else MOVED

    async def take(
        self, identifier: str, *, successor: str | None = None
    ) -> dict[str, bytes] | None:
        """End a session, and return what it held.

        Args:
            identifier: The session's identifier.
            successor: The identifier under which it goes on: what requests that had begun before
                still write goes there. Without one, the successors that it has end too.

        Returns:
            The fields; empty when there was no session, None when it had a successor already that
            is alive, and was to get one.
        """
        script = self._pool.client().register_script(_TAKE)
        moves_to = "" if successor is None else self._key(successor)
        arguments = [moves_to, _MOVED_FOR_SECONDS]
        flat = await script(keys=[self._key(identifier)], args=arguments)
        for _ in range(_MOST_MOVES):
            if not flat or flat[0] != _MOVED:
                break
            key = flat[1].decode("ascii")
            if successor is not None:
                return None if await self._is_alive(key) else {}
            flat = await script(keys=[key], args=arguments)
        if not flat or flat[0] == _MOVED:
            return {}
        names = [name.decode("utf-8", "surrogatepass") for name in flat[::2]]
        return dict(zip(names, flat[1::2], strict=True))

    async def _is_alive(self, key: str) -> bool:
        client = self._pool.client()
        for _ in range(_MOST_MOVES):
            for pause in _PAUSES:
                fields = await client.hgetall(key)
                if fields:
                    break
                await asyncio.sleep(pause)
            if _MOVED not in fields:
                return bool(fields)
            key = fields[_MOVED].decode("ascii")
        return False

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")
