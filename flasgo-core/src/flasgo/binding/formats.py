"""Formats of typed bodies and answers besides JSON: what `registry.body_format` declares.

What is read becomes JSON first, and what is sent was JSON: types, limits, models and validation
errors are the same in every format.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from flasgo.binding.custom_types import BodyFormat
from flasgo.errors import HTTPException, printable
from flasgo.http.json import decode as decode_json, encode as encode_json
from flasgo.responses.response import JSON, Response
from flasgo.responses.results import coerce_response

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Call
    from flasgo.requests.connection import Connection
    from flasgo.requests.request import Request
    from flasgo.routing import Route

__all__ = ["as_json", "check_type_in", "in_formats"]

_JSON_TYPE = "application/json"
# What a library raises for input that is malformed, or that asks for too much.
_MALFORMED = (ValueError, TypeError, RecursionError, OverflowError, EOFError)

Respond = Callable[[object], object]


def check_type_in(formats: Mapping[str, BodyFormat]) -> Callable[[Request], None]:
    """Return what refuses a body that is neither JSON nor in a format, before it is read.

    It raises HTTPException, 415, whose `Accept` names what is taken.

    Args:
        formats: The app's formats, by media type.
    """
    taken = ", ".join((_JSON_TYPE, *formats))

    def check_type(request: Request) -> None:
        kind = request.content_type
        if kind and not request.is_json and kind not in formats:
            detail = f"This request takes {taken}, not {printable(kind)!r}."
            raise HTTPException(415, detail, headers={"accept": taken})

    return check_type


def as_json(request: Request, body: bytes, formats: Mapping[str, BodyFormat]) -> bytes:
    """Return the JSON of a body in one of the formats; JSON is returned as it is.

    Args:
        request: The request, whose type has been checked.
        body: Its body, whose size has been checked.
        formats: The app's formats, by media type.

    Raises:
        HTTPException: 400 for a body that is malformed.
        HookError: When the plugin fails otherwise.
    """
    kind = request.content_type
    found = formats.get(kind)
    if found is None:
        return body
    try:
        return encode_json(found.decode(body))
    except _MALFORMED:
        # SECURITY: a library's message may repeat what was sent.
        raise HTTPException(
            400, f"The body is not valid {kind}. Send what its Content-Type says."
        ) from None
    except Exception as error:
        raise found.failed("decode", error) from error


def in_formats(
    route: Route, call: Call, respond: Respond | None, formats: Mapping[str, BodyFormat]
) -> Call:
    """Return a call whose data is sent in the format that the client likes best.

    What is no data (text, files, a Response of the handler's own) is sent as it is.

    Args:
        route: The route.
        call: Calls its handler.
        respond: What makes a response of the handler's result, where the route has its own way.
        formats: The app's formats, by media type.
    """
    offers = (_JSON_TYPE, *formats)

    async def call_and_choose(connection: Connection) -> Awaitable[object] | object:
        result = await call(connection)
        body = result[0] if type(result) is tuple and result else result
        if respond is not None:
            result = respond(result)
        if isinstance(body, Response):
            return result
        response = coerce_response(result, route.handler)
        response._at_first = None  # it is this request's, and is coerced again
        if response.is_streaming or JSON not in response._raw:
            return response
        response.headers.add_vary("Accept")
        chosen = formats.get(connection.preferred_type(*offers))
        if chosen is not None:
            _encode(response, chosen)
        return response

    return call_and_choose


def _encode(response: Response, chosen: BodyFormat) -> None:
    try:
        response.body = chosen.encode(decode_json(response._body))
    except Exception as error:
        raise chosen.failed("encode", error) from error
    response.headers["content-type"] = chosen.media_type
    etag = response.headers.get("etag")
    if etag is not None and not etag.startswith("W/"):
        # RFC 9110, section 8.8.3: a strong validator stands for the bytes of one representation.
        response.headers["etag"] = f"W/{etag}"
