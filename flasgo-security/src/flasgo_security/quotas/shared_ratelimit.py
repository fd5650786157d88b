"""The quotas of `rate_limit`, counted together with other processes and hosts."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from flasgo import HTTPException, hookimpl
from flasgo.plugin import full_name

from flasgo_security.quotas.limit_texts import Limit
from flasgo_security.quotas.policy import RateLimit, limits_for
from flasgo_security.quotas.ratelimit import (
    STATUS_ATTRIBUTE,
    Hit,
    QuotaStatus,
    RateLimitGuard,
    has_quota,
    quota_status,
    remember,
    remembered,
    tightest,
)
from flasgo_security.quotas.shared import SharedQuota, SharedQuotas
from flasgo_security.quotas.window import Usage
from flasgo_security.stores.health import PAUSE_SECONDS, StoreDownError

if TYPE_CHECKING:
    from flasgo import Flasgo, Request, Response, Route

__all__ = ["QuotaNames", "SharedRateLimitGuard"]

logger = logging.getLogger("flasgo.security")

_MOST_REMEMBERED = 1000
_RETRY_SECONDS = max(round(PAUSE_SECONDS), 1)


class QuotaNames:
    """Names for quotas that are the same in every process that runs the same code.

    Args:
        app: Its routes, in the order of their registration, tell apart what has one name.
    """

    def __init__(self, app: Flasgo) -> None:
        self._app = app
        self._by_serial: dict[int, str] = {}
        self._taken: set[str] = set()

    def name(self, limit: RateLimit, route: Route | None) -> str:
        """Return the name of a quota: its scope, or the name of the handler it is for."""
        scope, endpoint = limit.name(route)
        if isinstance(scope, str):
            return f"scope:{scope}"
        if limit.serial not in self._by_serial:
            for known in self._app.routes:
                self._note(known)
        base = self._by_serial[limit.serial]
        return f"{base}:{endpoint}" if endpoint else base

    def _note(self, route: Route) -> None:
        for limit in limits_for(route):
            if limit.serial in self._by_serial:
                continue
            base = limit.holder or full_name(route.handler)
            name, number = base, 1
            while name in self._taken:
                number += 1
                name = f"{base}:{number}"
            self._taken.add(name)
            self._by_serial[limit.serial] = name


class SharedRateLimitGuard(RateLimitGuard):
    """Counts requests in a shared storage and refuses those over a quota.

    Args:
        app: The app.
        quotas: Counts.
        is_open: Whether requests pass while the storage does not answer; otherwise they are
            answered 503.
    """

    def __init__(self, app: Flasgo, quotas: SharedQuotas, *, is_open: bool) -> None:
        super().__init__()
        self._app = app
        self._names = QuotaNames(app)
        self._quotas = quotas
        self._is_open = is_open
        # The limits that functions have returned, so that they can be reset.
        self._met: OrderedDict[SharedQuota, str | int] = OrderedDict()

    @hookimpl(when=has_quota)
    async def ratelimit_check(self, request: Request) -> None:
        """Count the request, or refuse it."""
        hits = await self._hits(limits_for(request.route, request.method), request)
        if not hits:
            return
        shared = [self._shared(hit, request) for hit in hits]
        try:
            keys, costs = [hit.key for hit in hits], [hit.cost for hit in hits]
            usages, refusing = await self._quotas.take(shared, keys, costs)
        except StoreDownError as error:
            status = self._status_without_store(shared)
            setattr(request, STATUS_ATTRIBUTE, status)
            if self._is_open:
                return
            raise HTTPException(
                503,
                "Quotas cannot be checked at the moment; try again.",
                headers={"retry-after": str(_RETRY_SECONDS)},
            ) from error
        statuses = _statuses(shared, usages)
        status = tightest(statuses) if refusing is None else statuses[refusing]
        setattr(request, STATUS_ATTRIBUTE, status)
        if refusing is not None:
            raise self._refusal(request, status)
        remember(request, hits)

    @hookimpl(when=has_quota)
    async def response_finalize(self, request: Request, response: Response) -> None:
        """Tell the caller where it stands, on every answer of the route."""
        status = cast("QuotaStatus | None", request.peek(STATUS_ATTRIBUTE))
        if status is None:
            status = await self._look_up(request)
        else:
            hits = remembered(request)
            if hits:
                status = await self._settle_shared(hits, request, response, status)
                setattr(request, STATUS_ATTRIBUTE, status)
        self._announce(status, response)

    async def _settle_shared(
        self, hits: Sequence[Hit], request: Request, response: Response, status: QuotaStatus
    ) -> QuotaStatus:
        """Give back what the answer does not count for, and return where the caller stands."""
        shared = [self._shared(hit, request) for hit in hits]
        keys = [hit.key for hit in hits]
        try:
            for hit, quota in zip(hits, shared, strict=True):
                if not hit.policy.counts(request, response):
                    await self._quotas.give_back(quota, hit.key, hit.cost)
            usages = [
                (await self._quotas.look([quota], [key]))[0]
                for quota, key in zip(shared, keys, strict=True)
            ]
        except StoreDownError:
            return status  # what was not given back counts: the safe way to be wrong
        return tightest(_statuses(shared, usages))

    async def _look_up(self, request: Request) -> QuotaStatus | None:
        """Return where a caller stands that was refused before it was counted.

        SECURITY: functions are not asked; see `RateLimitGuard`.
        """
        policies = [
            policy
            for policy in limits_for(request.route, request.method)
            if policy.limit is not None
        ]
        if not policies:
            return None
        shared = [self._shared_policy(policy, request.route) for policy in policies]
        asked = [number for number, policy in enumerate(policies) if policy.key_func is None]
        usages = [Usage(0, 0.0)] * len(shared)
        try:
            address = self._address(request)
            found = await self._quotas.look([shared[i] for i in asked], [address] * len(asked))
        except StoreDownError:
            return self._status_without_store(shared)
        for number, usage in zip(asked, found, strict=True):
            usages[number] = usage
        return tightest(_statuses(shared, usages))

    def _shared(self, hit: Hit, request: Request) -> SharedQuota:
        quota = SharedQuota(self._names.name(hit.policy, request.route), *hit.limit)
        if hit.policy.limit is None and quota not in self._met:
            self._met[quota] = hit.name[0]
            if len(self._met) > _MOST_REMEMBERED:
                self._met.popitem(last=False)
        return quota

    def _shared_policy(self, policy: RateLimit, route: Route | None) -> SharedQuota:
        return SharedQuota(self._names.name(policy, route), *cast("Limit", policy.limit))

    async def reset(self, key: str, scope: str | None) -> None:
        """Let a key begin anew, in all quotas or in those of a scope."""
        quotas = {
            self._shared_policy(policy, route): policy.name(route)[0]
            for route in self._app.routes
            for policy in limits_for(route)
            if policy.limit is not None
        }
        quotas.update(self._met)
        chosen = [quota for quota, name in quotas.items() if scope is None or name == scope]
        await self._quotas.reset(chosen, key)

    def _status_without_store(self, quotas: list[SharedQuota]) -> QuotaStatus:
        """Return what to say while the store is down: all is left, or nothing is for a while."""
        smallest = min(quotas, key=lambda quota: quota.limit)
        left = smallest.limit if self._is_open else 0
        return QuotaStatus(smallest.limit, left, 0 if left else _RETRY_SECONDS, smallest.period)

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        """Refuse quotas that cannot be shared, before the first request."""
        for route in app.routes:
            for policy in limits_for(route):
                limit = policy.limit or Limit(1, 1.0)
                quota = SharedQuota(self._names.name(policy, route), *limit)
                self._quotas.check(quota, gives_back=policy.on != "request")

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        """Close the connections to the storage."""
        await self._quotas.close()


def _statuses(quotas: list[SharedQuota], usages: list[Usage]) -> list[QuotaStatus]:
    return [
        quota_status(quota.limit, quota.period, usage)
        for quota, usage in zip(quotas, usages, strict=True)
    ]
