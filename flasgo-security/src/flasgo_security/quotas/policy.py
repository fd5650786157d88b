"""What `rate_limit` and `ratelimit_exempt` leave on endpoints, blueprints and apps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar
from uuid import UUID

from flasgo.plugin import Policy, PolicyScope, attach_policy, is_async, qualified_name

from flasgo_security.quotas.limit_texts import Limit, parse_limit

if TYPE_CHECKING:
    from flasgo import Request, Response, Route

__all__ = [
    "CostFunc",
    "KeyFunc",
    "LimitFunc",
    "On",
    "RateLimit",
    "RateLimitExempt",
    "check_numbers",
    "limits_for",
    "rate_limit",
    "ratelimit_exempt",
]

_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)

Key = str | int | UUID | None
"""What a caller is counted under; callers with None share one quota."""

KeyFunc = Callable[..., Key | Awaitable[Key]]
"""Given the request, returns whom to count it for; `def` (must not block) or `async def`."""

LimitFunc = Callable[..., int | str | Awaitable[int | str | None] | None]
"""Given the request, returns its limit: a number, `"100/minute"`, or None for no limit."""

CostFunc = Callable[..., int | Awaitable[int]]
"""Given the request, returns how much of the quota it uses up."""

On = Literal["request", "failure"] | Callable[..., bool]
"""What counts: each request, those that are refused, or those of which a function says so."""

_SHOULD_TRY_AGAIN = 429
_serials = itertools.count(1)


@dataclass(frozen=True)
class RateLimitExempt(Policy):
    """An endpoint that no quota holds for."""

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        return "ratelimit_exempt (no quota is counted)"


@dataclass(frozen=True)
class RateLimit(Policy):
    """A quota on an endpoint.

    Attributes:
        requests: How many requests a caller may make, or a function of the request...
        per: ...in any stretch of so many seconds; None where the function says it.
        scope: Endpoints with the same scope and numbers share one quota; None is for what it
            decorates alone.
        key_func: Tells callers apart; None is by the direct peer's address.
        methods: The methods that it holds for; None is all.
        cost: How much of the quota a request uses up, or a function of the request.
        on: What counts: `"request"`, `"failure"`, or a function of the request and the response.
        holder: What it decorates, where that is a blueprint or an app.
        is_per_route: Whether each route of the holder has a quota of its own.
        is_default: Whether it holds only for routes that have no other.
        exempt: The endpoints that a default one does not hold for.
        serial: Tells the quotas without a scope apart.

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When a number, the scope or a method is not allowed.
    """

    requests: int | str | LimitFunc
    per: float | None = None
    scope: str | None = None
    key_func: KeyFunc | None = None
    methods: frozenset[str] | None = None
    cost: int | CostFunc = 1
    on: On = "request"
    holder: str = ""
    is_per_route: bool = False
    is_default: bool = False
    exempt: frozenset[str] = frozenset()
    serial: int = field(default_factory=lambda: next(_serials), compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.requests, str):
            if self.per is not None:
                raise TypeError(
                    f"rate_limit: {self.requests!r} says for how long; leave out per={self.per!r}."
                )
            try:
                limit = parse_limit(self.requests)
            except ValueError as error:
                raise ValueError(f"rate_limit: {error}.") from None
            object.__setattr__(self, "requests", limit.requests)
            object.__setattr__(self, "per", limit.per)
        elif not callable(self.requests):
            check_numbers(self.requests, self.per)
        elif self.per is not None:
            check_period(self.per)
        _check_scope(self.scope)
        if self.key_func is not None and not callable(self.key_func):
            raise TypeError(
                f"rate_limit: key_func is a function of the request, or None; got "
                f"{self.key_func!r}."
            )
        self._check_cost()
        if self.on not in ("request", "failure") and not callable(self.on):
            raise ValueError(
                f"rate_limit: on is 'request', 'failure' or a function of the request and the "
                f"response; got {self.on!r}."
            )
        if callable(self.on) and is_async(self.on):
            raise TypeError("rate_limit: on=function is a `def` function; got an `async def` one.")

    def _check_cost(self) -> None:
        cost = self.cost
        if callable(cost):
            return
        if isinstance(cost, bool) or not isinstance(cost, int):
            raise TypeError(f"rate_limit: cost is a whole number or a function; got {cost!r}.")
        most = self.requests if isinstance(self.requests, int) else cost
        if not 1 <= cost <= most:
            raise ValueError(
                f"rate_limit: cost is from 1 to the limit of {most} requests; got {cost}."
            )

    @cached_property
    def limit(self) -> Limit | None:
        """The limit, where it does not depend on the request."""
        if isinstance(self.requests, int) and self.per is not None:
            return Limit(self.requests, self.per)
        return None

    @cached_property
    def is_plain(self) -> bool:
        """Whether every request counts once, for its address."""
        is_fixed = self.limit is not None and self.key_func is None and self.cost == 1
        return is_fixed and self.on == "request" and not self.is_per_route

    def name(self, route: Route | None) -> tuple[str | int, str]:
        """Return what its hits are counted under, besides the caller and the numbers."""
        if self.scope is not None:
            return self.scope, ""
        return self.serial, route.endpoint if self.is_per_route and route is not None else ""

    def counts(self, request: Request, response: Response) -> bool:
        """Whether the answer to a request makes it count."""
        if callable(self.on):
            return bool(self.on(request, response))
        status = response.status_code
        return self.on == "request" or (400 <= status < 500 and status != _SHOULD_TRY_AGAIN)

    def explain(self) -> str:
        """Return what `flasgo routes --explain` shows."""
        if callable(self.requests):
            text = f"limit by {qualified_name(self.requests)}"
            text += "" if self.per is None else f" per {self.per:g} s"
        else:
            text = f"{self.requests} per {self.per:g} s"
        if self.cost != 1:
            named = qualified_name(self.cost) if callable(self.cost) else self.cost
            text += f", cost {named}"
        if self.on != "request":
            text += f", on {qualified_name(self.on) if callable(self.on) else self.on}"
        if self.methods is not None:
            text += f", {'/'.join(sorted(self.methods))} only"
        if self.scope is not None:
            text += f", scope {self.scope!r}"
        elif self.holder:
            text += f", {'each route of' if self.is_per_route else 'shared by'} {self.holder}"
        if self.key_func is not None:
            text += f", key {qualified_name(self.key_func)}"
        if self.is_default:
            text += ", where a route has no quota of its own"
        return f"rate_limit ({text})"


def rate_limit(
    requests: int | str | LimitFunc,
    per: float | None = None,
    *,
    scope: str | None = None,
    key_func: KeyFunc | None = None,
    methods: Iterable[str] | None = None,
    cost: int | CostFunc = 1,
    on: On = "request",
    shared: bool = False,
) -> Callable[[_H], _H]:
    """Limit how often one caller may use an endpoint; past it, answers are 429.

    Several on one handler all hold. The handler does not run for a request that is refused, and
    a refused request uses up nothing.

    ```python
    @app.post("/login")
    @rate_limit("5/minute", on="failure")
    def login(): ...
    ```

    Args:
        requests: How many requests, at least 1; or text such as `"100/minute"` without `per`; or
            a function of the request that returns one of these, or None for no limit. It must
            not block.
        per: In any stretch of so many seconds, more than 0.
        scope: Name of a quota that endpoints share; by default each handler has its own.
        key_func: Given the request, returns whom to count it for: str, int or UUID. By default
            the address of the direct peer, whatever `X-Forwarded-For` claims. Callers without a
            key (None) share one quota. Where it falls back on the address, let it return
            `request.client_key`: of `request.client_ip` an IPv6 client has 2**64, and a user
            whose name is an address would share its quota.
        methods: The methods that it holds for, such as `["POST"]`; GET includes HEAD.
        cost: How much of the quota a request uses up, at least 1; or a function of the request,
            which may also return 0.
        on: `"failure"` counts the requests that are answered 4xx (but 429): wrong passwords. They
            are counted when they begin and given back when they succeed, so that guesses at the
            same time count too. Or a `def` function of the request and the response that says
            whether it counts.
        shared: On a blueprint or an app: True for one quota for all of its routes together; by
            default each route has its own.

    Raises:
        TypeError: When an argument has the wrong type.
        ValueError: When a number, a text, the scope or a method is not allowed.
    """
    if isinstance(methods, str):
        raise TypeError(f"rate_limit: methods is a list of names; write [{methods!r}].")
    held = None if methods is None else frozenset(_checked_method(name) for name in methods)
    if held is not None and "GET" in held:
        held |= {"HEAD"}
    period = float(per) if isinstance(per, int) and not isinstance(per, bool) else per
    # Mistakes show here, whatever it decorates.
    RateLimit(requests, period, scope, key_func, held, cost, on)

    def decorate(handler: _H) -> _H:
        holder = ""
        if isinstance(handler, PolicyScope):
            holder = f"{type(handler).__name__.lower()} {getattr(handler, 'name', '')!r}"
        # One for each handler: without a scope they do not share it.
        policy = RateLimit(
            requests,
            period,
            scope,
            key_func,
            held,
            cost,
            on,
            holder,
            is_per_route=bool(holder) and not shared and scope is None,
        )
        return attach_policy(handler, policy)

    return decorate


def ratelimit_exempt(handler: _H) -> _H:
    """Let no quota hold for an endpoint, a blueprint or an app: no default one, no inherited one.

    Args:
        handler: The endpoint's handler; or a blueprint or an app, for all of its routes.

    Raises:
        TypeError: When it is none of these.
    """
    if not (callable(handler) or isinstance(handler, PolicyScope)):
        raise TypeError(
            f"ratelimit_exempt decorates a handler, a blueprint or an app, got {handler!r}: write "
            "@ratelimit_exempt."
        )
    return attach_policy(handler, RateLimitExempt())


def limits_for(route: Route | None, method: str | None = None) -> tuple[RateLimit, ...]:
    """Return the quotas that hold for a route.

    Args:
        route: The route; None for a request that reached none.
        method: The method of a request; None for every method.
    """
    if route is None:
        return ()
    limits: tuple[RateLimit, ...] = ()
    for policy in route.policies:
        if isinstance(policy, RateLimit):
            if route.endpoint not in policy.exempt:
                limits = (*limits, policy)
        elif isinstance(policy, RateLimitExempt):
            return ()
    # PERF: the usual route has one quota, for all methods.
    if len(limits) == 1 and limits[0].methods is None:
        return limits
    own = tuple(limit for limit in limits if not limit.is_default)
    found = own or limits
    if method is None:
        return found
    return tuple(limit for limit in found if limit.methods is None or method in limit.methods)


def check_numbers(requests: object, per: object) -> None:
    """Refuse numbers that are no limit.

    Raises:
        TypeError: When one has the wrong type.
        ValueError: When one is not allowed.
    """
    if isinstance(requests, bool) or not isinstance(requests, int):
        raise TypeError(
            f"rate_limit: requests is a whole number, got {requests!r}; "
            "write @rate_limit(5, per=60)."
        )
    if requests < 1:
        raise ValueError(f"rate_limit: requests must be at least 1, got {requests}.")
    check_period(per)


def check_period(per: object) -> None:
    """Refuse what is not a number of seconds.

    Raises:
        TypeError: When it has the wrong type.
        ValueError: When it is not allowed.
    """
    if isinstance(per, bool) or not isinstance(per, int | float):
        raise TypeError(f"rate_limit: per is a number of seconds, got {per!r}.")
    if not (per > 0 and math.isfinite(per)):
        raise ValueError(f"rate_limit: per must be more than 0 seconds, got {per!r}.")


def _check_scope(scope: object) -> None:
    if scope is not None and (not isinstance(scope, str) or not scope.strip()):
        kind = ValueError if isinstance(scope, str) else TypeError
        raise kind(f"rate_limit: scope is a name such as 'reports', or None; got {scope!r}.")


def _checked_method(name: object) -> str:
    if not isinstance(name, str) or not (name.isascii() and name.isalpha()):
        raise ValueError(f"rate_limit: {name!r} is not a method; write methods=['POST'].")
    return name.upper()
