"""Blueprints: routes that belong together, recorded first and registered with an app later."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from msgspec import Struct

from flasgo import _bundle
from flasgo.asgi import ASGIApp
from flasgo.binding.views import DEFAULT_METHODS, BoundView, view_of
from flasgo.errors import ConfigurationError, RouteError
from flasgo.interop.middleware import Layer
from flasgo.interop.mounts import METHODS, Mount
from flasgo.kernel.callbacks import Callbacks, check_callback
from flasgo.kernel.commands import Commands
from flasgo.kernel.error_handling import check_error_key
from flasgo.plugins.blueprint_parts import (
    PlacedBlueprint,
    PluginParts,
    apply_parts,
    method_names,
    option_names,
)
from flasgo.registrar import RouteOptions, RouteScope
from flasgo.routing import Route
from flasgo.routing.operation import EndpointOptions, SharedOptions, merged, shared_options
from flasgo.routing.policies import Policy

if TYPE_CHECKING:
    from flasgo.app import Flasgo

_F = TypeVar("_F", bound=Callable[..., object])

__all__ = [
    "Address",
    "Blueprint",
    "BlueprintOptions",
    "Placement",
    "mount_routes",
    "name_taken",
    "one_prefix",
]


class _Recorded(Struct, frozen=True):
    """A route or a mount as a blueprint took it down."""

    path: str
    handler: Callable[..., object]
    methods: tuple[str, ...]
    is_websocket: bool
    options: EndpointOptions
    endpoint: str
    is_named: bool = True
    mounted: ASGIApp | None = None


class Address(Struct, frozen=True):
    """Where the routes of a placed blueprint are.

    Attributes:
        prefix: What their paths begin with; `""` for the root.
        host: The host that they answer on, or None.
        scopes: The app and the blueprints, from the outermost to this one.
    """

    prefix: str
    host: str | None
    scopes: tuple[RouteScope, ...]


class _Nested(Struct, frozen=True):
    """A blueprint inside another one."""

    blueprint: Blueprint
    prefix: str
    name: str
    host: str | None
    shared: SharedOptions


class BlueprintOptions(SharedOptions, _bundle.BlueprintOptions, total=False):
    """What a blueprint says about all of its routes, and the keywords that plugins bring."""


class Blueprint(RouteScope, _bundle.BlueprintMembers):
    """Routes with a common prefix and name, and what is called around their requests.

    A blueprint takes routes, callbacks, error handlers, policies and middleware like an app, and
    does nothing until `app.register_blueprint(blueprint)`. It may be registered with several apps,
    and several times with one under different names.

    Args:
        name: The name in front of its endpoints: `notes` makes `notes.show`.
        prefix: What its paths begin with, such as `/notes`; it may have parameters. Flask's
            `__name__` is welcome here, with the prefix in `url_prefix`.
        url_prefix: The prefix, as Flask calls it.
        import_name: The module that makes the blueprint; told by the caller when left out.
        host: The host that its routes answer on, unless they name another one.
        policies: Policies for all of its routes, in addition to their own.
        options: What it says about all of its routes: see `SharedOptions`; and keywords that
            plugins bring, such as `template_folder`, for the apps that register it.

    Raises:
        ConfigurationError: When the name or the prefix is malformed.
        RouteError: When it says something about its routes that no route takes.
    """

    name: str
    prefix: str
    import_name: str
    host: str | None

    def __init__(
        self,
        name: str,
        prefix: str = "",
        *,
        url_prefix: str | None = None,
        import_name: str | None = None,
        host: str | None = None,
        policies: Iterable[Policy] = (),
        **options: Unpack[BlueprintOptions],
    ) -> None:
        module = sys._getframe(1).f_globals
        caller = str(module.get("__name__", ""))
        if _is_module_name(prefix, caller):
            import_name, prefix = prefix, ""
        self.name = _checked_name(name)
        self.prefix = _checked_prefix(one_prefix(prefix, url_prefix), name)
        self.import_name = import_name or caller
        self.host = host
        self._held_policies = tuple(policies)
        self._folder = _folder_of(module if import_name is None else _module(import_name, module))
        brought = _brought(name, options.keys() - SharedOptions.__annotations__)
        # Any: a TypedDict without some of its keys has no type of its own.
        shared: Any = {key: value for key, value in options.items() if key not in brought}
        self._shared = shared_options(f"The blueprint {name!r}", shared)
        parts = {key: value for key, value in options.items() if key in brought}
        self._parts = PluginParts(parts, [])
        self._commands = Commands()
        self._callbacks = Callbacks()
        self._of_app = Callbacks()
        self._layers: list[Layer] = []
        self._routes: list[_Recorded] = []
        self._nested: list[_Nested] = []
        self._apps: weakref.WeakSet[Flasgo] = weakref.WeakSet()
        self._parents: weakref.WeakSet[Blueprint] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<Blueprint {self.name!r} at {self.prefix or '/'!r}>"

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a class with __getattr__ has every attribute.
        def __getattr__(self, name: str) -> object:
            if not name.startswith("_") and name in method_names():
                return self._parts.decorator(name, partial(self._check_open, f"this {name}"))
            raise AttributeError(self._unknown(name), name=name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *method_names()})

    def _hint(self, name: str) -> str:
        how = _bundle.missing_blueprint_part(name)
        if how and name not in {*option_names(), *method_names()}:
            return f" {how}"
        if _bundle.missing_app_member(name):
            return (
                " Plugins add their methods to apps. Those that are decorators take a blueprint as "
                f"well: app.{name}(...)(blueprint), or the function for it in the plugin's package."
            )
        return super()._hint(name)

    @property
    def cli(self) -> Commands:
        """Commands for `flasgo`, in a group with the blueprint's name: `flasgo notes purge`."""
        return self._commands

    def _recompile(self) -> None:
        """Have the pipelines of its routes compiled anew before the next request."""
        for app in self._apps:
            app._recompile()

    # --- Recording --------------------------------------------------------------------------

    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = DEFAULT_METHODS,
        *,
        is_websocket: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Take down a route; see `RouteScope.add_route`.

        Returns:
            The route as it was taken down. Apps make their own of it, with prefix and name.
        """
        self._check_open(f"the route {path!r}")
        view = view_of(handler)
        if view is not None:
            chosen = view.chosen(methods).items()
            routes = [self.add_route(path, each, names, **options) for names, each in chosen]
            return routes[0]
        methods = methods if isinstance(methods, str) else tuple(methods)
        route = Route(path, handler, methods=methods, is_websocket=is_websocket, **options)
        _check_part(self, "The endpoint", route.endpoint)
        if path and not path.startswith("/"):
            raise RouteError(
                f"{self!r}: the path {path!r} starts with '/', or is empty for the prefix itself."
            )
        self._routes.append(
            _Recorded(
                path,
                handler,
                tuple(methods),
                is_websocket,
                options,
                route.endpoint,
                route.is_named,
            )
        )
        return route

    def mount(
        self,
        path: str,
        app: ASGIApp,
        name: str | None = None,
        *,
        methods: Iterable[str] = METHODS,
        **options: Unpack[EndpointOptions],
    ) -> None:
        """Take down a mount; see `Flasgo.mount`."""
        self._check_open(f"the mount {path!r}")
        endpoint = name or path.strip("/").replace("/", "_") or "mount"
        _check_part(self, "The name of a mount", endpoint)
        self._routes.append(
            _Recorded(path, app, tuple(methods), False, options, endpoint, mounted=app)
        )

    # Any: each middleware has options of its own.
    def add_middleware(self, factory: Callable[..., Any], **options: Any) -> None:
        """Put ASGI middleware around the routes of this blueprint, nested ones included.

        It sees their requests before any hook and their responses after all of them. The last
        middleware added is the outermost.

        Args:
            factory: The middleware's class; called with an ASGI app and the options.
            options: Its options.

        Raises:
            ConfigurationError: When the blueprint is registered already.
        """
        self._check_open("middleware")
        self._layers.append(Layer.checked(factory, options))

    def register_blueprint(
        self,
        blueprint: Blueprint,
        *,
        prefix: str | None = None,
        url_prefix: str | None = None,
        name: str | None = None,
        host: str | None = None,
        **shared: Unpack[SharedOptions],
    ) -> None:
        """Put a blueprint into this one; see `Flasgo.register_blueprint`."""
        prefix = one_prefix(prefix, url_prefix)
        self._check_open(f"the blueprint {blueprint!r}")
        if self in set(blueprint._family()):
            raise ConfigurationError(f"{self!r} cannot contain {blueprint!r}, which contains it.")
        own = _placed(blueprint, prefix, name, host, shared)
        taken = next((known for known in self._nested if known.name == own.name), None)
        if taken is not None:
            raise ConfigurationError(
                name_taken(f"{self.name}.{own.name}", taken.blueprint, blueprint)
            )
        self._nested.append(own)
        blueprint._parents.add(self)

    def _check_open(self, what: str) -> None:
        """Refuse what registered apps would not see."""
        registered = next((b for b in _with_parents(self) if b._apps), None)
        if registered is not None:
            raise ConfigurationError(
                f"{self!r} is registered already, so {what} would not be seen. Add it before "
                "register_blueprint."
            )

    def _join(self, app: Flasgo) -> None:
        """Take note of an app that has registered this blueprint.

        Args:
            app: The app.
        """
        if app not in self._apps:
            self._apps.add(app)
            app._callbacks.extend(self._of_app)
            app._recompile()

    # --- Callbacks of the whole app ---------------------------------------------------------

    def before_app_request(self, function: _F) -> _F:
        """Register a function to call before every request of the app; see `before_request`."""
        self._take_for_app("before_request", "before", function)
        return function

    def after_app_request(self, function: _F) -> _F:
        """Register a function to call with every response of the app; see `after_request`."""
        self._take_for_app("after_request", "after", function)
        return function

    def teardown_app_request(self, function: _F) -> _F:
        """Register a function to call after every request of the app; see `teardown_request`."""
        self._take_for_app("teardown_request", "teardown", function)
        return function

    def app_errorhandler(self, key: int | type[Exception]) -> Callable[[_F], _F]:
        """Register the decorated function to answer errors of the whole app; see `errorhandler`."""
        check_error_key(key)

        def register(function: _F) -> _F:
            check_callback("errorhandler", function)
            self._check_open("an app_errorhandler")
            self._of_app.errors.append((key, function))
            return function

        return register

    def _take_for_app(self, kind: str, name: str, function: Callable[..., object]) -> None:
        check_callback(kind, function)
        self._check_open(f"this {kind} of the app")
        getattr(self._of_app, name).append(function)

    def _family(self) -> Iterator[Blueprint]:
        """Iterate over this blueprint and all that it contains."""
        yield self
        for nested in self._nested:
            yield from nested.blueprint._family()


def _with_parents(blueprint: Blueprint) -> Iterator[Blueprint]:
    yield blueprint
    for parent in blueprint._parents:
        yield from _with_parents(parent)


class Placement:
    """A blueprint and all that it contains, placed in an app but not yet part of it.

    Args:
        app: The app.
        blueprint: The blueprint.
        prefix: The prefix to use instead of the blueprint's own.
        name: The name to use instead of the blueprint's own.
        host: The host to use instead of the blueprint's own.
        shared: What is said of all the routes, before what the blueprint itself says.

    Attributes:
        names: The full name of each blueprint.
        addresses: Where each of them is, from the outermost to the innermost.
        routes: Their routes, those that plugins bring included.
        steps: What plugins do once all of it is registered.

    Raises:
        ConfigurationError: When a name or prefix is malformed, or no plugin of the app takes what
            a blueprint was given for one.
        RouteError: When a route is malformed.
    """

    def __init__(
        self,
        app: Flasgo,
        blueprint: Blueprint,
        prefix: str | None,
        name: str | None,
        host: str | None,
        shared: SharedOptions,
    ) -> None:
        self.names: dict[str, Blueprint] = {}
        self.addresses: list[Address] = []
        self.routes: list[Route] = []
        self.steps: list[Callable[[], None]] = []
        self._app = app
        placed = _placed(blueprint, prefix, name, host, shared)
        self._place(placed, "", "", None, (), app._shared)

    def _place(
        self,
        nested: _Nested,
        prefix: str,
        parent: str,
        host: str | None,
        around: tuple[Blueprint, ...],
        shared: Mapping[str, Any],
    ) -> None:
        blueprint = nested.blueprint
        shared = merged(shared, nested.shared, blueprint._shared)
        prefix += nested.prefix
        full_name = f"{parent}.{nested.name}" if parent else nested.name
        host = nested.host or host
        scopes = (*around, blueprint)
        self.names[full_name] = blueprint
        self.addresses.append(Address(prefix, host, (self._app, *scopes)))
        for recorded in blueprint._routes:
            self.routes += self._routes_of(recorded, prefix, full_name, host, scopes, shared)
        if blueprint._parts.names():
            add = partial(self._add_route, prefix, full_name, host, scopes, shared)
            parts = blueprint._parts
            placed = PlacedBlueprint(
                self._app, blueprint, full_name, prefix, blueprint._folder, parts.options, add
            )
            self.steps += apply_parts(placed, parts, self._app._declarations)
        for inner in blueprint._nested:
            self._place(inner, prefix, full_name, host, scopes, shared)

    def _add_route(
        self,
        prefix: str,
        name: str,
        host: str | None,
        around: tuple[Blueprint, ...],
        shared: Mapping[str, Any],
        path: str,
        handler: Callable[..., object],
        methods: tuple[str, ...],
        endpoint: str,
        options: EndpointOptions,
    ) -> Route:
        """Add a route that a plugin brings to a blueprint."""
        recorded = _Recorded(path, handler, methods, False, options, endpoint)
        (route,) = self._routes_of(recorded, prefix, name, host, around, shared)
        self.routes.append(route)
        return route

    def _routes_of(
        self,
        recorded: _Recorded,
        prefix: str,
        name: str,
        host: str | None,
        around: tuple[Blueprint, ...],
        shared: Mapping[str, Any],
    ) -> Iterable[Route]:
        options: dict[str, Any] = {
            "host": host,
            **merged(shared, recorded.options),
            "name": None,
            "endpoint": f"{name}.{recorded.endpoint}",
            "scopes": (self._app, *around, *_view_around(recorded.handler)),
            "blueprint": name,
        }
        if recorded.mounted is not None:
            path = prefix + (recorded.path.rstrip("/") or "")
            return mount_routes(path, recorded.mounted, recorded.methods, options)
        path = prefix + recorded.path or "/"
        options |= {"methods": recorded.methods, "is_websocket": recorded.is_websocket}
        route = Route(path, recorded.handler, **options)
        route.is_named = recorded.is_named
        return (route,)


def _view_around(handler: object) -> tuple[BoundView, ...]:
    """Return the view that a handler belongs to: policies on it hold for the handler too."""
    view = getattr(handler, "_view", None)
    return (view,) if isinstance(view, BoundView) else ()


def mount_routes(
    path: str, app: ASGIApp, methods: Iterable[str], options: dict[str, Any]
) -> tuple[Route, ...]:
    """Return the routes of a mount: HTTP and WebSocket, for its root and all that is below.

    Args:
        path: Where it is mounted.
        app: The app.
        methods: The HTTP methods that are handed on.
        options: The options of the routes, the endpoint among them.

    Raises:
        RouteError: When the app or the path is not usable.
    """
    if not callable(app):
        raise RouteError(f"The app mounted at {path!r} must be an ASGI app, not {app!r}.")
    if path and not path.startswith("/"):
        raise RouteError(f"The path of a mount starts with '/', unlike {path!r}.")
    if options.get("dependencies"):
        # SECURITY: what should be guarded is not served without its guard.
        raise RouteError(
            f"The app mounted at {path!r} has dependencies, and none is called for mounted apps. "
            "Protect it with policies, such as app.authorize(), or mount it elsewhere."
        )
    prefix = path.rstrip("/")
    handler = Mount(app, prefix, str(options["endpoint"]))
    return tuple(
        Route(rule, handler, methods=methods, is_websocket=is_websocket, mounted=app, **options)
        for is_websocket in (False, True)
        for rule in (f"{prefix}/", f"{prefix}/<path:path>")
    )


def _placed(
    blueprint: Blueprint,
    prefix: str | None,
    name: str | None,
    host: str | None,
    shared: SharedOptions,
) -> _Nested:
    if not isinstance(blueprint, Blueprint):
        raise ConfigurationError(f"register_blueprint takes a Blueprint, not {blueprint!r}.")
    return _Nested(
        blueprint,
        blueprint.prefix if prefix is None else _checked_prefix(prefix, blueprint.name),
        blueprint.name if name is None else _checked_name(name),
        blueprint.host if host is None else host,
        shared_options(f"The registration of {blueprint!r}", shared),
    )


def name_taken(name: str, holder: Blueprint, blueprint: Blueprint) -> str:
    """Return the error message for a blueprint whose full name another one has already."""
    same = "This blueprint" if holder is blueprint else f"{holder!r}"
    return (
        f"{same} is registered as {name!r} already. Give {blueprint!r} another name: "
        "register_blueprint(blueprint, name=...)."
    )


# Any: what a module's namespace holds.
def _module(name: str, caller: dict[str, Any]) -> dict[str, Any]:
    """Return the namespace of a module, or the caller's where there is no such module."""
    module = sys.modules.get(name)
    return caller if module is None else vars(module)


def _folder_of(module: Mapping[str, object]) -> Path | None:
    """Return the folder of the file that a module was made from."""
    file = module.get("__file__")
    return Path(file).resolve().parent if isinstance(file, str) else None


def _brought(name: str, keywords: set[str]) -> set[str]:
    """Return which keywords of a blueprint installed plugins bring.

    Raises:
        RouteError: When one belongs to a plugin of the bundle that is not installed.
    """
    brought = keywords & option_names() if keywords else keywords
    for keyword in sorted(keywords - brought):
        how = _bundle.missing_blueprint_part(keyword)
        if how:
            raise RouteError(f"The blueprint {name!r} was given {keyword!r}. {how}")
    return brought


def _is_module_name(prefix: object, caller: str) -> bool:
    """Whether a prefix is the `__name__` that Flask's blueprints have in its place."""
    if not isinstance(prefix, str) or prefix.startswith("/"):
        return False
    return prefix == caller or ("." in prefix and prefix in sys.modules)


def one_prefix(prefix: str | None, url_prefix: str | None) -> str | None:
    """Return the prefix, which may be given by one of two names."""
    if url_prefix is None:
        return prefix
    if prefix:
        raise ConfigurationError(
            f"A blueprint has one prefix, and was given prefix={prefix!r} and "
            f"url_prefix={url_prefix!r}; keep one."
        )
    return url_prefix


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigurationError(
            f"The name of a blueprint is an identifier such as 'notes', not {name!r}; dots are put "
            "between the names of nested ones."
        )
    return name


def _check_part(blueprint: Blueprint, what: str, name: str) -> None:
    if "." in name:
        raise RouteError(
            f"{what} {name!r} in {blueprint!r} has a dot; dots separate blueprints from endpoints."
        )


def _checked_prefix(prefix: str | None, name: str) -> str:
    if not isinstance(prefix, str) or (prefix and not prefix.startswith("/")):
        raise ConfigurationError(
            f"The prefix of the blueprint {name!r} is a str that starts with '/', or '' for none, "
            f"not {prefix!r}. It comes right behind the name: Blueprint('notes', '/notes')."
        )
    return prefix.rstrip("/")
