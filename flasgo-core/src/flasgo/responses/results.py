"""What a handler may return, and the response that is made of it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from types import GeneratorType
from typing import NoReturn, cast

import msgspec

from flasgo.callables import full_name
from flasgo.errors import type_name
from flasgo.http.headers import Headers, MutableHeaders
from flasgo.http.json import MissingAwaitError, encode
from flasgo.responses.response import (
    BYTES,
    HTML,
    JSON,
    HeadersLike,
    Response,
    StreamingResponse,
    checked_status,
    sent_twice,
)

__all__ = ["claimed", "coerce_again", "coerce_response", "gives_status", "tuple_parts"]


def _refuse(handler: object, found: str) -> NoReturn:
    raise TypeError(
        f"Handler {full_name(handler)} returned {found}. It may return str, bytes, a dict or "
        "list, a dataclass, Struct or other value that msgspec can encode, None (204), a "
        "generator, a Response, or one of the first ones in a tuple (body, status), (body, "
        "headers) or (body, status, headers)."
    )


def _from_str(result: str, handler: object) -> Response:
    try:
        body = result.encode()
    except UnicodeEncodeError as error:
        _refuse(handler, f"text with a lone surrogate at {error.start}, which is not UTF-8")
    return Response._from_bytes(body, HTML)


def _from_bytes(result: bytes, handler: object) -> Response:
    return Response._from_bytes(bytes(result), BYTES)


def _from_none(result: None, handler: object) -> Response:
    return Response(None, 204)


_CONVERT = " Convert that part to str, numbers, lists, dicts, dataclasses or Structs."


def _from_data(result: object, handler: object) -> Response:
    try:
        body = encode(result)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        # An `await` is all that a coroutine lacks.
        advice = "" if isinstance(error, MissingAwaitError) else _CONVERT
        raise TypeError(
            f"Handler {full_name(handler)} returned a {type_name(result)} that cannot be sent "
            f"as JSON: {error}.{advice}"
        ) from error
    # PERF: what `Response._from_bytes` does, without another call.
    response = _new(Response)
    response._status = 200
    response._body = body
    response._raw = [JSON]
    return response


_new = object.__new__


def _from_response(result: Response, handler: object) -> Response:
    # PERF: what `claimed` does at first, without another call.
    if result._at_first is None:
        result._at_first = (result._status, result._body, tuple(result._raw))
        return result
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
        raise sent_twice(response)
    copy = object.__new__(type(response))
    copy.__dict__.update(response.__dict__)
    copy._status, copy._body, raw = at_first
    copy._raw = list(raw)
    copy._view = None
    copy._sent = copy._is_over = False
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
        f"{result!r} ({type_name(result)}), which could be a status or a body: return a tuple, or "
        f"annotate the handler `-> {type_name(result)}` to send it as JSON",
    )


def tuple_parts(
    result: tuple[object, ...], handler: object
) -> tuple[object, int | None, HeadersLike | None]:
    """Return the body, the status and the headers of a tuple that a handler returned.

    Args:
        result: `(body, status)`, `(body, headers)` or `(body, status, headers)`.
        handler: The handler, for the error message.

    Returns:
        The body; the status, or None where the tuple has none; the headers, or None.

    Raises:
        TypeError: When the tuple has another form.
    """
    if len(result) not in (2, 3):
        _refuse(handler, f"a tuple of {len(result)}")
    body, status, headers = result[0], result[1], result[2] if len(result) == 3 else None
    if isinstance(body, tuple):
        _refuse(handler, "a tuple within a tuple")
    if len(result) == 2 and _are_headers(status):
        return body, None, cast("HeadersLike", status)
    try:
        status = None if status is None and len(result) == 3 else checked_status(status)
    except ValueError:
        _refuse(handler, f"a tuple whose status is {status!r}, not an int from 200 to 599")
    if headers is not None and (
        isinstance(headers, str | bytes) or not isinstance(headers, Mapping | Iterable)
    ):
        _refuse(handler, f"a tuple whose headers are {type_name(headers)}, not a mapping or pairs")
    return body, status, cast("HeadersLike | None", headers)


def gives_status(result: object, handler: object) -> bool:
    """Tell whether a handler's result says with which status it is sent.

    Args:
        result: What the handler returned.
        handler: The handler, for the error message.
    """
    if type(result) is not tuple:
        return isinstance(result, Response)
    body, status, _ = tuple_parts(result, handler)
    return status is not None or isinstance(body, Response)


def _are_headers(value: object) -> bool:
    """Whether the second of two values is meant as headers: a mapping, or a list of pairs."""
    if isinstance(value, list):
        return all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
    return isinstance(value, Mapping | Headers | MutableHeaders)


def _from_tuple(result: tuple[object, ...], handler: object) -> Response:
    body, status, headers = tuple_parts(result, handler)
    response = Response() if body is None else coerce_response(body, handler)
    if status is not None:
        response.status_code = status
    if headers is not None:
        try:
            response.headers.update(headers)
        except (TypeError, ValueError) as error:
            raise type(error)(f"Handler {full_name(handler)} returned headers: {error}") from error
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
            (streamed), or a tuple `(body, status)`, `(body, headers)` or `(body, status, headers)`.
        handler: The handler, for the error message.

    Raises:
        TypeError: When it is something else; bare numbers are, they are likely mistakes.
    """
    make = _EXACT.get(type(result))
    if make is not None:
        return make(result, handler)
    return _coerce_other(result, handler)


def _coerce_other(result: object, handler: object) -> Response:
    """Handle subclasses, iterators and other types that msgspec encodes."""
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
        body = encode(result)
    except TypeError as error:
        _refuse(handler, f"{type_name(result)} ({error})")
    return Response._from_bytes(body, JSON)
