"""An exact sliding window over many keys, in bounded memory."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

__all__ = ["MAX_KEYS", "SlidingWindow", "Usage"]

MAX_KEYS = 10_000
_OVERFLOW_BUCKETS = 4096
_LONGEST_PLAIN_KEY = 64
_EVICTIONS_PER_NEW_KEY = 2
# An empty deque takes 760 bytes, an empty list 56; but a list moves all that is behind its front.
_LONGEST_LIST = 256

_Log = list[float] | deque[float]


class Usage(NamedTuple):
    """How much of a window one key has used.

    Attributes:
        used: Hits that still count.
        wait: Seconds until the oldest of them stops counting; 0.0 when there are none.
    """

    used: int
    wait: float


class SlidingWindow:
    """Counts the hits of each key in the last `period` seconds, exactly.

    Up to `max_keys` keys have a log of their own. When all are taken by keys that still count,
    further keys are counted in a fixed number of buckets, chosen by a keyed hash: memory stays
    bounded, no caller is forgotten, and a new one shares a quota with few others instead of being
    turned away (an attacker cannot choose with whom, because the key of the hash is random).

    A log holds at most `limit` times, so memory is bounded by
    `(max_keys + buckets) * limit` times. Callers synchronise.

    Args:
        limit: The most hits that matter.
        period: Length of the window in seconds.
        max_keys: How many keys are counted exactly.
        buckets: How many overflow buckets there are.
        clock: Seconds from a clock that never goes back.
    """

    __slots__ = ("_buckets", "_clock", "_hash_key", "_logs", "_max_keys", "_new_log", "_overflow",
                 "limit", "period")  # fmt: skip

    def __init__(
        self,
        limit: int,
        period: float,
        *,
        max_keys: int = MAX_KEYS,
        buckets: int = _OVERFLOW_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self.period = period
        self._max_keys = max_keys
        self._buckets = buckets
        self._clock = clock
        self._hash_key = secrets.token_bytes(16)
        # In order of the latest hit, so that keys which no longer count are at the front.
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._overflow: dict[int, _Log] = {}
        self._new_log: type[_Log] = list if limit <= _LONGEST_LIST else deque

    def __bool__(self) -> bool:
        """Whether any key is remembered at all."""
        return bool(self._logs)

    def usage(self, key: str) -> Usage:
        """Return how much of the window a key has used, without counting a hit."""
        now = self._clock()
        log = self._find(self._bounded(key), now)
        if not log:
            return Usage(0, 0.0)
        return Usage(len(log), max(log[0] + self.period - now, 0.0))

    def hit(self, key: str, cost: int = 1) -> Usage:
        """Count hits of a key, one as a rule, and return its usage with them."""
        now = self._clock()
        key = self._bounded(key)
        log = self._logs.get(key)
        if log is None:
            log = self._admit(key, now)
        else:
            self._trim(log, now)
            self._logs.move_to_end(key)
        log.extend([now] * min(cost, self.limit))
        while len(log) > self.limit:
            del log[0]
        return Usage(len(log), max(log[0] + self.period - now, 0.0))

    def give_back(self, key: str, cost: int = 1) -> None:
        """Take the latest hits of a key back."""
        log = self._find(self._bounded(key), self._clock())
        for _ in range(min(cost, len(log or ()))):
            del log[-1]  # ty: ignore[not-subscriptable]

    def forget(self, key: str) -> None:
        """Let a key begin anew; one that shares a bucket with others stays as it is."""
        self._logs.pop(self._bounded(key), None)

    def take(self, key: str) -> tuple[Usage, bool]:
        """Count one hit of a key, unless it has used up the window.

        Returns:
            Its usage, with the hit where there was one, and whether there was.
        """
        now = self._clock()
        key = self._bounded(key)
        log = self._logs.get(key)
        if log is None:  # new, or counted in a bucket
            usage = self.usage(key)
            return (usage, False) if usage.used >= self.limit else (self.hit(key), True)
        # PERF: one look-up for what `usage` and `hit` would look up twice.
        self._trim(log, now)
        is_free = len(log) < self.limit
        if is_free:
            self._logs.move_to_end(key)
            log.append(now)
        return Usage(len(log), max(log[0] + self.period - now, 0.0)), is_free

    def _find(self, key: str, now: float) -> _Log | None:
        log = self._logs.get(key)
        if log is None and self._overflow:
            log = self._overflow.get(self._bucket_of(key))
        if log is not None:
            self._trim(log, now)
        return log

    def _admit(self, key: str, now: float) -> _Log:
        """Return the log that a key without one is to be counted in."""
        self._evict(now)
        has_room = len(self._logs) < self._max_keys
        if has_room and not self._overflow:
            log = self._logs[key] = self._new_log()
            return log
        number = self._bucket_of(key)
        bucket = self._overflow.get(number)
        if bucket is not None:
            self._trim(bucket, now)
        if not has_room:
            if bucket is None:
                bucket = self._overflow[number] = self._new_log()
            return bucket
        # Some of the bucket's hits may be this key's: it takes all of them along, or it would
        # get a fresh quota by the mere fact that room has become free.
        log = self._logs[key] = self._new_log(bucket or ())
        if bucket is not None and not bucket:
            del self._overflow[number]
        return log

    def _evict(self, now: float) -> None:
        """Forget a few of the keys whose last hit no longer counts."""
        deadline = now - self.period
        logs = self._logs
        for _ in range(_EVICTIONS_PER_NEW_KEY):
            oldest = next(iter(logs), None)
            if oldest is None:
                return
            log = logs[oldest]
            if log and log[-1] > deadline:
                return
            del logs[oldest]

    def _trim(self, log: _Log, now: float) -> None:
        deadline = now - self.period
        while log and log[0] <= deadline:
            del log[0]

    def _bounded(self, key: str) -> str:
        """Return a key of bounded length: a client may have chosen it."""
        if len(key) <= _LONGEST_PLAIN_KEY:
            return key
        digest = blake2b(key.encode("utf-8", "surrogatepass"), key=self._hash_key, digest_size=16)
        return f"\0{digest.hexdigest()}"

    def _bucket_of(self, key: str) -> int:
        data = key.encode("utf-8", "surrogatepass")
        digest = blake2b(data, key=self._hash_key, digest_size=8).digest()
        return int.from_bytes(digest) % self._buckets
