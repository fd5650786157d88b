"""Settings: declared by their owners, read from four places, checked once, then plain attributes.

Each value comes from the first of these that has it: the `settings` argument of `Flasgo(...)`
(a dict or the path of a module), the environment variable `FLASGO_<NAME>`, the same variable in
`.env`, the default its owner declared.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import get_annotations
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from msgspec import Struct

from flasgo import _bundle
from flasgo._bundle import how_to_get
from flasgo.errors import (
    ConfigurationError,
    FlasgoError,
    PluginError,
    SettingError,
    closest,
    did_you_mean,
)
from flasgo.settings.core import CORE_SETTINGS, RUN_KEY, key_of_run, weak_secret_key
from flasgo.settings.dotenv import read_dotenv
from flasgo.settings.specs import (
    MISSING,
    PREFIX,
    SettingSpec,
    SettingSpecs,
    is_setting_name,
    upper_name,
)
from flasgo.settings.types import convert_text, convert_value, type_text

__all__ = [
    "CORE_SETTINGS",
    "MISSING",
    "SettingInfo",
    "SettingSpec",
    "SettingSpecs",
    "Settings",
    "Sources",
    "load_settings",
    "read_sources",
    "read_value",
    "resolve",
    "weak_secret_key",
]

logger = logging.getLogger("flasgo.settings")

MASK = "********"
_T = TypeVar("_T")
# Variables that speak to the command line, not to a setting.
COMMAND_VARIABLES = frozenset({"FLASGO_APP", "FLASGO_SERVED_BY", RUN_KEY, "FLASGO_TRACE_HOOKS"})

_REPR_LIMIT = 80
_ALIKE = 0.8
"""How much of two names is the same where one is taken for the other misspelled."""
_CORE_BY_NAME = {spec.name: spec for spec in CORE_SETTINGS}


class SettingInfo(Struct, frozen=True):
    """One setting of a running app, ready to show: secrets are masked.

    Attributes:
        name: The setting's name.
        value: Its value, or a mask.
        default: The default its owner declared, or a mask.
        source: Where the value came from.
        owner: The plugin it belongs to, or `"core"`.
        help: What it is for.
        type: Its type, as text.
        secret: Whether value and default are masked.
    """

    name: str
    value: object
    default: object
    source: str
    owner: str
    help: str
    type: str
    secret: bool


# --- the settings of one app ------------------------------------------------------------------


class Settings(_bundle.SettingMembers, Mapping[str, object]):
    """The checked settings of one app: `settings["NAME"]` or `settings.NAME`, read-only.

    Args:
        specs: What exists.
        values: The value of each setting.
        sources: Where each value came from.
        owner_of_unknown: Tells which distribution would own a name that is not declared.
    """

    # PERF: values live in the instance __dict__, so settings.NAME is a plain attribute hit.
    __slots__ = ("__dict__", "_owner_of_unknown", "_sources", "_specs")

    _specs: SettingSpecs
    _sources: Mapping[str, str]
    _owner_of_unknown: Callable[[str], str | None] | None

    def __init__(
        self,
        specs: SettingSpecs,
        values: Mapping[str, object],
        sources: Mapping[str, str],
        owner_of_unknown: Callable[[str], str | None] | None = None,
    ) -> None:
        object.__setattr__(self, "_specs", specs)
        object.__setattr__(self, "_sources", dict(sources))
        object.__setattr__(self, "_owner_of_unknown", owner_of_unknown)
        self.__dict__.update(values)

    def __getitem__(self, name: str) -> object:
        try:
            return self.__dict__[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    if not TYPE_CHECKING:
        # Hidden from type checkers, which know the settings by `_bundle.SettingMembers`.
        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(f"Settings has no attribute {name!r}.", name=name, obj=self)
            raise AttributeError(self._unknown(name), name=name, obj=self)

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(_read_only(name), name=name, obj=self)

        def __setitem__(self, name: str, value: object) -> None:
            raise TypeError(_read_only(name))

        def __delattr__(self, name: str) -> None:
            raise AttributeError(_read_only(name), name=name, obj=self)

    @overload
    def read(self, name: str, type: Callable[..., _T]) -> _T: ...

    # Any: mypy does not take the expression `str | None` for a type.
    @overload
    def read(self, name: str, type: types.UnionType) -> Any: ...

    def read(self, name: str, type: object) -> object:  # noqa: A002 - reads best at the call
        """Return a setting with the type that type checkers shall see.

        They know the settings of the core and of the bundled plugins as attributes. Other plugins
        read their own with this: `app.settings.read("GREETING", str)`. Annotate the variable that
        a `str | None` is read into; mypy takes the value for `Any` otherwise.

        Args:
            name: The setting's name.
            type: The type that it was declared with.

        Raises:
            KeyError: When there is no such setting.
            TypeError: When it was declared with another type.
        """
        declared = self.spec(name).type
        if declared != type:
            raise TypeError(
                f"Setting {name} was declared as {type_text(declared)}, not as {type_text(type)}."
            )
        return self.__dict__[name]

    def __repr__(self) -> str:
        shown = ", ".join(f"{row.name}={row.value!r}" for row in self.describe())
        return f"Settings({shown})"

    def own(self, kind: type[_T]) -> _T:
        """Return these settings with the types of `Flasgo(own_settings=kind)`, for type checkers.

        Args:
            kind: The class whose fields the app was given as settings of its own.

        Raises:
            ConfigurationError: When the app has not been given it.
        """
        missing = [name for name in get_annotations(kind) if name not in self]
        if missing:
            raise ConfigurationError(
                f"There is no setting {missing[0]!r}; pass Flasgo(own_settings={kind.__name__})."
            )
        return cast("_T", self)

    def source(self, name: str) -> str:
        """Return where a value came from.

        Args:
            name: The setting's name.

        Returns:
            `"default"`, `"settings argument"`, `"pkg.settings module"`,
            `"environment FLASGO_X"` or `".env (FLASGO_X)"`; `"flasgo run"` for a random key that
            several workers share.

        Raises:
            KeyError: When there is no such setting.
        """
        if name not in self._sources:
            raise KeyError(self._unknown(name))
        return self._sources[name]

    def spec(self, name: str) -> SettingSpec:
        """Return how a setting was declared.

        Args:
            name: The setting's name.

        Raises:
            KeyError: When there is no such setting.
        """
        found = self._specs.get(name)
        if found is None:
            raise KeyError(self._unknown(name))
        return found

    def _declared(self) -> Settings:
        """Return the same settings without those that are no longer declared."""
        values = {name: value for name, value in self.items() if name in self._specs}
        return Settings(self._specs, values, self._sources, self._owner_of_unknown)

    def describe(self) -> list[SettingInfo]:
        """Return every setting as a row to show, in the order of declaration, secrets masked."""
        return [self._row(spec) for spec in self._specs if spec.name in self.__dict__]

    def _row(self, spec: SettingSpec) -> SettingInfo:
        value = self.__dict__[spec.name]
        source = self._sources[spec.name]
        shown = _mask(value) if spec.secret else value
        if spec.default_factory is not None:
            default = shown if source == "default" else "(computed)"
        elif spec.default is MISSING:
            default = "(required)"
        else:
            default = _mask(spec.default) if spec.secret else spec.default
        return SettingInfo(
            name=spec.name,
            value=shown,
            default=default,
            source=source,
            owner=spec.owner,
            help=spec.help,
            type=type_text(spec.type),
            secret=spec.secret,
        )

    def _unknown(self, name: str) -> str:
        from flasgo.advice.names_elsewhere import advice

        if isinstance(name, str) and (meant := advice("settings", name)):
            return f"Settings has no attribute {name!r}. {meant}"
        hint = did_you_mean(name, self.__dict__) if isinstance(name, str) else ""
        owner = self._owner_of_unknown(name) if self._owner_of_unknown and not hint else None
        return f"There is no setting {name!r}.{hint}{_belongs_to(owner)}"


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sources:
    """What was configured, as found: read once, used for both passes of loading.

    Attributes:
        argument: The UPPERCASE names of the `settings` argument or module.
        argument_label: `"settings argument"` or `"pkg.settings module"`.
        environ: The `FLASGO_*` variables of the process.
        dotenv: The `FLASGO_*` variables of the `.env` file.
    """

    # SECURITY: left out of repr, so that a traceback with locals shows no secret.
    argument: Mapping[str, object] = field(repr=False)
    argument_label: str
    environ: Mapping[str, str] = field(repr=False)
    dotenv: Mapping[str, str] = field(repr=False)

    def texts(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the text sources by priority, each with a pattern for its label."""
        yield "environment {}", self.environ
        yield ".env ({})", self.dotenv


def read_sources(
    settings: Mapping[str, object] | str | None,
    *,
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path = Path(".env"),
) -> Sources:
    """Read everything that was configured, without judging it yet.

    Args:
        settings: A dict, or the dotted path of a module whose UPPERCASE attributes count.
        environ: The environment; `os.environ` when left out.
        dotenv_path: The `.env` file, by default the one in the working directory.

    Returns:
        The sources, for `read_value` and `load_settings`.

    Raises:
        SettingError: When a name is not UPPERCASE, or `.env` cannot be read.
        ConfigurationError: When the settings module does not exist, or the argument is of
            another kind. Whatever the module itself raises passes through.
    """
    found = os.environ if environ is None else environ
    label = "settings argument"
    if settings is None:
        argument: Mapping[str, object] = {}
    elif isinstance(settings, str):
        argument = _read_module(settings)
        label = f"{settings} module"
    elif isinstance(settings, Mapping):
        argument = _read_mapping(settings)
    else:
        raise ConfigurationError(
            f"Flasgo(settings=...) takes a dict or a module path such as 'myproject.settings', "
            f"got {type(settings).__name__}."
        )
    return Sources(
        argument=argument,
        argument_label=label,
        environ={name: value for name, value in found.items() if name.startswith(PREFIX)},
        dotenv=read_dotenv(dotenv_path, prefix=PREFIX),
    )


def read_value(setting: SettingSpec | str, sources: Sources) -> object:
    """Return one setting before the others are known: the switches that decide which plugins load.

    Logs nothing, so that a later `load_settings` says everything once.

    Args:
        setting: The setting, or the name of one of core's.
        sources: From `read_sources`.

    Raises:
        SettingError: When the value is not allowed.
        KeyError: When core has no setting of that name.
    """
    spec = _CORE_BY_NAME[setting] if isinstance(setting, str) else setting
    return resolve(spec, sources)[0]


def resolve(spec: SettingSpec, sources: Sources) -> tuple[object, str]:
    """Return the checked value of a setting, and where it came from.

    Args:
        spec: The setting.
        sources: From `read_sources`.

    Raises:
        SettingError: When there is no value, or it is not allowed.
    """
    found: list[tuple[object, str]] = []
    if spec.name in sources.argument:
        value = sources.argument[spec.name]
        found.append((_converted(spec, value, sources.argument_label), sources.argument_label))
    for pattern, variables in sources.texts():
        for variable in spec.variables:
            if variable in variables and (spec.cumulative or not found):
                source = pattern.format(variable)
                found.append((_from_text(spec, variables[variable], source), source))
    key = key_of_run() if not found and spec.name == "SECRET_KEY" else None
    if key is not None:
        return key, "flasgo run"
    if not found:
        # A default has to have the declared type; `check` is for configured values.
        return _converted(spec, _default(spec), "default"), "default"
    value, source = found[0]
    if len(found) > 1:
        source = " + ".join(label for _, label in found)
        parts = [part for part, _ in found if isinstance(part, (set, frozenset))]
        value = _converted(spec, set().union(*parts), source)
    reason = _asked(spec, "check", spec.check, value)
    if reason is not None:
        raise _error(spec, value, source, reason)
    return value, source


def load_settings(
    specs: SettingSpecs,
    settings: Mapping[str, object] | str | Sources | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path = Path(".env"),
    owner_of_unknown: Callable[[str], str | None] | None = None,
) -> Settings:
    """Find, convert and check the value of every declared setting.

    Args:
        specs: What exists.
        settings: What `read_sources` returned, or what it takes.
        environ: As in `read_sources`; not used when `settings` is already read.
        dotenv_path: As in `read_sources`; not used when `settings` is already read.
        owner_of_unknown: Tells which distribution would own a name that is not declared.

    Raises:
        SettingError: When a name is unknown or a value is not allowed.
        ConfigurationError: As `read_sources` does.
    """
    if isinstance(settings, Sources):
        sources = settings
    else:
        sources = read_sources(settings, environ=environ, dotenv_path=dotenv_path)
    _refuse_unknown(specs, sources, owner_of_unknown)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for spec in specs:
        values[spec.name], origins[spec.name] = resolve(spec, sources)
        advice = _asked(spec, "warn", spec.warn, values[spec.name])
        if advice is not None and origins[spec.name] != "default":
            logger.warning("Setting %s (from %s) %s", spec.name, origins[spec.name], advice)
    _warn_of_unknown_variables(specs, sources, owner_of_unknown)
    return Settings(specs, values, origins, owner_of_unknown)


def _read_mapping(settings: Mapping[str, object]) -> dict[str, object]:
    for name in settings:
        if not is_setting_name(name):
            suggestion = f" Write {upper_name(name)!r}." if isinstance(name, str) else ""
            raise SettingError(
                f"Setting names are UPPERCASE, found {name!r} in the settings "
                f"argument.{suggestion}",
                name=str(name),
            )
    return dict(settings)


def _read_module(path: str) -> dict[str, object]:
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not (path == error.name or path.startswith(error.name + ".")):
            raise
        raise ConfigurationError(
            f"Flasgo(settings={path!r}): there is no module {error.name!r} to import. Write the "
            "dotted path of a module, such as 'myproject.settings'; looked in "
            f"{', '.join(entry or '.' for entry in sys.path[:3])}..."
        ) from None
    except (TypeError, ValueError):
        if path and all(part.isidentifier() for part in path.split(".")):
            raise
        raise ConfigurationError(
            f"Flasgo(settings={path!r}) is not the dotted path of a module; write it like "
            "'myproject.settings'."
        ) from None
    return {name: value for name, value in vars(module).items() if is_setting_name(name)}


def _asked(
    spec: SettingSpec, name: str, judge: Callable[[object], str | None] | None, value: object
) -> str | None:
    """Return what a setting's own `check` or `warn` says about a value.

    Raises:
        PluginError: When it fails: that is its owner's fault, whatever the value is.
    """
    if judge is None:
        return None
    try:
        reason = judge(value)
    except FlasgoError:
        raise
    except Exception as failure:
        raise _owner_at_fault(spec, name, failure) from failure
    if reason is None or isinstance(reason, str):
        return reason
    found = TypeError(f"it returned {type(reason).__name__}, not a sentence or None")
    raise _owner_at_fault(spec, name, found)


def _owner_at_fault(spec: SettingSpec, name: str, failure: Exception) -> PluginError:
    # SECURITY: what was raised may hold the value, and that may be a secret.
    told = type(failure).__name__ if spec.secret else f"{type(failure).__name__}: {failure}"
    return PluginError(
        f"Plugin {spec.owner!r}: the {name}= of its setting {spec.name} failed: {told}. "
        "Correct it in the plugin.",
        plugin=spec.owner,
    )


def _default(spec: SettingSpec) -> object:
    if spec.default_factory is not None:
        try:
            return spec.default_factory()
        except FlasgoError:
            raise
        except Exception as failure:
            raise _owner_at_fault(spec, "default_factory", failure) from failure
    if spec.default is MISSING:
        raise SettingError(
            f"Setting {spec.name} of {spec.owner!r} has no value and no default. Set "
            f"{PREFIX}{spec.name}, or pass settings={{{spec.name!r}: ...}} to Flasgo(). "
            f"It takes {type_text(spec.type)}. {spec.help}".rstrip(),
            name=spec.name,
        )
    return spec.default


def _converted(spec: SettingSpec, value: object, source: str) -> object:
    try:
        return convert_value(value, spec.type)
    except ValueError as error:
        raise _error(spec, value, source, str(error)) from None


def _from_text(spec: SettingSpec, text: str, source: str) -> object:
    try:
        return convert_text(text, spec.type)
    except ValueError as error:
        raise _error(spec, text, source, str(error)) from None


def _error(spec: SettingSpec, value: object, source: str, reason: str) -> SettingError:
    if source == "default":
        next_step = f"This is a mistake in {spec.owner!r}: correct the default it declares."
    elif source.startswith(("environment", ".env")):
        next_step = f"Correct {source}."
    else:
        next_step = f"Correct it in the {source}."
    return SettingError(
        f"Setting {spec.name} (from {source}) takes {type_text(spec.type)}, found "
        f"{_bounded(value, secret=spec.secret)}: {reason.rstrip('.')}. {next_step}",
        name=spec.name,
    )


def _refuse_unknown(
    specs: SettingSpecs, sources: Sources, owner_of_unknown: Callable[[str], str | None] | None
) -> None:
    from_module = sources.argument_label.endswith(" module")
    for name, value in sources.argument.items():
        if name in specs:
            continue
        # `from yarl import URL` in a settings module configures nothing.
        if from_module and isinstance(value, (type, types.ModuleType, types.FunctionType)):
            continue
        owner = owner_of_unknown(name) if owner_of_unknown is not None else None
        hint = "" if owner else did_you_mean(name, specs.names)
        private = f" A constant of your own: call it _{name}." if from_module and not owner else ""
        raise SettingError(
            f"Unknown setting {name} in the {sources.argument_label}.{hint}{_belongs_to(owner)}"
            f"{private} `flasgo settings` lists all of them.",
            name=name,
        )


def _warn_of_unknown_variables(
    specs: SettingSpecs, sources: Sources, owner_of_unknown: Callable[[str], str | None] | None
) -> None:
    # The environment is shared with other programs, so an unknown name there is not an error.
    known = {variable for spec in specs for variable in spec.variables} | COMMAND_VARIABLES
    for pattern, variables in sources.texts():
        for variable in variables:
            if variable in known:
                continue
            name = variable.removeprefix(PREFIX)
            owner = owner_of_unknown(name) if owner_of_unknown is not None else None
            # Names without the prefix, which alone makes them alike.
            names = {each.removeprefix(PREFIX): each for each in known}
            match = None if owner else closest(name, names, cutoff=_ALIKE)
            if owner:
                why = _belongs_to(owner)
            elif match:
                why = f" Did you mean {names[match]!r}?"
            else:
                why = f" No plugin and no own_settings declares {name}."
            logger.warning("%s sets nothing.%s", pattern.format(variable), why)


def _belongs_to(distribution: str | None) -> str:
    return f" It belongs to {distribution}, {how_to_get(distribution)}." if distribution else ""


def _bounded(value: object, *, secret: bool) -> str:
    kind = type(value).__name__
    if secret:
        return f"{_article(kind)} value (not shown, it is a secret)"
    shown = repr(value)
    if len(shown) > _REPR_LIMIT:
        shown = shown[: _REPR_LIMIT - 3] + "..."
    return f"{shown} ({kind})"


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def _mask(value: object) -> object:
    return MASK if value else value


def _read_only(name: str) -> str:
    return (
        f"Settings are read-only, so {name} cannot be changed here. Configure it with "
        f"Flasgo(settings={{{name!r}: ...}}) or {PREFIX}{name}."
    )
