"""The plugin under test, and the apps that are made with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from flasgo import Flasgo, Policy
from flasgo.plugin import Implementation, is_routine

__all__ = ["KINDS", "Source", "Subject", "SubjectApp"]

KINDS = ("setting", "option", "app method", "request attribute", "policy", "hook")
"""The kinds of names that plugins declare."""

Source = type | Callable[[], object] | ModuleType
"""What the kit is given for a plugin, so that it can make instances."""

_SECRET_KEY = "conformance-kit-0123456789-abcdef-0123456789"  # noqa: S105 - protects nothing


@dataclass(frozen=True)
class Subject:
    """A plugin, and what apps with it need.

    Args:
        plugin: Its class, a function that makes an instance, or a module.
        settings: Settings that every app gets: those without a default.
        options: Keywords of `Flasgo(...)` that every app gets.
        policies: Policies to put on routes, so that hooks with `when=` run.
        headers: Headers for ordinary requests, such as credentials.
        seconds: How long one request may take at most.
        plugins: Other plugins that every app gets, because the plugin needs them.
        samples: Values of types that the plugin encodes, and models of its families.

    Raises:
        TypeError: When a plugin is an instance: each app needs one of its own.
    """

    plugin: Source
    settings: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 2.0
    plugins: tuple[Source, ...] = ()
    samples: tuple[object, ...] = ()
    declared: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    """What the very first app got, by kind: later ones have to get the same."""

    def __post_init__(self) -> None:
        for given in (self.plugin, *self.plugins):
            if not (isinstance(given, (type, ModuleType)) or is_routine(given)):
                raise TypeError(
                    f"The conformance kit was given {given!r}. Give the plugin's class (or a "
                    "function that makes one, or a module): each app gets an instance of its own."
                )

    @property
    def label(self) -> str:
        """How messages call it."""
        name = getattr(self.plugin, "__qualname__", None) or getattr(self.plugin, "__name__", "?")
        return f"Plugin {name}"

    def make(
        self,
        *,
        neighbours: Iterable[object] = (),
        discover: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> SubjectApp:
        """Make an app with a plugin of its own.

        Args:
            neighbours: Further plugins.
            discover: Whether all installed plugins are loaded as well.
            settings: Settings besides those that every app gets.
        """
        instance = self.instance()
        # Any: whatever keywords plugins declare.
        options: dict[str, Any] = dict(self.options)
        app = Flasgo(
            settings={"SECRET_KEY": _SECRET_KEY, **self.settings, **(settings or {})},
            plugins=[instance, *map(_instance, self.plugins), *neighbours],
            discover=discover,
            **options,
        )
        made = SubjectApp(app, instance)
        for kind in KINDS:
            self.declared.setdefault(kind, made.owned(kind))
        return made

    def make_without(self) -> Flasgo:
        """Make an app that has the other plugins, and not the one under test."""
        others = [_instance(other) for other in self.plugins]
        return Flasgo(settings={"SECRET_KEY": _SECRET_KEY}, plugins=others, discover=False)

    def instance(self) -> object:
        """Return an instance of the plugin; the module itself where it is one."""
        return _instance(self.plugin)


def _instance(source: Source) -> object:
    return source if isinstance(source, ModuleType) else source()


class SubjectApp:
    """An app, and the plugin in it that is under test.

    Attributes:
        app: The app.
        plugin: The plugin's instance, or module.
        name: The name under which it is registered.
    """

    def __init__(self, app: Flasgo, plugin: object) -> None:
        self.app = app
        self.plugin = plugin
        self.name = app.plugins.manager.get_name(plugin) or "?"

    def owns(self, plugin: str) -> bool:
        """Whether a plugin's or component's name belongs to the plugin under test."""
        return plugin.partition(".")[0] == self.name

    def implementations(self, *hooks: str) -> Iterator[Implementation]:
        """Yield the plugin's implementations of some hooks, components included."""
        for hook in hooks:
            for impl in self.app.plugins.implementations(hook):
                if self.owns(impl.plugin):
                    yield impl

    def parts(self) -> list[object]:
        """Return the plugin and its components."""
        manager = self.app.plugins.manager
        return [
            part
            for name, part in manager.list_name_plugin()
            if part is not None and self.owns(name)
        ]

    def owned(self, kind: str) -> tuple[str, ...]:
        """Return the names of one kind that the plugin has declared."""
        return tuple(self.app.plugins.declarations.owned(kind, self.name))
