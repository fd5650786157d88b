"""The case about `when=`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine, Iterator
from types import FrameType

from flasgo import Route
from flasgo.plugin import REQUEST_HOOKS, Implementation

from .isolation import contents_of
from .probes import Probes
from .subject import Subject, SubjectApp

__all__ = ["pure_predicates"]

_MOST_CALLS = 2000
# Builtins by which a function looks at something other than its argument.
_IMPURE = frozenset(
    {"open", "sleep", "connect", "time", "monotonic", "perf_counter", "random", "getenv", "urandom"}
)


def pure_predicates(subject: Subject) -> Iterator[str]:
    """Yield what predicates do besides looking at the route."""
    made = subject.make()
    Probes(made.app, subject.policies)
    for route in made.app.routes:
        made.app.explain(route)  # compiles, which asks each predicate for the first time
    unmatched = Route("/", _nothing, methods=(), endpoint="(unmatched)")
    for impl in made.implementations(*REQUEST_HOOKS):
        if impl.options.when is None:
            continue
        for route in (*made.app.routes, unmatched):
            fault = _fault_of(made, impl, route)
            if fault:
                yield f"The when= of {impl.hook} of {impl.plugin!r} {fault}"
                break


def _fault_of(made: SubjectApp, impl: Implementation, route: Route) -> str | None:
    when = impl.options.when
    if when is None:
        return None
    asked = f"route {route.path!r}{'' if route.methods else ' (the one of unmatched requests)'}"
    before = _state_of(made, route)
    calls = _CallCount()
    try:
        with calls:
            answers: list[object] = [when(route) for _ in range(3)]
        verdicts = [bool(answer) for answer in answers]
    except Exception as error:  # noqa: BLE001 - whatever it raises stops the app
        return (
            f"raises {type(error).__name__} for {asked}: {error}. It has to answer for any route."
        )
    coroutines = [answer for answer in answers if isinstance(answer, Coroutine)]
    for coroutine in coroutines:
        coroutine.close()
    if coroutines:
        return "is async; it is asked where nothing can be awaited. Write a plain function."
    if len(set(verdicts)) > 1:
        return f"answers {verdicts} for one and the same {asked}; it has to depend on the route."
    if _state_of(made, route) != before:
        return f"changes something when it is asked about {asked}; it has to look and no more."
    if calls.impure:
        return f"calls {calls.impure}(); it has to depend on the route and on nothing else."
    if calls.number > _MOST_CALLS * len(answers):
        return f"makes {calls.number // len(answers)} calls for {asked}; it has to be cheap."
    return None


def _state_of(made: SubjectApp, route: Route) -> list[object]:
    # What the core notes for itself when it is asked for policies is no change.
    names = [name for name in Route.__slots__ if name != "pipeline" and not name.startswith("_")]
    slots = [getattr(route, name, None) for name in names]
    return [*map(repr, slots), *(contents_of(part) for part in made.parts())]


class _CallCount:
    """Counts the calls that this thread makes in its `with` block."""

    def __init__(self) -> None:
        self.number = 0
        self.impure = ""

    def __enter__(self) -> None:
        # What other tools do when garbage is collected would be counted as the predicate's.
        self._collects = gc.isenabled()
        gc.disable()
        self._previous = sys.getprofile()
        sys.setprofile(self._note)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._previous)
        if self._collects:
            gc.enable()

    def _note(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "c_call"):
            self.number += 1
        if event == "c_call" and getattr(argument, "__name__", "") in _IMPURE:
            self.impure = getattr(argument, "__name__", "")


def _nothing() -> None:
    return None
