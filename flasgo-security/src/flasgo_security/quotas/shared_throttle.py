"""The throttle of failing clients, counted together with other processes and hosts."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from flasgo import hookimpl

from flasgo_security.events import EVENTS_ATTRIBUTE
from flasgo_security.quotas.shared import SharedQuota, SharedQuotas
from flasgo_security.quotas.throttle import DENIALS, FailureThrottle, log_throttled, refusal
from flasgo_security.quotas.window import MAX_KEYS
from flasgo_security.stores.health import StoreDownError

if TYPE_CHECKING:
    from flasgo import Request, Response

__all__ = ["SharedFailureThrottle"]


class SharedFailureThrottle(FailureThrottle):
    """Counts failures together with other processes and hosts.

    Every request is looked up in memory only; each failure is counted in the shared storage too,
    and a client that has used up what all processes together allow is turned away from then on.
    A process thus lets pass at most one failure of a client that the others have had enough of.
    While the storage does not answer, each process counts for itself.

    Args:
        quotas: Counts.
        clock: Seconds from a clock that never goes back.
    """

    def __init__(self, quotas: SharedQuotas, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._quotas = quotas
        self._blocked: OrderedDict[str, float] = OrderedDict()

    @hookimpl(tryfirst=True, before=("security.hosts",))
    def request_started(self, request: Request) -> None:
        """Turn away a client that is over the limit, before anything else is checked."""
        if self._blocked and request.client_ip is not None:
            client = self._client_keys.key(request.client_ip)
            until = self._blocked.get(client)
            if until is not None:
                wait = until - self._clock()
                if wait > 0:
                    raise refusal(wait)
                self._blocked.pop(client, None)
        super().request_started(request)

    @hookimpl
    async def response_finalize(self, request: Request, response: Response) -> None:
        """Count the request if it failed a security check."""
        status = response.status_code
        if status in DENIALS or request.peek(EVENTS_ATTRIBUTE) is not None:
            client_ip = self._record(request, status)
            if client_ip is not None:
                await self._share(request, client_ip)

    async def _share(self, request: Request, client_ip: str) -> None:
        failures = self._failures
        if failures is None:
            return
        quota = SharedQuota("throttle", failures.limit, math.ceil(failures.period))
        with suppress(StoreDownError):
            [usage], _ = await self._quotas.take([quota], [client_ip])
            if usage.used < failures.limit or client_ip in self._blocked:
                return
            while len(self._blocked) >= MAX_KEYS:
                # Forgotten here, but not in the storage: the next failure blocks it again.
                self._blocked.popitem(last=False)
            self._blocked[client_ip] = self._clock() + usage.wait
            log_throttled(request, client_ip, usage.used, failures.period)
