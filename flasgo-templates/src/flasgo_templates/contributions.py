"""What other plugins bring to the templates of an app, collected once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flasgo import ConfigurationError, Connection, PluginError
from jinja2.defaults import DEFAULT_NAMESPACE

from flasgo_templates.directories import real_directory
from flasgo_templates.loader import TemplateRoot, checked_prefix

if TYPE_CHECKING:
    from flasgo.plugin import Implementation, Plugins
    from jinja2 import Environment

__all__ = ["Contribution", "collect_contribution"]

# SECURITY: sandbox, escaping, strict variables, and where templates come from.
_FIXED = (
    "autoescape",
    "bytecode_cache",
    "is_async",
    "loader",
    "sandboxed",
    "template_class",
    "undefined",
)
_RESERVED = frozenset({*DEFAULT_NAMESPACE, "g", "request", "url_for"})


@dataclass(frozen=True)
class Contribution:
    """What all plugins and blueprints together bring.

    Args:
        hooks: The `template_context` implementations, in the order of their calls.
        names: Globals.
        roots: Directories of templates.
        shapers: What each plugin does to a new environment, by the plugin's name.
    """

    hooks: tuple[Callable[[Connection], object], ...]
    names: Mapping[str, object]
    roots: tuple[TemplateRoot, ...]
    shapers: Mapping[str, Callable[[Environment], None]]


def collect_contribution(
    plugins: Plugins, of_blueprints: tuple[TemplateRoot, ...] = ()
) -> Contribution:
    """Ask the plugins what they bring to templates.

    Args:
        plugins: The plugins of the app.
        of_blueprints: The directories of the app's blueprints, which come first.

    Raises:
        PluginError: When an implementation returns the wrong thing, when a directory does not
            exist, or when two plugins bring the same name.
    """
    hooks = [impl.call for impl in plugins.implementations("template_context")]
    directories = _merged(plugins, "template_directories")
    return Contribution(
        tuple(hooks),
        {name: value for name, (_, value) in _merged(plugins, "template_globals").items()},
        (*of_blueprints, *(_root(prefix, *found) for prefix, found in directories.items())),
        {
            impl.plugin: partial(_shape, plugins, impl)
            for impl in plugins.implementations("template_environment")
        },
    )


def _shape(plugins: Plugins, impl: Implementation, environment: Environment) -> None:
    before = {name: getattr(environment, name) for name in _FIXED}
    changed = []
    try:
        plugins.call_setup(impl, environment)
    finally:
        for name, value in before.items():
            if getattr(environment, name) is not value:
                setattr(environment, name, value)
                changed.append(name)
    if changed:
        raise PluginError(
            f"Plugin {impl.plugin!r}: template_environment changed environment.{changed[0]}, "
            "which keeps templates safe; leave it as it is.",
            plugin=impl.plugin,
        )


def _merged(plugins: Plugins, hook: str) -> dict[str, tuple[str, object]]:
    """Merge the mappings that a hook returns: name -> (plugin, value)."""
    merged: dict[str, tuple[str, object]] = {}
    for impl in plugins.implementations(hook):
        for name, value in _entries(impl, plugins.call_setup(impl)):
            if name in merged or name in _RESERVED:
                other = merged[name][0] if name in merged else "templates"
                raise PluginError(
                    f"Plugins {other!r} and {impl.plugin!r} both bring {name!r} in {hook}; "
                    "disable one of them, or rename it in the plugin you own.",
                    plugin=impl.plugin,
                )
            merged[name] = (impl.plugin, value)
    return merged


def _entries(impl: Implementation, answer: object) -> Iterable[tuple[str, object]]:
    if answer is None:
        return ()
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) for name in answer):
        raise PluginError(
            f"Plugin {impl.plugin!r}: {impl.hook} must return a mapping of str to values, or "
            f"None, got {type(answer).__name__}.",
            plugin=impl.plugin,
        )
    return answer.items()


def _root(prefix: str, plugin: str, directory: object) -> TemplateRoot:
    try:
        if not isinstance(directory, (str, Path)) or not Path(directory).is_absolute():
            raise ConfigurationError(
                f"{directory!r} is not an absolute path; write Path(__file__).parent / 'templates'."
            )
        return TemplateRoot(real_directory(directory, None), checked_prefix(prefix))
    except ConfigurationError as error:
        raise PluginError(f"Plugin {plugin!r}: template_directories: {error}", plugin=plugin) from (
            error
        )
