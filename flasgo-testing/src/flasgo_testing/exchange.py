"""One request and its answer, seen from the server's side of ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from .asgi import ASGIApp, Message, Scope
from .conversation import Conversation
from .errors import AppProtocolError

__all__ = ["Answer", "Exchange"]

_PIECES_AHEAD = 16  # how far a streaming app may run ahead of the test that reads it
_BODILESS = frozenset({204, 304})


class Answer(NamedTuple):
    """Status and headers, and the body as far as it has arrived."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class Exchange(Conversation):
    """Plays the server for one request: `receive`, `send`, and the rules of HTTP on what is sent.

    Everything here happens on the app's event loop.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        body: AsyncIterator[bytes],
        *,
        raise_app_errors: bool,
        buffered: bool,
    ) -> None:
        super().__init__(app, scope, raise_app_errors=raise_app_errors)
        self._body = body
        self._buffered = buffered
        self._request_sent = False
        self._answer: Answer | None = None
        self._pieces: list[bytes] = []
        self._bytes_sent = 0
        self._complete = False
        self._body_error: Exception | None = None

    # What the test's side calls

    async def collect(self) -> Answer:
        """Run the app to its end and return the whole answer."""
        await asyncio.wait((self.start(),))
        answer = self._conclude()
        return answer._replace(body=b"".join(self._pieces))

    async def begin(self) -> Answer:
        """Run the app until it has sent its status and headers."""
        task = self.start()
        await self._until(lambda: self._answer is not None or task.done())
        return self._answer or self._conclude()

    async def next_pieces(self) -> list[bytes]:
        """Return what the app has sent since the last call; an empty list is the end."""
        task = self.start()
        await self._until(lambda: bool(self._pieces) or task.done())
        pieces, self._pieces = self._pieces, []
        self._changed.set()
        if not pieces:
            self._conclude()
        return pieces

    async def leave(self) -> None:
        """Disconnect, and wait for the app to notice. What it raises because of that is dropped."""
        self._left = True
        self._changed.set()
        await asyncio.wait((self.start(),))

    # What the app calls

    async def _receive(self) -> Message:
        if not self._request_sent and not self._left:
            try:
                piece = await anext(self._body, None)
            except Exception as error:  # noqa: BLE001 - the test's own body failed: its error is told there
                self._body_error = error
                self._left = True
            else:
                self._request_sent = piece is None
                return {
                    "type": "http.request",
                    "body": piece or b"",
                    "more_body": piece is not None,
                }
        await self._until(lambda: self._complete or self._left)
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left:
            raise OSError("The client has disconnected.")
        kind = message["type"]
        if kind == "http.response.start":
            self._take_start(message)
        elif kind == "http.response.body":
            self._take_body(message)
            if not self._buffered:
                await self._until(lambda: len(self._pieces) < _PIECES_AHEAD or self._left)
        else:
            raise AppProtocolError(f"{self.name}: the app sent an unknown message, {kind!r}.")
        self._changed.set()

    def _take_start(self, message: Message) -> None:
        if self._answer is not None:
            raise AppProtocolError(f"{self.name}: the app started its response twice.")
        headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        self._answer = Answer(message["status"], headers)

    def _take_body(self, message: Message) -> None:
        if self._answer is None:
            raise AppProtocolError(f"{self.name}: the app sent a body before http.response.start.")
        if self._complete:
            raise AppProtocolError(f"{self.name}: the app sent more after the end of its response.")
        piece = bytes(message.get("body", b""))
        # A HEAD answer never has a body on the wire, whatever the app sends.
        if piece and self._scope["method"] != "HEAD":
            self._bytes_sent += len(piece)
            self._pieces.append(piece)
        self._complete = not message.get("more_body", False)

    # Between the two

    def _conclude(self) -> Answer:
        """Judge the finished exchange: return its answer, or raise what the test has to know."""
        if self._body_error is not None:
            raise self._body_error
        error = self.app_error
        if error is not None and self._raise_app_errors:
            raise error
        if self._answer is None:
            if error is None:
                raise AppProtocolError(f"{self.name}: the app returned without a response.")
            self._pieces.append(b"Internal Server Error")
            return Answer(500, [(b"content-type", b"text/plain; charset=utf-8")])
        self._check_complete(self._answer)
        return self._answer

    def _check_complete(self, answer: Answer) -> None:
        if not self._complete:
            raise AppProtocolError(f"{self.name}: the app ended in the middle of its response.")
        if self._scope["method"] == "HEAD" or answer.status in _BODILESS:
            return
        for name, value in answer.headers:
            if name.lower() == b"content-length" and value != str(self._bytes_sent).encode():
                raise AppProtocolError(
                    f"{self.name}: the app sent {self._bytes_sent} bytes, but its Content-Length "
                    f"says {value.decode('latin-1')}."
                )
