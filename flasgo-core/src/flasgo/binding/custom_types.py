"""Types that plugins add to an app: how they leave as JSON, are read, and are described.

What the app's own table holds is looked at while routes are compiled and documents are made; a
context variable says whose table that is. Types that msgspec knows never come here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Protocol,
    get_args,
    get_origin,
    is_typeddict,
    runtime_checkable,
)

import msgspec
from msgspec import Struct, field

from flasgo import _bundle
from flasgo.errors import HookError
from flasgo.http.json import decode as decode_json, encode as encode_json
from flasgo.settings.annotations import unaliased

__all__ = [
    "BodyFormat",
    "CustomTypes",
    "ModelAdapter",
    "ModelError",
    "ModelField",
    "TypeEncoder",
    "WholeType",
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
        schema: Its JSON Schema, for the API description; None leaves that to core, which knows
            that it is text.
    """

    name: str
    annotation: Any
    required: bool = True
    default: object = None
    schema: Mapping[str, Any] | None = None


# Any: classes and types of a family, data as JSON has it, and models of whatever class.
@runtime_checkable
class ModelAdapter(Protocol):
    """A family of model classes, such as pydantic's.

    Five methods have to be written; the others have a default. `kind` is a class of the family, or
    a type such as `list[User]` for which `prepare` has returned True.
    """

    def handles(self, kind: type) -> bool:
        """Whether a class is one of the family."""

    def prepare(self, kind: Any) -> bool:
        """Make ready what requests need: called when a route is registered that has the type.

        Args:
            kind: A class of the family, or a type in which such classes stand beside texts,
                numbers and None, such as `list[User]` and `Cat | Dog`.

        Returns:
            Whether the other methods take the type as a whole. False leaves `list[User]` to
            core, which asks for each model in it.
        """
        return isinstance(kind, type)

    def decode(self, kind: Any, data: Any) -> Any:
        """Return a model made of plain data: dicts, lists, texts, numbers.

        Raises:
            ModelError: When the data does not make one.
        """

    def decode_json(self, kind: Any, raw: bytes) -> Any:
        """Return a model made of JSON, which is known to be valid; for bodies.

        Raises:
            ModelError: When the data does not make one.
        """
        return self.decode(kind, decode_json(raw))

    def decode_texts(self, kind: Any, texts: Mapping[str, Any]) -> Any:
        """Return a model made of a form or a query: texts, lists of texts, and files.

        Raises:
            ModelError: When the texts do not make one.
        """
        return self.decode(kind, texts)

    def encode(self, value: Any) -> Any:
        """Return the plain data of a model, for JSON."""

    def shape(self, kind: Any, value: Any) -> bytes:
        """Return the JSON of what a handler returned: what its `response_model` has, and no more.

        Raises:
            ValueError: When the value does not fit.
            TypeError: The same.
        """
        model = self.decode(kind, decode_json(encode_json(value)))
        return encode_json(self.encode(model))

    def schema(self, kind: Any) -> Mapping[str, Any]:
        """Return the JSON Schema of a type; `$defs` may hold those that it refers to."""

    def fields(self, kind: type) -> Iterable[ModelField]:
        """Return the fields of a class, for forms and queries.

        Raises:
            TypeError: When texts cannot fill one of them.
        """


class _Lenient(type):
    """Takes every value for an instance: the adapter says what one is, not msgspec."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class WholeType(metaclass=_Lenient):
    """Stands for a type that an adapter takes as a whole: msgspec knows a class for it then.

    Attributes:
        annotation: The type. `Any`: an annotation.
        adapter: Whose it is.
    """

    annotation: ClassVar[Any]
    adapter: ClassVar[ModelAdapter]


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
        wholes: What `whole` has returned, by the type. `Any`: annotations.
    """

    encoders: dict[type, TypeEncoder] = field(default_factory=dict)
    adapters: list[ModelAdapter] = field(default_factory=list)
    formats: dict[str, BodyFormat] = field(default_factory=dict)
    wholes: dict[Any, Any] = field(default_factory=dict)

    # Any: annotations are whatever developers write.
    def adapter_of(self, kind: Any) -> ModelAdapter | None:
        """Return the adapter whose family a class is of, or None."""
        if not self.adapters or not isinstance(kind, type):
            return None
        if issubclass(kind, WholeType):
            return kind.adapter
        return next((adapter for adapter in self.adapters if adapter.handles(kind)), None)

    def whole(self, annotation: Any) -> Any:
        """Return what msgspec is to see of a type: a class of our own where an adapter takes it.

        Args:
            annotation: The type.
        """
        if not self.adapters:
            return annotation
        with suppress(TypeError):  # it has no hash
            if annotation in self.wholes:
                return self.wholes[annotation]
        found = self._whole(annotation)
        with suppress(TypeError):
            self.wholes[annotation] = found
        return found

    def _whole(self, annotation: Any) -> Any:
        if self.meant(annotation) is not annotation:
            return annotation
        classes = list(_classes_in(annotation))
        adapter = next(filter(None, map(self.adapter_of, classes)), None)
        if adapter is None or any(
            kind is msgspec.Meta or (_has_fields(kind) and not adapter.handles(kind))
            for kind in classes
        ):
            return annotation  # what msgspec does is not left to somebody else
        is_plain = isinstance(annotation, type) and not _has_fields(annotation)
        if not adapter.prepare(annotation) or is_plain:
            return annotation
        return _stand_in(annotation, adapter)

    @staticmethod
    def meant(kind: Any) -> Any:
        """Return the type that a class stands for: itself, unless `whole` has made it."""
        is_ours = isinstance(kind, type) and issubclass(kind, WholeType)
        return kind.annotation if is_ours else kind

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
        is_model = type(kind) is not _Lenient and isinstance(data, kind)
        return data if is_model else adapter.decode(self.meant(kind), data)

    def encode(self, value: Any) -> tuple[object] | None:
        """Return what JSON has in a value's place, in a tuple; None where no plugin knows it."""
        encoder = self.encoder_of(type(value))
        if encoder is not None:
            return (encoder.function(value),)
        adapter = self.adapter_of(type(value))
        if adapter is not None:
            return (adapter.encode(value),)
        if hasattr(value, "model_dump") and hasattr(value, "model_fields_set"):
            missing = _bundle.MODEL_FAMILIES["pydantic"]
            raise TypeError(
                f"Encoding objects of type {type(value).__qualname__} is unsupported: "
                f"`pip install {missing}` for pydantic models"
            )
        return None

    def leaves(self, kind: type) -> bool:
        """Whether JSON can have values of a class, because of a plugin."""
        return self.encoder_of(kind) is not None or self.adapter_of(kind) is not None

    def schema_of(self, kind: type) -> Mapping[str, Any] | None:
        """Return the JSON Schema of a class, or None where no plugin knows it."""
        adapter = self.adapter_of(kind)
        if adapter is not None:
            return adapter.schema(self.meant(kind))
        encoder = self.encoder_of(kind)
        return None if encoder is None else encoder.schema


def _stand_in(annotation: Any, adapter: ModelAdapter) -> type:
    is_class = isinstance(annotation, type)
    name, module = (annotation.__name__, annotation.__module__) if is_class else ("Whole", __name__)
    members = {"annotation": annotation, "adapter": adapter, "__module__": module}
    return _Lenient(name, (WholeType,), members)


def _classes_in(annotation: Any) -> Iterator[type]:
    """Iterate over the classes in a type; `msgspec.Meta` stands for a constraint of msgspec's."""
    annotation = unaliased(annotation)
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        if any(isinstance(item, msgspec.Meta) for item in metadata):
            yield msgspec.Meta
        yield from _classes_in(inner)
    elif isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    else:
        origin = get_origin(annotation)
        if isinstance(origin, type):
            yield origin
        if origin is not Literal:
            for argument in get_args(annotation):
                yield from _classes_in(argument)


def _has_fields(kind: type) -> bool:
    """Whether msgspec would read a class field by field."""
    return (
        issubclass(kind, msgspec.Struct)
        or dataclasses.is_dataclass(kind)
        or is_typeddict(kind)
        or hasattr(kind, "__attrs_attrs__")
    )


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
