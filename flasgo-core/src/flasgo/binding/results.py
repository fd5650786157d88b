"""What leaves: the handler's value, cut to the `response_model` and validated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from flasgo.binding.types import advice_on, class_unfit_for_json
from flasgo.errors import RouteError, type_name
from flasgo.responses.response import Response
from flasgo.responses.results import tuple_parts

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Call
    from flasgo.requests.connection import Connection
    from flasgo.routing import Route

__all__ = ["shaped"]

Respond = Callable[[object], object]
"""Turns what a handler returned into what the dispatcher makes a response of."""


def shaped(route: Route, call: Call) -> Call:
    """Return a call whose answers have the route's `response_model` and `status_code`.

    PERF: the call itself for routes that have neither.

    Args:
        route: The route.
        call: Calls its handler.

    Raises:
        RouteError: When msgspec cannot handle the model.
    """
    operation = route.operation
    if operation.response_model is None and operation.status_code is None:
        return call
    respond = _status_setter(route) if operation.response_model is None else _shaper(route)

    async def call_and_shape(connection: Connection) -> Awaitable[object] | object:
        return respond(await call(connection))

    return call_and_shape


def _status_setter(route: Route) -> Respond:
    status = route.operation.status_code or 200

    def respond(result: object) -> object:
        if type(result) is tuple:
            body, given, headers = tuple_parts(result, route.handler)
            own = status if given is None and not isinstance(body, Response) else given
            return body, own, headers
        return result if isinstance(result, Response | tuple) else (result, status)

    return respond


def _shaper(route: Route) -> Respond:
    status = route.operation.status_code or 200
    encode = _encoder(route)

    def respond(result: object) -> object:
        if isinstance(result, Response):
            return result
        if type(result) is tuple:
            body, given, headers = tuple_parts(result, route.handler)
            # What a handler says about an error is not what the model is about.
            if isinstance(body, Response) or (given is not None and given >= 400):
                return result
            return _json(encode(body), given or status), None, headers
        return _json(encode(result), status)

    return respond


def _json(body: bytes, status: int) -> Response:
    return Response._from_bytes(body, (b"content-type", b"application/json"), status)


def _encoder(route: Route) -> Callable[[object], bytes]:
    """Return a function that turns a value into JSON of the route's model."""
    model: Any = route.operation.response_model
    where = f"Route {route.path!r}: response_model={model!r} of the handler at {route.source}"
    try:
        unfit = class_unfit_for_json(model)
        decoder = msgspec.json.Decoder(model)
    except Exception as error:
        raise RouteError(
            f"{where} is nothing that msgspec can encode ({type(error).__name__}: {error}); give "
            "a Struct, a dataclass, a TypedDict or a list of them, whose annotations name what "
            "their module has at run time."
        ) from error
    if unfit is not None:
        advice = advice_on(unfit) or "give a Struct, a dataclass, a TypedDict or a list of them"
        if issubclass(unfit, Response):
            advice = "leave it out: what such a handler returns is sent as it is"
        raise RouteError(f"{where} has to hold a {unfit.__qualname__}, and no JSON can; {advice}.")
    json_encode, decode = msgspec.json.Encoder().encode, decoder.decode

    def encode(value: object) -> bytes:
        try:
            # Takes attributes of any object, such as a row of an ORM. What does not fit may do so
            # once it is JSON: the decoder has the last word.
            with suppress(msgspec.ValidationError):
                value = msgspec.convert(value, model, from_attributes=True)
            # SECURITY: an instance of the model is taken as it is by `convert`, whatever its
            # attributes hold. What has been through the decoder has the model's fields only.
            return json_encode(decode(json_encode(value)))
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise TypeError(
                f"The handler at {route.source} returned a {type_name(value)} that does not fit "
                f"its response_model {model!r}: {error}"
            ) from error

    return encode
