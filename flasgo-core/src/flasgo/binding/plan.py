"""Call plans: how a handler gets its arguments, decided once, at registration.

The same plan answers requests and describes them: `flasgo.features.openapi` reads its fields.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import PurePath
from types import NoneType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import inspect as types

from flasgo.binding.bodies import (
    FormBody,
    JsonBody,
    Part,
    are_fields,
    hidden_fields,
    object_of,
)
from flasgo.binding.calls import Arguments, make_call
from flasgo.binding.custom_types import custom_types
from flasgo.binding.dependencies import Node, clean_up, solver
from flasgo.binding.fields import Field, FileField, Model, Place, Reader, path_maker, path_reader
from flasgo.binding.models import field_of, is_marked, model_of
from flasgo.binding.parameters import (
    Body,
    Cookie,
    Depends,
    Form,
    Header,
    Marker,
    Path,
    Query,
)
from flasgo.binding.results import shaped
from flasgo.binding.signatures import (
    MISSING,
    Asked,
    Site,
    asked_by,
    check_wrapper,
    is_context_manager,
)
from flasgo.binding.types import (
    Text,
    advice_on,
    class_unfit_for_json,
    ignored_constraint,
    is_file,
    kinds_in,
    prepare_models,
    split_annotated,
)
from flasgo.callables import is_async, qualified_name, written_function
from flasgo.errors import RouteError
from flasgo.requests.connection import Connection
from flasgo.requests.request import Request
from flasgo.routing.converters import FloatConverter, IntConverter, UUIDConverter
from flasgo.settings.annotations import alternatives, without_none
from flasgo.websocket import WebSocket

if TYPE_CHECKING:
    from flasgo.kernel.pipeline import Call, Step
    from flasgo.kernel.threads import WorkerThreads
    from flasgo.routing import Route

__all__ = ["CallPlan", "PathParameter", "compile_call", "compile_plan"]

_MARKERS = (Marker, Depends)
_PLACES: Mapping[type[Marker], Place] = {
    Query: "query",
    Header: "header",
    Cookie: "cookie",
    Form: "form",
}
_NUMBERS = (
    types.IntType,
    types.FloatType,
    types.DecimalType,
    types.BoolType,
    types.EnumType,
    types.LiteralType,
)
# What msgspec can make of the values of the converters that have a type of their own.
_CONVERTED = (
    (IntConverter, "an int", _NUMBERS),
    (FloatConverter, "a float", _NUMBERS),
    (UUIDConverter, "a UUID", (types.UUIDType,)),
)
_CONVERTED_TYPES = {IntConverter: int, FloatConverter: float, UUIDConverter: UUID}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEPTH = 50
_MODEL_ADVICE: Mapping[type[Exception], str] = {
    NameError: "import or define the name at module level, outside of TYPE_CHECKING",
    TypeError: "use types that msgspec supports; classes in a union are Structs with tag=True",
}


class PathParameter(msgspec.Struct, frozen=True):
    """A parameter of the rule that the handler or a dependency takes.

    Attributes:
        name: Its name in the rule.
        annotation: Its type; MISSING when there is none.
        marker: What the developer said about it.
    """

    name: str
    annotation: Any
    marker: Marker


class CallPlan(msgspec.Struct, frozen=True):
    """How the handler of one route is called.

    Attributes:
        call: Calls it for a request.
        paths: The path parameters that are asked for.
        fields: What is asked of query, headers and cookies.
        body: What is asked of the body: JSON, a form, or nothing.
        last_step: What has to happen after the response was sent, or None.
        dependencies: The functions it depends on, after overriding.
    """

    call: Call
    paths: tuple[PathParameter, ...]
    fields: tuple[Field, ...]
    body: JsonBody | FormBody | None
    last_step: Step | None
    dependencies: tuple[Callable[..., object], ...]

    @property
    def takes_input(self) -> bool:
        """Whether a request can be answered with 422 because of its values."""
        return bool(self.fields) or self.body is not None


def compile_call(
    route: Route,
    threads: WorkerThreads,
    overrides: Mapping[Callable[..., object], Callable[..., object]] | None = None,
    provided: Mapping[Any, Depends] | None = None,
) -> Call:
    """Give a route its plan, and return the function that calls its handler for a request.

    The arguments are those of `compile_plan`.
    """
    route.plan = compile_plan(route, threads, overrides, provided)
    return route.plan.call


def compile_plan(
    route: Route,
    threads: WorkerThreads,
    overrides: Mapping[Callable[..., object], Callable[..., object]] | None = None,
    provided: Mapping[Any, Depends] | None = None,
) -> CallPlan:
    """Compile the plan of a route.

    Args:
        route: The route, with the handler and the names in its path.
        threads: Where `def` handlers and dependencies run.
        overrides: What stands in for which dependency.
        provided: What gives the values of types that need no marker. `Any`: what is annotated.

    Raises:
        RouteError: When a parameter of the handler or of a dependency cannot be bound; it and the
            place are named.
    """
    return _Compiler(route, threads, overrides or {}, provided or {}).compile()


Slot = tuple[str, int]
"""Where a value will be: in which part of the values, and at which place of it."""


class _Compiler:
    """Collects what the functions of one route ask for."""

    def __init__(
        self,
        route: Route,
        threads: WorkerThreads,
        overrides: Mapping[Callable[..., object], Callable[..., object]],
        provided: Mapping[Any, Depends],
    ) -> None:
        self._route = route
        self._threads = threads
        self._overrides = overrides
        self._provided = provided
        self._paths: dict[str, PathParameter] = {}
        self._readers: list[Reader] = []
        self._fields: list[Field] = []
        self._parts: list[Part] = []
        self._form: list[Field | FileField | Model] = []
        self._nodes: list[tuple[Callable[..., object], Depends, list[tuple[Asked, Slot]]]] = []
        self._node_of: dict[Hashable, Slot] = {}
        self._path: list[Callable[..., object]] = []
        self._seen_in_path: set[str] = set()

    def compile(self) -> CallPlan:
        route = self._route
        site = Site(route.path, route.handler)
        if route.is_websocket:
            _check_async(route)
        for marker in route.operation.dependencies:
            self._dependency(site, "dependencies", MISSING, marker)
        slots, takes_any = self._bind(site)
        if route.is_websocket:
            _check_connection(route, slots)
        extra: list[tuple[str, Slot]] = []
        for name in (*route.parameters, *route.defaults):
            if name not in self._seen_in_path:
                is_default = name not in route.parameters
                if not takes_any:
                    found = f"defaults= has {name!r}" if is_default else f"the path has <{name}>"
                    raise RouteError(
                        f"Route {route.path!r}: {found}, and the handler at {route.source} takes "
                        "no parameter of that name. Add it, or rename one."
                    )
                slot = self._add_default if is_default else self._add_path
                extra.append((name, slot(name)))
        body = self._body(site)
        nodes = tuple(self._node(*entry) for entry in self._nodes)
        has_exits = any(node.is_generator for node in nodes)
        call = make_call(
            route,
            self._threads,
            Arguments(
                positional=self._positional(slots),
                named=(*self._named(slots), *((name, self._index(slot)) for name, slot in extra)),
                readers=tuple(self._readers),
                body=body,
                nodes=nodes,
                takes_connection_first=len(slots) == 1 and slots[0][0].is_positional,
            ),
        )
        return CallPlan(
            call=shaped(route, call),
            paths=tuple(self._paths.values()),
            fields=tuple(self._fields),
            body=body,
            last_step=clean_up if has_exits else None,
            dependencies=tuple(function for function, _, _ in self._nodes),
        )

    def _body(self, site: Site) -> JsonBody | FormBody | None:
        if self._form and self._parts:
            site.refuse(
                self._parts[0].name,
                "is JSON, and other parameters are a form: a body is one of them",
                "take all of them from the same kind of body",
            )
        if self._form:
            return FormBody(self._form)
        if not self._parts:
            return None
        if not are_fields(self._parts):
            part = self._parts[0]
            return self._json(site, part.name, part.annotation, part.default)
        try:
            whole = object_of(self._parts)
        except ValueError as error:  # such as a quote in an alias
            names = " and ".join(repr(part.name) for part in self._parts)
            site.refuse(
                self._parts[0].name,
                f"is part of a body whose fields are called {names} ({error})",
                "give an alias without quotes and backslashes",
            )
        may_be_left_out = all(part.default is not MISSING for part in self._parts)
        return self._json(site, self._parts[0].name, whole, whole() if may_be_left_out else MISSING)

    def _json(self, site: Site, name: str, annotation: Any, default: Any) -> JsonBody:
        try:
            annotation = custom_types().whole(annotation)
            prepare_models(annotation)
            unfit = class_unfit_for_json(without_none(annotation))
            body = JsonBody(annotation, default, self._parts)
        except Exception as error:  # noqa: BLE001 - an annotation may raise anything
            site.refuse(
                name,
                f"has the type {annotation!r}, which msgspec cannot decode from JSON "
                f"({type(error).__name__}: {error})",
                _MODEL_ADVICE.get(type(error), "use types that msgspec supports"),
            )
        self._check_fields(site, name, annotation)
        if unfit is not None:
            site.refuse(
                name,
                f"is JSON that has to hold a {unfit.__qualname__}, and no JSON can",
                advice_on(unfit) or "use types that msgspec supports",
            )
        return body

    def _check_fields(self, site: Site, name: str, annotation: Any) -> None:
        """Refuse classes of which msgspec would not do what their fields say."""
        for info in kinds_in(annotation):
            kind, members = getattr(info, "cls", None), getattr(info, "fields", ())
            if members and custom_types().adapter_of(kind) is not None:
                # SECURITY: msgspec takes it for a class like any other, without its validators.
                site.refuse(
                    name,
                    f"holds a {kind!r} of another family within a class that msgspec reads",
                    "let the class around it be of the same family",
                )
            hidden = hidden_fields(kind) if members else frozenset()
            marked = _marked_fields(kind) if members else frozenset()
            for hint in _hints_of(kind) if members else ():
                _refuse_ignored(site, name, hint, f"a {kind!r} in it with ")
            for field in members:
                if field.name in hidden and field.required:
                    site.refuse(
                        name,
                        f"holds a {kind!r}, whose {field.name!r} has init=False and no default",
                        "give that field a default; __post_init__ may change it",
                    )
                if field.name in marked or is_marked(field.default):
                    site.refuse(
                        name,
                        f"holds a {kind!r}, whose {field.name!r} has a marker that JSON ignores",
                        "write Annotated[<type>, msgspec.Meta(ge=...)] = <default> in classes",
                    )

    # --- Functions --------------------------------------------------------------------------

    def _bind(self, site: Site) -> tuple[list[tuple[Asked, Slot]], bool]:
        """Find where each parameter of a function comes from."""
        asked, takes_any = asked_by(site)
        slots = []
        for parameter in asked:
            slot = self._slot(site, parameter)
            if slot is not None:
                slots.append((parameter, slot))
        check_wrapper(site, [asked for asked, _ in slots])
        return slots, takes_any

    def _slot(self, site: Site, asked: Asked) -> Slot | None:
        """Return where a value will be; None leaves the parameter to its default."""
        name = asked.name
        annotation, marker, asked = self._marker(site, asked)
        is_connection = marker is None and _is_connection(name, annotation)
        if not asked.is_keyword and not is_connection:
            site.refuse(name, "is positional-only", "remove the / from the signature")
        if isinstance(marker, Depends):
            return self._dependency(site, name, annotation, marker)
        if name in self._route.parameters:
            return self._path_slot(site, name, annotation, marker)
        if name in self._route.defaults:
            self._seen_in_path.add(name)
            return self._add_default(name)
        if isinstance(marker, Path):
            site.refuse(name, "is marked Path, and the rule has no such parameter", "add it there")
        if is_connection:
            return "connection", 0
        provider = self._provider(annotation) if marker is None else None
        if provider is not None:
            return self._dependency(site, name, annotation, provider)
        if annotation is MISSING:
            if asked.default is not MISSING and marker is None:
                return None
            if marker is None and name in {"self", "cls"}:
                site.refuse(name, "belongs to a class", "register the method of an instance")
            annotation = str
        return self._value(site, asked, annotation, marker)

    def _path_slot(self, site: Site, name: str, annotation: Any, marker: Marker | None) -> Slot:
        """Return where a parameter of the path will be."""
        if marker is not None and not isinstance(marker, Path):
            site.refuse(
                name,
                f"is marked {type(marker).__name__}, and the path has <{name}>",
                "rename one of them",
            )
        if marker is not None and marker.default is not MISSING:
            site.refuse(name, "has a default, and a path has every parameter", "remove it")
        self._seen_in_path.add(name)
        if isinstance(annotation, type) and issubclass(annotation, PurePath):
            self._add_path(name, MISSING, marker or Path())
            self._readers[-1] = path_maker(name, annotation)
            return "reader", len(self._readers) - 1
        text = self._path_text(site, name, annotation)
        return self._add_path(name, annotation, marker or Path(), text)

    def _marker(self, site: Site, asked: Asked) -> tuple[Any, Marker | Depends | None, Asked]:
        """Return a parameter's type, its marker, and the parameter with the default it means."""
        if asked.annotation is MISSING:
            annotation, markers = MISSING, []
        else:
            annotation, markers = split_annotated(asked.annotation, _MARKERS)
            _refuse_ignored(site, asked.name, annotation)
        if is_marked(asked.default):
            markers.append(asked.default)
            asked = msgspec.structs.replace(asked, default=MISSING)
        if len(markers) > 1:
            names = " and ".join(_marker_name(marker) for marker in markers)
            site.refuse(asked.name, f"is marked {names}", "keep one of them")
        marker = markers[0] if markers else None
        if marker is Depends or marker is Marker:
            site.refuse(asked.name, f"is marked {marker.__name__} without a function", "call it")
        marker = marker() if isinstance(marker, type) else marker
        if not isinstance(marker, Marker):
            return annotation, marker, asked
        if marker.default is not MISSING:
            if asked.default is not MISSING:
                site.refuse(asked.name, "has a default, and its marker another", "keep one")
            asked = msgspec.structs.replace(asked, default=marker.default)
        if marker.constraints and is_file(annotation) is not None:
            first = next(iter(marker.constraints))
            site.refuse(
                asked.name, f"is a file, and {first}= is about text and numbers", "remove it"
            )
        if marker.constraints and annotation is MISSING:
            converter = self._route.parameters.get(asked.name)
            annotation = _CONVERTED_TYPES.get(type(converter), str)
        return marker.constrained(annotation), marker, asked

    def _value(self, site: Site, asked: Asked, annotation: Any, marker: Marker | None) -> Slot:
        """Return where a value of query, header, cookie, form or JSON body will be."""
        name, files = asked.name, is_file(annotation)
        if marker is None:
            marker = Form() if files is not None else None
            if marker is None:
                is_json = _is_model(annotation) or self._is_json(annotation)
                marker = Body() if is_json else Query()
        if isinstance(marker, Body):
            self._check_body(site, name)
            part = Part(marker.alias or name, annotation, asked.default, marker)
            return self._add_part(site, part)
        place = _PLACES[type(marker)]
        if place == "form":
            self._check_body(site, name)
        if files is not None and place != "form":
            site.refuse(name, f"is a file and marked {type(marker).__name__}", "mark it Form")
        field = self._field(site, place, asked, annotation, marker)
        if place == "form":
            self._form.append(field)
            return "body", len(self._form) - 1
        if isinstance(field, FileField):  # pragma: no cover - refused above
            raise TypeError(field)
        singles = field.fields if isinstance(field, Model) else (field,)
        self._fields += [single for single in singles if isinstance(single, Field)]
        self._readers.append(field.reader())
        return "reader", len(self._readers) - 1

    def _is_json(self, annotation: Any) -> bool:
        """Whether nothing but a JSON body could be meant: a dict, or a list of objects."""
        route = self._route
        if route.is_websocket or route.methods <= _BODILESS:
            return False
        kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
        return bool(kinds) and all(
            (typing.get_origin(kind) or kind) is dict
            or (typing.get_origin(kind) is list and _is_model(typing.get_args(kind)[0]))
            for kind in kinds
        )

    def _field(
        self, site: Site, place: Place, asked: Asked, annotation: Any, marker: Marker
    ) -> Field | FileField | Model:
        if _is_model(annotation):
            return model_of(site, place, asked, annotation, marker)
        return field_of(site, place, asked.name, annotation, asked.default, asked.default, marker)

    def _check_body(self, site: Site, name: str) -> None:
        route = self._route
        if route.is_websocket:
            site.refuse(name, "comes from a body, and a WebSocket has none", "receive messages")
        if route.methods <= _BODILESS:
            methods = ", ".join(sorted(route.methods))
            site.refuse(
                name,
                f"comes from a body, and the route answers {methods} only",
                "use POST, PUT or PATCH, or mark it Query to take its fields from the query",
            )

    def _add_part(self, site: Site, part: Part) -> Slot:
        for index, known in enumerate(self._parts):
            if known.name == part.name:
                if known.annotation != part.annotation:
                    site.refuse(
                        part.name,
                        f"is {part.annotation!r} here and {known.annotation!r} elsewhere in the "
                        "same body",
                        "give both the same type, or one another name",
                    )
                return "body", index
        self._parts.append(part)
        return "body", len(self._parts) - 1

    def _add_default(self, name: str) -> Slot:
        value = self._route.defaults[name]
        self._readers.append(lambda _: value)
        return "reader", len(self._readers) - 1

    def _add_path(
        self,
        name: str,
        annotation: Any = MISSING,
        marker: Marker | None = None,
        text: Text | None = None,
    ) -> Slot:
        self._paths.setdefault(name, PathParameter(name, annotation, marker or Path()))
        self._readers.append(path_reader(name, text))
        return "reader", len(self._readers) - 1

    def _path_text(self, site: Site, name: str, annotation: Any) -> Text | None:
        """Return what a path parameter becomes; None for what its converter makes of it."""
        if annotation is MISSING or annotation is object or annotation is Any:
            return None
        text = Text.of(site, name, annotation)
        if text.is_collection:
            site.refuse(name, "is a collection, and the path has one value", "annotate one")
        for converter, value, fitting in _CONVERTED:
            if isinstance(self._route.parameters[name], converter) and not any(
                isinstance(leaf, fitting) for leaf in text.leaves
            ):
                site.refuse(
                    name,
                    f"has the type {annotation!r}, and what the path makes of <{name}> is {value}: "
                    "no request would ever fit",
                    f"annotate that type, or write <{name}> without a converter",
                )
        return text

    # --- Dependencies -----------------------------------------------------------------------

    def _dependency(self, site: Site, name: str, annotation: Any, marker: Depends) -> Slot:
        if not isinstance(marker, Depends):
            site.refuse(name, f"has {marker!r} in it", "write Depends(function)")
        function = marker.dependency
        if function is None:
            function = annotation
        if not callable(function) or function is MISSING:
            site.refuse(name, f"depends on {function!r}", "give Depends a function or a class")
        key = _key_of(function)
        if key in self._overrides:
            function = self._overrides[key]
            key = _key_of(function)
        if is_context_manager(function):
            site.refuse(
                name,
                f"depends on {function!r}, which makes context managers",
                "take @contextmanager or @asynccontextmanager away: a generator will do",
            )
        if function in self._path:
            chain = [*self._path[self._path.index(function) :], function]
            names = " -> ".join(map(qualified_name, chain))
            site.refuse(name, f"closes a cycle of dependencies: {names}", "break the cycle")
        if len(self._path) >= _DEPTH:
            site.refuse(name, f"is more than {_DEPTH} dependencies deep", "flatten them")
        if marker.use_cache and key in self._node_of:
            return self._node_of[key]
        self._path.append(function)
        slots, _ = self._bind(Site(self._route.path, function, "dependency"))
        self._path.pop()
        self._nodes.append((function, marker, slots))
        slot = "node", len(self._nodes) - 1
        if marker.use_cache:
            self._node_of[key] = slot
        return slot

    def _provider(self, annotation: Any) -> Depends | None:
        """Return what gives the values of a type without a marker, or None."""
        kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
        try:
            found = self._provided.get(kinds[0]) if len(kinds) == 1 else None
        except TypeError:  # it has no hash
            return None
        if found is not None and kinds[0] in self._overrides:
            return Depends(self._overrides[kinds[0]])
        return found

    def _node(
        self, function: Callable[..., object], marker: Depends, slots: list[tuple[Asked, Slot]]
    ) -> Node:
        solve, is_generator = solver(function, self._threads, blocking=marker.blocking)
        return Node(solve, self._positional(slots), self._named(slots), is_generator)

    # --- Places in the values ---------------------------------------------------------------

    def _index(self, slot: Slot) -> int:
        """Return the place in the values: the connection, what was read, the body, the nodes."""
        kind, index = slot
        if kind == "connection":
            return 0
        if kind == "reader":
            return 1 + index
        if kind == "body":
            return 1 + len(self._readers) + index
        return 1 + len(self._readers) + len(self._form) + len(self._parts) + index

    def _positional(self, slots: Sequence[tuple[Asked, Slot]]) -> tuple[int, ...]:
        return tuple(self._index(slot) for asked, slot in slots if not asked.is_keyword)

    def _named(self, slots: Sequence[tuple[Asked, Slot]]) -> tuple[tuple[str, int], ...]:
        return tuple((asked.name, self._index(slot)) for asked, slot in slots if asked.is_keyword)


def _key_of(function: Callable[..., object]) -> Any:
    """Return what a dependency is known by: equal ones, such as one bound method, are the same."""
    try:
        hash(function)
    except TypeError:
        return id(function)
    return function


def _check_async(route: Route) -> None:
    if not (is_async(route.handler) or is_async(written_function(route.handler))):
        raise RouteError(
            f"Route {route.path!r}: the WebSocket handler at {route.source} is not `async def`, so "
            "it could neither receive nor send. Make it `async def`."
        )


def _check_connection(route: Route, slots: Sequence[tuple[Asked, Slot]]) -> None:
    """Refuse `async def talk(ws)`: it would be asked of the query, and no handshake succeed."""
    nameless = [
        asked.name
        for asked, (kind, _) in slots
        if kind == "reader" and asked.annotation is MISSING and asked.default is MISSING
    ]
    if nameless and all(kind != "connection" for _, (kind, _) in slots):
        raise RouteError(
            f"Route {route.path!r}: the WebSocket handler at {route.source} takes no connection; "
            f"{nameless[0]!r} would be a parameter of the query. Annotate the connection: "
            f"`{nameless[0]}: WebSocket`, or call it `websocket`."
        )


def _is_connection(name: str, annotation: Any) -> bool:
    if annotation is MISSING or annotation is Any or annotation is object:
        return name in {"request", "websocket"}
    return isinstance(annotation, type) and issubclass(annotation, (Request, WebSocket, Connection))


def _is_model(annotation: Any) -> bool:
    """Whether a type is an object with named fields, or a union of such types."""
    kinds = [kind for kind in alternatives(annotation) if kind is not NoneType]
    return bool(kinds) and all(_has_fields(typing.get_origin(kind) or kind) for kind in kinds)


def _refuse_ignored(site: Site, name: str, annotation: Any, of: str = "") -> None:
    # SECURITY: a constraint that is written and not checked lets everything in.
    ignored = ignored_constraint(annotation)
    # Models of another family have an error of their own: it says what to install.
    if ignored is not None and not any(map(advice_on, alternatives(annotation))):
        site.refuse(
            name,
            f"has {of}{type(ignored).__name__}(...) of {type(ignored).__module__}, which nothing "
            "checks here",
            "write Query(ge=1), Path(...), Form(...), Body(...) or msgspec.Meta(ge=1) in its place",
        )


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and (
        custom_types().adapter_of(kind) is not None
        or issubclass(kind, msgspec.Struct)
        or dataclasses.is_dataclass(kind)
        or typing.is_typeddict(kind)
        or hasattr(kind, "__attrs_attrs__")
    )


def _hints_of(kind: Any) -> Iterable[Any]:
    return typing.get_type_hints(typing.get_origin(kind) or kind, include_extras=True).values()


def _marked_fields(kind: Any) -> frozenset[str]:
    """Return the fields of a class whose markers say more than where a value comes from."""
    hints = typing.get_type_hints(typing.get_origin(kind) or kind, include_extras=True)
    return frozenset(
        name
        for name, hint in hints.items()
        for marker in split_annotated(hint, _MARKERS)[1]
        if isinstance(marker, Marker) and (marker.constraints or marker.default is not MISSING)
    )


def _marker_name(marker: object) -> str:
    return marker.__name__ if isinstance(marker, type) else type(marker).__name__
