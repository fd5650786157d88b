"""Settings of an app's own: fields of a dataclass or Struct, declared like any other setting."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

import msgspec

from flasgo.errors import ConfigurationError
from flasgo.settings.specs import MISSING, SettingSpec, is_setting_name, upper_name

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from flasgo.settings.settings import Settings

__all__ = ["OwnSettings", "SettingsT", "WithSettings", "own_setting_specs"]

_OWNER = "app"

# For type checkers an app is generic over the class of its settings, `Flasgo[Shop]`. At run time
# it is not: `Flasgo[Shop]` is `Flasgo`, and needs no type variable with a default (Python 3.13).
if TYPE_CHECKING:
    SettingsT = TypeVar("SettingsT", bound=Settings, default=Settings, covariant=True)

    class OwnSettings(Settings):
        """A base for the class of an app's own settings: `Flasgo[Shop](own_settings=Shop)`."""

        def __init__(self) -> None: ...

    class WithSettings(Generic[SettingsT]):
        """What `Flasgo[Shop]` means: the settings have the fields of `Shop` as well."""

        settings: SettingsT

        @property
        def config(self) -> SettingsT:
            """The settings, under the name Flask gives them."""
            ...

else:
    SettingsT = None

    class OwnSettings:
        """A base for the class of an app's own settings: `Flasgo[Shop](own_settings=Shop)`.

        Type checkers know by it that `app.settings` has the fields of `Shop` and all other
        settings. The class is a dataclass or Struct as without it.
        """

        __slots__ = ()

    class WithSettings:
        """What `Flasgo[Shop]` means to type checkers; at run time it is `Flasgo`."""

        def __class_getitem__(cls, settings: object) -> type:
            """Return the class as it is."""
            return cls


class _Field(NamedTuple):
    """A field of either kind of class; what it does not have is MISSING or None."""

    name: str
    default: object
    default_factory: Any
    metadata: Mapping[str, object]


def own_setting_specs(kind: type | Mapping[str, object] | None) -> Iterator[SettingSpec]:
    """Iterate over the settings that a class declares with its fields.

    What a setting is for stands in `Annotated[str, msgspec.Meta(description="...")]` or, in a
    dataclass, in `field(metadata={"help": "..."})`; `extra={"secret": True}` and
    `metadata={"secret": True}` mask its value. Constraints of `msgspec.Meta` are checked.

    Args:
        kind: A dataclass or Struct whose fields are UPPERCASE; or a mapping of UPPERCASE names to
            defaults, whose types are those of the settings. None declares nothing.

    Raises:
        ConfigurationError: When it is another class, a field is not UPPERCASE, or an annotation
            cannot be evaluated.
    """
    if kind is None:
        return
    if isinstance(kind, Mapping):
        yield from map(_plain_spec, kind.items())
        return
    fields = _fields(kind)
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except Exception as error:
        raise ConfigurationError(
            f"own_settings={kind.__qualname__}: an annotation cannot be evaluated: "
            f"{type(error).__name__}: {error}. Import or define the name at module level."
        ) from error
    for field in fields:
        if not is_setting_name(field.name):
            raise ConfigurationError(
                f"own_settings={kind.__qualname__}: the field {field.name!r} is not UPPERCASE; "
                f"write {upper_name(field.name)!r}."
            )
        metas = [m for m in getattr(hints[field.name], "__metadata__", ()) if _is_meta(m)]
        said = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
        said |= field.metadata
        described = next((meta.description for meta in metas if meta.description), "")
        yield SettingSpec(
            name=field.name,
            type=hints[field.name],
            default=field.default,
            default_factory=field.default_factory,
            help=str(said.get("help", described)),
            secret=bool(said.get("secret", False)),
            owner=_OWNER,
        )


def _plain_spec(item: tuple[str, object]) -> SettingSpec:
    """Return a setting that has a name and a default."""
    name, default = item
    if not isinstance(name, str) or not is_setting_name(name):
        raise ConfigurationError(
            f"own_settings has {name!r}, which is not UPPERCASE; write {upper_name(str(name))!r}."
        )
    # None says nothing about a type; text is what an environment variable has.
    kind = str | None if default is None else type(default)
    return SettingSpec(
        name=name,
        type=kind,
        default_factory=partial(deepcopy, default),
        owner=_OWNER,
    )


def _is_meta(value: object) -> bool:
    return isinstance(value, msgspec.Meta)


def _fields(kind: type) -> list[_Field]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        return [
            _Field(
                field.name,
                MISSING if field.default is missing else field.default,
                None if field.default_factory is missing else field.default_factory,
                field.metadata,
            )
            for field in dataclasses.fields(kind)
        ]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        nothing = msgspec.NODEFAULT
        return [
            _Field(
                field.name,
                MISSING if field.default is nothing else field.default,
                None if field.default_factory is nothing else field.default_factory,
                {},
            )
            for field in msgspec.structs.fields(kind)
        ]
    raise ConfigurationError(
        f"own_settings={kind!r} is not a dataclass, Struct or mapping; write a class such as "
        "`class Shop(msgspec.Struct): SHOP_NAME: str = 'Shop'` and pass the class itself, or "
        "names and defaults: {'SHOP_NAME': 'Shop'}."
    )
