"""`session_transaction()`: reads and changes the session that the client's cookie stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from .client_hooks import SESSION_EXTENSION, SessionDoor

if TYPE_CHECKING:
    from .exchange import Answer, Exchange
    from .transport import AppTransport

__all__ = ["SessionTransaction"]


class SessionTransaction:
    """One request that stays open while a test works on its session.

    The app loads the session and saves it as for every request, so this works with whatever
    plugin brings `request.session`, wherever it keeps the data.

    Args:
        transport: Reaches the app.
        request: The request; its cookies choose the session.
        seconds: The bound for opening and for saving; None waits for ever.
    """

    def __init__(
        self, transport: AppTransport, request: httpx2.Request, seconds: float | None
    ) -> None:
        self._transport = transport
        self._request = request
        self._seconds = seconds
        self._is_abandoned = False
        self._door = SessionDoor()
        self._exchange: Exchange = transport.exchange(
            request, None, **{SESSION_EXTENSION: self._door}
        )

    # Any: only the app's plugin knows what its sessions are.
    def open(self) -> Any:
        """Return the session.

        Raises:
            RuntimeError: When the app answered before a session was there.
            Exception: What the app raised.
        """
        self._transport.take(self._exchange, self._seconds, self._until_open)
        return self._door.session

    async def aopen(self) -> Any:
        """Return the session, without blocking the test's event loop."""
        await self._transport.atake(self._exchange, self._seconds, self._until_open)
        return self._door.session

    def close(self, *, is_abandoned: bool) -> httpx2.Response:
        """Save the session, unless it is abandoned, and return the answer with its cookie."""
        self._is_abandoned = is_abandoned
        return self._response(self._transport.take(self._exchange, self._seconds, self._conclude))

    async def aclose(self, *, is_abandoned: bool) -> httpx2.Response:
        """Do the same without blocking the test's event loop."""
        self._is_abandoned = is_abandoned
        answer = await self._transport.atake(self._exchange, self._seconds, self._conclude)
        return self._response(answer)

    async def _until_open(self) -> None:
        await self._door.until_open(self._exchange.start())
        if not self._door.is_open:
            answer = await self._exchange.collect()
            raise RuntimeError(
                f"session_transaction() got no session: the app answered {self._exchange.name} "
                f"with {answer.status} first: {answer.body[:200].decode('utf-8', 'replace')}"
            )

    async def _conclude(self) -> Answer | None:
        self._door.close(is_abandoned=self._is_abandoned)
        if self._is_abandoned:
            await self._exchange.leave()
            return None
        answer = await self._exchange.collect()
        if answer.status >= 400:
            raise RuntimeError(
                f"The session could not be saved: the app answered with {answer.status}: "
                f"{answer.body[:200].decode('utf-8', 'replace')}"
            )
        return answer

    def _response(self, answer: Answer | None) -> httpx2.Response:
        headers = answer.headers if answer is not None else []
        return httpx2.Response(204, headers=headers, request=self._request)
