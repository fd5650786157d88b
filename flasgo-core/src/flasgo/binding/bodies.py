"""What a handler takes from the body: JSON of a type, or a form."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect as types

from flasgo.binding.defaults import copier
from flasgo.binding.faults import Fault, InvalidError, explain
from flasgo.binding.fields import Field, FileField, Model
from flasgo.binding.parameters import Marker
from flasgo.binding.pinpoint import pinpoint
from flasgo.binding.signatures import MISSING
from flasgo.errors import HTTPException
from flasgo.requests.request import Request

__all__ = ["FormBody", "JsonBody", "Part", "object_of"]

_JSON = b"application/json"
_KEYED = types.StructType | types.DataclassType | types.TypedDictType


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
        annotation: The type of the whole body.
        default: What an empty body stands for; MISSING when there must be one.
        parts: The parameters that the body fills.
    """

    def __init__(self, annotation: Any, default: Any, parts: Sequence[Part]) -> None:
        self.annotation = annotation
        self.default = default
        self.parts = tuple(parts)
        # PERF: one decoder for the life of the app.
        self._decode = msgspec.json.Decoder(annotation).decode
        self._members = _members_of(annotation)

    @property
    def is_required(self) -> bool:
        """Whether there must be a body."""
        return self.default is MISSING

    def reader(self) -> Callable[[Request], Awaitable[object]]:
        """Return the function that reads the body.

        It raises InvalidError when the body is JSON of another shape, and HTTPException when it is
        too large, no JSON, or something else altogether.
        """
        decode, default = self._decode, self.default
        copied = copier(default)

        async def read(request: Request) -> object:
            # PERF: the usual header is compared before anything is made of it.
            if request.raw_header(b"content-type") != _JSON:
                if default is not MISSING and not await request.body():
                    return default if copied is None else copied(default)
                request.require_json()
            body = await request.body()
            if not body and default is not MISSING:
                return default if copied is None else copied(default)
            try:
                if not body.isascii():
                    body.decode()  # msgspec passes over the text of fields that the type lacks
                return decode(body)
            except (ValueError, RecursionError, OverflowError) as error:
                if not isinstance(error, msgspec.ValidationError):
                    raise HTTPException(400, request._json_problem(body, error)) from None
                raise InvalidError(self._faults(body, error)) from None

        return read

    def _faults(self, body: bytes, error: msgspec.ValidationError) -> list[Fault]:
        """Look at each field of an object by itself: msgspec stops at the first fault.

        One more pass over a body whose size is limited already.
        """
        faults: list[Fault] = []
        if self._members:
            try:
                sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
                faults += self._member_faults(sent)
            except (ValueError, RecursionError, OverflowError):
                faults.clear()
        # Such as a field too many, or a check of the class itself.
        is_of_a_member = explain(error, ("body",)).location[:2] in {f.location[:2] for f in faults}
        return faults if is_of_a_member else [_explain(error, body, self.annotation), *faults]

    def _member_faults(self, sent: Mapping[str, msgspec.Raw]) -> Iterator[Fault]:
        for name, annotation, is_required in self._members:
            if name in sent:
                raw = bytes(sent[name])
                try:
                    msgspec.json.decode(raw, type=annotation)
                except msgspec.ValidationError as error:
                    yield _explain(error, raw, annotation, name)
            elif is_required:
                yield Fault(("body", name), "is required")


def _explain(error: msgspec.ValidationError, raw: bytes, annotation: Any, *names: str) -> Fault:
    return explain(
        error,
        ("body", *names),
        locate=lambda location: pinpoint(raw, annotation, location),
    )


def _members_of(annotation: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return the fields of an object as JSON has them; nothing where it is not one object."""
    try:
        info = types.type_info(annotation)
        if not isinstance(info, _KEYED) or getattr(info, "array_like", False):
            return ()
        hints = typing.get_type_hints(info.cls, include_extras=True)
        return tuple(
            (field.encode_name, hints[field.name], field.required) for field in info.fields
        )
    except Exception:  # noqa: BLE001 - such as a generic, whose hints are type variables
        return ()


def object_of(parts: Sequence[Part]) -> Any:
    """Return a Struct type with one field for each parameter.

    Args:
        parts: The parameters, with different names.
    """
    fields: list[Any] = [
        (f"field_{index}", part.annotation)
        if part.default is MISSING
        else (f"field_{index}", part.annotation, msgspec.field(default_factory=_giving(part)))
        for index, part in enumerate(parts)
    ]
    rename = {f"field_{index}": part.name for index, part in enumerate(parts)}
    return msgspec.defstruct("Body", fields, rename=rename, kw_only=True)


def _giving(part: Part) -> Callable[[], object]:
    default, copied = part.default, copier(part.default)
    return lambda: default if copied is None else copied(default)


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
