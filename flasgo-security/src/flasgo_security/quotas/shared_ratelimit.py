"""The quotas of `rate_limit`, counted together with other processes and hosts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from flasgo import HTTPException, has_policy, hookimpl
from flasgo.plugin import full_name

from flasgo_security.quotas.ratelimit import (
    STATUS_ATTRIBUTE,
    QuotaStatus,
    RateLimit,
    RateLimitGuard,
    limits_of,
    quota_status,
    tightest,
)
from flasgo_security.quotas.shared import SharedQuota, SharedQuotas
from flasgo_security.quotas.window import Usage
from flasgo_security.stores.health import PAUSE_SECONDS, StoreDownError

if TYPE_CHECKING:
    from flasgo import Flasgo, Request, Response, Route

__all__ = ["QuotaNames", "SharedRateLimitGuard"]

logger = logging.getLogger("flasgo.security")

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

    def name(self, limit: RateLimit) -> str:
        """Return the name of a quota: its scope, or the name of the handler it is for."""
        if limit.scope is not None:
            return f"scope:{limit.scope}"
        if limit.serial not in self._by_serial:
            for route in self._app.routes:
                self._note(route)
        return self._by_serial[limit.serial]

    def _note(self, route: Route) -> None:
        base = full_name(route.handler)
        for limit in route.policies_of(RateLimit):
            if limit.serial in self._by_serial:
                continue
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
        self._names = QuotaNames(app)
        self._quotas = quotas
        self._is_open = is_open

    @hookimpl(when=has_policy(RateLimit))
    async def ratelimit_check(self, request: Request) -> None:
        """Count the request, or refuse it."""
        limits = limits_of(request)
        keys = [await self._key(limit, request) for limit in limits]
        shared = [self._shared(limit) for limit in limits]
        try:
            usages, refusing = await self._quotas.take(shared, keys)
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
            raise self._refusal(status)

    @hookimpl(when=has_policy(RateLimit))
    async def response_finalize(self, request: Request, response: Response) -> None:
        """Tell the caller where it stands, on every answer of the route."""
        status = cast("QuotaStatus | None", request.peek(STATUS_ATTRIBUTE))
        if status is None:
            status = await self._look_up(request)
        self._announce(status, response)

    async def _look_up(self, request: Request) -> QuotaStatus:
        """Return where a caller stands that was refused before it was counted.

        SECURITY: key functions are not asked; see `RateLimitGuard`.
        """
        limits = limits_of(request)
        shared = [self._shared(limit) for limit in limits]
        asked = [number for number, limit in enumerate(limits) if limit.key_func is None]
        usages = [Usage(0, 0.0)] * len(shared)
        try:
            address = self._address(request)
            found = await self._quotas.look([shared[i] for i in asked], [address] * len(asked))
        except StoreDownError:
            return self._status_without_store(shared)
        for number, usage in zip(asked, found, strict=True):
            usages[number] = usage
        return tightest(_statuses(shared, usages))

    def _shared(self, limit: RateLimit) -> SharedQuota:
        return SharedQuota(self._names.name(limit), limit.requests, limit.per)

    def _status_without_store(self, quotas: list[SharedQuota]) -> QuotaStatus:
        """Return what to say while nobody knows: all is left, or nothing is for a while."""
        smallest = min(quotas, key=lambda quota: quota.limit)
        left = smallest.limit if self._is_open else 0
        return QuotaStatus(smallest.limit, left, 0 if left else _RETRY_SECONDS, smallest.period)

    @hookimpl
    async def app_startup(self, app: Flasgo) -> None:
        """Refuse quotas that cannot be shared while there is nobody to be surprised."""
        for route in app.routes:
            for limit in route.policies_of(RateLimit):
                self._quotas.check(self._shared(limit))

    @hookimpl
    async def app_shutdown(self, app: Flasgo) -> None:
        """Close the connections to the storage."""
        await self._quotas.close()


def _statuses(quotas: list[SharedQuota], usages: list[Usage]) -> list[QuotaStatus]:
    return [
        quota_status(quota.limit, quota.period, usage)
        for quota, usage in zip(quotas, usages, strict=True)
    ]
