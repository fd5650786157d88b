"""Transformations of bodies, such as compression: whole ones at once, streams piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flasgo.callables import full_name, is_async
from flasgo.errors import type_name

if TYPE_CHECKING:
    from flasgo.asgi import Message, Send
    from flasgo.http.headers import MutableHeaders, RawHeader

__all__ = ["Transform", "TransformMixin"]

Transform = Callable[[bytes, bool], bytes]
"""Takes a piece of a body and whether it is the last one; returns what is sent in its place."""

_BODILESS = frozenset({204, 205, 304})
# What tells of the bytes as they were (RFC 9530, RFC 1864).
_DIGESTS = frozenset({b"content-digest", b"repr-digest", b"digest", b"content-md5"})


class TransformMixin:
    """What a `Response` can do about the bytes of its body, whether they are there or not yet."""

    if TYPE_CHECKING:
        is_streaming: bool
        _body: bytes
        _raw: list[RawHeader]
        _sent: bool
        _status: int

        @property
        def headers(self) -> MutableHeaders: ...

    _transforms: tuple[Transform, ...] = ()

    def transform(
        self,
        function: Transform,
        *,
        content_encoding: str | None = None,
        vary: str | Iterable[str] = (),
    ) -> bool:
        """Change the bytes of the body on their way out; for plugins, in `response_finalize`.

        A whole body is changed at once, and its length is known. A stream, a file or a mounted
        app's answer is changed piece by piece while it is sent, without `Content-Length`; when the
        function fails then, the connection is cut, so that no client takes a part for the whole.

        The entity tag becomes a weak one (RFC 9110, section 8.8.3), digests of the bytes go, and
        ranges are no longer offered. Nothing is changed of answers without content, of parts
        (206), and where `Cache-Control` says `no-transform`; with `content_encoding`, of what is
        encoded already.

        ```python
        squeezer = zlib.compressobj(wbits=31)

        def squeeze(piece: bytes, is_last: bool) -> bytes:
            flush = zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH
            return squeezer.compress(piece) + squeezer.flush(flush)

        response.transform(squeeze, content_encoding="gzip", vary="Accept-Encoding")
        ```

        Args:
            function: Takes a piece of the body and whether it is the last, which may be empty;
                returns the bytes to send, which may be none. `def`; it runs on the event loop.
                What it remembers between pieces belongs to this one response.
            content_encoding: The content coding that the function applies.
            vary: Names of request headers that the choice goes by; they are added to `Vary`
                whether or not this answer is changed.

        Returns:
            Whether the body is changed.

        Raises:
            RuntimeError: When sending has begun.
            TypeError: When the function is no `def` function, or returns something but bytes.
            Exception: What the function raises for a whole body; the response is as it was.
        """
        if self._sent:
            raise RuntimeError(
                f"{self!r} is being sent: transform it before, in response_finalize."
            )
        if not callable(function) or is_async(function):
            raise TypeError(
                f"response.transform takes a `def` function of (bytes, bool), got {function!r}."
            )
        headers = self.headers
        names = (vary,) if isinstance(vary, str) else tuple(vary)
        if names:
            headers.add_vary(*names)
        if not self._can_change(encodes=content_encoding is not None):
            return False
        if self._body or not self.is_streaming:
            self._body = _applied(function, self._body, True)
            headers.pop("content-length")  # the server's is the right one
        else:
            self._transforms = (*self._transforms, function)
        self._describe(content_encoding)
        return True

    def _can_change(self, *, encodes: bool) -> bool:
        headers = self.headers
        if self._status in _BODILESS:
            if self._status == 304:  # it describes the answer that the client has
                self._weaken()
            return False
        if self._status == 206 or "no-transform" in headers.get("cache-control", "").lower():
            return False
        return not (encodes and "content-encoding" in headers)

    def _describe(self, content_encoding: str | None) -> None:
        headers = self.headers
        self._weaken()
        headers.discard(_DIGESTS)
        headers.pop("accept-ranges")
        if self._transforms:
            headers.pop("content-length")
        if content_encoding is not None:
            headers["content-encoding"] = content_encoding

    def _weaken(self) -> None:
        etag = self.headers.get("etag")
        if etag is not None and not etag.startswith("W/"):
            self.headers["etag"] = f"W/{etag}"

    def _through(self, send: Send, *, head_only: bool) -> Send:
        """Return what sends the response through its transformations; called once, as it begins."""
        if not self._transforms:
            return send
        functions, self._transforms = self._transforms, ()
        return _TransformingSend(send, functions, head_only=head_only)


def _applied(function: Transform, piece: bytes, is_last: bool) -> bytes:
    changed = function(piece, is_last)
    if not isinstance(changed, bytes):
        raise TypeError(
            f"The transformation {full_name(function)} returned {type_name(changed)}; it returns "
            "bytes."
        )
    return changed


class _TransformingSend:
    """An ASGI send callable that changes the body on its way.

    Args:
        send: The server's.
        functions: Each is given what the one before it returned.
        head_only: Whether no body is sent.
    """

    def __init__(self, send: Send, functions: Iterable[Transform], *, head_only: bool) -> None:
        self._send = send
        self._functions = functions
        self._passes_body = head_only
        self._has_failed = False

    async def __call__(self, message: Message) -> None:
        kind = message["type"].removeprefix("websocket.")
        if kind == "http.response.start":
            self._passes_body = self._passes_body or message["status"] in _BODILESS
            kept = [pair for pair in message["headers"] if pair[0] != b"content-length"]
            message = {**message, "headers": kept}
        elif kind == "http.response.body" and not self._passes_body:
            is_last = not message.get("more_body", False)
            body = self._changed(message.get("body", b""), is_last)
            if not body and not is_last:
                return
            message = {**message, "body": body}
        await self._send(message)

    def _changed(self, piece: bytes, is_last: bool) -> bytes:
        # SECURITY: an app that goes on after this would end the body as if it were whole.
        if self._has_failed:
            raise RuntimeError("A transformation of this body has failed; it cannot go on.")
        for function in self._functions:
            try:
                piece = _applied(function, piece, is_last)
            except Exception as error:
                self._has_failed = True
                raise RuntimeError(
                    f"The transformation {full_name(function)} of a body failed while it was "
                    f"sent: {type(error).__name__}: {error}"
                ) from error
        return piece
