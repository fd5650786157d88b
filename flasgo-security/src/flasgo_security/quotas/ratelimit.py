"""Quotas of requests per route and caller."""

from __future__ import annotations

import inspect
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import UUID

from flasgo import HeaderBlock, HTTPException, hookimpl
from flasgo.plugin import qualified_name

from flasgo_security.events import report_event
from flasgo_security.quotas.client_keys import ClientKey, ClientKeys
from flasgo_security.quotas.limit_texts import Limit, parse_limit
from flasgo_security.quotas.policy import (
    RateLimit,
    RateLimitExempt,
    check_numbers,
    limits_for,
    rate_limit,
    ratelimit_exempt,
)
from flasgo_security.quotas.window import MAX_KEYS, SlidingWindow, Usage

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Route, Settings

__all__ = [
    "STATUS_ATTRIBUTE",
    "Hit",
    "QuotaStatus",
    "RateLimitGuard",
    "default_policies",
    "has_quota",
    "quota_key",
    "quota_status",
    "remember",
    "remembered",
    "tightest",
]

logger = logging.getLogger("flasgo.security")

STATUS_ATTRIBUTE = "rate_limit"
_NOBODY = ""
_NAMED = "key:"  # no address begins so
_HITS = "security.quota_hits"
_MOST_QUOTAS = 10_000
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


class Hit(NamedTuple):
    """One request in the eyes of one quota.

    Attributes:
        policy: The quota.
        name: What it is counted under, besides the caller and the numbers.
        limit: How many requests, within how many seconds.
        key: The caller.
        cost: How much of it the request uses up.
    """

    policy: RateLimit
    name: tuple[str | int, str]
    limit: Limit
    key: str
    cost: int


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


def has_quota(route: Route) -> bool:
    """Whether any quota holds for a route."""
    return bool(limits_for(route))


def default_policies(settings: Settings) -> list[RateLimit]:
    """Return the quotas of routes that have none of their own."""
    exempt = frozenset(cast("set[str]", settings["RATELIMIT_DEFAULT_EXEMPT"]))
    return [
        RateLimit(text, holder="the app", is_per_route=True, is_default=True, exempt=exempt)
        for text in cast("list[str]", settings["RATELIMIT_DEFAULT"])
    ]


class RateLimitGuard:
    """Counts requests in memory and refuses those over a quota.

    Args:
        clock: Seconds from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._max_keys = MAX_KEYS
        self._windows: dict[tuple[tuple[str | int, str], Limit], SlidingWindow] = {}
        self._lock = threading.Lock()
        self._creating = threading.Lock()
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
            "RATELIMIT_ENABLED",
            bool,
            default=True,
            help="Whether quotas are counted; False is for tests and for emergencies.",
        )
        registry.setting(
            "RATELIMIT_DEFAULT",
            list[str],
            default=[],
            help="Quotas of each route that has none of its own, such as ['100/minute', "
            "'2000/hour']; each route counts by itself. @ratelimit_exempt takes a route out.",
            check=_check_defaults,
        )
        registry.setting(
            "RATELIMIT_DEFAULT_EXEMPT",
            set[str],
            default={"static"},
            help="Names of endpoints that RATELIMIT_DEFAULT does not hold for.",
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
        registry.app_method("ratelimit", rate_limit)
        registry.app_method("rate_limit", rate_limit)
        registry.app_method("ratelimit_exempt", ratelimit_exempt)
        registry.app_method("rate_limit_exempt", ratelimit_exempt)
        registry.enforces(RateLimit)
        registry.enforces(RateLimitExempt)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._max_keys = cast("int", settings["RATELIMIT_MAX_KEYS"])
        self._client_keys = ClientKeys.from_settings(settings)

    # --- Hooks ------------------------------------------------------------------------------

    @hookimpl(when=has_quota)
    async def ratelimit_check(self, request: Request) -> None:
        """Count the request, or refuse it."""
        policies = limits_for(request.route, request.method)
        if len(policies) == 1 and policies[0].is_plain:
            # PERF: the usual route has one quota, per address.
            window = self._window(policies[0].name(None), cast("Limit", policies[0].limit))
            with self._lock:
                usage, is_free = window.take(self._address(request))
            status = quota_status(window.limit, window.period, usage)
        else:
            hits = await self._hits(policies, request)
            if not hits:
                return
            status, is_free = self._take_all(hits)
            if is_free:
                remember(request, hits)
        setattr(request, STATUS_ATTRIBUTE, status)
        if not is_free:
            raise self._refusal(request, status)

    @hookimpl(when=has_quota)
    def response_finalize(self, request: Request, response: Response) -> Awaitable[None] | None:
        """Tell the caller where it stands, on every answer of the route."""
        status = cast("QuotaStatus | None", request.peek(STATUS_ATTRIBUTE))
        if status is None:
            # Something before the quota answered: nothing was counted.
            status = self._look(request)
        else:
            hits = remembered(request)
            if hits:
                status = self._settle(hits, request, response)
                setattr(request, STATUS_ATTRIBUTE, status)
        self._announce(status, response)
        return None

    def _refusal(self, request: Request, status: QuotaStatus) -> HTTPException:
        report_event("ratelimit", request, f"{status.limit} requests per {status.per:g} seconds")
        return HTTPException(
            429,
            f"The quota of {status.limit} requests per {status.per:g} seconds is used up; "
            f"try again in {status.reset} seconds.",
            headers={"retry-after": str(status.reset)},
        )

    def _announce(self, status: QuotaStatus | None, response: Response) -> None:
        if status is None:
            return
        block = _status_block(status)
        if not response.fill_headers(block):
            for name, value in block.pairs:
                response.headers[name.decode("ascii")] = value.decode("ascii")

    # --- Counting ---------------------------------------------------------------------------

    def _take_all(self, hits: Sequence[Hit]) -> tuple[QuotaStatus, bool]:
        """Count a hit in every quota and return True, or in none if one is used up."""
        pairs = [(self._window(hit.name, hit.limit), hit) for hit in hits]
        with self._lock:
            before = [(window, window.usage(hit.key), hit.cost) for window, hit in pairs]
            spent = [
                (window, usage)
                for window, usage, cost in before
                if usage.used + cost > window.limit
            ]
            if spent:
                window, usage = max(spent, key=lambda pair: pair[1].wait)
                return quota_status(window.limit, window.period, usage), False
            after = [
                quota_status(window.limit, window.period, window.hit(hit.key, hit.cost))
                for window, hit in pairs
            ]
        return tightest(after), True

    def _settle(self, hits: Sequence[Hit], request: Request, response: Response) -> QuotaStatus:
        """Give back what the answer does not count for, and return where the caller stands."""
        states: list[QuotaStatus] = []
        spared = [hit for hit in hits if not hit.policy.counts(request, response)]
        with self._lock:
            for hit in hits:
                window = self._window(hit.name, hit.limit)
                if hit in spared:
                    window.give_back(hit.key, hit.cost)
                usage = window.usage(hit.key)
                states.append(quota_status(window.limit, window.period, usage))
        return tightest(states)

    def _look(self, request: Request) -> QuotaStatus | None:
        """Return where a caller stands without counting anything.

        SECURITY: functions are not asked: a request refused before the quota (by the throttle,
        or for want of credentials) must not cause the work they do.
        """
        states: list[QuotaStatus] = []
        for policy in limits_for(request.route, request.method):
            if policy.limit is None:
                continue
            window = self._window(policy.name(request.route), policy.limit)
            usage = Usage(0, 0.0)
            if policy.key_func is None:
                with self._lock:
                    usage = window.usage(self._address(request))
            states.append(quota_status(window.limit, window.period, usage))
        return tightest(states) if states else None

    def _window(self, name: tuple[str | int, str], limit: Limit) -> SlidingWindow:
        window = self._windows.get((name, limit))
        if window is None:
            with self._creating:
                if len(self._windows) >= _MOST_QUOTAS:
                    raise RuntimeError(
                        f"There are {_MOST_QUOTAS} quotas, because a function of the request "
                        "returns ever new limits; let it choose among a few."
                    )
                window = self._windows.setdefault(
                    (name, limit),
                    SlidingWindow(
                        limit.requests, limit.per, max_keys=self._max_keys, clock=self._clock
                    ),
                )
        return window

    async def reset(self, key: str, scope: str | None) -> None:
        """Let a key begin anew, in all quotas or in those of a scope."""
        with self._lock:
            for (name, _), window in self._windows.items():
                if scope is None or name[0] == scope:
                    window.forget(key)

    # --- Requests ---------------------------------------------------------------------------

    async def _hits(self, policies: Iterable[RateLimit], request: Request) -> list[Hit]:
        """Return what a request counts for in each quota that holds for it."""
        found = [await self._hit(policy, request) for policy in policies]
        return [hit for hit in found if hit is not None]

    async def _hit(self, policy: RateLimit, request: Request) -> Hit | None:
        limit = policy.limit
        if limit is None:
            limit = _checked_limit(policy, await _asked(policy, "requests", request))
            if limit is None:
                return None
        cost = policy.cost
        if callable(cost):
            cost = _checked_cost(policy, await _asked(policy, "cost", request))
            if cost == 0:
                return None
        key = await self._key(policy, request)
        return Hit(policy, policy.name(request.route), limit, key, cost)

    # --- Callers ----------------------------------------------------------------------------

    async def _key(self, policy: RateLimit, request: Request) -> str:
        if policy.key_func is None:
            return self._address(request)
        key = await _asked(policy, "key_func", request)
        if key is None:
            return _NOBODY
        if isinstance(key, str | int | UUID):
            return quota_key(key)
        raise TypeError(
            f"The key_func of {policy.explain()} returned {type(key).__name__}; return a str, "
            "an int, a UUID, or None for callers that share one quota."
        )

    def _address(self, request: Request) -> str:
        key = self.client_key(request)
        if key is not None:
            return key
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "The server does not tell the peer's address (a Unix socket?), so all callers "
                "share the quotas of rate_limit. Give rate_limit a key_func."
            )
        return _NOBODY

    def client_key(self, request: Request) -> ClientKey | None:
        """Return the client's address or network; the value of `request.client_key`."""
        address = request.client_ip
        return None if address is None else ClientKey(self._client_keys.key(address))

    def key_of_address(self, address: str) -> ClientKey:
        """Return what a client with an address is counted under."""
        return ClientKey(self._client_keys.key(address))


def quota_key(key: str | int | UUID) -> str:
    """Return what a caller is counted under, apart from all that a name could be mistaken for.

    SECURITY: a user whose name is an address must not use up the quota of that address.

    Args:
        key: What a key function returned; a `ClientKey` is an address.
    """
    return str(key) if isinstance(key, ClientKey) else f"{_NAMED}{key}"


def remember(request: Request, hits: Sequence[Hit]) -> None:
    """Keep hits that the answer may turn out not to count for."""
    if any(hit.policy.on != "request" for hit in hits):
        request.__dict__[_HITS] = hits


def remembered(request: Request) -> Sequence[Hit]:
    """Return what `remember` kept, once."""
    return request.__dict__.pop(_HITS, ())


async def _asked(policy: RateLimit, what: str, request: Request) -> object:
    """Return what a function of a policy answers for a request."""
    function = cast("Callable[..., object]", getattr(policy, what))
    try:
        answer = function(request)
        if inspect.isawaitable(answer):
            answer = await answer
    except HTTPException:
        raise
    except Exception as error:
        raise RuntimeError(
            f"{what} {qualified_name(function)} of {policy.explain()} raised "
            f"{type(error).__name__}: {error}"
        ) from error
    return answer


def _checked_limit(policy: RateLimit, answer: object) -> Limit | None:
    if answer is None:
        return None
    if isinstance(answer, str):
        return parse_limit(answer)
    check_numbers(answer, policy.per)
    return Limit(cast("int", answer), cast("float", policy.per))


def _checked_cost(policy: RateLimit, answer: object) -> int:
    if isinstance(answer, bool) or not isinstance(answer, int) or answer < 0:
        raise TypeError(
            f"The cost of {policy.explain()} is {answer!r}; return a whole number from 0."
        )
    return answer


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


def _check_defaults(value: object) -> str | None:
    try:
        for text in cast("list[str]", value):
            parse_limit(text)
    except ValueError as error:
        return str(error)
    return None


def _check_storage_uri(value: object) -> str | None:
    scheme, found, _ = str(value or "").removeprefix("async+").partition("://")
    if value is None or (found and scheme in _STORAGE_SCHEMES):
        return None
    # SECURITY: the value may hold a password, so it is not shown.
    return f"its scheme must be one of {', '.join(_STORAGE_SCHEMES)}: 'redis://localhost:6379/0'"
