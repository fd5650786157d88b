"""The keywords of `Flasgo(...)` that plugins declared: `app.options["static_folder"]`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from flasgo import _bundle
from flasgo.errors import OptionError, did_you_mean
from flasgo.plugins.declared_names import Inactive, names_of_inactive

if TYPE_CHECKING:
    from flasgo.plugins.registry import Option

__all__ = ["Options", "take_options"]

_OF_CORE = ("name", "settings", "own_settings", "plugins", "disable_plugins", "discover")

_F = TypeVar("_F", bound=Callable[..., object])


class Options(Mapping[str, Any]):
    """The values of the options, read-only; called, it is the decorator for OPTIONS routes.

    `app.options` is both: the method decorators are named after the methods, and the options
    after `Flasgo(...)`'s.

    Args:
        values: The value of each option.
        decorator: Makes the decorator for a path.
    """

    # `Any`: each option has the type that its plugin gave it.
    def __init__(
        self, values: Mapping[str, Any], decorator: Callable[..., Callable[[_F], _F]]
    ) -> None:
        self._values = dict(values)
        self._decorator = decorator

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise OptionError(
                f"No active plugin declares the option {name!r}.{did_you_mean(name, self._values)}",
                name=name,
            )
        return self._values[name]

    # `Mapping` would ask `__getitem__`, whose error is no KeyError.
    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, key: object, default: Any = None, /) -> Any:
        """Return the value of an option, or `default` where no active plugin declares it."""
        return self._values[key] if isinstance(key, str) and key in self._values else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Options({self._values!r})"

    def __call__(self, path: str, **options: Any) -> Callable[[_F], _F]:
        """Register the decorated function for OPTIONS; arguments as of `add_route`."""
        return self._decorator(path, ("OPTIONS",), **options)


def take_options(
    declared: Mapping[str, Option],
    given: Mapping[str, object],
    inactive: Callable[[], Collection[Inactive]],
) -> dict[str, object]:
    """Return the value of each option that plugins have declared.

    Args:
        declared: The options, by name.
        given: The keywords that `Flasgo(...)` was given.
        inactive: Returns the plugins that are not active; asked only about unknown keywords.

    Raises:
        OptionError: When no plugin declares a keyword.
    """
    unknown = set(given) - set(declared)
    known = [*_OF_CORE, *declared]
    for name in sorted(unknown - names_of_inactive(unknown, inactive, known)):
        from flasgo.advice.names_elsewhere import advice

        meant = _bundle.owner_of_option(name) or advice("Flasgo", name)
        hint = f" {meant}" if meant else ""
        raise OptionError(
            f"Flasgo() got an unknown keyword {name!r}."
            f"{hint or did_you_mean(name, known)} Allowed are: {', '.join(known)}.",
            name=name,
        )
    return {name: given.get(name, option.default) for name, option in declared.items()}
