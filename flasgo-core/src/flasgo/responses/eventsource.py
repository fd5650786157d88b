"""Server-sent events: what a browser's `EventSource` reads (HTML Standard, section 9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from flasgo.asgi import Message, Send
from flasgo.errors import ClientDisconnect
from flasgo.lazy_import import lazy_import
from flasgo.responses.response import HeadersLike, ResponseAliases, StreamingResponse, encode_json
from flasgo.responses.streaming import Closed, producer

if TYPE_CHECKING:
    import asyncio

    from flasgo.kernel.background import Background
    from flasgo.requests.connection import Connection
    from flasgo.responses.open_streams import OpenStreams
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["EventSourceResponse", "ServerSentEvent"]

_LINE_BREAKS = ("\r", "\n")
# How long the head of a stream waits for the first event, in seconds.
_LONGEST_START = 1.0
_HEARTBEAT: Message = {"type": "http.response.body", "body": b":\n\n", "more_body": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event.

    Args:
        data: What `event.data` is in the browser: text as it is, anything else as JSON. Line
            breaks are allowed. None sends no data, and browsers then dispatch no event.
        event: The event's name; browsers call it `message` when left out.
        id: What the browser sends back as `Last-Event-ID` when it reconnects.
        retry: How many milliseconds the browser is to wait before it reconnects.
        comment: Text that browsers skip.

    Raises:
        ValueError: When `event` or `id` has a line break, with which the text of a client could
            begin events of its own (CWE-93), or `retry` is negative.
    """

    data: object = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        self._check()

    def _check(self) -> None:
        for name, value in (("event", self.event), ("id", self.id)):
            if value is None:
                continue
            if not isinstance(value, str):
                raise ValueError(f"The {name} of a server-sent event is a str, not {value!r}.")
            if any(char in value for char in _LINE_BREAKS):
                raise ValueError(f"The {name} of a server-sent event has no line breaks: {value!r}")
        if self.id is not None and "\0" in self.id:
            raise ValueError("The id of a server-sent event has no NUL; browsers would ignore it.")
        if self.retry is not None and (
            isinstance(self.retry, bool) or not isinstance(self.retry, int) or self.retry < 0
        ):
            raise ValueError(
                f"The retry of a server-sent event is a number of milliseconds from 0, not "
                f"{self.retry!r}."
            )

    def encode(self) -> bytes:
        """Return the event as it is sent, with the empty line behind it.

        Raises:
            ValueError: When a field is not allowed.
            TypeError: When the data cannot be encoded.
        """
        self._check()
        lines: list[str] = []
        if self.comment is not None:
            lines += [f": {line}" for line in _lines_of(self.comment)]
        if self.event is not None:
            lines.append(f"event: {self.event}")
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        if self.data is not None:
            lines += [f"data: {line}" for line in _lines_of(_text_of(self.data))]
        return ("\n".join(lines) + "\n\n").encode()


def _lines_of(text: str) -> list[str]:
    """Split text where an `EventSource` does: at CR LF, LF and CR, and nowhere else."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _text_of(data: object) -> str:
    if isinstance(data, str):
        return data
    return encode_json(data).decode()


class EventSourceResponse(StreamingResponse):
    """A stream of server-sent events.

    It is never stored and never held back by proxies (`Cache-Control: no-store`,
    `X-Accel-Buffering: no`), unless the headers say otherwise.

    Args:
        events: Yields `ServerSentEvent`s, text, or any other data, which is sent as JSON. An
            ordinary iterator is advanced in a worker thread.
        heartbeat: After how many seconds of silence a comment is sent, which keeps proxies from
            closing the connection and finds out whether the client is still there. None sends none.
        status_code: The status.
        headers: Response headers.
        background: What is to be called after the response: `BackgroundTasks`, or a function.
        aliases: `status`, as Flask calls `status_code`.

    Raises:
        ValueError: When `heartbeat` is not above 0.
    """

    def __init__(
        self,
        events: AsyncIterable[object] | Iterable[object],
        *,
        heartbeat: float | None = 15.0,
        status_code: int = 200,
        headers: HeadersLike | None = None,
        background: Background | None = None,
        **aliases: Unpack[ResponseAliases],
    ) -> None:
        if heartbeat is not None and not heartbeat > 0:
            raise ValueError(f"heartbeat is a number of seconds above 0, or None; not {heartbeat}.")
        kind = "text/event-stream; charset=utf-8"
        super().__init__((), status_code, headers, kind, background, **aliases)
        self.headers.setdefault("cache-control", "no-store")
        self.headers.setdefault("x-accel-buffering", "no")
        self._source = producer(events)
        self._heartbeat = heartbeat
        self._streams: OpenStreams | None = None

    def encode(self, part: object) -> bytes:
        """Return an event as it is sent.

        Args:
            part: A `ServerSentEvent`, text, or other data.

        Raises:
            TypeError: When it cannot be encoded.
        """
        if isinstance(part, ServerSentEvent):
            return part.encode()
        # PERF: most events are one line of text.
        text = part if isinstance(part, str) else _text_of(part)
        if "\n" not in text and "\r" not in text:
            return b"data: %b\n\n" % text.encode()
        return ServerSentEvent(data=text).encode()

    async def _prepare(self, request: Connection) -> None:
        """Fetch the first event, for a second at most, so that browsers see the stream open.

        The app that is asked may end the stream when its server stops.

        Args:
            request: The request.

        Raises:
            ClientDisconnect: When the client leaves meanwhile.
            Exception: What the producer raises before its first event, in that time.
        """
        self._streams = request.app._event_streams
        await self._begin(request, min(_LONGEST_START, self._heartbeat or _LONGEST_START))

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Send the response as `StreamingResponse` does, with heartbeats."""
        send = self._through(send, head_only=head_only)
        if head_only or self._heartbeat is None:
            await self._emit_until_ended(send, head_only, closed)
            return
        heart = _Heart(send, self._heartbeat)
        try:
            await self._emit_until_ended(heart.send, head_only, closed)
        finally:
            await heart.stop()

    async def _emit_until_ended(self, send: Send, head_only: bool, closed: Closed | None) -> None:
        """Send the stream; one that the server's stop cuts short gets an end, like any other."""
        if self._streams is None or closed is None:
            await super()._emit(send, head_only=head_only, closed=closed)
            return
        with self._streams.opened() as ending:
            try:
                await super()._emit(send, head_only=head_only, closed=_either(closed, ending))
            except ClientDisconnect:
                if not ending.done():
                    raise
                with suppress(OSError):  # the client left at the same moment
                    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _either(closed: Closed, ending: asyncio.Future[None]) -> Closed:
    """Return what waits until the client has left, or the stream has to end."""

    async def wait() -> None:
        leaving = asyncio.ensure_future(closed())
        try:
            await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                leaving.result()  # a server that cannot tell has not said that the client left
        finally:
            leaving.cancel()

    return wait


class _Heart:
    """Sends a comment whenever nothing else was sent for a while.

    PERF: an event costs a few assignments here, and no timer of its own.

    Args:
        send: The ASGI send callable.
        seconds: The length of a silence.
    """

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds
        self._clock = asyncio.get_running_loop().time
        self._last = self._clock()
        self._is_busy = False
        self._beat: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if self._beat is not None:  # never two at a time
            await asyncio.wait((self._beat,))
        # While a message waits for a slow client, a heartbeat would only queue up behind it.
        self._is_busy = True
        await self._send(message)
        self._is_busy = not message.get("more_body", True)  # for good behind the last one
        self._last = self._clock()
        if self._task is None:  # the head is out
            self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop beating."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._last + self._seconds - self._clock()))
            if self._is_busy:
                self._last = self._clock()
            elif self._clock() - self._last >= self._seconds:
                await self._beat_once()

    async def _beat_once(self) -> None:
        beat = self._beat = asyncio.get_running_loop().create_future()
        try:
            await self._send(dict(_HEARTBEAT))
        except OSError:
            return  # the client has gone, which the response learns in its own way
        finally:
            self._last = self._clock()
            self._beat = None
            beat.set_result(None)
