"""Call plans: how a handler gets its arguments, decided once, at registration."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, NoReturn

import msgspec

from flasgo.connection import Connection
from flasgo.errors import HTTPException, RouteError
from flasgo.request import Request
from flasgo.websocket import WebSocket

if TYPE_CHECKING:
    from flasgo.routing import Route
    from flasgo.threads import WorkerThreads

__all__ = ["compile_call"]

_COLLECTIONS = (list, set, frozenset, tuple)
_EMPTY = inspect.Parameter.empty

Source = Callable[[Connection], object]
"""Takes one argument's value from the request."""


def compile_call(route: Route, threads: WorkerThreads) -> Callable[[Connection], Awaitable[object]]:
    """Return a function that calls the route's handler for a request.

    Args:
        route: The route, with the handler and the names in its path.
        threads: Where a `def` handler runs, unless the route says `blocking=False`.

    Returns:
        A callable that takes the request and returns an awaitable of the handler's answer.

    Raises:
        RouteError: When a parameter of the handler cannot be bound; it and the place are named.
    """
    invoke = _invoker(route, _sources(route))
    if _is_async(route.handler):
        return typing.cast("Callable[[Connection], Awaitable[object]]", invoke)
    if route.is_websocket and not _is_async(inspect.unwrap(route.handler)):
        raise RouteError(
            f"Route {route.path!r}: the WebSocket handler at {route.source} is not `async def`, so "
            "it could neither receive nor send. Make it `async def`."
        )
    if route.blocking and not _is_generator(route.handler):
        return _in_thread(invoke, threads)
    return _inline(invoke)


def _is_async(handler: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def _is_generator(handler: Callable[..., object]) -> bool:
    """Whether calling the handler runs none of its code yet."""
    return inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler)


def _in_thread(
    invoke: Callable[[Connection], object], threads: WorkerThreads
) -> Callable[[Connection], Awaitable[object]]:
    async def call(connection: Connection) -> object:
        result = await threads.run(invoke, connection)
        return await result if inspect.isawaitable(result) else result

    return call


def _inline(invoke: Callable[[Connection], object]) -> Callable[[Connection], Awaitable[object]]:
    async def call(connection: Connection) -> object:
        result = invoke(connection)
        return await result if inspect.isawaitable(result) else result

    return call


def _invoker(route: Route, sources: dict[str, Source]) -> Callable[[Connection], object]:
    """Return a function of the request that calls the handler.

    PERF: no argument, or the request alone, is called without packing arguments.
    """
    handler = route.handler
    if not sources:
        return lambda _: handler()
    if list(sources.values()) == [_the_connection]:
        name = next(iter(sources))
        if _is_positional(handler, name):
            return handler
    items = tuple(sources.items())

    def invoke(connection: Connection) -> object:
        return handler(**{name: source(connection) for name, source in items})

    return invoke


def _is_positional(handler: Callable[..., object], name: str) -> bool:
    return inspect.signature(handler).parameters[name].kind in {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    }


def _the_connection(connection: Connection) -> Connection:
    return connection


def _sources(route: Route) -> dict[str, Source]:
    parameters = _parameters(route)
    annotations = _annotations(route)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    fixed = _fixed(route.handler)
    sources: dict[str, Source] = {}
    for name, parameter in parameters.items():
        if parameter.kind in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL} or name in fixed:
            continue
        annotation = annotations.get(name, _EMPTY)
        source = _source(route, parameter, annotation)
        if source is not None:
            sources[name] = source
    for name in route.parameters:
        if name not in sources:
            if not takes_any:
                raise RouteError(
                    f"Route {route.path!r}: the path has <{name}>, and the handler at "
                    f"{route.source} takes no parameter of that name. Add it, or rename one."
                )
            sources[name] = _from_path(route, name, _EMPTY)
    return sources


def _fixed(handler: object) -> set[str]:
    """Return the keywords that a `functools.partial` has set: no client may change them."""
    names: set[str] = set()
    while isinstance(handler, functools.partial):
        names.update(handler.keywords)
        handler = handler.func
    return names


def _parameters(route: Route) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(route.handler).parameters
    except (TypeError, ValueError) as exc:
        raise RouteError(
            f"Route {route.path!r}: the handler {route.handler!r} has no signature to read "
            f"({exc}). Wrap it in a function."
        ) from exc


def _annotations(route: Route) -> dict[str, object]:
    target = inspect.unwrap(route.handler)
    while isinstance(target, functools.partial):
        target = inspect.unwrap(target.func)
    if not inspect.isroutine(target):
        target = getattr(target, "__call__", target)  # noqa: B004 - the method is wanted
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception as exc:
        raise RouteError(
            f"Route {route.path!r}: an annotation of the handler at {route.source} cannot be "
            f"evaluated: {type(exc).__name__}: {exc}. Import the name at module level, outside "
            "of TYPE_CHECKING."
        ) from exc


def _source(route: Route, parameter: inspect.Parameter, annotation: object) -> Source | None:
    """Return where a parameter's value comes from; None leaves it to its default."""
    name = parameter.name
    if parameter.kind is parameter.POSITIONAL_ONLY and not _is_connection(name, annotation):
        _refuse(route, name, "is positional-only", "remove the / from the signature")
    if name in route.parameters:
        return _from_path(route, name, annotation)
    if _is_connection(name, annotation):
        return _the_connection
    if annotation is _EMPTY and parameter.default is not _EMPTY:
        return None
    return _from_query(route, parameter, str if annotation is _EMPTY else annotation)


def _is_connection(name: str, annotation: object) -> bool:
    if annotation is _EMPTY:
        return name in {"request", "websocket"}
    return isinstance(annotation, type) and issubclass(annotation, (Request, WebSocket, Connection))


def _from_path(route: Route, name: str, annotation: object) -> Source:
    if annotation is _EMPTY or annotation is object:
        return lambda connection: connection.path_params[name]
    _check_simple(route, name, annotation)

    def from_path(connection: Connection) -> object:
        value = connection.path_params[name]
        if type(value) is annotation:
            return value
        try:
            return msgspec.convert(value, annotation, strict=False)
        except msgspec.ValidationError:
            raise HTTPException(404) from None

    return from_path


@dataclass(frozen=True, slots=True)
class _QueryParameter:
    """Takes a parameter from the query string."""

    name: str
    annotation: object
    default: object
    is_collection: bool

    def __call__(self, connection: Connection) -> object:
        values = connection.query.getlist(self.name)
        if not values:
            if self.default is _EMPTY:
                self.refuse("is required")
            return self.default
        try:
            return msgspec.convert(
                values if self.is_collection else values[0], self.annotation, strict=False
            )
        except msgspec.ValidationError as exc:
            self.refuse(str(exc))

    def refuse(self, reason: str) -> NoReturn:
        raise HTTPException(422, f"Query parameter {self.name!r}: {reason}.")


def _from_query(route: Route, parameter: inspect.Parameter, annotation: object) -> Source:
    collection = _check_simple(route, parameter.name, annotation)
    return _QueryParameter(parameter.name, annotation, parameter.default, collection)


def _check_simple(route: Route, name: str, annotation: object) -> bool:
    """Check that a string can become the annotated type; tell whether it is a collection.

    Raises:
        RouteError: When it cannot.
    """
    kinds = {part for part in _alternatives(annotation) if part is not NoneType}
    collection = any((typing.get_origin(kind) or kind) in _COLLECTIONS for kind in kinds)
    try:
        info = msgspec.inspect.type_info(annotation)
    except TypeError as exc:
        _refuse(route, name, f"has the type {annotation!r} ({exc})", "annotate a simple type")
    if not _is_simple(info):
        _refuse(
            route,
            name,
            f"has the type {annotation!r}, which a path or query string cannot hold",
            "annotate a simple type such as str, int, float, bool, UUID, date, an Enum, or a "
            "list of these; read a body with `await request.json()`",
        )
    return collection


def _alternatives(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if isinstance(annotation, UnionType) or typing.get_origin(annotation) is typing.Union:
        return tuple(kind for arg in typing.get_args(annotation) for kind in _alternatives(arg))
    return (annotation,)


_SIMPLE = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.UUIDType,
    msgspec.inspect.DateTimeType,
    msgspec.inspect.DateType,
    msgspec.inspect.TimeType,
    msgspec.inspect.TimeDeltaType,
    msgspec.inspect.DecimalType,
    msgspec.inspect.EnumType,
    msgspec.inspect.LiteralType,
)


def _is_simple(info: msgspec.inspect.Type) -> bool:
    if isinstance(info, msgspec.inspect.UnionType):
        return all(_is_simple(part) for part in info.types)
    if isinstance(info, msgspec.inspect.Metadata):
        return _is_simple(info.type)
    if isinstance(info, msgspec.inspect.CollectionType | msgspec.inspect.VarTupleType):
        return isinstance(info.item_type, _SIMPLE)
    return isinstance(info, _SIMPLE)


def _refuse(route: Route, name: str, found: str, advice: str) -> NoReturn:
    raise RouteError(
        f"Route {route.path!r}: parameter {name!r} of the handler at {route.source} {found}; "
        f"{advice}."
    )
