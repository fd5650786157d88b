"""Policies: what decorators attach to a handler, and what plugins enforce."""

from __future__ import annotations

import functools
import weakref
from abc import abstractmethod
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Protocol, TypeVar

from flasgo.callables import is_routine

if TYPE_CHECKING:
    from flasgo.routing import Route

__all__ = [
    "Policy",
    "PolicyScope",
    "attach_policy",
    "has_policy",
    "policies_on",
    "watch_policies",
]

_POLICIES = "__flasgo_policies__"
_WATCHERS = "__flasgo_policy_watchers__"


class Policy:
    """A rule for the endpoints it is attached to. Subclass it as a frozen dataclass.

    A plugin declares that it enforces a policy with `registry.enforces(PolicyType)`. An app with
    a route whose policy no plugin enforces does not start.
    """

    def explain(self) -> str:
        """Return the line that `flasgo routes --explain` shows for this policy."""
        return repr(self)


class PolicyScope:
    """Something whose policies hold for all of its routes: an app or a blueprint.

    Attributes:
        _held_policies: The policies attached to it, the outermost decorator's first.
    """

    _held_policies: tuple[Policy, ...] = ()

    @abstractmethod
    def _recompile(self) -> None:
        """Have the pipelines of all its routes compiled anew before the next request."""


_H = TypeVar("_H", bound=Callable[..., object] | PolicyScope)


class _Watcher(Protocol):
    def _recompile(self) -> None: ...


def policies_on(handler: object) -> tuple[Policy, ...]:
    """Return the policies attached to a handler, the outermost decorator's first.

    SECURITY: a partial and an object with `__call__` carry those of the function they call.
    """
    own: tuple[Policy, ...] = getattr(handler, _POLICIES, ())
    if type(handler) is FunctionType:  # PERF: hooks ask while a request waits
        return own
    called = _called_by(handler)
    return own if called is None else own + policies_on(called)


def _called_by(handler: object) -> object | None:
    """Return the function that a callable object hands its calls to, if it is not one itself."""
    if isinstance(handler, functools.partial):
        return handler.func
    if is_routine(handler) or isinstance(handler, type):
        return None
    return getattr(type(handler), "__call__", None)  # noqa: B004 - the function is wanted


def attach_policy(handler: _H, policy: Policy) -> _H:
    """Attach a policy to a handler, whether or not it has routes already.

    Args:
        handler: The function that routes point to, or a blueprint or an app, whose routes all
            get the policy in addition to their own. It keeps its identity. A `staticmethod` or
            `classmethod` stands for its function.
        policy: The policy; several of one type add up.

    Returns:
        The handler.

    Raises:
        TypeError: When `policy` is not a Policy, or the handler cannot carry one.
    """
    if not isinstance(policy, Policy):
        raise TypeError(
            f"attach_policy takes an instance of a Policy subclass, got {policy!r}; "
            "derive a frozen dataclass from flasgo.Policy."
        )
    if isinstance(handler, PolicyScope):
        handler._held_policies = (policy, *handler._held_policies)
        handler._recompile()
        return handler
    for carrier in _carriers(handler, policy):
        try:
            setattr(carrier, _POLICIES, (policy, *getattr(carrier, _POLICIES, ())))
        except AttributeError:
            raise TypeError(
                f"{policy.explain()} cannot be attached to {handler!r}: it accepts no attributes. "
                f"{_ADVICE}"
            ) from None
        for watcher in getattr(carrier, _WATCHERS, ()):
            watcher._recompile()
    return handler


_CLASS_ADVICE = (
    "Decorate its methods in the class body; for all methods of a View, name the decorator in its "
    "`decorators`."
)
_ADVICE = "Decorate the function itself (for a method, in the class body)."


def _carriers(handler: object, policy: Policy) -> tuple[object, ...]:
    """Return the objects that carry a policy, so that it is found whichever a route is given."""
    # SECURITY: a class body hands out the function, and a policy on its wrapping would be lost.
    if isinstance(handler, (staticmethod, classmethod)):
        return handler.__func__, handler
    # SECURITY: no route calls these, so the policy would never be enforced. The same holds for the
    # methods of a class.
    if not callable(handler) or (isinstance(handler, type) and not _makes_callables(handler)):
        raise TypeError(
            f"{policy.explain()} cannot be attached to {handler!r}: it is not what a route calls. "
            f"{_CLASS_ADVICE if isinstance(handler, type) else _ADVICE}"
        )
    return (handler,)


def _makes_callables(kind: type) -> bool:
    return any("__call__" in vars(base) for base in kind.__mro__)


def watch_policies(handler: object, watcher: _Watcher) -> None:
    """Have `watcher._recompile()` called when a policy is attached to the handler later.

    SECURITY: without this, a decorator applied after the first request would be ignored in
    silence. A handler that can take no attributes can take no policies either.
    """
    called = _called_by(handler)
    if called is not None:
        watch_policies(called, watcher)
    # Policies on a method are kept by its function.
    handler = getattr(handler, "__func__", handler)
    watchers = getattr(handler, _WATCHERS, None)
    if watchers is None:
        watchers = weakref.WeakSet()
        try:
            setattr(handler, _WATCHERS, watchers)
        except AttributeError:
            return
    watchers.add(watcher)


def has_policy(*types: type[Policy]) -> Callable[[Route], bool]:
    """Return a predicate for `hookimpl(when=...)`: does the route carry one of these policies?

    Args:
        types: Policy classes; subclasses count.
    """

    def carries(route: Route) -> bool:
        return any(isinstance(policy, types) for policy in route.policies)

    return carries
