"""Swallowed policies: those of a function that a decorator hides from its route.

A decorator that returns a function of its own, without `functools.wraps`, takes the place of the
handler, and a policy below it is on a function that no route knows.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING

from flasgo.errors import UnenforcedPolicyError
from flasgo.plugins.policies import Policy, policies_on

if TYPE_CHECKING:
    from flasgo.routing import Route

__all__ = ["refuse_swallowed_policies"]

_CALLABLE_TYPES = (FunctionType, MethodType, functools.partial)


def refuse_swallowed_policies(routes: Iterable[Route]) -> None:
    """Refuse routes whose handler calls a function with a policy that the route knows nothing of.

    A function that has a route of its own may be called by other handlers: its policies hold
    where it is a handler, and the others are other endpoints.

    Args:
        routes: All routes of an app.

    Raises:
        UnenforcedPolicyError: For the first such route.
    """
    routes = tuple(routes)
    served = {id(_function(route.handler)) for route in routes}
    for route in routes:
        for function, policy in _hidden_policies(route, served):
            raise _swallowed(route, function, policy)


def _hidden_policies(route: Route, served: Collection[int]) -> Iterator[tuple[object, Policy]]:
    known: set[int] | None = None
    seen: set[int] = set()
    pending = [route.handler]
    while pending:
        for function in _held_by(_function(pending.pop())):
            if id(_function(function)) in served or id(function) in seen:
                continue
            seen.add(id(function))
            pending.append(function)
            for policy in policies_on(function):
                if known is None:
                    known = {id(each) for each in route.policies}
                if id(policy) not in known:
                    yield function, policy


def _held_by(holder: object) -> Iterator:
    """Iterate over the functions that a function or callable object was made with."""
    if isinstance(holder, FunctionType):
        held: Iterable[object] = map(_content, holder.__closure__ or ())
    elif isinstance(holder, functools.partial):
        held = (holder.func,)
    else:
        held = getattr(holder, "__dict__", {}).values()
    return (each for each in held if isinstance(each, _CALLABLE_TYPES))


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty until its function has run
        return None


def _function(handler: object) -> object:
    return getattr(handler, "__func__", handler)


def _swallowed(route: Route, function: object, policy: Policy) -> UnenforcedPolicyError:
    name = getattr(function, "__qualname__", repr(function))
    outer = getattr(route.handler, "__qualname__", repr(route.handler))
    return UnenforcedPolicyError(
        f"Route {route.path!r} (endpoint {route.endpoint!r}) calls {name}, which carries the "
        f"policy {policy.explain()}, but its handler is {outer}: a decorator between the two hides "
        "the policy, so that nobody would enforce it. Let that decorator use functools.wraps, or "
        "put the policy above it. Until then the app does not start, so that no door stands open.",
        route=route.path,
        policy=type(policy).__name__,
        distribution=None,
    )
