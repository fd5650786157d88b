"""Responses: what a handler returns, and how it goes out."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn, Protocol, Self, TypedDict, TypeVar, Unpack

from flasgo.asgi import Send
from flasgo.errors import did_you_mean, reason_phrase, type_name
from flasgo.http.cookies import CookieAttributes, format_set_cookie
from flasgo.http.headers import HeaderBlock, MutableHeaders, RawHeader, fill
from flasgo.http.json import encode
from flasgo.http.redirects import encode_location, is_safe_redirect_target
from flasgo.kernel.background import Background, BackgroundTasks, as_tasks
from flasgo.responses.streaming import (
    Closed,
    FirstPart,
    Parts,
    encode_part,
    producer,
    pump,
    pump_until_closed,
)
from flasgo.responses.transforms import TransformMixin
from flasgo.responses.validators import ConditionalMixin

if TYPE_CHECKING:
    from flasgo.requests.connection import Connection

__all__ = [
    "BYTES",
    "HTML",
    "JSON",
    "Response",
    "ResponseAliases",
    "StreamingResponse",
    "TemplateRenderer",
    "checked_status",
    "encode_json",
    "is_safe_redirect_target",
    "jsonify",
    "redirect",
    "sent_twice",
]

_T = TypeVar("_T")
HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]]

HTML = (b"content-type", b"text/html; charset=utf-8")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
BYTES = (b"content-type", b"application/octet-stream")
JSON = (b"content-type", b"application/json")

# Content-Length pairs of small bodies, made on demand: most of an app's answers are short.
_length_pairs: dict[int, RawHeader] = {}
_KEPT_LENGTHS = 4096

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TemplateRenderer(Protocol):
    """What `Response.template` needs: something that renders a template by name."""

    def render(self, name: str, context: Mapping[str, object] | None = None) -> str:
        """Return the rendered template.

        Args:
            name: The template's name.
            context: The variables of the template.
        """
        ...


class ResponseAliases(TypedDict, total=False):
    """What other frameworks call arguments of a response.

    Attributes:
        status: `status_code`, also with its phrase: `"201 CREATED"`.
        mimetype: `content_type` without parameters; text gets `charset=utf-8`.
        media_type: The same.
    """

    status: int | str
    mimetype: str | None
    media_type: str | None


class Response(ConditionalMixin, TransformMixin):
    """An HTTP response.

    Args:
        content: Text (sent as HTML in UTF-8, like Flask), bytes, or None for an empty body.
        status_code: The status, 200 to 599.
        headers: Response headers; pairs when a name repeats.
        content_type: The media type, where the default of the content does not fit.
        background: What is to be called after the response: `BackgroundTasks`, or a function.
        aliases: The same by the names of other frameworks; see `ResponseAliases`.

    Raises:
        TypeError: When the content is neither text nor bytes, or something is given twice.
        ValueError: When status or headers are not allowed.
    """

    # Whether the body is made while it is sent; `emit` then wants to know when the client leaves.
    is_streaming = False

    background: BackgroundTasks | None = None
    """What is to be called after the response."""

    _view: MutableHeaders | None = None
    _sent = False
    _is_over = False  # sent, or given up: its background tasks are those of the request by now
    _at_first: tuple[int, bytes, tuple[RawHeader, ...]] | None = None
    _status: int
    _body: bytes
    _raw: list[RawHeader]

    def __init__(
        self,
        content: str | bytes | None = None,
        status_code: int = 200,
        headers: HeadersLike | None = None,
        content_type: str | None = None,
        background: Background | None = None,
        **aliases: Unpack[ResponseAliases],
    ) -> None:
        if aliases:
            status_code, content_type = _from_aliases(
                type(self), status_code, content_type, **aliases
            )
        if background is not None:
            self.background = as_tasks(background)
        self._status = 200 if status_code == 200 else checked_status(status_code)
        if content is None:
            self._body = b""
            self._raw = []
        else:
            self._body = _encode_body(content)
            self._raw = [HTML if isinstance(content, str) else BYTES]
        self._with(headers, content_type)

    def _with(self, headers: HeadersLike | None, content_type: str | None = None) -> Self:
        if headers is not None:
            self.headers.update(headers)
        if content_type is not None:
            self.content_type = content_type
        return self

    @classmethod
    def _from_bytes(cls, body: bytes, content_type: RawHeader, status_code: int = 200) -> Self:
        """Return a response around an encoded body; nothing but the status is checked."""
        self = cls.__new__(cls)
        self._status = 200 if status_code == 200 else checked_status(status_code)
        self._body = body
        self._raw = [content_type]
        return self

    @classmethod
    def json(cls, data: object, status_code: int = 200, headers: HeadersLike | None = None) -> Self:
        """Return `data` as JSON.

        Args:
            data: Anything msgspec can encode: dicts, lists, dataclasses, Structs, datetimes...
            status_code: The status.
            headers: Further headers.

        Raises:
            TypeError: When something in `data` cannot be encoded.
        """
        response = cls._from_bytes(encode_json(data), JSON, status_code)
        return response if headers is None else response._with(headers)

    @classmethod
    def text(cls, content: str, status_code: int = 200, headers: HeadersLike | None = None) -> Self:
        """Return plain text.

        Args:
            content: The text, sent in UTF-8.
            status_code: The status.
            headers: Further headers.
        """
        response = cls._from_bytes(_encode_body(content), _TEXT, status_code)
        return response if headers is None else response._with(headers)

    @classmethod
    def html(cls, content: str, status_code: int = 200, headers: HeadersLike | None = None) -> Self:
        """Return HTML; text that comes from users must be escaped already (CWE-79).

        Args:
            content: The markup, sent in UTF-8.
            status_code: The status.
            headers: Further headers.
        """
        response = cls._from_bytes(_encode_body(content), HTML, status_code)
        return response if headers is None else response._with(headers)

    @classmethod
    def redirect(
        cls, location: str, status_code: int | None = None, *, code: int | None = None
    ) -> Self:
        """Return a redirect.

        Args:
            location: Where to; check what comes from a client with `is_safe_redirect_target`.
            status_code: 301, 302, 303, 307 or 308; 302 when left out.
            code: The status, as Flask calls it.

        Raises:
            TypeError: When the status is given twice.
            ValueError: When the location or the status is not allowed.
        """
        status_code = _only_one("code", code, "status_code", status_code)
        if status_code is None:
            status_code = 302
        if status_code not in _REDIRECTS:
            raise ValueError(
                f"{status_code!r} is not a redirect; allowed are 301, 302, 303, 307 and 308."
            )
        return cls._from_bytes(b"", (b"location", encode_location(location)), status_code)

    @classmethod
    def template(
        cls,
        name: str,
        *,
        templates: TemplateRenderer,
        context: Mapping[str, object] | None = None,
        status_code: int = 200,
        headers: HeadersLike | None = None,
    ) -> Self:
        """Return a rendered template as HTML.

        Args:
            name: The template's name.
            templates: What renders it, such as `app.templates`.
            context: The variables of the template.
            status_code: The status.
            headers: Further headers.
        """
        return cls.html(templates.render(name, context), status_code, headers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._status}>"

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __getattr__ has every attribute.
        def __getattr__(self, name: str) -> NoReturn:
            from flasgo.advice.names_elsewhere import no_attribute

            raise AttributeError(no_attribute("response", self, name), name=name)

    @property
    def status_code(self) -> int:
        """The status, 200 to 599."""
        return self._status

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        self._status = checked_status(status_code)

    @property
    def status(self) -> str:
        """The status with its phrase, `"404 Not Found"`; takes an int as well."""
        return f"{self._status} {reason_phrase(self._status) or ''}".rstrip()

    @status.setter
    def status(self, status: int | str) -> None:
        self._status = checked_status(status)

    @property
    def body(self) -> bytes:
        """The body; text assigned to it is encoded as UTF-8."""
        return self._body

    @body.setter
    def body(self, content: str | bytes) -> None:
        self._body = _encode_body(content)

    @property
    def headers(self) -> MutableHeaders:
        """The headers, checked whenever one is set."""
        view = self._view
        if view is None:
            view = self._view = MutableHeaders(self._raw)
        return view

    def fill_headers(self, block: HeaderBlock) -> bool:
        """Add each header of `block` that is not present yet.

        Args:
            block: Headers that were checked and encoded beforehand.

        Returns:
            True when all were added and the response had none of the names that the block
            watches, so that a hook need look no further.
        """
        # PERF: the usual response has none of these names; this saves a call.
        raw, names = self._raw, block.names
        for pair in raw:
            if pair[0] in names:
                return fill(raw, block)
        raw += block.pairs
        return True

    @property
    def is_sent(self) -> bool:
        """Whether sending has begun, so that nothing can be added to the headers any more."""
        return self._sent

    @property
    def sets_cookie(self) -> bool:
        """Whether the response sets or deletes a cookie, however it was added."""
        for pair in self._raw:  # PERF: half the time of any()  # noqa: SIM110
            if pair[0] == b"set-cookie":
                return True
        return False

    @property
    def content_type(self) -> str:
        """The `Content-Type` header, `""` when there is none."""
        return self.headers.get("content-type", "")

    @content_type.setter
    def content_type(self, content_type: str) -> None:
        self.headers["content-type"] = content_type

    @property
    def mimetype(self) -> str:
        """The media type without parameters; a text type assigned gets `charset=utf-8`."""
        return self.content_type.partition(";")[0].strip().lower()

    @mimetype.setter
    def mimetype(self, mimetype: str) -> None:
        self.content_type = _with_charset(mimetype)

    def set_cookie(
        self,
        name: str | None = None,
        value: str = "",
        *,
        key: str | None = None,
        **attributes: Unpack[CookieAttributes],
    ) -> None:
        """Set a cookie in the client.

        Args:
            name: The cookie's name.
            value: The cookie's value; printable ASCII, nothing is encoded on the way.
            key: The name, as Flask calls it.
            attributes: See `CookieAttributes`.

        Raises:
            TypeError: When there is no name, or there are two.
            ValueError: When an attribute is not allowed, or contradicts another one.
        """
        cookie = format_set_cookie(_cookie_name(name, key), value, **attributes)
        self._raw.append((b"set-cookie", cookie.encode("ascii")))

    def delete_cookie(
        self,
        name: str | None = None,
        *,
        key: str | None = None,
        **attributes: Unpack[CookieAttributes],
    ) -> None:
        """Remove a cookie from the client; path, domain and flags as when it was set.

        Args:
            name: The cookie's name.
            key: The name, as Flask calls it.
            attributes: Those with which it was set; see `CookieAttributes`.

        Raises:
            TypeError: When there is no name, or there are two.
        """
        attributes["max_age"] = attributes["expires"] = 0
        self.set_cookie(_cookie_name(name, key), **attributes)

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Send the response; called once, by the dispatcher.

        Args:
            send: The ASGI send callable.
            head_only: Leave the body out, as for HEAD; its length is still announced.
            closed: Returns when the client has left; only streamed responses look at it.

        Raises:
            RuntimeError: When this object has been sent before.
        """
        body = self._complete(head_only=head_only)
        status, raw = self._status, self._raw
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _complete(self, *, head_only: bool) -> bytes:
        """Complete the headers, for once and all, and return the body to send.

        Raises:
            RuntimeError: When this object has been sent before.
        """
        if self._sent:
            raise sent_twice(self)
        self._sent = True
        body, status, view = self._body, self._status, self._view
        if status == 204 or status == 304 or status == 205:
            return _without_content(self)
        if view is None or not view._declares_length:
            size = len(body)
            self._raw.append(_length_pairs.get(size) or _length_pair(size))
        elif not head_only:
            # A Content-Length of the handler's own counts for HEAD; here the body does.
            view["content-length"] = str(len(body))
        return b"" if head_only else body


# PERF: hooks ask for the status of each response; this getter is no call of a Python function.
Response.status_code = property(  # ty: ignore[invalid-assignment]
    operator.attrgetter("_status"), Response.status_code.fset, None, Response.status_code.__doc__
)


class StreamingResponse(Response):
    """A response whose body is made while it is sent.

    Args:
        iterator: Yields the body as bytes, or as text that is sent in UTF-8. An ordinary iterator
            is advanced in a worker thread. Generators are closed however the sending ends.
        status_code: The status.
        headers: Response headers.
        content_type: The media type.
        background: What is to be called after the response: `BackgroundTasks`, or a function.
        aliases: The same by the names of other frameworks; see `ResponseAliases`.
    """

    is_streaming = True

    _first: FirstPart | None = None

    def __init__(
        self,
        iterator: Parts,
        status_code: int = 200,
        headers: HeadersLike | None = None,
        content_type: str | None = None,
        background: Background | None = None,
        **aliases: Unpack[ResponseAliases],
    ) -> None:
        if isinstance(iterator, str | bytes | bytearray):
            raise TypeError(
                f"StreamingResponse takes an iterator of bytes or str, not {type_name(iterator)}; "
                "use Response for a body that is complete."
            )
        super().__init__(None, status_code, headers, content_type, background, **aliases)
        self.headers.setdefault("content-type", "text/plain; charset=utf-8")
        self._source = producer(iterator)

    def encode(self, part: object) -> bytes:
        """Return a part of the body as bytes; subclasses decide what may be yielded.

        Args:
            part: What the iterator yielded.

        Raises:
            TypeError: When it cannot be sent.
        """
        return encode_part(part)

    @classmethod
    def _from_bytes(cls, body: bytes, content_type: RawHeader, status_code: int = 200) -> Self:
        raise TypeError("StreamingResponse is made from an iterator; use Response for this.")

    @property
    def body(self) -> bytes:
        """Always empty: the body does not exist before it is sent."""
        return b""

    @body.setter
    def body(self, content: str | bytes) -> None:
        raise TypeError("A StreamingResponse has no body to replace; return another Response.")

    async def _emit(
        self, send: Send, *, head_only: bool = False, closed: Closed | None = None
    ) -> None:
        """Send the response; called once, by the dispatcher.

        Args:
            send: The ASGI send callable.
            head_only: Send no body and never start the iterator.
            closed: Returns when the client has left; the producer is cancelled then.

        Raises:
            ClientDisconnect: When the client left before the end.
            RuntimeError: When this object has been sent before.
            TypeError: When the iterator yields something other than bytes or str.
        """
        if self._sent:
            raise sent_twice(self)
        self._sent = True
        send = self._through(send, head_only=head_only)
        source = self._source
        try:
            status = self._status
            bodiless = status in (204, 205, 304)
            if bodiless:
                _without_content(self)
            await send({"type": "http.response.start", "status": status, "headers": self._raw})
            if head_only or bodiless:
                await send({"type": "http.response.body", "body": b""})
            elif closed is None:
                await pump(source, send, self.encode, self._first)
            else:
                await pump_until_closed(source, send, closed, self.encode, self._first)
        finally:
            await self._close()

    async def _prepare(self, request: Connection) -> None:
        """Fetch the first part of the body, so that what its producer raises can be answered.

        Args:
            request: The request.

        Raises:
            ClientDisconnect: When the client leaves meanwhile.
            Exception: What the producer raises before it yields anything.
        """
        await self._begin(request, None)

    async def _begin(self, request: Connection, seconds: float | None) -> None:
        bodiless = self._status in (204, 205, 304) or request.scope.get("method") == "HEAD"
        if self._first is not None or bodiless:
            return
        self._first = FirstPart(self._source)
        try:
            if await self._first.fetch(getattr(request, "_wait_closed", None), seconds):
                self._first.check(self.encode)
        except Exception:
            tasks = request.peek("background")
            if isinstance(tasks, BackgroundTasks):
                tasks.clear()  # as where any other handler raises
            raise

    async def _close(self) -> None:
        """Close the producer, wherever it is."""
        if self._first is not None:
            await self._first.cancel()
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


def sent_twice(response: Response) -> RuntimeError:
    """Return the error for a response that is sent a second time.

    Args:
        response: The response.
    """
    return RuntimeError(
        f"{response!r} has been sent already: a Response belongs to one request, because hooks add "
        "that request's cookies and headers to it. Make a new one in each call."
    )


def checked_status(status: object) -> int:
    """Return a status that a response may have; text begins with the number: `"201 CREATED"`.

    Args:
        status: What was given.

    Raises:
        ValueError: When it is not a status from 200 to 599.
    """
    if isinstance(status, str):
        number = status.partition(" ")[0]
        found = int(number) if number.isdigit() and number.isascii() and len(number) == 3 else 0
    else:
        found = status if isinstance(status, int) and not isinstance(status, bool) else 0
    # SECURITY: a client that gets 1xx waits for the response behind it, and takes the bytes that
    # come next for it (RFC 9110, section 15.2); they may belong to another request.
    if not 200 <= found <= 599:
        raise ValueError(f"The status {status!r} is not an int from 200 to 599.")
    return int(found)


def _from_aliases(
    kind_of_response: type,
    status_code: int,
    content_type: str | None,
    *,
    status: int | str | None = None,
    mimetype: str | None = None,
    media_type: str | None = None,
    **unknown: object,
) -> tuple[int, str | None]:
    """Return status and content type, by whichever of their names they were given."""
    for name in unknown:
        import inspect

        from flasgo.advice.names_elsewhere import advice

        own = inspect.signature(kind_of_response.__init__).parameters
        known = [each for each in (*own, "status") if each not in ("self", "aliases")]
        meant = advice("Response", name)
        hint = f" {meant}" if meant else did_you_mean(name, known)
        raise TypeError(
            f"{kind_of_response.__name__} has no argument {name!r}.{hint} Its arguments: "
            f"{', '.join(known)}, mimetype."
        )
    if status is not None:
        own = None if status_code == 200 else status_code
        status_code = checked_status(_only_one("status", status, "status_code", own))
    kind = _only_one("mimetype", mimetype, "media_type", media_type)
    if kind is not None:
        _only_one("mimetype" if mimetype else "media_type", kind, "content_type", content_type)
        content_type = _with_charset(kind)
    return status_code, content_type


def _only_one(alias: str, value: _T | None, name: str, other: _T | None) -> _T | None:
    if value is not None and other is not None:
        raise TypeError(f"{alias}={value!r} and {name}={other!r} mean the same; give one of them.")
    return other if value is None else value


def _cookie_name(name: str | None, key: str | None) -> str:
    found = _only_one("key", key, "name", name)
    if found is None:
        raise TypeError("A cookie has no name; give it first: set_cookie('theme', 'dark').")
    return found


def _with_charset(mimetype: str) -> str:
    is_text = mimetype.startswith("text/") and ";" not in mimetype
    return f"{mimetype}; charset=utf-8" if is_text else mimetype


def encode_json(data: object) -> bytes:
    """Return data as JSON.

    Args:
        data: Anything msgspec can encode.

    Raises:
        TypeError: When something in it cannot be encoded.
    """
    try:
        return encode(data)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise TypeError(f"This {type_name(data)} cannot be sent as JSON: {error}.") from error


def _encode_body(content: str | bytes) -> bytes:
    if isinstance(content, str):
        try:
            return content.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"This text cannot be sent in UTF-8: it has a lone surrogate at {error.start}, "
                "probably from an undecodable file name; encode or replace it first."
            ) from error
    if isinstance(content, bytes):
        return content
    if isinstance(content, bytearray | memoryview):
        return bytes(content)
    raise TypeError(
        f"A response body is str or bytes, not {type_name(content)}; use Response.json for data "
        "and StreamingResponse for iterators."
    )


def _length_pair(size: int) -> RawHeader:
    pair = (b"content-length", b"%d" % size)
    if size < _KEPT_LENGTHS:
        _length_pairs[size] = pair
    return pair


def _without_content(response: Response) -> bytes:
    """Take off what a status without content must not carry (RFC 9110, section 6.4.1)."""
    headers = response.headers
    if response.status_code == 205:
        headers["content-length"] = "0"  # 205 alone may say that it is empty (section 15.3.6)
    elif response.status_code != 304:  # which may describe the content it stands for
        headers.pop("content-length")
    return b""


def redirect(location: str, status_code: int | None = None, *, code: int | None = None) -> Response:
    """Return a redirect; see `Response.redirect`.

    Args:
        location: Where to; check what comes from a client with `is_safe_redirect_target`.
        status_code: 301, 302, 303, 307 or 308; 302 when left out.
        code: The status, as Flask calls it.
    """
    return Response.redirect(location, status_code, code=code)


def jsonify(*args: object, **kwargs: object) -> Response:
    """Return JSON, from the same arguments as Flask's `jsonify`.

    Args:
        *args: One value to send as it is, or several to send as a list.
        **kwargs: The fields of an object.

    Raises:
        TypeError: When both are given, or something cannot be encoded.
    """
    if args and kwargs:
        raise TypeError("jsonify takes either values or keywords, not both.")
    if kwargs:
        return Response.json(kwargs)
    if not args:
        return Response.json(None)
    return Response.json(args[0] if len(args) == 1 else args)
