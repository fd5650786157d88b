"""Quotas of requests per route and caller."""

from __future__ import annotations

import inspect
import itertools
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast
from uuid import UUID

from flasgo import HeaderBlock, HTTPException, Policy, attach_policy, has_policy, hookimpl
from flasgo.plugin import PolicyScope, qualified_name

from flasgo_security.quotas.client_keys import ClientKeys
from flasgo_security.quotas.window import MAX_KEYS, SlidingWindow, Usage

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Settings

__all__ = [
    "STATUS_ATTRIBUTE",
    "KeyFunc",
    "QuotaStatus",
    "RateLimit",
    "RateLimitGuard",
    "limits_of",
    "quota_status",
    "rate_limit",
    "tightest",
]

logger = logging.getLogger("flasgo.security")

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)

Key = str | int | UUID | None
"""What a caller is counted under; callers with None share one quota."""

KeyFunc = Callable[..., Key | Awaitable[Key]]
"""Given the request, returns whom to count it for; `def` (must not block) or `async def`."""

STATUS_ATTRIBUTE = "rate_limit"
_NOBODY = ""
_STATUS_NAMES = frozenset(
    prefix + field
    for prefix in (b"ratelimit-", b"x-ratelimit-")
    for field in (b"limit", b"remaining", b"reset")
) | {b"ratelimit-policy"}
_FAILURE_MODES = frozenset({"closed", "open"})
_STORAGE_SCHEMES = (
    "memory",
    "redis",
    "rediss",
    "redis+unix",
    "redis+cluster",
    "redis+sentinel",
    "valkey",
    "valkeys",
    "valkey+unix",
    "valkey+cluster",
    "valkey+sentinel",
    "memcached",
)

_serials = itertools.count(1)


@dataclass(frozen=True)
class RateLimit(Policy):
    """A quota on an endpoint.

    Attributes:
        requests: How many requests a caller may make...
        per: ...in any stretch of so many seconds.
        scope: Endpoints with the same scope and numbers share one quota; None is for the
            decorated handler alone, whichever of its routes is used.
        key_func: Tells callers apart; None is by the direct peer's address.
        serial: Tells the quotas without a scope apart.

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When a number or the scope is not allowed.
    """

    requests: int
    per: float
    scope: str | None = None
    key_func: KeyFunc | None = None
    serial: int = field(default_factory=lambda: next(_serials), compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_numbers(self.requests, self.per)
        scope, key_func = self.scope, self.key_func
        if scope is not None and (not isinstance(scope, str) or not scope.strip()):
            kind = ValueError if isinstance(scope, str) else TypeError
            raise kind(f"rate_limit: scope is a name such as 'reports', or None; got {scope!r}.")
        if key_func is not None and not callable(key_func):
            raise TypeError(
                f"rate_limit: key_func is a function of the request, or None; got {key_func!r}."
            )

    @property
    def quota(self) -> tuple[str | int, int, float]:
        """What the hits are counted under, besides the caller."""
        return (self.serial if self.scope is None else self.scope, self.requests, self.per)

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        text = f"{self.requests} per {self.per:g} s"
        if self.scope is not None:
            text += f", scope {self.scope!r}"
        if self.key_func is not None:
            text += f", key {qualified_name(self.key_func)}"
        return f"rate_limit ({text})"


def rate_limit(
    requests: int,
    per: float,
    *,
    scope: str | None = None,
    key_func: KeyFunc | None = None,
) -> Callable[[_H], _H]:
    """Limit how often one caller may use an endpoint; past it, answers are 429.

    Several on one handler all hold. The handler does not run for a request that is refused, and
    a refused request uses up nothing.

    ```python
    @app.post("/login")
    @rate_limit(5, per=60)
    def login(): ...
    ```

    Args:
        requests: How many requests, at least 1...
        per: ...in any stretch of so many seconds, more than 0.
        scope: Name of a quota that endpoints share; by default each handler has its own.
        key_func: Given the request, returns whom to count it for: str, int or UUID. By default
            the address of the direct peer, whatever `X-Forwarded-For` claims. Callers without a
            key (None) share one quota. Where it falls back on the address, let it return
            `request.client_key`: of `request.client_ip` an IPv6 client has 2**64.

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When a number or the scope is not allowed.
    """
    RateLimit(requests, per, scope, key_func)  # so that mistakes show here, whatever it decorates

    def decorate(handler: _H) -> _H:
        # One for each handler: without a scope they do not share it.
        return attach_policy(handler, RateLimit(requests, float(per), scope, key_func))

    return decorate


def _check_numbers(requests: object, per: object) -> None:
    if isinstance(requests, bool) or not isinstance(requests, int):
        raise TypeError(
            f"rate_limit: requests is a whole number, got {requests!r}; "
            "write @rate_limit(5, per=60)."
        )
    if requests < 1:
        raise ValueError(f"rate_limit: requests must be at least 1, got {requests}.")
    if isinstance(per, bool) or not isinstance(per, int | float):
        raise TypeError(f"rate_limit: per is a number of seconds, got {per!r}.")
    if not (per > 0 and math.isfinite(per)):
        raise ValueError(f"rate_limit: per must be more than 0 seconds, got {per!r}.")


class QuotaStatus(NamedTuple):
    """Where a caller stands with the quota that leaves the least; `request.rate_limit`.

    Attributes:
        limit: Requests that the quota allows.
        remaining: Requests that are left.
        reset: Whole seconds until the next request becomes free.
        per: Seconds of the quota's window.
    """

    limit: int
    remaining: int
    reset: int
    per: float


class RateLimitGuard:
    """Counts requests in memory and refuses those over a quota.

    Args:
        clock: Seconds from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._max_keys = MAX_KEYS
        self._windows: dict[tuple[str | int, int, float], SlidingWindow] = {}
        self._lock = threading.Lock()
        self._client_keys = ClientKeys()
        self._has_warned = False

    def declare(self, registry: Registry) -> None:
        """Declare the settings, attributes, methods and policies of this concern."""
        ClientKeys.declare(registry)
        registry.setting(
            "RATELIMIT_MAX_KEYS",
            int,
            default=MAX_KEYS,
            help="Callers that each quota counts exactly; those beyond share hashed buckets.",
            check=lambda value: None if cast("int", value) > 0 else "it must be greater than 0",
        )
        registry.setting(
            "RATELIMIT_STORAGE_URI",
            str | None,
            default=None,
            help="Where quotas are counted, such as 'redis://localhost:6379/0', for all workers "
            "and hosts together; None counts in memory, in each process for itself.",
            secret=True,
            check=_check_storage_uri,
        )
        registry.setting(
            "RATELIMIT_STORAGE_FAILURE",
            str,
            default="closed",
            help="While the storage does not answer: 'closed' answers 503 on routes with a quota, "
            "'open' lets requests pass uncounted.",
            check=lambda value: None if value in _FAILURE_MODES else "write 'closed' or 'open'",
        )
        registry.setting(
            "RATELIMIT_STORAGE_TIMEOUT_SECONDS",
            float,
            default=2.0,
            help="Seconds that the storage of quotas may take.",
            check=lambda value: None if cast("float", value) > 0 else "it must be greater than 0",
        )
        registry.setting(
            "RATELIMIT_STORAGE_PREFIX",
            str,
            default="flasgo:ratelimit:",
            help="What the storage's keys begin with; apps that share a server but no quotas take "
            "different ones.",
        )
        registry.request_attribute(STATUS_ATTRIBUTE, _no_status)
        registry.request_attribute("client_key", self._client_key)
        registry.app_method("ratelimit", rate_limit)
        registry.enforces(RateLimit)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._max_keys = cast("int", settings["RATELIMIT_MAX_KEYS"])
        self._client_keys = ClientKeys.from_settings(settings)

    # --- Hooks ------------------------------------------------------------------------------

    @hookimpl(when=has_policy(RateLimit))
    async def ratelimit_check(self, request: Request) -> None:
        """Count the request, or refuse it."""
        limits = limits_of(request)
        if len(limits) == 1 and limits[0].key_func is None:
            # PERF: the usual route has one quota, per address.
            window = self._window(limits[0])
            with self._lock:
                usage, is_free = window.take(self._address(request))
            status = quota_status(window.limit, window.period, usage)
        else:
            keys = [await self._key(limit, request) for limit in limits]
            status, is_free = self._take_all(limits, keys)
        setattr(request, STATUS_ATTRIBUTE, status)
        if not is_free:
            raise self._refusal(status)

    @hookimpl(when=has_policy(RateLimit))
    def response_finalize(self, request: Request, response: Response) -> Awaitable[None] | None:
        """Tell the caller where it stands, on every answer of the route."""
        status = cast("QuotaStatus | None", request.peek(STATUS_ATTRIBUTE))
        if status is None:
            # Something before the quota answered: nothing was counted.
            status = self._look(request)
        self._announce(status, response)
        return None

    def _refusal(self, status: QuotaStatus) -> HTTPException:
        return HTTPException(
            429,
            f"The quota of {status.limit} requests per {status.per:g} seconds is used up; "
            f"try again in {status.reset} seconds.",
            headers={"retry-after": str(status.reset)},
        )

    def _announce(self, status: QuotaStatus, response: Response) -> None:
        block = _status_block(status)
        if not response.fill_headers(block):
            for name, value in block.pairs:
                response.headers[name.decode("ascii")] = value.decode("ascii")

    # --- Counting ---------------------------------------------------------------------------

    def _take_all(
        self, limits: Iterable[RateLimit], keys: Iterable[str]
    ) -> tuple[QuotaStatus, bool]:
        """Count a hit in every quota and return True, or in none if one is used up."""
        pairs = [(self._window(limit), key) for limit, key in zip(limits, keys, strict=True)]
        with self._lock:
            before = [(window, window.usage(key)) for window, key in pairs]
            spent = [(window, usage) for window, usage in before if usage.used >= window.limit]
            if spent:
                window, usage = max(spent, key=lambda pair: pair[1].wait)
                return quota_status(window.limit, window.period, usage), False
            after = [
                quota_status(window.limit, window.period, window.hit(key)) for window, key in pairs
            ]
        return tightest(after), True

    def _look(self, request: Request) -> QuotaStatus:
        """Return where a caller stands without counting anything.

        SECURITY: key functions are not asked: whoever was refused before the quota (by the
        throttle, or for want of credentials) must not cause the work they do.
        """
        states: list[QuotaStatus] = []
        for limit in limits_of(request):
            window = self._window(limit)
            usage = Usage(0, 0.0)
            if limit.key_func is None:
                with self._lock:
                    usage = window.usage(self._address(request))
            states.append(quota_status(window.limit, window.period, usage))
        return tightest(states)

    def _window(self, limit: RateLimit) -> SlidingWindow:
        window = self._windows.get(limit.quota)
        if window is None:
            with self._lock:
                window = self._windows.setdefault(
                    limit.quota,
                    SlidingWindow(
                        limit.requests, limit.per, max_keys=self._max_keys, clock=self._clock
                    ),
                )
        return window

    # --- Callers ----------------------------------------------------------------------------

    async def _key(self, limit: RateLimit, request: Request) -> str:
        if limit.key_func is None:
            return self._address(request)
        try:
            key = limit.key_func(request)
            if inspect.isawaitable(key):
                key = await key
        except HTTPException:
            raise
        except Exception as error:
            name = qualified_name(limit.key_func)
            raise RuntimeError(
                f"key_func {name} of {limit.explain()} raised {type(error).__name__}: {error}"
            ) from error
        if key is None:
            return _NOBODY
        if isinstance(key, str | int | UUID):
            return str(key)
        raise TypeError(
            f"The key_func of {limit.explain()} returned {type(key).__name__}; return a str, "
            "an int, a UUID, or None for callers that share one quota."
        )

    def _address(self, request: Request) -> str:
        key = self._client_key(request)
        if key is not None:
            return key
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The server does not tell the peer's address (a Unix socket?), so all callers "
                "share the quotas of rate_limit. Give rate_limit a key_func."
            )
        return _NOBODY

    def _client_key(self, request: Request) -> str | None:
        """Return the client's address or network; the value of `request.client_key`."""
        address = request.client_ip
        return None if address is None else self._client_keys.key(address)


def limits_of(request: Request) -> tuple[RateLimit, ...]:
    """Return the quotas of the endpoint that a request reached."""
    return () if request.route is None else request.route.policies_of(RateLimit)


def _no_status(request: Request) -> None:
    return None


def _status_block(status: QuotaStatus) -> HeaderBlock:
    """Return the headers that tell a caller where it stands."""
    # PERF: written as bytes, because hardly two answers say the same; they are numbers of ours.
    limit, remaining, reset = b"%d" % status.limit, b"%d" % status.remaining, b"%d" % status.reset
    pairs = (
        (b"ratelimit-limit", limit),
        (b"ratelimit-remaining", remaining),
        (b"ratelimit-reset", reset),
        (b"x-ratelimit-limit", limit),
        (b"x-ratelimit-remaining", remaining),
        (b"x-ratelimit-reset", reset),
        (b"ratelimit-policy", b"%b;w=%d" % (limit, math.ceil(status.per))),
    )
    return HeaderBlock.of_encoded(pairs, _STATUS_NAMES)


def quota_status(limit: int, period: float, usage: Usage) -> QuotaStatus:
    """Return where a caller stands that has used so much of a quota."""
    used, wait = usage
    remaining = limit - used if used < limit else 0
    return QuotaStatus(limit, remaining, (math.ceil(wait) or 1) if used else 0, period)


def tightest(states: Iterable[QuotaStatus]) -> QuotaStatus:
    """Return the state that leaves the least, and of equal ones the one that lasts longest."""
    return min(states, key=lambda state: (state.remaining, -state.reset))


def _check_storage_uri(value: object) -> str | None:
    scheme, found, _ = str(value or "").removeprefix("async+").partition("://")
    if value is None or (found and scheme in _STORAGE_SCHEMES):
        return None
    # SECURITY: the value may hold a password, so it is not shown.
    return f"its scheme must be one of {', '.join(_STORAGE_SCHEMES)}: 'redis://localhost:6379/0'"
