"""Cases about what outlives an app or a request, or is shared between two."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from flasgo import Connection, Flasgo, Response
from flasgo.plugin import REQUEST_HOOKS, SETUP_HOOKS

from flasgo_testing.exchange import Answer

from .probes import PREFIX
from .rig import Rig
from .subject import KINDS, Subject, SubjectApp

__all__ = [
    "contents_of",
    "keeps_requests_apart",
    "sets_up_again",
    "shares_no_state",
]

_CONTAINERS = (dict, list, set, deque, bytearray)
_ADVICE = "Keep it on the plugin's instance, of which each app has its own."
_CROWD = 8


# --- Twice ------------------------------------------------------------------------------------


def sets_up_again(subject: Subject) -> Iterator[str]:
    """Yield what is different the second time."""
    subject.make()
    second = subject.make()
    for kind in KINDS:
        before, after = set(subject.declared[kind]), set(second.owned(kind))
        if before != after:
            yield (
                f"The second app gets other names of the kind {kind!r}: {sorted(before)} became "
                f"{sorted(after)}. Declare them in every plugin_setup."
            )
    with Rig(subject) as rig:
        for turn in ("first", "second"):
            rig.ask(rig.probes.paths[0], situation=f"a request after the {turn} start-up")
            rig.converse(rig.scope(f"{PREFIX}/socket", situation=f"a WebSocket, {turn} start-up"))
            if turn == "first":
                rig.stop()
                rig.start()
        yield from rig.judge()
    if not subject.settings and not subject.options:
        yield from _late(subject)


def _late(subject: Subject) -> Iterator[str]:
    app = subject.make_without()
    try:
        app.plugins.register(subject.instance())
    except Exception as error:  # noqa: BLE001 - judged here
        yield (
            "It cannot join an app that exists already (app.plugins.register): "
            f"{type(error).__name__}: {error}"
        )


# --- Two apps ---------------------------------------------------------------------------------


def shares_no_state(subject: Subject) -> Iterator[str]:
    """Yield what one app's requests change for all apps, and what two apps both hold."""
    with Rig(subject) as one, Rig(subject) as other:
        yield from _shared_parts(one.made, other.made)
        _visit(one)  # what is made once, at the first request, may stay
        before = _snapshot(one.made)
        _visit(one)
        _visit(other)
        after = _snapshot(one.made)
        for place, value in after.items():
            if place in before and before[place] != value:
                yield f"{place} changes with the requests of one app, and is every app's. {_ADVICE}"
        for place, value in _held(one.made, {one.app, other.app}):
            kind = type(value).__name__
            yield f"{place} holds a {kind}, and is every app's. {_ADVICE}"


def _visit(rig: Rig) -> None:
    for number, path in enumerate(rig.probes.paths):
        rig.ask(path, headers={"x-conformance": str(number)})
    rig.ask("/nothing-here")


def _shared_parts(one: SubjectApp, other: SubjectApp) -> Iterator[str]:
    theirs = {id(part) for part in other.parts() if not isinstance(part, ModuleType)}
    for part in one.parts():
        if id(part) in theirs:
            yield f"Both apps have the same {type(part).__name__} object as component. {_ADVICE}"
    for name in one.owned("setting"):
        value = one.app.settings[name]
        if value is other.app.settings[name] and isinstance(value, _CONTAINERS):
            yield f"Both apps have the same {type(value).__name__} as {name}: use default_factory=."


def _modules_and_classes(made: SubjectApp) -> tuple[dict[str, ModuleType], set[type]]:
    """Return the modules that a plugin's hooks come from, and the classes of its objects."""
    modules: dict[str, ModuleType] = {}
    classes: set[type] = set()
    for part in made.parts():
        kind = part if isinstance(part, ModuleType) else type(part)
        if isinstance(kind, type):
            classes.update(k for k in kind.__mro__ if k.__module__ != "builtins")
    names = {kind.__module__ for kind in classes}
    names |= {part.__name__ for part in made.parts() if isinstance(part, ModuleType)}
    for impl in made.implementations(*REQUEST_HOOKS, *SETUP_HOOKS):
        names.add(impl.function.__module__)
    for name in names:
        if name in sys.modules and not name.startswith(("flasgo_testing", "flasgo.")):
            modules[name] = sys.modules[name]
    return modules, classes


def _places(made: SubjectApp) -> Iterator[tuple[str, object]]:
    """Yield what belongs to all apps: variables of modules, attributes of classes."""
    modules, classes = _modules_and_classes(made)
    for name, module in modules.items():
        for key, value in list(vars(module).items()):
            if _is_state(key, value):
                yield f"{name}.{key}", value
    for kind in classes:
        for key, value in list(vars(kind).items()):
            if _is_state(key, value):
                yield f"{kind.__qualname__}.{key}", value


def _is_state(key: str, value: object) -> bool:
    code = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, property)
    # type(), not isinstance: proxies such as `flasgo.request` pretend to be what they stand for.
    return not (
        (key.startswith("__") and key.endswith("__"))
        or key.startswith("_abc_")
        or issubclass(type(value), (*code, classmethod, staticmethod))
    )


def _snapshot(made: SubjectApp) -> dict[str, object]:
    modules, _ = _modules_and_classes(made)
    taken: dict[str, object] = {}
    for place, value in _places(made):
        taken[place] = _frozen(value)
        # One level deeper for objects of the plugin's own classes: a registry, a counter.
        if type(value).__module__ in modules and hasattr(value, "__dict__"):
            for key, inner in list(vars(value).items()):
                taken[f"{place}.{key}"] = _frozen(inner)
    return taken


def _frozen(value: object) -> object:
    if issubclass(type(value), _CONTAINERS):
        return _listing(value)
    if type(value) in (int, str, bytes, float, bool, tuple, frozenset, type(None)):
        return value
    return id(value)


def _listing(container: object) -> tuple[object, ...]:
    if isinstance(container, dict):
        return tuple((_plain(key), _plain(value)) for key, value in list(container.items()))
    if isinstance(container, bytearray):
        return (bytes(container),)
    if isinstance(container, (list, set, deque)):
        return tuple(sorted((_plain(item) for item in container), key=repr))
    return ()


def _plain(value: object) -> object:
    return value if type(value) in (int, str, bytes, float, bool) else id(value)


def contents_of(part: object) -> object:
    """Return what an object's attributes hold now, to compare it with later."""
    return {key: _frozen(value) for key, value in getattr(part, "__dict__", {}).items()}


def _held(made: SubjectApp, apps: set[Flasgo]) -> Iterator[tuple[str, object]]:
    for place, value in _places(made):
        for item in _with_items(value):
            if _is_of(item, apps):
                yield place, item
                break


def _is_of(item: object, apps: set[Flasgo]) -> bool:
    # An app of the module's own, `app = Flasgo()`, has nothing to do with the kit's. And a proxy,
    # such as `flasgo.request`, must not be asked what it stands for.
    if issubclass(type(item), Flasgo) and isinstance(item, Flasgo):
        return item in apps
    return issubclass(type(item), Connection) and getattr(item, "app", None) in apps


def _with_items(value: object) -> list[object]:
    """Return a value and, where it is a plain container, what is in it."""
    # Asking a proxy, such as `flasgo.request`, what it is an instance of would look behind it.
    if issubclass(type(value), dict) and isinstance(value, dict):
        return [value, *value.keys(), *value.values()]
    plain = (list, set, tuple, deque)
    if issubclass(type(value), plain) and isinstance(value, plain):
        return [value, *value]
    return [value]


# --- Requests at the same time ----------------------------------------------------------------


def keeps_requests_apart(subject: Subject) -> Iterator[str]:
    """Yield where one request's data shows up in another one's answer, or is kept."""
    with Rig(subject) as rig:
        markers = [f"conformance-{number}-{number * 7919:x}" for number in range(_CROWD)]
        for marker, answer in zip(markers, _ask_together(rig, markers), strict=True):
            text = repr(answer.headers) + answer.body.decode("utf-8", "replace")
            foreign = [other for other in markers if other != marker and other in text]
            if foreign:
                yield (
                    f"The answer to the request marked {marker!r} shows what belongs to "
                    f"{foreign[0]!r}, which was served at the same time. Keep what belongs to a "
                    "request in request.state."
                )
                break
        rig.ask("/nothing-here")
        for part in rig.made.parts():
            yield from _kept_requests(part)
        yield from rig.judge()


def _ask_together(rig: Rig, markers: list[str]) -> list[Answer]:
    async def main() -> list[Answer]:
        rig.probes.crowd = asyncio.Barrier(len(markers))
        exchanges = []
        for marker in markers:
            scope = rig.scope(
                f"{PREFIX}/crowd/{marker}",
                situation="one of several requests at the same time",
                query_string=f"q={marker}".encode(),
            )
            scope["headers"] += [
                (b"x-request-id", marker.encode()),
                (b"cookie", f"marker={marker}".encode()),
                (b"user-agent", marker.encode()),
            ]
            exchanges.append(rig.exchange(scope))
        seconds = rig.subject.seconds
        return await asyncio.gather(*(each.within(seconds, each.collect) for each in exchanges))

    return rig.call(main)


def _kept_requests(part: object) -> Iterator[str]:
    for key, value in list(getattr(part, "__dict__", {}).items()):
        for item in _with_items(value):
            if issubclass(type(item), (Connection, Response)):
                yield (
                    f"{type(part).__name__}.{key} keeps a {type(item).__name__} after it was "
                    "served: the next one overwrites it, or memory grows. Use request.state."
                )
                break
