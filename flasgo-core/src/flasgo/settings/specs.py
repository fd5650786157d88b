"""What a setting is, and the collection of those that exist in one app."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from flasgo.errors import PluginError

__all__ = ["MISSING", "PREFIX", "SettingSpec", "SettingSpecs", "is_setting_name", "upper_name"]

PREFIX = "FLASGO_"


class _Missing(Enum):
    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""Stands for "no default", where None would be a value."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class SettingSpec(Struct, frozen=True):
    """One setting as its owner declares it.

    Args:
        name: UPPERCASE name; the environment variable is `FLASGO_<name>`.
        type: The type of the value: `int`, `set[str]`, `str | None`, `Literal[...]`, a class...
        default: The value when nothing is configured; `MISSING` makes the setting required.
        default_factory: Called once per app, in place of `default`.
        help: One or two sentences for `flasgo settings` and the reference.
        secret: Mask the value wherever settings are shown.
        check: Takes the converted value; returns why it is not allowed, or None.
        warn: Takes the converted value; returns what to warn about in the log, or None.
        aliases: More environment variables that set it.
        cumulative: Every source adds to a set, in place of the first source winning.
        owner: The plugin it belongs to, or `"core"`.
    """

    name: str
    type: object
    default: object = MISSING
    default_factory: Callable[[], object] | None = None
    help: str = ""
    secret: bool = False
    # Any: their parameter is annotated with the setting's own type.
    check: Callable[[Any], str | None] | None = None
    warn: Callable[[Any], str | None] | None = None
    aliases: tuple[str, ...] = ()
    cumulative: bool = False
    owner: str = "core"

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables that set it, the main one first."""
        return (PREFIX + self.name, *self.aliases)


class SettingSpecs:
    """The settings that exist in one app, in the order they were declared.

    Args:
        specs: Settings to begin with.

    Raises:
        PluginError: As `add` does.
    """

    def __init__(self, specs: Iterable[SettingSpec] = ()) -> None:
        self._specs: dict[str, SettingSpec] = {}
        self.add_all(specs)

    def add(self, spec: SettingSpec) -> None:
        """Declare one more setting.

        Args:
            spec: The setting.

        Raises:
            PluginError: When its name is not UPPERCASE, is taken, or it has two defaults.
        """
        if not is_setting_name(spec.name):
            raise PluginError(
                f"Plugin {spec.owner!r} declares a setting named {spec.name!r}; setting names are "
                f"UPPERCASE letters, digits and _, such as {upper_name(spec.name)!r}.",
                plugin=spec.owner,
            )
        taken = self._specs.get(spec.name)
        if taken is not None:
            raise PluginError(
                f"Setting {spec.name} is declared by both {taken.owner!r} and {spec.owner!r}. "
                "Rename one of them, best with the plugin's name in front, or load one of the two.",
                plugin=spec.owner,
            )
        if spec.default is not MISSING and spec.default_factory is not None:
            raise PluginError(
                f"Setting {spec.name} of plugin {spec.owner!r} has both a default and a "
                "default_factory; keep one.",
                plugin=spec.owner,
            )
        self._specs[spec.name] = spec

    def add_all(self, specs: Iterable[SettingSpec]) -> None:
        """Declare several settings; see `add`."""
        for spec in specs:
            self.add(spec)

    def discard(self, name: str) -> None:
        """Forget a setting, when its plugin could not be added after all.

        Args:
            name: The setting's name.
        """
        self._specs.pop(name, None)

    def get(self, name: str) -> SettingSpec | None:
        """Return the setting of that name, or None.

        Args:
            name: The setting's name.
        """
        return self._specs.get(name)

    def __iter__(self) -> Iterator[SettingSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order they were declared."""
        return tuple(self._specs)


def is_setting_name(name: object) -> bool:
    """Whether `name` is an UPPERCASE identifier."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def upper_name(name: str) -> str:
    """Return the setting name that comes closest: `secretKey` is `SECRET_KEY`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", spaced).strip("_").upper()
