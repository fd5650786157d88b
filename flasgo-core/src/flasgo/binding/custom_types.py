"""Types that plugins add to an app: how they leave as JSON, are read, and are described.

What the app's own table holds is looked at while routes are compiled and documents are made; a
context variable says whose table that is. Types that msgspec knows never come here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct, field

from flasgo.errors import HookError

__all__ = [
    "BodyFormat",
    "CustomTypes",
    "ModelAdapter",
    "ModelError",
    "ModelField",
    "TypeEncoder",
    "custom_types",
    "using",
]


class ModelError(ValueError):
    """Raised by a model adapter for data that does not make a model.

    Args:
        problems: The location within the data, and what is wrong there; at least one.
    """

    def __init__(self, problems: Iterable[tuple[Sequence[str | int], str]]) -> None:
        self.problems = tuple((tuple(location), message) for location, message in problems)
        super().__init__("; ".join(message for _, message in self.problems))


class ModelField(Struct, frozen=True):
    """One field of a model, for forms and queries.

    Attributes:
        name: Its name where it is sent.
        annotation: Its type. `Any`: an annotation.
        required: Whether it must be sent.
        default: What it is otherwise, for the API description.
    """

    name: str
    annotation: Any
    required: bool = True
    default: object = None


@runtime_checkable
class ModelAdapter(Protocol):
    """A family of model classes, such as pydantic's."""

    def handles(self, kind: type) -> bool:
        """Whether a class is one of the family."""

    # Any: data as JSON has it, and models of whatever class.
    def decode(self, kind: type, data: Any) -> Any:
        """Return a model made of plain data: dicts, lists, texts, numbers.

        Raises:
            ModelError: When the data does not make one.
        """

    def encode(self, value: Any) -> Any:
        """Return the plain data of a model, for JSON."""

    def schema(self, kind: type) -> Mapping[str, Any]:
        """Return the JSON Schema of a class; `$defs` may hold those that it refers to."""

    def fields(self, kind: type) -> Iterable[ModelField]:
        """Return the fields of a class, for forms and queries."""


class TypeEncoder(Struct, frozen=True):
    """How values of one type leave.

    Attributes:
        function: Returns what JSON has in the value's place.
        schema: The JSON Schema of that; None says nothing.
    """

    function: Callable[[Any], object]
    schema: Mapping[str, Any] | None


class BodyFormat(Struct, frozen=True):
    """A format of bodies that a plugin has declared.

    Attributes:
        media_type: What `Content-Type` and `Accept` call it.
        decode: Takes a body, returns plain data: dicts, lists, texts, numbers. `Any`: data.
        encode: Takes plain data, returns a body.
        plugin: Which plugin it belongs to.
    """

    media_type: str
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    plugin: str

    def failed(self, action: str, error: Exception) -> HookError:
        """Return the error for what the plugin's function raised, which is its cause."""
        return HookError(
            f"Plugin {self.plugin!r} failed to {action} {self.media_type}: "
            f"{type(error).__name__}: {error}",
            plugin=self.plugin,
            hook="body_format",
        )


class CustomTypes(Struct):
    """The types that the plugins of one app have declared.

    Attributes:
        encoders: How values of a type leave, by the type.
        adapters: The families of models.
        formats: The formats of bodies besides JSON, by media type.
    """

    encoders: dict[type, TypeEncoder] = field(default_factory=dict)
    adapters: list[ModelAdapter] = field(default_factory=list)
    formats: dict[str, BodyFormat] = field(default_factory=dict)

    # Any: annotations are whatever developers write.
    def adapter_of(self, kind: Any) -> ModelAdapter | None:
        """Return the adapter whose family a class is of, or None."""
        if not self.adapters or not isinstance(kind, type):
            return None
        return next((adapter for adapter in self.adapters if adapter.handles(kind)), None)

    def encoder_of(self, kind: type) -> TypeEncoder | None:
        """Return how values of a class leave: that of the nearest base class."""
        return next((self.encoders[base] for base in kind.__mro__ if base in self.encoders), None)

    def decode(self, kind: type, data: Any) -> Any:
        """Return a model of plain data; this is msgspec's `dec_hook`.

        Raises:
            NotImplementedError: When no adapter handles the class.
            ModelError: When the data does not make one.
        """
        adapter = self.adapter_of(kind)
        if adapter is None:
            if isinstance(data, kind):  # a file of a form: without a hook msgspec lets it pass
                return data
            raise NotImplementedError(f"No plugin reads values of the type {kind.__qualname__}.")
        return data if isinstance(data, kind) else adapter.decode(kind, data)

    def encode(self, value: Any) -> tuple[object] | None:
        """Return what JSON has in a value's place, in a tuple; None where no plugin knows it."""
        encoder = self.encoder_of(type(value))
        if encoder is not None:
            return (encoder.function(value),)
        adapter = self.adapter_of(type(value))
        return None if adapter is None else (adapter.encode(value),)

    def leaves(self, kind: type) -> bool:
        """Whether JSON can have values of a class, because of a plugin."""
        return self.encoder_of(kind) is not None or self.adapter_of(kind) is not None

    def schema_of(self, kind: type) -> Mapping[str, Any] | None:
        """Return the JSON Schema of a class, or None where no plugin knows it."""
        adapter = self.adapter_of(kind)
        if adapter is not None:
            return adapter.schema(kind)
        encoder = self.encoder_of(kind)
        return None if encoder is None else encoder.schema


_NONE = CustomTypes()
_current: ContextVar[CustomTypes] = ContextVar("flasgo.custom_types", default=_NONE)


def custom_types() -> CustomTypes:
    """Return the types of the app whose routes are being compiled or described."""
    return _current.get()


@contextmanager
def using(types: CustomTypes) -> Generator[None, None, None]:
    """Have `custom_types` return those of an app.

    Args:
        types: The app's types.
    """
    token = _current.set(types)
    try:
        yield
    finally:
        _current.reset(token)
