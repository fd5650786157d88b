"""Keeps requests from waiting for a shared store that does not answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flasgo.plugin import current_request

from flasgo_security.events import event_fields, loggable

__all__ = ["StoreDownError", "StoreHealth"]

logger = logging.getLogger("flasgo.security")

_T = TypeVar("_T")

PAUSE_SECONDS = 0.5
"""How long a store that failed is left alone before one request tries it again."""


_REFUSALS_TOLD_EVERY = 60.0
"""Seconds between two lines of the log about commands that a store refuses."""


_HAS_WAITED = "security.has_waited_for_a_store"
_SHARE_AFTER_WAITING = 0.1


class StoreDownError(Exception):
    """Raised when a shared store did not answer in time, is known not to, or is full."""


class StoreHealth:
    """Asks a shared store, for a bounded time, and leaves it alone for a while when it fails.

    Without it every request would wait out its timeout while the store hangs, and a server would
    fill up with them. With it one request at a time waits; the others learn at once.

    Args:
        name: What the log calls the store. SECURITY: never its URI, which may hold a password.
        timeout: Seconds that an answer may take.
        errors: What the client raises when the store fails.
        refusals: Which of these are quick answers to one command, such as to a write when the
            store is full; they delay no request, so others go on asking.
        clock: Seconds from a clock that never goes back.
    """

    def __init__(
        self,
        name: str,
        timeout: float,
        errors: tuple[type[Exception], ...] = (),
        refusals: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._errors = (TimeoutError, OSError, EOFError, *errors)
        self._refusals = refusals
        self._clock = clock
        self._left_alone_until: float | None = None
        self._refusals_told_at: float | None = None

    @property
    def is_down(self) -> bool:
        """Whether the store failed the last time it was asked."""
        return self._left_alone_until is not None

    async def ask(self, question: Callable[[], Awaitable[_T]]) -> _T:
        """Return what the store answers.

        Args:
            question: Asks the store; called at most once.

        Raises:
            StoreDownError: When the store fails, takes too long, or failed a moment ago.
        """
        until = self._left_alone_until
        if until is not None:
            now = self._clock()
            if now < until:
                raise StoreDownError(f"{self._name} failed a moment ago")
            # One request tries; the others keep being told at once until it knows.
            self._left_alone_until = now + self._timeout + PAUSE_SECONDS
        try:
            async with asyncio.timeout(self._patience()):
                answer = await question()
        except self._refusals as error:
            self._note_answer()
            self._note_refusal(error)
            raise StoreDownError(f"{self._name} refused a command") from error
        except self._errors as error:
            self._note_failure(error)
            raise StoreDownError(f"{self._name} does not answer") from error
        self._note_answer()
        return answer

    def _patience(self) -> float:
        """Return how long the answer may take."""
        # A request that has waited for one store in vain does not wait as long for another.
        has_waited = _HAS_WAITED in _notes_of_request()
        return self._timeout * _SHARE_AFTER_WAITING if has_waited else self._timeout

    def _note_answer(self) -> None:
        if self._left_alone_until is not None:
            self._left_alone_until = None
            logger.warning("%s answers again.", self._name, extra=event_fields("store_up"))

    def _note_refusal(self, error: Exception) -> None:
        now = self._clock()
        told_at = self._refusals_told_at
        if told_at is None or now - told_at >= _REFUSALS_TOLD_EVERY:
            self._refusals_told_at = now
            logger.error(
                "%s refuses commands: %s: %s",
                self._name,
                type(error).__name__,
                loggable(str(error)),
                extra=event_fields("store_refuses", reason=type(error).__name__),
            )

    def _note_failure(self, error: Exception) -> None:
        if isinstance(error, TimeoutError):
            _notes_of_request()[_HAS_WAITED] = True
        if self._left_alone_until is None:
            logger.error(
                "%s does not answer: %s: %s",
                self._name,
                type(error).__name__,
                loggable(str(error)) or f"nothing within {self._timeout:g} seconds",
                extra=event_fields("store_down", reason=type(error).__name__),
            )
        self._left_alone_until = self._clock() + PAUSE_SECONDS


def _notes_of_request() -> dict[str, object]:
    try:
        return vars(current_request())
    except RuntimeError:  # outside of a request there is nothing to remember
        return {}
