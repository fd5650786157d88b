"""What plugins have declared that an endpoint uses, as `flasgo routes --explain` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from flasgo.binding import FormBody, JsonBody
from flasgo.binding.fields import Model
from flasgo.binding.types import kinds_in
from flasgo.callables import full_name, is_async
from flasgo.plugins.registry import shown_type

if TYPE_CHECKING:
    from flasgo.binding.custom_types import CustomTypes
    from flasgo.plugins.registry import Declarations
    from flasgo.routing import Route

__all__ = ["Declared", "used_by"]


class Declared(Struct, frozen=True):
    """One thing that a plugin has declared and an endpoint uses.

    Attributes:
        stage: What it is: `provides`, `models` or `body_format`.
        plugin: The plugin.
        callable: The qualified name of what it has given for it.
        kind: `sync` or `async`.
        reason: The type or media type that it is for.
    """

    stage: str
    plugin: str
    callable: str
    kind: str
    reason: str


def used_by(route: Route, declarations: Declarations) -> Iterator[Declared]:
    """Iterate over what plugins have declared and an endpoint uses.

    Args:
        route: The endpoint; without a plan, such as a mount, it uses nothing.
        declarations: What the plugins of the app have declared.
    """
    if route.plan is not None:
        yield from _providers(route, declarations)
        yield from _models(route, declarations)
        yield from _formats(route, declarations)


def _providers(route: Route, declarations: Declarations) -> Iterator[Declared]:
    """Iterate over the types that plugins give the endpoint and its dependencies."""
    called = () if route.plan is None else route.plan.dependencies
    for kind, depends in declarations.provided.items():
        function = depends.dependency
        if function is not None and function in called:
            owner = declarations.owners.get(("type", shown_type(kind)), "?")
            colour = "async" if is_async(function) else "sync"
            name = kind.__qualname__ if isinstance(kind, type) else str(kind)
            yield Declared("provides", owner, full_name(function), colour, name)


def _models(route: Route, declarations: Declarations) -> Iterator[Declared]:
    """Iterate over the families of models in the endpoint's body and answer."""
    types = declarations.custom_types
    if not types.adapters:
        return
    found: dict[int, tuple[object, list[str]]] = {}
    for kind in _classes_of(route, types):
        adapter = types.adapter_of(kind)
        if adapter is not None:
            meant = types.meant(kind)
            name = meant.__qualname__ if isinstance(meant, type) else str(meant)
            names = found.setdefault(id(adapter), (adapter, []))[1]
            names += [] if name in names else [name]
    for adapter, names in found.values():
        label = type(adapter).__qualname__
        owner = declarations.owners.get(("model adapter", label), "?")
        yield Declared("models", owner, full_name(type(adapter)), "sync", ", ".join(names))


def _formats(route: Route, declarations: Declarations) -> Iterator[Declared]:
    """Iterate over what else than JSON the endpoint's bodies and answers may be."""
    if not route.is_websocket:
        for each in declarations.custom_types.formats.values():
            name = full_name(each.decode)
            yield Declared("body_format", each.plugin, name, "sync", each.media_type)


# Any: annotations are whatever developers write.
def _classes_of(route: Route, types: CustomTypes) -> Iterator[Any]:
    body = None if route.plan is None else route.plan.body
    annotations = [route.operation.response_model]
    if isinstance(body, JsonBody):
        annotations.append(body.annotation)
    for annotation in annotations:
        if annotation is not None:
            for info in kinds_in(types.whole(annotation)):
                kind = getattr(info, "cls", None)
                if isinstance(kind, type):
                    yield kind
    if isinstance(body, FormBody):
        yield from (field.annotation for field in body.fields if isinstance(field, Model))
