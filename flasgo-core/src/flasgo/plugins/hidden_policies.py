"""Hidden policies: those of functions that are called for a route, and are not its handler.

A decorator that returns a function of its own, without `functools.wraps`, takes the place of the
handler, and a policy below it is on a function that no route knows. One on a dependency or on a
`before_request` function reads as if it held, and is not enforced either.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING

from flasgo.callables import qualified_name
from flasgo.errors import UnenforcedPolicyError
from flasgo.routing.policies import policies_on

if TYPE_CHECKING:
    from flasgo.routing import Route

__all__ = ["refuse_hidden_policies"]

_CALLABLE_TYPES = (FunctionType, MethodType, functools.partial)


def refuse_hidden_policies(
    routes: Iterable[Route], callbacks_of: Callable[[Route], Iterable[Callable[..., object]]]
) -> None:
    """Refuse routes for which a function is called whose policy the route knows nothing of.

    A function that has a route of its own may be called by other handlers: its policies hold
    where it is a handler, and the others are other endpoints.

    Args:
        routes: All routes of an app.
        callbacks_of: Returns the `before_request` functions of a route.

    Raises:
        UnenforcedPolicyError: For the first such route.
    """
    routes = tuple(routes)
    served = {id(_function(route.handler)) for route in routes}
    for route in routes:
        for function in _wrapped_by(route.handler, served):
            if policies_on(function):
                _refuse(route, function, _hidden(route, function))
        for function in route.plan.dependencies if route.plan is not None else ():
            _refuse(route, function, _DEPENDENCY)
        for function in callbacks_of(route):
            _refuse(route, function, _CALLBACK)


_DEPENDENCY = (
    "policies of dependencies are not enforced. Attach it to the handler, or to the blueprint"
)
_CALLBACK = (
    "policies of before_request functions are not enforced. Attach it to the handlers, or to "
    "the blueprint or app that has the function"
)


def _hidden(route: Route, function: object) -> str:
    return (
        f"a decorator between {_name(function)} and the handler, {_name(route.handler)}, hides it. "
        "Let that decorator use functools.wraps, or put the policy above it"
    )


def _wrapped_by(handler: object, served: Collection[int]) -> Iterator[object]:
    """Iterate over the functions that a handler was made with, and those that they were made with.

    Args:
        handler: The handler of a route.
        served: The ids of the functions that have routes of their own.
    """
    seen: set[int] = set()
    pending = [handler]
    while pending:
        for function in _held_by(_function(pending.pop())):
            if id(_function(function)) not in served and id(function) not in seen:
                seen.add(id(function))
                pending.append(function)
                yield function


def _refuse(route: Route, function: object, advice: str) -> None:
    for policy in policies_on(function):
        if not any(policy is known for known in route.policies):
            raise UnenforcedPolicyError(
                f"Route {route.path!r} (endpoint {route.endpoint!r}) calls {_name(function)}, "
                f"which carries the policy {policy.explain()}, but {advice}. Until then the app "
                "does not start.",
                route=route.path,
                policy=type(policy).__name__,
                distribution=None,
            )


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


def _name(function: object) -> str:
    return qualified_name(function)
