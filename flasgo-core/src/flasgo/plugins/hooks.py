"""`hookimpl` and `hookspec`: pluggy's markers, and what Flasgo adds to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, overload

import pluggy
from msgspec import Struct

from flasgo.routing import Route  # `inspect.signature(HookOptions)` reads it

__all__ = ["HookOptions", "hookimpl", "hookspec", "is_sync_only", "options_of"]

PROJECT = "flasgo"
_OPTIONS = "flasgo_hookimpl_options"

_F = TypeVar("_F", bound=Callable[..., object])

_SYNC = "flasgo_hookspec_is_sync"

_spec_marker = pluggy.HookspecMarker(PROJECT)
_marker = pluggy.HookimplMarker(PROJECT)


class HookOptions(Struct, frozen=True):
    """What a hook implementation asks for beyond pluggy's own options.

    Attributes:
        before: Names of plugins whose implementations of the same hook come later.
        after: Names of plugins whose implementations of the same hook come earlier.
        when: Asked once per endpoint, at compile time; False leaves the implementation out.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    when: Callable[[Route], bool] | None = None


_NO_OPTIONS = HookOptions()


def options_of(function: object) -> HookOptions:
    """Return the options that `hookimpl` left on a function or bound method."""
    return getattr(function, _OPTIONS, _NO_OPTIONS)


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@overload
def hookspec(function: _F, /) -> _F: ...
@overload
def hookspec(
    *, firstresult: bool = ..., sync: bool = ..., historic: bool = ...
) -> Callable[[_F], _F]: ...
def hookspec(
    function: _F | None = None,
    /,
    *,
    firstresult: bool = False,
    sync: bool = False,
    historic: bool = False,
) -> _F | Callable[[_F], _F]:
    """Mark a function as the specification of a hook that a plugin publishes.

    Args:
        function: The function, when used as a bare decorator.
        firstresult: `await app.plugins.call(...)` ends with the first answer that is not None,
            and returns it.
        sync: Implementations are `def`, because the hook is called where nothing can be awaited;
            one that is `async def` is refused when it is registered.
        historic: pluggy's own option.

    Returns:
        The same function, marked.
    """

    def mark(target: _F) -> _F:
        setattr(target, _SYNC, sync)
        return _spec_marker(firstresult=firstresult, historic=historic)(target)

    return mark if function is None else mark(function)


def is_sync_only(spec: object) -> bool:
    """Return whether a specification was marked with `sync=True`."""
    return getattr(spec, _SYNC, False)


@overload
def hookimpl(function: _F, /) -> _F: ...
@overload
def hookimpl(
    *,
    tryfirst: bool = ...,
    trylast: bool = ...,
    before: str | Iterable[str] = ...,
    after: str | Iterable[str] = ...,
    when: Callable[[Route], bool] | None = ...,
    optionalhook: bool = ...,
    specname: str | None = ...,
    wrapper: bool = ...,
) -> Callable[[_F], _F]: ...
def hookimpl(
    function: _F | None = None,
    /,
    *,
    tryfirst: bool = False,
    trylast: bool = False,
    before: str | Iterable[str] = (),
    after: str | Iterable[str] = (),
    when: Callable[[Route], bool] | None = None,
    optionalhook: bool = False,
    specname: str | None = None,
    wrapper: bool = False,
) -> _F | Callable[[_F], _F]:
    """Mark a function or method as the implementation of a hook.

    Args:
        function: The function, when used as a bare decorator.
        tryfirst: Come before the implementations that do not say so.
        trylast: Come after the implementations that do not say so.
        before: Plugin names to come before; names of absent plugins are ignored. `"*"` is all
            plugins but those that name this one.
        after: Plugin names to come after; names of absent plugins are ignored.
        when: For request hooks: a predicate on the route, asked once per endpoint when the
            pipeline is compiled. Where it says no, the hook costs that endpoint nothing.
        optionalhook: The hook may be one that no active plugin publishes.
        specname: The hook's name, when the function is called something else.
        wrapper: pluggy's wrappers are refused, with advice: hooks are compiled into plain calls.

    Returns:
        The same function, marked.
    """
    options = HookOptions(_names(before), _names(after), when)

    def mark(target: _F) -> _F:
        setattr(target, _OPTIONS, options)
        return _marker(
            tryfirst=tryfirst,
            trylast=trylast,
            optionalhook=optionalhook,
            specname=specname,
            wrapper=wrapper,
        )(target)

    return mark if function is None else mark(function)
