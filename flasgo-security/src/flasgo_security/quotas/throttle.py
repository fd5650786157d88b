"""Turns away clients that keep failing security checks."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from flasgo import HTTPException, hookimpl

from flasgo_security.events import (
    EVENTS_ATTRIBUTE,
    SecurityEvents,
    event_fields,
    loggable,
    report_event,
    security_event,
)
from flasgo_security.quotas.client_keys import ClientKeys
from flasgo_security.quotas.window import SlidingWindow

if TYPE_CHECKING:
    from flasgo import Registry, Request, Response, Settings

__all__ = ["DENIALS", "FailureThrottle", "log_throttled", "refusal"]

logger = logging.getLogger("flasgo.security")

DENIALS = frozenset({401, 403})
"""Statuses that count as a failed security check, whatever answered them."""


class FailureThrottle:
    """Counts requests that failed a security check, per client, and answers 429 past the limit.

    A request has failed when it caused a security event, or was answered 401 or 403. It counts
    once. Answers of the throttle itself do not count, so that a client is free again one window
    after its last attempts.

    Args:
        clock: Seconds from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._client_keys = ClientKeys()
        self._failures: SlidingWindow | None = None

    def declare(self, registry: Registry) -> None:
        """Declare the settings, attributes and methods of this concern."""
        registry.setting(
            "SECURITY_FAILURE_RATE_LIMIT",
            int | None,
            default=None,
            help="Failed security checks (host, CSRF, sessions, 401, 403) after which a client "
            "is answered 429; None or 0 is no limit.",
            check=_check_limit,
        )
        registry.setting(
            "SECURITY_FAILURE_WINDOW_SECONDS",
            float,
            default=60.0,
            help="Seconds for which a failed security check counts.",
            check=lambda value: None if cast("float", value) > 0 else "it must be greater than 0",
        )
        registry.request_attribute(EVENTS_ATTRIBUTE, SecurityEvents)
        registry.app_method("security_event", security_event)

    def configure(self, settings: Settings) -> None:
        """Read the settings."""
        self._client_keys = ClientKeys.from_settings(settings)
        limit = cast("int | None", settings["SECURITY_FAILURE_RATE_LIMIT"])
        period = cast("float", settings["SECURITY_FAILURE_WINDOW_SECONDS"])
        self._failures = SlidingWindow(limit, period, clock=self._clock) if limit else None

    @property
    def is_active(self) -> bool:
        """Whether there is a limit at all."""
        return self._failures is not None

    @hookimpl(tryfirst=True, before=("security.hosts",))
    def request_started(self, request: Request) -> None:
        """Turn away a client that is over the limit, before anything else is checked."""
        failures = self._failures
        # PERF: false as long as no client has failed.
        # SECURITY: clients without an address share no bucket, or one could shut out all.
        if not failures or request.client_ip is None:
            return
        with self._lock:
            used, wait = failures.usage(self._client_keys.key(request.client_ip))
        if used < failures.limit:
            return
        raise refusal(wait)

    @hookimpl
    def response_finalize(self, request: Request, response: Response) -> Awaitable[None] | None:
        """Count the request if it failed a security check."""
        status = response.status_code
        # PERF: most answers are neither denials nor follow an event.
        if status in DENIALS or request.peek(EVENTS_ATTRIBUTE) is not None:
            self._record(request, status)
        return None

    def _record(self, request: Request, status: int) -> str | None:
        """Count a failure; return the client it counts against, or None."""
        events = cast("list[str] | None", request.peek(EVENTS_ATTRIBUTE))
        if not events:
            if status not in DENIALS:
                return None
            security_event("denied", request, f"answered {status}")
        failures = self._failures
        if failures is None or request.client_ip is None:
            return None
        client_ip = self._client_keys.key(request.client_ip)
        with self._lock:
            was_free = failures.usage(client_ip).used < failures.limit
            used, _ = failures.hit(client_ip)
        if was_free and used >= failures.limit:
            log_throttled(request, client_ip, used, failures.period)
        return client_ip


def refusal(wait: float) -> HTTPException:
    """Return the 429 for a client that is over the limit.

    Args:
        wait: Seconds until it may come back.
    """
    seconds = max(math.ceil(wait), 1)
    return HTTPException(
        429,
        f"Too many failed requests from this address; try again in {seconds} seconds.",
        headers={"retry-after": str(seconds)},
    )


def log_throttled(request: Request, client_ip: str, used: int, period: float) -> None:
    """Log that a client is turned away from now on.

    Args:
        request: The request that was one too many.
        client_ip: Whom the failures count against.
        used: How many there were...
        period: ...within so many seconds.
    """
    logger.warning(
        "Client %s is throttled: %d failed requests within %g seconds",
        loggable(client_ip),
        used,
        period,
        extra=event_fields(
            "throttled", reason=f"{used} failed requests", client_ip=loggable(client_ip)
        ),
    )
    report_event("throttled", request, f"{used} failed requests")


def _check_limit(value: object) -> str | None:
    limit = cast("int | None", value)
    return "it must be 0 or more, or None" if limit is not None and limit < 0 else None
