"""What a handler takes from the body: JSON of a type, or a form."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.custom_types import ModelAdapter, ModelError, custom_types
from flasgo.binding.errors import (
    InvalidRequestError,
    ProblemFinder,
    chosen_type,
    fields_of,
    problems_of_model,
)
from flasgo.binding.fields import Field, FileField, Model
from flasgo.binding.parameters import Marker
from flasgo.binding.signatures import MISSING
from flasgo.binding.types import check_numbers, checking_numbers, copier, kinds_in
from flasgo.errors import HTTPException
from flasgo.http.json import check_depth
from flasgo.requests.request import Request

__all__ = ["FormBody", "JsonBody", "Part", "are_fields", "hidden_fields", "object_of"]

_JSON = b"application/json"


class Part(msgspec.Struct, frozen=True):
    """One parameter that is the JSON body, or a field of it.

    Attributes:
        name: Its name in the body, where there are several.
        annotation: Its type.
        default: What it is when the body has none; MISSING when it must be there.
        marker: What the developer said about it.
    """

    name: str
    annotation: Any
    default: Any
    marker: Marker


class JsonBody:
    """Reads the body as JSON, straight into a type.

    Args:
        annotation: The type of the whole body, as `CustomTypes.whole` returns it.
        default: What an empty body stands for; MISSING when there must be one.
        parts: The parameters that the body fills.
    """

    def __init__(self, annotation: Any, default: Any, parts: Sequence[Part]) -> None:
        self.annotation = annotation
        self.default = default
        self.parts = tuple(parts)
        self._decode, check = self._decoder(), None
        if any(isinstance(kind, types.DecimalType) for kind in kinds_in(annotation)):
            self._decode, check = checking_numbers(self._decode), check_numbers
        if _hides_fields(annotation):
            self._decode = _hiding(self._decode, annotation)
        self._finder = ProblemFinder(annotation, check)

    def _decoder(self) -> Callable[[bytes], Any]:
        """Return what reads the body. PERF: one decoder for the life of the app."""
        known = custom_types()
        adapter = known.adapter_of(self.annotation)
        if adapter is not None:
            return _adapted(adapter, known.meant(self.annotation))
        return msgspec.json.Decoder(self.annotation, dec_hook=known.decode).decode

    @property
    def is_required(self) -> bool:
        """Whether there must be a body."""
        return self.default is MISSING

    @property
    def has_fields(self) -> bool:
        """Whether the body is an object of which the parameters are fields, and not the whole."""
        return are_fields(self.parts)

    def reader(self) -> Callable[[Request], Awaitable[object]]:
        """Return the function that reads the body.

        It raises InvalidRequestError when the body is JSON of another shape, and HTTPException
        when it is too large, no JSON, or something else altogether.
        """
        decode, default, finder = self._decode, self.default, self._finder
        copied = copier(default)
        as_json, formats = None, custom_types().formats
        check_type = Request._require_json
        if formats:
            from flasgo.binding.formats import as_json, check_type_in

            check_type = check_type_in(formats)

        async def read(request: Request) -> object:
            # PERF: the usual header is compared before anything is made of it.
            if request.raw_header(b"content-type") != _JSON:
                if default is not MISSING and not await request.body():
                    return default if copied is None else copied(default)
                check_type(request)
            body = await request.body()
            if not body and default is not MISSING:
                return default if copied is None else copied(default)
            if as_json is not None:
                body = as_json(request, body, formats)
            try:
                check_depth(body)
                if not body.isascii():
                    body.decode()  # msgspec passes over the text of fields that the type lacks
                return decode(body)
            except ModelError as error:
                raise InvalidRequestError(problems_of_model(error, ("body",))) from None
            except (ValueError, RecursionError, OverflowError) as error:
                if not isinstance(error, msgspec.ValidationError):
                    raise HTTPException(400, request._json_problem(body, error)) from None
                raise InvalidRequestError(finder.problems(body, error)) from None

        return read


def _adapted(adapter: ModelAdapter, kind: Any) -> Callable[[bytes], Any]:
    check, decode_json = msgspec.json.Decoder(msgspec.Raw).decode, adapter.decode_json

    def decode(body: bytes) -> Any:
        check(body)  # what is JSON is for core to say, and the same in all families
        return decode_json(kind, body)

    return decode


def _hiding(decode: Callable[[bytes], object], annotation: Any) -> Callable[[bytes], object]:
    return lambda body: decode(_without_hidden(body, annotation))


def are_fields(parts: Sequence[Part]) -> bool:
    """Tell whether parameters are fields of one object: several, or one that has a name there."""
    return len(parts) > 1 or parts[0].marker.alias is not None


def object_of(parts: Sequence[Part]) -> Any:
    """Return a Struct type with one field for each parameter.

    Args:
        parts: The parameters, with different names.
    """
    fields: list[Any] = []
    for index, part in enumerate(parts):
        entry = f"field_{index}", custom_types().whole(part.annotation)
        default = (msgspec.field(default_factory=_giving(part)),)
        fields.append(entry if part.default is MISSING else entry + default)
    rename = {f"field_{index}": part.name for index, part in enumerate(parts)}
    return msgspec.defstruct("Body", fields, rename=rename, kw_only=True)


def _giving(part: Part) -> Callable[[], object]:
    default, copied = part.default, copier(part.default)
    return lambda: default if copied is None else copied(default)


def hidden_fields(kind: Any) -> frozenset[str]:
    """Return the fields of a class that its constructor does not take: `field(init=False)`.

    Args:
        kind: The class. `Any`: a part of an annotation.
    """
    kind = typing.get_origin(kind) or kind
    if not isinstance(kind, type):
        return frozenset()
    fields = getattr(kind, "__attrs_attrs__", None)
    if fields is None:
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    return frozenset(field.name for field in fields if not field.init)


def _hides_fields(annotation: Any) -> bool:
    """Return whether some class in a type has fields that its constructor does not take."""
    try:
        return _hides(annotation)
    except TypeError:  # it has no hash
        return _hides.__wrapped__(annotation)


# PERF: asked for each part of a body.
@functools.lru_cache(maxsize=512)
def _hides(annotation: Any) -> bool:
    return any(hidden_fields(getattr(info, "cls", None)) for info in kinds_in(annotation))


def _without_hidden(raw: bytes, annotation: Any) -> bytes:
    """Return JSON without the values of fields that a class's constructor does not take.

    SECURITY: msgspec sets all fields of a class (mass assignment, CWE-915).

    Args:
        raw: The JSON.
        annotation: Its type.

    Raises:
        msgspec.DecodeError: When it is not valid JSON.
        RecursionError: When it nests too deeply.
    """
    kind = chosen_type(raw, annotation)
    if kind is None or not _hides_fields(kind):
        return raw
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if raw.lstrip()[:1] == b"[" and arguments:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
        is_fixed = origin is tuple and arguments[-1] is not Ellipsis
        # Too many items are for the decoder to tell.
        kinds = chain(arguments, repeat(Any)) if is_fixed else repeat(arguments[0])
        clean = map(_without_hidden, map(bytes, items), kinds)
        return msgspec.json.encode(list(map(msgspec.Raw, clean)))
    if raw.lstrip()[:1] != b"{":
        return raw
    types_of = {name: hint for name, hint, _ in fields_of(kind)}
    rest = arguments[1] if origin is dict and arguments else Any
    hidden = hidden_fields(kind)
    sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return msgspec.json.encode(
        {
            name: msgspec.Raw(_without_hidden(bytes(value), types_of.get(name, rest)))
            for name, value in sent.items()
            if name not in hidden
        }
    )


class FormBody:
    """Reads the body as a form.

    Args:
        fields: What the handler takes from it.
    """

    def __init__(self, fields: Sequence[Field | FileField | Model]) -> None:
        self.fields = tuple(fields)

    @property
    def flat(self) -> tuple[Field | FileField, ...]:
        """The single fields, those of models included."""
        return tuple(
            part
            for field in self.fields
            for part in (field.fields if isinstance(field, Model) else (field,))
        )

    @property
    def has_files(self) -> bool:
        """Whether it takes files, which urlencoded forms cannot carry."""
        return any(isinstance(field, FileField) for field in self.flat)

    @property
    def is_required(self) -> bool:
        """Whether there must be a form."""
        return any(field.is_required for field in self.flat)
