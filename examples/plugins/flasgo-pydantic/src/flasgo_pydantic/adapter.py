"""The adapter: how pydantic's classes are read, written and described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flasgo.plugin import ModelAdapter, ModelError, ModelField
from pydantic import BaseModel, PydanticSchemaGenerationError, TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass, rebuild_dataclass
from pydantic_core import from_json, to_json

from flasgo_pydantic.fields import fields_of
from flasgo_pydantic.problems import problems_of
from flasgo_pydantic.schemas import schema_of

__all__ = ["PydanticModels"]

_NO_JSON = (b"NaN", b"Infinity")
"""Numbers that pydantic can write, and JSON does not have (RFC 8259, section 6)."""


class PydanticModels(ModelAdapter):
    """Models of pydantic, its dataclasses, and types such as `list[User]` and `Cat | Dog`.

    `Any` throughout: classes, types, and data as JSON has it.

    Attributes:
        exclude_none: Whether fields that are None are left out of answers.
    """

    def __init__(self) -> None:
        self.exclude_none = False
        # PERF: one validator and serializer for each type, for the life of the app.
        self._types: dict[int, tuple[Any, TypeAdapter[Any]]] = {}

    def handles(self, kind: type) -> bool:
        """Whether a class is a model or a dataclass of pydantic's."""
        return issubclass(kind, BaseModel) or is_pydantic_dataclass(kind)

    def prepare(self, kind: Any) -> bool:
        """Compile the validator of a type, when a route is registered.

        Raises:
            NameError: When the name of a class in it stands for nothing.
        """
        try:
            self._type(kind)
        except PydanticSchemaGenerationError:
            return False
        return True

    def decode(self, kind: Any, data: Any) -> Any:
        """Return a model made of plain data, by the rules that pydantic has for JSON."""
        try:
            return self._type(kind).validate_json(to_json(data))
        except ValidationError as error:
            raise ModelError(problems_of(error, data)) from None

    def decode_json(self, kind: Any, raw: bytes) -> Any:
        """Return a model made of JSON, which core has found to be valid."""
        try:
            return self._type(kind).validate_json(raw)
        except ValidationError as error:
            raise ModelError(problems_of(error, from_json(raw))) from None

    def decode_texts(self, kind: Any, texts: Mapping[str, Any]) -> Any:
        """Return a model made of a form or a query; numbers and the like are texts there."""
        reader = self._type(kind)
        # Lists and files are no strings, and pydantic's rules for strings know neither.
        are_strings = all(type(text) is str for text in texts.values())
        validate: Callable[[Any], Any] = (
            reader.validate_strings if are_strings else reader.validate_python
        )
        try:
            return validate(dict(texts))
        except ValidationError as error:
            raise ModelError(problems_of(error, texts)) from None

    def encode(self, value: Any) -> Any:
        """Return the plain data of a model, with the names that it has in JSON."""
        if isinstance(value, BaseModel):
            return value.model_dump(mode="json", by_alias=True, exclude_none=self.exclude_none)
        return self._type(type(value)).dump_python(
            value, mode="json", by_alias=True, exclude_none=self.exclude_none
        )

    def shape(self, kind: Any, value: Any) -> bytes:
        """Return the JSON of a handler's value: the fields of its `response_model`, and no more.

        Args:
            kind: The `response_model`.
            value: A model, a dict, or any object with attributes of these names.

        Raises:
            ModelError: When the value does not fit.
            ValueError: When JSON has nothing for it.
        """
        writer = self._type(kind)
        try:
            model = writer.validate_python(value, from_attributes=True, by_alias=True, by_name=True)
        except ValidationError as error:
            raise ModelError(problems_of(error, None)) from None
        raw = writer.dump_json(
            model, by_alias=True, exclude_none=self.exclude_none, warnings="error"
        )
        if any(word in raw for word in _NO_JSON):
            from_json(raw, allow_inf_nan=False)  # as `ser_json_inf_nan="constants"` writes them
        return raw

    def schema(self, kind: Any) -> Mapping[str, Any]:
        """Return the JSON Schema of a type."""
        return schema_of(self._type(kind))

    def fields(self, kind: type) -> Iterable[ModelField]:
        """Return the fields of a model, for forms and queries.

        Raises:
            TypeError: When texts cannot fill one of them.
        """
        return fields_of(kind, schema_of(self._type(kind)), self.handles)

    def open_models(self) -> Iterator[str]:
        """Iterate over the names of the models in use that take fields they do not declare."""
        for kind, _ in self._types.values():
            config = getattr(kind, "model_config", {})
            if config.get("extra") == "allow":
                yield kind.__name__

    def _type(self, kind: Any) -> TypeAdapter[Any]:
        """Return pydantic's adapter for a type, made once.

        Types need not have a hash; the table keeps them alive, so that their ids stay theirs.
        """
        found = self._types.get(id(kind))
        if found is None:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                kind.model_rebuild()
            elif isinstance(kind, type) and is_pydantic_dataclass(kind):
                rebuild_dataclass(kind)
            found = self._types[id(kind)] = (kind, TypeAdapter(kind))
        return found[1]
