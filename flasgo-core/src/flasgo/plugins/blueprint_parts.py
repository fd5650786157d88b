"""What plugins bring to blueprints: keywords and decorators, kept until an app is there.

A blueprint is made before its app, which alone knows its plugins. So a blueprint takes down what
it was given by the names that the bundle and installed distributions declare; the app has its
plugins apply that when the blueprint is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from msgspec import Struct

from flasgo import _bundle
from flasgo.errors import ConfigurationError
from flasgo.plugins.declared_names import (
    BLUEPRINT_METHODS_GROUP,
    BLUEPRINT_OPTIONS_GROUP,
    declared_in,
    names_of_inactive,
)

if TYPE_CHECKING:
    from flasgo.app import Flasgo
    from flasgo.blueprints import Blueprint
    from flasgo.plugins.registry import Declarations
    from flasgo.routing import Route
    from flasgo.routing.operation import EndpointOptions

__all__ = ["PlacedBlueprint", "PluginParts", "apply_parts", "method_names", "option_names"]

_F = TypeVar("_F", bound=Callable[..., object])


class _MethodCall(Struct, frozen=True):
    """`@blueprint.<name>(*args, **kwargs)` over a function."""

    name: str
    function: Callable[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


class PluginParts(Struct):
    """What one blueprint was given for plugins.

    Attributes:
        options: The values of keywords.
        calls: The functions that were decorated, in their order.
    """

    options: Mapping[str, object]
    calls: list[_MethodCall]

    # Any: with parentheses the decorator is returned, without them the function.
    def decorator(self, name: str, check: Callable[[], None]) -> Callable[..., Any]:
        """Return what takes down the functions that are decorated with `@blueprint.<name>`.

        Args:
            name: The decorator's name.
            check: Called first; raises where nothing can be taken any more.
        """

        def take(*args: Any, **kwargs: object) -> Any:
            check()
            if len(args) == 1 and not kwargs and callable(args[0]):
                self.calls.append(_MethodCall(name, args[0], (), {}))
                return args[0]

            def decorate(function: _F) -> _F:
                self.calls.append(_MethodCall(name, function, args, kwargs))
                return function

            return decorate

        return take

    def names(self) -> set[str]:
        """Return the keywords and decorators that were used."""
        return {*self.options, *(call.name for call in self.calls)}


# A dataclass: the signature of a Struct needs the types of its fields at run time, and those of
# apps and blueprints are above this module.
@dataclass(frozen=True)
class PlacedBlueprint:
    """A blueprint at its place in an app: what a plugin that brings something to it is given.

    Attributes:
        app: The app.
        blueprint: The blueprint.
        name: Its full name there, such as `shop.cart`.
        prefix: What its paths begin with there; `""` for the root.
        folder: The folder of the module that made it, or None where that has no file.
        options: The keywords that it was given for plugins.
    """

    app: Flasgo
    blueprint: Blueprint
    name: str
    prefix: str
    folder: Path | None
    options: Mapping[str, object]
    _add_route: Callable[..., Route]

    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = ("GET",),
        *,
        endpoint: str,
        **options: Unpack[EndpointOptions],
    ) -> Route:
        """Add a route to the blueprint, with its prefix, host, callbacks and policies.

        Args:
            path: The rule, behind the prefix.
            handler: What answers.
            methods: The HTTP methods.
            endpoint: Its name, behind the blueprint's.
            options: See `RouteOptions`.

        Returns:
            The route. It is registered together with the blueprint.

        Raises:
            RouteError: When it is malformed.
        """
        return self._add_route(path, handler, tuple(methods), endpoint, options)


def option_names() -> frozenset[str]:
    """Return the keywords of `Blueprint(...)` that installed plugins bring."""
    return _installed(_bundle.BLUEPRINT_OPTIONS) | declared_in(BLUEPRINT_OPTIONS_GROUP)


def method_names() -> frozenset[str]:
    """Return the decorators of blueprints that installed plugins bring."""
    return _installed(_bundle.BLUEPRINT_METHODS) | declared_in(BLUEPRINT_METHODS_GROUP)


def _installed(table: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(
        name
        for distribution, names in table.items()
        if _bundle.is_installed(distribution)
        for name in names
    )


def apply_parts(
    placed: PlacedBlueprint, parts: PluginParts, declarations: Declarations
) -> Iterator[Callable[[], None]]:
    """Have an app's plugins apply what a blueprint was given for them.

    Args:
        placed: The blueprint at its place.
        parts: What it was given.
        declarations: What the app's plugins have declared.

    Yields:
        What is to be done once the blueprint is registered.

    Raises:
        ConfigurationError: When no plugin of the app takes one of them.
    """
    options, methods = declarations.blueprint_options, declarations.blueprint_methods
    unknown = parts.names() - {*options, *methods}
    where = f" of the blueprint {placed.name!r}"
    unused = names_of_inactive(
        unknown, placed.app.plugins._inactive, [*options, *methods], where=where
    )
    for name in sorted(unknown - unused):
        how = _bundle.missing_blueprint_part(name) or (
            f"{name} is brought by a plugin that is not active here (`flasgo plugins`)."
        )
        raise ConfigurationError(f"No plugin of the app takes {name}{where}. {how}")
    steps = [
        options[name](placed, value) for name, value in parts.options.items() if name in options
    ]
    steps += [
        methods[call.name](placed, call.function, *call.args, **call.kwargs)
        for call in parts.calls
        if call.name in methods
    ]
    yield from (step for step in steps if step is not None)
