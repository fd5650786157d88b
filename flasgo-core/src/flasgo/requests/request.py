"""The HTTP request: its body, read once and within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from flasgo.errors import HTTPException, printable
from flasgo.http.charsets import codec_of
from flasgo.http.json import decode as decode_json
from flasgo.lazy_import import lazy_import
from flasgo.requests.body import BodyReader
from flasgo.requests.connection import Connection
from flasgo.requests.lazy import lazy

if TYPE_CHECKING:
    import asyncio

    from flasgo.requests.forms import FormData
else:
    asyncio = lazy_import("asyncio", globals())

__all__ = ["Request"]

_UNSET: Any = object()

_JSON_ADVICE = "Send valid JSON with `Content-Type: application/json`."


class Request(Connection):
    """An HTTP request.

    The body is read when it is asked for, never before: `body`, `text`, `json` and `form` keep
    what they have read and may be called again; `stream` hands it out piece by piece.

    Args:
        app: The app that serves the request.
        scope: The ASGI scope, of type `"http"`.
        receive: The ASGI receive callable.
        head: The first value of each header by lower-case name, from `read_head`.
    """

    _body: bytes | None = None
    _json: object = _UNSET
    _form: FormData | None = None
    _form_failure: HTTPException | None = None
    _reader: BodyReader | None = None
    _taken_by: str = ""  # which method took the body, for the error message
    _stream_refusal: HTTPException | None = None  # after a hook has read the whole form

    @property
    def method(self) -> str:
        """The method in upper case."""
        return self.scope["method"]

    @lazy
    def content_type(self) -> str:
        """The media type in lower case without parameters, `""` when the client sent none."""
        raw = self._head.get(b"content-type")
        if raw is None:
            return ""
        return raw.partition(b";")[0].strip().lower().decode("latin-1")

    @property
    def mimetype(self) -> str:
        """The media type, as Flask calls it; see `content_type`."""
        return self.content_type

    @property
    def is_json(self) -> bool:
        """Whether the media type is `application/json` or `application/*+json`."""
        kind = self.content_type
        return kind == "application/json" or (
            kind.startswith("application/") and kind.endswith("+json")
        )

    @property
    def content_length(self) -> int | None:
        """What `Content-Length` claims, in bytes; None without it, or where it is not a number."""
        raw = self._head.get(b"content-length")
        return int(raw) if raw is not None and raw.isdigit() and len(raw) <= 18 else None

    @lazy
    def max_body(self) -> int:
        """How many bytes the body may have: the route's `max_body`, else the setting."""
        limit = getattr(self.route, "max_body", None)
        return self.app.settings.MAX_REQUEST_BODY_BYTES if limit is None else limit

    @lazy
    def read_timeout(self) -> float:
        """How many seconds the client may keep the server waiting for the body."""
        return self.app.settings.REQUEST_READ_TIMEOUT_SECONDS

    @lazy
    def last_event_id(self) -> str | None:
        """The id of the last event that a reconnecting `EventSource` has seen, or None."""
        raw = self._head.get(b"last-event-id")
        try:
            return raw.decode() if raw else None
        except UnicodeDecodeError:
            return None

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the body in the pieces in which it arrives, once.

        A body that `body()` has read already is yielded again in one piece.

        Raises:
            HTTPException: 413 when the body is too large, 408 when it comes too slowly, 400 when
                its length is not what `Content-Length` says.
            ClientDisconnect: When the client goes away.
            RuntimeError: When the body has been streamed before.
        """
        return self._pieces("stream()")

    async def _pieces(self, taker: str) -> AsyncIterator[bytes]:
        if self._body is not None:
            if self._body:
                yield self._body
            return
        reader = self._take(taker)
        while not reader.complete:
            chunk = await reader.read()
            if chunk:
                yield chunk

    async def _read_piece(self, taker: str) -> tuple[bytes, bool]:
        """Return the next piece of the body and whether it is the last one.

        A body that `body()` has read already is the one and only piece.

        Args:
            taker: Who reads, for error messages.

        Raises:
            HTTPException: As `stream`.
            ClientDisconnect: As `stream`.
            RuntimeError: When the body is streamed by another caller.
        """
        if self._body is not None:
            return self._body, True
        reader = self._reader if self._taken_by == taker else None
        reader = reader or self._take(taker)
        return await reader.read(), reader.complete

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            HTTPException: 413 when the body is too large, 408 when it comes too slowly, 400 when
                its length is not what `Content-Length` says.
            ClientDisconnect: When the client goes away.
            RuntimeError: When the body has been streamed before.
        """
        body = self._body
        if body is None:
            reader = self._take("body()")
            body = await reader.read()
            if not reader.complete:
                chunks = [body]
                while not reader.complete:
                    chunks.append(await reader.read())
                body = b"".join(chunks)
            self._body = body
        return body

    async def text(self) -> str:
        """Return the body as text, in the charset of `Content-Type`, UTF-8 unless it says so.

        Raises:
            HTTPException: 415 when the charset is not supported, 400 when the body is not text in
                that charset; else as `body`.
        """
        charset = self._charset()
        try:
            return (await self.body()).decode(charset)
        except UnicodeDecodeError:
            raise HTTPException(
                400, f"The body is not valid {charset} text; send it in that encoding."
            ) from None

    # `Any`: JSON has the type that was sent; parameters annotated with a type get a checked one.
    async def json(self) -> Any:
        """Return the body as decoded JSON (RFC 8259).

        Raises:
            HTTPException: 415 when `Content-Type` names another media type, 400 when the body is
                not valid JSON; else as `body`.
        """
        value = self._json
        if value is not _UNSET:
            return value
        self._require_json()
        body = await self.body()
        try:
            value = self._json = decode_json(body)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, self._json_problem(body, error)) from None
        return value

    def _require_json(self) -> None:
        """Accept `application/json`, `application/*+json` and a missing `Content-Type` only.

        Raises:
            HTTPException: 415 when the client says that the body is something else.
        """
        kind = self.content_type
        if kind and not self.is_json:
            raise HTTPException(
                415, f"This request takes JSON, not {printable(kind)!r}. {_JSON_ADVICE}"
            )

    async def form(self) -> FormData:
        """Return the fields and files of a submitted form.

        Raises:
            HTTPException: 415 when the body is not a form, 413 when a limit is exceeded, 400 when
                the form is malformed; else as `body`.
            RuntimeError: When the body has been streamed before.
        """
        form = self._form
        if form is None:
            if self._form_failure is not None:
                raise self._form_failure
            from flasgo.requests.forms import read_form

            self._has_leftovers = True
            if self.route is not None and self.route.mounted is not None:
                await self.body()  # a hook looks at the form; the mounted app reads it again
            try:
                form = self._form = await read_form(self)
            except HTTPException as error:
                self._form_failure = error
                raise
        return form

    async def form_field(self, name: str, *, streaming: HTTPException) -> str | None:
        """Return a text field of a submitted form, and leave the body to the handler if it can be.

        For hooks. Of a multipart form only the first 64 KiB are read, and handed out again
        afterwards. Where the field is further back, the whole form is read.

        Args:
            name: The field's name.
            streaming: What a client is told whose form had to be read although the handler
                streams the body.

        Raises:
            HTTPException: As `form`.
            ClientDisconnect: When the client goes away.
        """
        if self.content_type == "multipart/form-data":
            value = await self._peek_field(name)
            if value is not None:
                return value
        value = (await self.form()).get(name)
        self._stream_refusal = streaming
        return value

    async def _peek_field(self, name: str) -> str | None:
        if self._body is not None or self._reader is not None:
            return None
        if self.route is not None and self.route.mounted is not None:
            return None  # the mounted app gets the body as `form` keeps it
        from flasgo.requests.forms import PEEKED_BYTES, field_in

        reader = self._take("form_field()")
        return field_in(self, await reader.peek(PEEKED_BYTES), name)

    def _close(self) -> None:
        """Close the uploaded files."""
        form = self._form
        if form is not None:
            form.close()

    async def _wait_closed(self) -> None:
        """Wait until the client closes the connection.

        A streamed response watches this, to stop its producer. While a body is still to be read
        this only returns when it is cancelled: the reader of the body is told of the end instead.
        """
        reader = self._reader
        if reader is None and self._body is None and not self._expects_body():
            self._body = b""
        done = self._body is not None if reader is None else reader.arrived
        if done:
            # One message may announce an empty body; a server that has more to say after that
            # does not wait for the client, and asking it again and again would only burn time.
            for _ in range(2):
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    return
        await asyncio.get_running_loop().create_future()

    def _has_unread_body(self) -> bool:
        """Whether the client may still be sending a body when the answer is there.

        A client that asked first (`Expect: 100-continue`) and was not told to go on sends none.
        One that ran out of time is not waited for once more.
        """
        if self._body is not None:
            return False
        reader = self._reader
        if reader is None:
            return b"expect" not in self._head and self._expects_body()
        return not reader.arrived and getattr(reader.failure, "status_code", None) != 408

    def _expects_body(self) -> bool:
        head = self._head
        length = head.get(b"content-length")
        if length is not None:
            return length != b"0"
        if self.scope.get("http_version", "1.1").startswith("1"):
            return b"transfer-encoding" in head
        # From HTTP/2 on, a body needs no header that announces it.
        return self.method not in ("GET", "HEAD", "OPTIONS", "DELETE")

    def _take(self, taker: str) -> BodyReader:
        """Return the reader of the body; a second taker is refused."""
        reader = self._reader
        if reader is None:
            self._check_framing()
            reader = BodyReader(
                self._receive,
                self._head.get(b"content-length"),
                self.max_body,
                self.read_timeout,
            )
            self._reader = reader
            self._taken_by = taker
            return reader
        if reader.failure is not None:
            raise reader.failure
        if self._taken_by == "form_field()":
            self._taken_by = taker
            return reader
        if self._stream_refusal is not None:
            raise self._stream_refusal
        raise RuntimeError(
            f"{taker} needs the body of {self!r}, but {self._taken_by} has consumed it already and "
            "kept no copy; call body() first, then text(), json(), form() and stream() all work "
            "from it."
        )

    def _check_framing(self) -> None:
        """Refuse a body of which two readers could see different ends.

        SECURITY: a proxy that reads another end sees other requests than the server does
        (RFC 9112, sections 6.1 and 6.3; CWE-444). Not all servers refuse all of these.
        """
        coding = self._head.get(b"transfer-encoding")
        if coding is None:
            return
        if b"content-length" in self._head:
            fault = "The request has both Content-Length and Transfer-Encoding; send one of them."
        elif coding.strip().lower() != b"chunked":
            fault = "The transfer coding of the body is not supported; send it as it is, chunked."
        elif self.scope.get("http_version") == "1.0":
            fault = "HTTP/1.0 has no Transfer-Encoding; send Content-Length."
        else:
            return
        raise HTTPException(400, fault, headers={"connection": "close"})

    def _charset(self) -> str:
        raw = self._head.get(b"content-type", b"")
        found = None
        for parameter in raw.decode("latin-1").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                found = value.strip().strip('"')
                break
        return codec_of(found)

    def _json_problem(self, body: bytes, error: Exception) -> str:
        if not body.strip():
            return f"The body is empty. {_JSON_ADVICE}"
        if isinstance(error, RecursionError):
            return f"The JSON is nested too deeply. {_JSON_ADVICE}"
        if isinstance(error, UnicodeDecodeError):
            return f"The body is not UTF-8. {_JSON_ADVICE}"
        # msgspec's messages name positions and kinds of characters, never the content.
        return f"The body is not valid JSON ({error}). {_JSON_ADVICE}"
