"""The order in which the implementations of one hook are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import TYPE_CHECKING

from flasgo.errors import PluginError
from flasgo.plugins.hooks import options_of

if TYPE_CHECKING:
    from pluggy import HookImpl

__all__ = ["call_order"]


def call_order(
    hook: str,
    impls: Sequence[HookImpl],
    requires: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[HookImpl]:
    """Sort hook implementations into the order in which they are called.

    `tryfirst` come first and `trylast` last, as in pluggy, and `before="*"` ahead of them all;
    within each of these groups the plugins' names decide, so that no installation or registration
    order shows; `before=` and `after=` then move an implementation where they must.

    Args:
        hook: The hook's name, for the error.
        impls: What pluggy has.
        requires: The plugins that have to come before each plugin, by its name.

    Raises:
        PluginError: When `before=`, `after=` and `requires` of two plugins contradict each other.
    """
    ranked = sorted(impls, key=_rank)
    earlier: dict[int, set[int]] = {index: set() for index in range(len(ranked))}
    for index, impl in enumerate(ranked):
        options = options_of(impl.function)
        required = tuple(requires.get(impl.plugin_name.partition(".")[0], ()))
        for other, peer in enumerate(ranked):
            if other == index:
                continue
            if _is_named(peer, options.before):
                earlier[other].add(index)
            if _is_named(peer, options.after) or _is_named(peer, required):
                earlier[index].add(other)
    return [ranked[index] for index in _sorted_stably(hook, ranked, earlier)]


def _rank(impl: HookImpl) -> tuple[int, str]:
    if "*" in options_of(impl.function).before:
        return (-2, impl.plugin_name)
    return (-1 if impl.tryfirst else 1 if impl.trylast else 0, impl.plugin_name)


def _is_named(impl: HookImpl, names: tuple[str, ...]) -> bool:
    """Whether an implementation belongs to one of the plugins, as itself or as a component."""
    return any(
        impl.plugin_name == name or impl.plugin_name.startswith(f"{name}.") for name in names
    )


def _sorted_stably(hook: str, ranked: list[HookImpl], earlier: dict[int, set[int]]) -> list[int]:
    sorter = TopologicalSorter(earlier)
    try:
        sorter.prepare()
    except CycleError as exc:
        names = [ranked[index].plugin_name for index in exc.args[1]]
        raise PluginError(
            f"The plugins {' -> '.join(map(repr, reversed(names)))} ask for a circular order of "
            f"hook {hook!r}. Remove one of their before=, after= or requires.",
            plugin=names[0],
        ) from None
    order: list[int] = []
    ready: list[int] = []
    while sorter.is_active():
        ready.extend(sorter.get_ready())
        ready.sort()
        index = ready.pop(0)
        order.append(index)
        sorter.done(index)
    return order
