"""What leaves: the handler's value, cut to the `response_model` and validated."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from flasgo.binding.custom_types import custom_types
from flasgo.binding.signatures import MISSING, return_annotation
from flasgo.binding.types import advice_on, class_unfit_for_json, prepare_models
from flasgo.errors import RouteError, type_name
from flasgo.http.json import encode as encode_json
from flasgo.responses.response import Response
from flasgo.responses.results import tuple_parts
from flasgo.settings.annotations import alternatives

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Call
    from flasgo.requests.connection import Connection
    from flasgo.routing import Route

__all__ = ["shaped"]

_NUMBERS = frozenset({bool, int, float})

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
    respond: Respond | None = None
    if operation.response_model is not None:
        respond = _shaper(route)
    elif operation.status_code is not None or _returns_number(route):
        respond = _status_setter(route)
    formats = custom_types().formats
    if formats and not route.is_websocket:
        from flasgo.binding.formats import in_formats

        return in_formats(route, call, respond, formats)
    if respond is None:
        return call

    async def call_and_shape(connection: Connection) -> Awaitable[object] | object:
        return respond(await call(connection))

    return call_and_shape


def _returns_number(route: Route) -> bool:
    """Return whether a handler is annotated to return a number, which is JSON then.

    Without the annotation a bare number is refused: it may be a status that lost its body.
    """
    annotation = return_annotation(route.handler)
    return annotation is not MISSING and not _NUMBERS.isdisjoint(
        kind for kind in alternatives(annotation) if isinstance(kind, type)
    )


def _status_setter(route: Route) -> Respond:
    given_status = route.operation.status_code or 200
    sends_numbers = _returns_number(route)

    def body_of(value: object) -> object:
        is_number = sends_numbers and isinstance(value, int | float)
        return _json(encode_json(value), given_status) if is_number else value

    def respond(result: object) -> object:
        if type(result) is tuple:
            body, given, headers = tuple_parts(result, route.handler)
            own = given_status if given is None and not isinstance(body, Response) else given
            return body_of(body), own, headers
        return result if isinstance(result, Response) else (body_of(result), given_status)

    return respond


def _shaper(route: Route) -> Respond:
    given_status = route.operation.status_code or 200
    encode = _encoder(route)

    def respond(result: object) -> object:
        if isinstance(result, Response):
            return result
        if type(result) is tuple:
            body, given, headers = tuple_parts(result, route.handler)
            # What a handler says about an error is not what the model is about.
            if isinstance(body, Response) or (given is not None and given >= 400):
                return result
            return _json(encode(body), given or given_status), None, headers
        return _json(encode(result), given_status)

    return respond


def _json(body: bytes, status: int) -> Response:
    return Response._from_bytes(body, (b"content-type", b"application/json"), status)


def _encoder(route: Route) -> Callable[[object], bytes]:
    """Return a function that turns a value into JSON of the route's model."""
    model: Any = route.operation.response_model
    where = f"Route {route.path!r}: response_model={model!r} of the handler at {route.source}"
    try:
        kind = custom_types().whole(model)
        prepare_models(kind)
        unfit = class_unfit_for_json(kind)
        shape = _shape(kind)
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

    def encode(value: object) -> bytes:
        try:
            return shape(value)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise TypeError(
                f"The handler at {route.source} returned a {type_name(value)} that does not fit "
                f"its response_model {model!r}: {error}"
            ) from error

    return encode


def _shape(model: Any) -> Callable[[object], bytes]:
    """Return a function that makes JSON of a value: what the model has, and no more.

    Args:
        model: The model, as `CustomTypes.whole` returns it.

    Raises:
        TypeError: When msgspec cannot handle it.
    """
    known = custom_types()
    adapter = known.adapter_of(model)
    if adapter is not None:
        return functools.partial(adapter.shape, known.meant(model))
    dec_hook = known.decode
    decode = msgspec.json.Decoder(model, dec_hook=dec_hook).decode

    def shape(value: object) -> bytes:
        # Takes attributes of any object, such as a row of an ORM. What does not fit may do so
        # once it is JSON: the decoder has the last word.
        with suppress(msgspec.ValidationError):
            value = msgspec.convert(value, model, from_attributes=True, dec_hook=dec_hook)
        # SECURITY: an instance of the model is taken as it is by `convert`, whatever its
        # attributes hold. What has been through the decoder has the model's fields only.
        return encode_json(decode(encode_json(value)))

    return shape
