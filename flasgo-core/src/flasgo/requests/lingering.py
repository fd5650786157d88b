"""The end of an answer that leaves part of the request's body unread."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flasgo.asgi import Message, Send
from flasgo.lazy_import import lazy_import

if TYPE_CHECKING:
    import asyncio

    from flasgo.requests.request import Request
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["LingeringSend"]

_logger = logging.getLogger("flasgo.app")

# A client that pauses longer than this (seconds) has nothing more on its way.
_LONGEST_PAUSE = 1.0
# One that sends slower than this on the whole (bytes per second) is not waited for.
_MIN_BYTES_PER_SECOND = 65_536
# What is thrown away at most, where the limit for the body is not higher.
_MOST_BYTES = 64 * 1024 * 1024


class LingeringSend:
    """An ASGI send callable that lets the client finish before the answer ends.

    A server closes a connection, or breaks off an HTTP/2 stream, when an answer ends before its
    request does. What the client has still on its way then meets a closed socket, and the reset
    which that causes overtakes the answer: the client learns no more than "connection reset"
    (RFC 9112, section 9.6). So the last byte of the answer is held back until the client has sent
    the rest of the body, which is thrown away. The last byte, because some servers take an answer
    for ended when it is as long as its head has announced.

    SECURITY: bounded in bytes and in time (`REQUEST_READ_TIMEOUT_SECONDS`), so that a client that
    never stops, sends slowly or sends nothing does not hold the connection.

    Args:
        send: The server's ASGI send callable.
        request: The request; whether its body is unread is looked at when the answer is complete.
    """

    __slots__ = ("_request", "_send")

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._request = request

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and self._request._has_unread_body():
            body = message.get("body", b"")
            await self._send({**message, "body": body[:-1], "more_body": True})
            await self._discard()
            message = {"type": "http.response.body", "body": body[-1:], "more_body": False}
        await self._send(message)

    async def _discard(self) -> None:
        """Take in what the client still sends."""
        request = self._request
        clock = asyncio.get_running_loop().time
        begun = now = clock()
        most = max(request.max_body, _MOST_BYTES)
        received = 0
        try:
            while received < most:
                deadline = min(
                    now + _LONGEST_PAUSE,
                    begun + _LONGEST_PAUSE + received / _MIN_BYTES_PER_SECOND,
                    begun + request.read_timeout,
                )
                async with asyncio.timeout_at(deadline):
                    message = await request._receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                received += len(message.get("body", b""))
                now = clock()
                if now >= deadline:  # a server whose `receive` never waits cannot be interrupted
                    return
        except TimeoutError:
            return
        except Exception as error:  # noqa: BLE001 - the answer stands, whatever becomes of the rest
            _logger.debug("What follows an early answer cannot be read: %r", error)
