"""Single values of a request: where each stands, and how it is read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Literal

import msgspec

from flasgo.binding.custom_types import ModelAdapter, ModelError, custom_types
from flasgo.binding.errors import (
    InvalidRequestError,
    ValidationProblem,
    explain,
    explain_all,
    problems_of_model,
)
from flasgo.binding.parameters import Marker
from flasgo.binding.signatures import MISSING
from flasgo.binding.types import Text, copier
from flasgo.errors import HTTPException
from flasgo.requests.connection import Connection
from flasgo.requests.forms import FormData

__all__ = ["Field", "FileField", "Model", "Place", "Reader", "path_maker", "path_reader"]

Place = Literal["path", "query", "header", "cookie", "form"]

# `Any`: a connection, or a form for fields of forms; each reader knows which.
Reader = Callable[[Any], object]
"""Takes one value from the request; raises InvalidRequestError when it is not valid."""


class Field(msgspec.Struct, frozen=True):
    """One value that stands as text in a request.

    Attributes:
        place: Where.
        name: Its name there.
        text: The type.
        default: What it is when the request has none; MISSING when it must have one.
        marker: What the developer said about it.
        shown_default: The default that the API description tells.
        schema: The JSON Schema that the API description has; None for that of the type.
        takes_blank: Whether an empty text may be meant; None leaves that to the type.
    """

    place: Place
    name: str
    text: Text
    default: Any
    marker: Marker
    shown_default: Any = MISSING
    schema: Mapping[str, Any] | None = None
    takes_blank: bool | None = None

    @property
    def is_required(self) -> bool:
        """Whether the request must have it."""
        return self.default is MISSING

    def reader(self) -> Reader:
        """Return the function that reads it."""
        find = self._finder()
        convert, annotation = self.text.convert, self.text.annotation
        default, location = self.default, (self.place, self.name)
        copied = copier(default)
        # What a browser sends for an input that was left empty.
        takes_blank = self.text.is_text if self.takes_blank is None else self.takes_blank
        blank_is_missing = not takes_blank and not self.is_required

        def read(source: Any) -> object:
            found = find(source)
            if found is None or (blank_is_missing and found in ("", [""])):
                if default is MISSING:
                    raise InvalidRequestError([ValidationProblem(location, "is required")])
                return default if copied is None else copied(default)
            try:
                return convert(found)
            except msgspec.ValidationError as error:
                problem = explain(error, location, annotation, is_text=True)
                raise InvalidRequestError([problem]) from None

        return read

    def _finder(self) -> Callable[[Any], str | list[str] | None]:
        """Return a function that finds the text, or the texts of a collection."""
        name = self.name
        if self.place == "form":
            if self.text.is_collection:
                return lambda form: form.getlist(name) or None
            return lambda form: form.get(name)
        if self.place == "query":
            if self.text.is_collection:
                return lambda connection: connection.query.getlist(name) or None
            # PERF: a plain dict, where `get` of the mapping would be three calls.
            return lambda connection: connection.query._first.get(name)
        if self.place == "cookie":
            return lambda connection: connection.cookies.get(name)
        if self.text.is_collection:
            return lambda connection: _listed(connection.headers.getlist(name))
        raw = name.encode("latin-1")

        def find_header(connection: Connection) -> str | None:
            value = connection.raw_header(raw)
            return None if value is None else value.decode("latin-1")

        return find_header


def _listed(values: list[str]) -> list[str] | None:
    """Split the values of a header that is a list (RFC 9110, section 5.6.1)."""
    parts = [part.strip() for value in values for part in value.split(",")]
    return [part for part in parts if part] or None


class FileField(msgspec.Struct, frozen=True):
    """A file of a form, or all files of one name.

    Attributes:
        name: Its name in the form.
        is_collection: Whether it takes all files of that name.
        default: What it is when there is no file; MISSING when there must be one.
        marker: What the developer said about it.
    """

    name: str
    is_collection: bool
    default: Any
    marker: Marker

    place = "form"

    @property
    def is_required(self) -> bool:
        """Whether the form must have it."""
        return self.default is MISSING

    def reader(self) -> Reader:
        """Return the function that reads it."""
        name, default, is_collection = self.name, self.default, self.is_collection
        copied = copier(default)

        def read(form: FormData) -> object:
            found = form.filelist(name) if is_collection else form.file(name)
            if found is None or found == []:
                if default is MISSING:
                    raise InvalidRequestError(
                        [ValidationProblem(("form", name), "is required; send a file")]
                    )
                return default if copied is None else copied(default)
            return found

        return read


class Model(msgspec.Struct, frozen=True):
    """A dataclass, Struct or TypedDict whose fields are single values of one place.

    Attributes:
        place: Where they stand.
        annotation: The class.
        names: The names of its fields in the class, as msgspec encodes them.
        fields: Where they stand; the default of an optional one is left to the class.
        default: What the whole is when the request has none of the fields; MISSING for nothing.
        adapter: What makes it of the texts; None for msgspec.
    """

    place: Place
    annotation: Any
    names: tuple[str, ...]
    fields: tuple[Field | FileField, ...]
    default: Any
    adapter: ModelAdapter | None = None

    def reader(self) -> Reader:
        """Return the function that reads it."""
        readers = tuple(
            (name, field.reader()) for name, field in zip(self.names, self.fields, strict=True)
        )
        sent_names = [field.name for field in self.fields]
        annotation, default, place = self.annotation, self.default, self.place
        adapter = self.adapter
        is_sent, copied = _presence(place), copier(default)
        convert = self._converter()

        def read(source: Any) -> object:
            if default is not MISSING and not any(is_sent(source, name) for name in sent_names):
                return default if copied is None else copied(default)
            found: dict[str, object] = {}
            problems: list[ValidationProblem] = []
            for name, read_field in readers:
                try:
                    value = read_field(source)
                except InvalidRequestError as error:
                    # What is missing is for an adapter to tell, with all the rest.
                    problems += error.problems if adapter is None else ()
                else:
                    # No text and no file becomes None: it is what `Model.of` has as default.
                    if value is not None:
                        found[name] = value
            if problems:
                raise InvalidRequestError(problems)
            try:
                return convert(found)
            except ModelError as error:
                raise InvalidRequestError(problems_of_model(error, (place,))) from None
            except msgspec.ValidationError as error:
                raise InvalidRequestError(explain_all(error, (place,), annotation)) from None

        return read

    def _converter(self) -> Callable[[Mapping[str, object]], object]:
        annotation, adapter, dec_hook = self.annotation, self.adapter, custom_types().decode
        if adapter is not None:
            return functools.partial(adapter.decode_texts, annotation)
        return lambda found: msgspec.convert(found, annotation, dec_hook=dec_hook)


def _presence(place: Place) -> Callable[[Any, str], bool]:
    """Return a function that tells whether a request or form has a field of a name."""
    if place == "form":
        return lambda form, name: name in form or form.file(name) is not None
    if place == "query":
        return lambda connection, name: name in connection.query
    if place == "cookie":
        return lambda connection, name: name in connection.cookies
    return lambda connection, name: name in connection.headers


def path_maker(name: str, kind: type[PurePath]) -> Reader:
    """Return the function that reads a path parameter as a path of files.

    SECURITY: it is as the client sent it: `..` included, where the rule lets slashes through.

    Args:
        name: The parameter.
        kind: The class, such as `pathlib.PurePosixPath`.
    """
    return lambda connection: kind(str(connection.path_params[name]))


def path_reader(name: str, text: Text | None) -> Reader:
    """Return the function that reads a path parameter; one that does not fit is a 404.

    Args:
        name: The parameter.
        text: Its type; None takes what the rule's converter made.
    """
    if text is None:
        return lambda connection: connection.path_params[name]
    kind, from_text = text.annotation, text.convert

    def read(connection: Connection) -> object:
        # PERF: a route with a parameter has them; the property would make a dict.
        value = connection._path_params[name]  # ty: ignore[not-subscriptable]
        if type(value) is kind:
            return value
        try:
            if type(value) is str:
                return from_text(value)
            return msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError:
            raise HTTPException(404, "Nothing is at this address; check the path.") from None

    return read
