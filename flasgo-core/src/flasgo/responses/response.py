"""Responses: what a handler returns, and how it goes out."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime
from types import GeneratorType
from typing import NoReturn, Protocol, Self

import msgspec

from flasgo.asgi import Send
from flasgo.callables import full_name
from flasgo.errors import type_name
from flasgo.http.cookies import SameSite, format_set_cookie
from flasgo.http.headers import HeaderBlock, MutableHeaders, RawHeader, fill
from flasgo.http.redirects import encode_location, is_safe_redirect_target
from flasgo.kernel.background import BackgroundTasks
from flasgo.responses.streaming import Closed, Parts, encode_part, producer, pump, pump_until_closed
from flasgo.responses.validators import ConditionalMixin

__all__ = [
    "Response",
    "StreamingResponse",
    "TemplateRenderer",
    "claimed",
    "coerce_again",
    "coerce_response",
    "is_safe_redirect_target",
    "jsonify",
    "redirect",
]

HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]]

_HTML = (b"content-type", b"text/html; charset=utf-8")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_BYTES = (b"content-type", b"application/octet-stream")
_JSON = (b"content-type", b"application/json")

_encode_json = msgspec.json.Encoder().encode

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


class Response(ConditionalMixin):
    """An HTTP response.

    Args:
        content: Text (sent as HTML in UTF-8, like Flask), bytes, or None for an empty body.
        status_code: The status, 200 to 599.
        headers: Response headers; pairs when a name repeats.
        content_type: The media type, where the default of the content does not fit.
        background: What is to be called after the response.

    Raises:
        TypeError: When the content is neither text nor bytes.
        ValueError: When status or headers are not allowed.
    """

    # Whether the body is made while it is sent; `emit` then wants to know when the client leaves.
    is_streaming = False

    background: BackgroundTasks | None = None
    """What is to be called after the response."""

    _view: MutableHeaders | None = None
    _sent = False
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
        background: BackgroundTasks | None = None,
    ) -> None:
        if background is not None:
            self.background = background
        self._status = 200 if status_code == 200 else _checked_status(status_code)
        if content is None:
            self._body = b""
            self._raw = []
        else:
            self._body = _encode_body(content)
            self._raw = [_HTML if isinstance(content, str) else _BYTES]
        self._decorate(headers, content_type)

    def _decorate(self, headers: HeadersLike | None, content_type: str | None) -> None:
        if headers is not None:
            self.headers.update(headers)
        if content_type is not None:
            self.content_type = content_type

    @classmethod
    def _from_bytes(cls, body: bytes, content_type: RawHeader, status_code: int = 200) -> Self:
        """Return a response around an encoded body; nothing but the status is checked."""
        self = cls.__new__(cls)
        self._status = 200 if status_code == 200 else _checked_status(status_code)
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
        try:
            body = _encode_json(data)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise TypeError(f"This {type_name(data)} cannot be sent as JSON: {error}.") from error
        self = cls._from_bytes(body, _JSON, status_code)
        if headers is not None:
            self.headers.update(headers)
        return self

    @classmethod
    def text(cls, content: str, status_code: int = 200, headers: HeadersLike | None = None) -> Self:
        """Return plain text.

        Args:
            content: The text, sent in UTF-8.
            status_code: The status.
            headers: Further headers.
        """
        self = cls._from_bytes(_encode_body(content), _TEXT, status_code)
        self._decorate(headers, None)
        return self

    @classmethod
    def html(cls, content: str, status_code: int = 200, headers: HeadersLike | None = None) -> Self:
        """Return HTML; whatever comes from users must be escaped already (CWE-79).

        Args:
            content: The markup, sent in UTF-8.
            status_code: The status.
            headers: Further headers.
        """
        self = cls._from_bytes(_encode_body(content), _HTML, status_code)
        self._decorate(headers, None)
        return self

    @classmethod
    def redirect(cls, location: str, status_code: int = 302) -> Self:
        """Return a redirect.

        Args:
            location: Where to; check what comes from a client with `is_safe_redirect_target`.
            status_code: 301, 302, 303, 307 or 308.

        Raises:
            ValueError: When the location or the status is not allowed.
        """
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

    @property
    def status_code(self) -> int:
        """The status, 200 to 599."""
        return self._status

    @status_code.setter
    def status_code(self, status_code: int) -> None:
        self._status = _checked_status(status_code)

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
        return fill(self._raw, block)

    @property
    def is_sent(self) -> bool:
        """Whether sending has begun, so that nothing can be added to the headers any more."""
        return self._sent

    @property
    def sets_cookie(self) -> bool:
        """Whether the response sets or deletes a cookie, by whatever way that got into it."""
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

    def set_cookie(
        self,
        name: str,
        value: str = "",
        *,
        max_age: int | None = None,
        expires: datetime | int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: SameSite | None = "Lax",
        partitioned: bool = False,
    ) -> None:
        """Set a cookie in the client; see `format_set_cookie` for what is allowed.

        Args:
            name: The cookie's name.
            value: The cookie's value; printable ASCII, nothing is encoded on the way.
            max_age: Seconds until it expires; None is until the browser closes.
            expires: When it expires: a datetime or seconds since the epoch.
            path: Path prefix for which browsers send it.
            domain: Domain, with its subdomains, for which browsers send it.
            secure: Send it over https only.
            httponly: Hide it from scripts.
            samesite: `"Lax"`, `"Strict"`, `"None"`, or None to leave it out.
            partitioned: Keep one cookie jar per top-level site.

        Raises:
            ValueError: When an attribute is not allowed, or contradicts another one.
        """
        cookie = format_set_cookie(
            name,
            value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )
        self._raw.append((b"set-cookie", cookie.encode("ascii")))

    def delete_cookie(
        self,
        name: str,
        *,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = True,
        samesite: SameSite | None = "Lax",
        partitioned: bool = False,
    ) -> None:
        """Remove a cookie from the client; path, domain and flags as when it was set.

        Args:
            name: The cookie's name.
            path: The path with which it was set.
            domain: The domain with which it was set.
            secure: Whether it was set for https only.
            httponly: Whether it was hidden from scripts.
            samesite: The rule with which it was set.
            partitioned: Whether it was partitioned.
        """
        self.set_cookie(
            name,
            max_age=0,
            expires=0,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
        )

    async def _emit(
        self,
        send: Send,
        *,
        head_only: bool = False,
        closed: Closed | None = None,
    ) -> None:
        """Send the response; called once, by the dispatcher.

        Args:
            send: The ASGI send callable.
            head_only: Leave the body out, as for HEAD; its length is still announced.
            closed: Returns when the client has left; only streamed responses look at it.

        Raises:
            RuntimeError: When this object has been sent before.
        """
        if self._sent:
            raise _sent_twice(self)
        self._sent = True
        status = self._status
        body = self._body
        raw = self._raw
        if status == 204 or status == 304 or status == 205:
            body = _without_content(self)
        elif self._view is None or not self._view._declares_length:
            size = len(body)
            raw.append(_length_pairs.get(size) or _length_pair(size))
        elif not head_only:
            # A handler's own Content-Length is a promise for HEAD; here the body is the truth.
            self._view["content-length"] = str(len(body))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if head_only else body})


class StreamingResponse(Response):
    """A response whose body is made while it is sent.

    Args:
        iterator: Yields the body as bytes, or as text that is sent in UTF-8. An ordinary iterator
            is advanced in a worker thread. Generators are closed however the sending ends.
        status_code: The status.
        headers: Response headers.
        content_type: The media type.
        background: What is to be called after the response.
    """

    is_streaming = True

    def __init__(
        self,
        iterator: Parts,
        status_code: int = 200,
        headers: HeadersLike | None = None,
        content_type: str | None = None,
        background: BackgroundTasks | None = None,
    ) -> None:
        if background is not None:
            self.background = background
        if isinstance(iterator, str | bytes | bytearray):
            raise TypeError(
                f"StreamingResponse takes an iterator of bytes or str, not {type_name(iterator)}; "
                "use Response for a body that is complete."
            )
        self._status = _checked_status(status_code)
        self._body = b""
        self._raw = [_TEXT]
        self._decorate(headers, content_type)
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
        self,
        send: Send,
        *,
        head_only: bool = False,
        closed: Closed | None = None,
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
            raise _sent_twice(self)
        self._sent = True
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
                await pump(source, send, self.encode)
            else:
                await pump_until_closed(source, send, closed, self.encode)
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()


def _sent_twice(response: Response) -> RuntimeError:
    return RuntimeError(
        f"{response!r} has been sent already: a Response belongs to one request, because hooks add "
        "that request's cookies and headers to it. Make a new one in each call."
    )


def _checked_status(status_code: int) -> int:
    # SECURITY: a client that gets 1xx waits for the response behind it, and takes the bytes that
    # come next for it (RFC 9110, section 15.2); they may be meant for another request.
    is_int = isinstance(status_code, int) and not isinstance(status_code, bool)
    if not is_int or not 200 <= status_code <= 599:
        raise ValueError(f"The status {status_code!r} is not an int from 200 to 599.")
    return int(status_code)


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


def redirect(location: str, status_code: int = 302) -> Response:
    """Return a redirect.

    Args:
        location: Where to; check what comes from a client with `is_safe_redirect_target`.
        status_code: 301, 302, 303, 307 or 308.

    Raises:
        ValueError: When the location or the status is not allowed.
    """
    return Response.redirect(location, status_code)


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


# What a handler may return -----------------------------------------------------------------


def _refuse(handler: object, found: str) -> NoReturn:
    raise TypeError(
        f"Handler {full_name(handler)} returned {found}. It may return str, bytes, a dict or "
        "list, a dataclass, Struct or other value that msgspec can encode, None (204), a "
        "generator, a Response, or one of the first ones in a tuple (body, status) or (body, "
        "status, headers)."
    )


def _from_str(result: str, handler: object) -> Response:
    try:
        body = result.encode()
    except UnicodeEncodeError as error:
        _refuse(handler, f"text with a lone surrogate at {error.start}, which is not UTF-8")
    return Response._from_bytes(body, _HTML)


def _from_bytes(result: bytes, handler: object) -> Response:
    return Response._from_bytes(bytes(result), _BYTES)


def _from_none(result: None, handler: object) -> Response:
    return Response(None, 204)


def _from_data(result: object, handler: object) -> Response:
    try:
        body = _encode_json(result)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise TypeError(
            f"Handler {full_name(handler)} returned a {type_name(result)} that cannot be sent "
            f"as JSON: {error}. Convert that part to str, numbers, lists, dicts, dataclasses or "
            "Structs."
        ) from error
    return Response._from_bytes(body, _JSON)


def _from_response(result: Response, handler: object) -> Response:
    return claimed(result)


def claimed(response: Response) -> Response:
    """Return a response for one request: the object itself, then copies of what it was at first.

    SECURITY: hooks add a request's cookies and headers to its response, so an object that a module
    keeps and returns for every request must not carry them from one to the next.

    Args:
        response: What a handler or a hook returned.

    Raises:
        RuntimeError: When a streamed response is returned for a second request.
    """
    at_first = response._at_first
    if at_first is None:
        response._at_first = (response._status, response._body, tuple(response._raw))
        return response
    if response.is_streaming:
        raise _sent_twice(response)
    copy = object.__new__(type(response))
    copy.__dict__.update(response.__dict__)
    copy._status, copy._body, raw = at_first
    copy._raw = list(raw)
    copy._view = None
    copy._sent = False
    return copy


def coerce_again(result: object, current: Response, callback: object) -> Response:
    """Turn what an `after_request` callback returned into a response; `current` may be part of it.

    Args:
        result: What it returned.
        current: The request's response so far, which is not to be taken for another request's.
        callback: The callback, for the error message.

    Raises:
        TypeError: As `coerce_response` does.
    """
    at_first, current._at_first = current._at_first, None
    try:
        return coerce_response(result, callback)
    finally:
        current._at_first = at_first


def _from_number(result: float, handler: object) -> Response:
    # A bare number is nearly always a status that lost its body; Flask refuses it as well.
    _refuse(
        handler,
        f"{result!r} ({type_name(result)}), which could be a status or a body: "
        "return a tuple, or Response.json(...) to send it as JSON",
    )


def _from_tuple(result: tuple[object, ...], handler: object) -> Response:
    if len(result) not in (2, 3):
        _refuse(handler, f"a tuple of {len(result)}")
    body, status = result[0], result[1]
    if isinstance(body, tuple):
        _refuse(handler, "a tuple within a tuple")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        _refuse(handler, f"a tuple whose status is {status!r}, not an int from 200 to 599")
    response = Response() if body is None else coerce_response(body, handler)
    response.status_code = status
    if len(result) == 3 and result[2] is not None:
        headers = result[2]
        if isinstance(headers, str | bytes) or not isinstance(headers, Mapping | Iterable):
            _refuse(
                handler, f"a tuple whose headers are {type_name(headers)}, not a mapping or pairs"
            )
        response.headers.update(headers)
    return response


# `object`: each entry takes the type it is listed under.
_EXACT: dict[type, Callable[..., Response]] = {
    dict: _from_data,
    str: _from_str,
    Response: _from_response,
    list: _from_data,
    tuple: _from_tuple,
    type(None): _from_none,
    bytes: _from_bytes,
    StreamingResponse: _from_response,
    int: _from_number,
    float: _from_number,
    bool: _from_number,
    bytearray: _from_bytes,
    memoryview: _from_bytes,
}


def coerce_response(result: object, handler: object) -> Response:
    """Turn what a handler returned into a response.

    Args:
        result: What it returned: str (HTML), bytes, dict or list (JSON), None (204), a Response,
            a dataclass, Struct or anything else msgspec can encode, a generator or async iterator
            (streamed), or a tuple `(body, status)` or `(body, status, headers)`.
        handler: The handler, for the error message.

    Raises:
        TypeError: When it is something else; bare numbers are, they are likely mistakes.
    """
    make = _EXACT.get(type(result))
    if make is not None:
        return make(result, handler)
    return _coerce_other(result, handler)


def _coerce_other(result: object, handler: object) -> Response:
    """Handle subclasses, iterators and whatever msgspec knows."""
    if isinstance(result, Response):
        return claimed(result)
    if isinstance(result, AsyncIterable | GeneratorType):
        return StreamingResponse(result)
    if isinstance(result, str):  # subclasses: str enums, Markup
        return _from_str(str.__str__(result), handler)
    if isinstance(result, bytes):
        return _from_bytes(result, handler)
    if isinstance(result, int | float):
        _from_number(result, handler)
    if inspect.iscoroutine(result):
        result.close()
        _refuse(handler, "a coroutine: await it, or make the handler `async def`")
    if dataclasses.is_dataclass(result) or isinstance(result, msgspec.Struct | Mapping | tuple):
        return _from_data(result, handler)
    try:
        body = _encode_json(result)
    except TypeError as error:
        _refuse(handler, f"{type_name(result)} ({error})")
    return Response._from_bytes(body, _JSON)
