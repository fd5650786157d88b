"""The application: what developers register, and the ASGI entry point."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast

from flasgo import _bundle
from flasgo.asgi import ASGIApp, Receive, Scope, Send
from flasgo.binding import DependencyOverrides, compile_call
from flasgo.binding.custom_types import using
from flasgo.binding.parameters import Depends
from flasgo.binding.views import DEFAULT_METHODS, BoundView, view_of
from flasgo.blueprints import Address, Blueprint, Placement, mount_routes, name_taken, one_prefix
from flasgo.errors import (
    ConfigurationError,
    HTTPException,
    UnenforcedPolicyError,
)
from flasgo.features import BUILT_IN, AppMembers
from flasgo.http.multidict import State
from flasgo.interop.middleware import (
    Layer,
    MiddlewareEntry,
    ThroughMiddleware,
    lifespan_through,
    stacked,
)
from flasgo.interop.mounts import METHODS, Mount
from flasgo.kernel.background import BackgroundRunner, BackgroundTasks
from flasgo.kernel.callbacks import Callbacks
from flasgo.kernel.compilation import Compilation
from flasgo.kernel.dispatch import Dispatcher
from flasgo.kernel.lifespan import Lifespan, LifespanFunction
from flasgo.kernel.log_lines import ensure_log_lines
from flasgo.kernel.outside_requests import OutsideRequests
from flasgo.kernel.pipeline import Call, Pipeline, StageInfo
from flasgo.kernel.threads import WorkerThreads
from flasgo.kernel.urls import endpoint_url
from flasgo.plugins.choice import choose
from flasgo.plugins.declared_names import declaring_distribution, names_of_inactive
from flasgo.plugins.manager import Plugins
from flasgo.plugins.options import Options, take_options
from flasgo.plugins.registry import Declarations, shown_type
from flasgo.plugins.route_hooks import RouteHooks
from flasgo.registrar import RouteOptions, RouteScope
from flasgo.requests.connection import Connection
from flasgo.requests.forms import FormData
from flasgo.requests.request import Request
from flasgo.responses.open_streams import OpenStreams
from flasgo.routing import Converter, Route, Router, routed_host
from flasgo.routing.operation import EndpointOptions, SharedOptions, merged, shared_options
from flasgo.routing.policies import watch_policies
from flasgo.settings.own import SettingsT, WithSettings, own_setting_specs
from flasgo.settings.settings import (
    CORE_SETTINGS,
    Settings,
    SettingSpecs,
    load_settings,
    read_sources,
    resolve,
)

__all__ = ["Flasgo"]

_logger = logging.getLogger("flasgo.app")

_L = TypeVar("_L", bound=LifespanFunction)


class Flasgo(RouteScope, OutsideRequests, AppMembers, _bundle.AppMembers, WithSettings[SettingsT]):
    """A web application. Instances are ASGI applications.

    Args:
        name: The name of the app; Flask's `__name__` is welcome here.
        settings: A dict of UPPERCASE names, or the dotted path of a module that holds them.
        own_settings: A dataclass or Struct whose UPPERCASE fields are settings of the app's own;
            for type checkers derived from `OwnSettings`, with `Flasgo[Shop](own_settings=Shop)`.
            Or a dict of UPPERCASE names and defaults.
        plugins: Plugin instances, classes or modules besides the installed ones; one with the
            name of an installed plugin takes its place.
        disable_plugins: Names of plugins not to load.
        discover: Whether installed plugins are loaded; those that come with core always are.
        tags: Groups of all routes in the API description, before their own.
        responses: Further answers of all routes for the API description; see `SharedOptions`.
        deprecated: Whether the API description calls all routes deprecated.
        include_in_schema: False leaves all routes out of the API description.
        dependencies: `Depends(...)` to call for all routes, those of plugins too, before their own.
        options: Keywords that plugins declare, such as `static_folder`.

    Raises:
        OptionError: When no active plugin declares a keyword.
        SettingError: When a setting is unknown or its value is not allowed.
        PluginError: When a plugin cannot be loaded or set up.
    """

    # Declared here so that the registry keeps plugins from taking these names.
    name: str
    logger: logging.Logger
    state: State
    _declarations: Declarations
    plugins: Plugins
    settings: SettingsT
    options: Options
    threads: WorkerThreads
    _background: BackgroundRunner
    _event_streams: OpenStreams
    dependency_overrides: DependencyOverrides
    _fixed = frozenset({"options", "plugins", "settings", "threads"})

    def __init__(
        self,
        name: str = "flasgo",
        *,
        settings: Mapping[str, object] | str | None = None,
        own_settings: type | Mapping[str, object] | None = None,
        plugins: Iterable[object] = (),
        disable_plugins: Iterable[str] = (),
        discover: bool = True,
        tags: Sequence[str] = (),
        responses: Mapping[int | str, Any] | None = None,
        deprecated: bool = False,
        include_in_schema: bool = True,
        dependencies: Sequence[Depends] = (),
        **options: Unpack[_bundle.AppOptions],
    ) -> None:
        ensure_log_lines()
        self._prepare_outside()
        self.name = name
        self._shared = shared_options(
            f"The app {name!r}",
            {
                "tags": tags,
                "responses": responses or {},
                "deprecated": deprecated,
                "include_in_schema": include_in_schema,
                "dependencies": dependencies,
            },
        )
        self.logger = _logger
        self.state = State()
        self._declarations = Declarations(SettingSpecs(CORE_SETTINGS))
        self._is_traced = False  # besides what the settings DEBUG and TRACE_HOOKS say
        for kind, provider in (*_PROVIDED, (type(self), _app)):
            self._declarations.claim("type", shown_type(kind), "flasgo-core")
            self._declarations.provided[kind] = Depends(provider, blocking=False)
        self._dispatcher: Dispatcher | None = None
        # What serves requests: the dispatcher, or the middleware around it.
        self._entry: Dispatcher | MiddlewareEntry | None = None
        self._stack: ASGIApp | None = None
        # Whether `flasgo run` or `app.run()` serves it, rather than a server that knows nothing.
        self._is_served_here = False
        self._layers: list[Layer] = []
        self._blueprints: dict[str, Blueprint] = {}
        self._addresses: list[Address] = []
        self._blueprint_stacks: dict[Blueprint, ASGIApp] = {}
        self._callbacks = Callbacks()
        self._calls: dict[Route, Call] = {}
        self._route_hooks = RouteHooks(self)
        self._lifespan = Lifespan(self)
        self._sources = read_sources(settings)
        self.plugins = Plugins(self, self._declarations)
        self.plugins._load(
            choose(self._sources, plugins, disable_plugins, built_in=BUILT_IN, discover=discover)
        )
        self.plugins._set_up()
        self._declarations.settings.add_all(own_setting_specs(own_settings))
        self.settings = self._load_settings()
        self.options = self._take_options(options)
        self.threads = WorkerThreads(self.settings.SYNC_WORKERS)
        self._background = BackgroundRunner(self.threads)
        self._event_streams = OpenStreams()
        self.dependency_overrides = DependencyOverrides(self._rebind)
        self._router = Router(trailing_slash=self.settings.TRAILING_SLASH)
        self.plugins._announce()
        self._route_hooks.open(self._calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: an HTTP request, a WebSocket, or the lifespan."""
        kind = scope["type"]
        if kind == "http":
            await (self._entry or self._make_ready()).http(scope, receive, send)
        elif kind == "websocket":
            await (self._entry or self._make_ready()).websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._enter_lifespan(scope, receive, send)
        else:
            raise ConfigurationError(
                f"Flasgo does not speak {kind!r}; it serves 'http', 'websocket' and 'lifespan'."
            )

    @property
    def is_served_here(self) -> bool:
        """Whether `flasgo run` or `app.run()` serves the app in this process."""
        return self._is_served_here

    @property
    def debug(self) -> bool:
        """Whether the app runs with `DEBUG` on."""
        return self.settings.DEBUG

    @property
    def config(self) -> SettingsT:
        """The settings, under the name Flask gives them."""
        return self.settings

    if not TYPE_CHECKING:
        # Hidden from type checkers, which know the bundle's members by `_bundle.AppMembers`.
        # Never on the request path.
        def __getattr__(self, name: str) -> object:
            declared = self.__dict__.get("_declarations")
            if declared is not None:
                if name in declared.app_methods:
                    return declared.app_methods[name]
                if name in declared.app_properties:
                    return declared.app_properties[name]()
            raise AttributeError(self._unknown(name), name=name, obj=None)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._contributed()})

    def _contributed(self) -> list[str]:
        """Return the names that plugins bring."""
        declared = self.__dict__.get("_declarations")
        return [] if declared is None else [*declared.app_methods, *declared.app_properties]

    def _may_have(self, name: str) -> bool:
        return super()._may_have(name) or name in self._contributed()

    def _advice_for_own(self, name: str) -> str:
        return f"{self._hint(name)} Keep values of your own in app.state."

    def _hint(self, name: str) -> str:
        hint = _bundle.missing_app_member(name)
        return f" {hint}" if hint else super()._hint(name) or self._inactive()

    def _setting_hint(self, name: str) -> str:
        if name == "settings":
            return " Give settings to Flasgo(settings={...})."
        setting = name.upper()
        if setting not in self.__dict__.get("settings", ()):
            return ""
        return f" It is a setting: Flasgo(settings={{{setting!r}: ...}}), app.settings.{setting}."

    def _inactive(self) -> str:
        """Return which plugins are installed and not active: one of them may bring the name."""
        plugins = self.__dict__.get("plugins", ())
        names = [plugin.name for plugin in plugins if plugin.status != "active"]
        if not names:
            return ""
        return f" If a plugin brings it: not active here are {', '.join(names)} (`flasgo plugins`)."

    def __repr__(self) -> str:
        return f"<Flasgo {self.name!r} with {len(self._calls)} routes>"

    # --- Compiling --------------------------------------------------------------------------

    def _compile(self) -> Dispatcher:
        """Compile the pipelines of all routes, where something has changed since the last time.

        There is no need to call this: it happens at start-up, or with the first request.

        Raises:
            UnenforcedPolicyError: When a route carries a policy that no active plugin enforces.
            PluginError: When a plugin's predicate fails.
        """
        if self._dispatcher is None:
            self._route_hooks.ready()
            compilation = Compilation(self, self._router, self._blueprint_stacks, self._addresses)
            self._dispatcher = compilation.run(self._calls)
        return self._dispatcher

    def _recompile(self) -> None:
        """Have the pipelines compiled anew before the next request."""
        self._dispatcher = self._entry = None

    def _make_ready(self) -> Dispatcher | MiddlewareEntry:
        """Return what serves requests: compiled, and with the middleware around it.

        There is no need to call this: it happens at start-up, or with the first request.

        Raises:
            ConfigurationError: When a middleware cannot be made.
            UnenforcedPolicyError: When a route carries a policy that no active plugin enforces.
            PluginError: When a plugin's predicate fails.
        """
        self._entry = dispatcher = self._compile()
        stack = self._make_stack()
        if stack is not None:
            through = ThroughMiddleware((stack,), dispatcher)
            self._entry = MiddlewareEntry(dispatcher, dispatcher.unmatched.behind(through, ()))
        return self._entry

    def _make_stack(self) -> ASGIApp | None:
        """Return the app's middleware; it is made once, because it may keep a state of its own."""
        if self._stack is None and self._layers:
            self._stack = stacked(self._layers, self._serve_directly)
        return self._stack

    async def _serve_directly(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection without the middleware, or behind it."""
        if scope["type"] == "lifespan":
            await self._lifespan.serve(scope, receive, send)
        elif scope["type"] == "http":
            await self._compile().http(scope, receive, send)
        else:
            await self._compile().websocket(scope, receive, send)

    def explain(self, route: Route) -> tuple[StageInfo, ...]:
        """Return the steps of a route's pipeline, in order.

        Args:
            route: One of `app.routes`.
        """
        self._compile()
        return route.pipeline.stages if isinstance(route.pipeline, Pipeline) else ()

    def find_error_handler(self, route: Route, status: int) -> Callable[..., object] | None:
        """Return the error handler that answers an HTTPException for a route, or None.

        For plugins that describe an app. The handler of the innermost blueprint wins.

        Args:
            route: One of `app.routes`.
            status: The status of the error.
        """
        self._compile()
        callback = route.pipeline.errors.handlers.find(HTTPException(status))
        return None if callback is None else inspect.unwrap(callback)

    # --- Routes -----------------------------------------------------------------------------

    @property
    def routes(self) -> tuple[Route, ...]:
        """The registered routes, in the order of their registration."""
        return tuple(self._calls)

    def find_route(
        self, connection: Connection, method: str | None = None, *, other_slash: bool = False
    ) -> Route | None:
        """Return the route that takes a request, or would take it with another method.

        For plugins that answer on behalf of a route, such as to CORS preflights. Nothing is called.

        Args:
            connection: The request.
            method: The method, in upper case; the request's own when left out.
            other_slash: Whether the route counts as well that the client is sent to when its path
                has a slash too many or too few at its end.
        """
        scope, path, router = connection.scope, connection.path, self._router
        host = routed_host(connection.raw_header(b"host")) if router.has_hosts else ""
        method = method or scope.get("method", "GET")
        match = router.match_on(host, method, path)
        if match is None and other_slash:
            other = router.other_slash(method, path, host)
            match = None if other is None else router.match_on(host, method, other)
        return None if match is None else match.route

    def routes_at(self, path: str) -> tuple[Route, ...]:
        """Return the routes that serve a path, whatever the method and the host.

        For tools that inspect an app. Nothing is called but converters.

        Args:
            path: The path of a request, percent-decoded.
        """
        served = self._router.routes_at(path)
        return tuple(route for route in self._calls if route in served)

    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = DEFAULT_METHODS,
        *,
        is_websocket: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route; see `RouteScope.add_route`."""
        own: dict[str, Any] = {**merged(self._shared, options), "is_websocket": is_websocket}
        view = view_of(handler)
        if view is None:
            route = Route(path, handler, methods=methods, scopes=(self,), **own)
            self._register((route,))
            return route
        routes = [
            Route(path, each, methods=names, scopes=(self, view), **own)
            for names, each in view.chosen(methods).items()
        ]
        self._register(routes)
        return routes[0]

    def _name_route(self, rule: str, endpoint: str | None) -> None:
        named = next((route for route in self._calls if route.path == rule), None)
        if named is None or endpoint is None:
            super()._name_route(rule, endpoint)
        else:
            self._router.add_name(endpoint, named)

    def _register(self, routes: Sequence[Route]) -> None:
        """Take routes: all of them, or none when one is refused."""
        calls: dict[Route, Call] = {}
        for route in routes:
            self._router.prepare(route)
            is_mount = isinstance(route.handler, Mount)
            calls[route] = route.handler if is_mount else self._bind(route)
        self._recompile()
        go_back = self._checkpoint() if self._route_hooks.are_told() else None
        self._router.add_all(routes)
        self._calls.update(calls)
        for route in routes:
            if isinstance(route.scopes[-1], BoundView):
                route.scopes[-1].join(self)
            if not isinstance(route.handler, Mount):
                watch_policies(route.handler, self)
        self._route_hooks.take(routes, go_back)

    def _bind(self, route: Route) -> Call:
        provided = self._declarations.provided
        with using(self._declarations.custom_types):
            return compile_call(route, self.threads, self.dependency_overrides, provided)

    def _rebind(self) -> None:
        """Bind the handlers anew that have dependencies, because some were overridden."""
        for route in self._calls:
            if route.plan is not None and route.plan.dependencies:
                self._calls[route] = self._bind(route)
        self._recompile()

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
        """Register a blueprint and all that it contains: everything, or nothing.

        Args:
            blueprint: The blueprint. It may be registered again under another name.
            prefix: Takes the place of its own prefix.
            url_prefix: The same, as Flask calls it.
            name: Takes the place of its own name, in front of its endpoints.
            host: Takes the place of its own host.
            shared: What is said of all its routes, before what it says itself; see
                `SharedOptions`.

        Raises:
            ConfigurationError: When the name is taken, or a name or prefix is malformed.
            RouteError: When one of its routes cannot be registered.
        """
        placement = Placement(self, blueprint, one_prefix(prefix, url_prefix), name, host, shared)
        for full_name, placed in placement.names.items():
            holder = self._blueprints.get(full_name)
            if holder is not None:
                raise ConfigurationError(name_taken(full_name, holder, placed))
        stacks = {
            placed: stacked(placed._layers)
            for placed in set(placement.names.values())
            if placed._layers and placed not in self._blueprint_stacks
        }
        self._register(placement.routes)
        self._blueprint_stacks.update(stacks)
        self._blueprints.update(placement.names)
        self._addresses += placement.addresses
        for placed in placement.names.values():
            placed._join(self)
        for full_name, placed in placement.names.items():
            self.cli._add_group(full_name, placed.cli)
        for step in placement.steps:
            step()
        self._add_lifespans(placement.routes)

    def mount(
        self,
        path: str,
        app: ASGIApp,
        name: str | None = None,
        *,
        methods: Iterable[str] = METHODS,
        **options: Unpack[EndpointOptions],
    ) -> None:
        """Let another ASGI app answer below a path: HTTP and WebSocket.

        Requests for it pass this app's hooks and policies first, and its responses those that
        follow the handler. Its lifespan runs with this app's. Routes of this app at the path and
        below it come before it.

        Args:
            path: Where it begins, such as `/admin`; the other app finds it in `root_path`.
            app: Any ASGI app, another Flasgo app too.
            name: The endpoint for `url_for(name, path="a/b")`; the path's text when left out.
            methods: The HTTP methods that are handed on.
            options: See `RouteOptions`; `policies=` protects all of it.

        Raises:
            RouteError: When the path is malformed or taken.
        """
        endpoint = name or path.strip("/").replace("/", "_") or "mount"
        own = {**merged(self._shared, options), "endpoint": endpoint, "scopes": (self,)}
        routes = mount_routes(path, app, methods, own)
        self._register(routes)
        self._add_lifespans(routes)

    def _add_lifespans(self, routes: Iterable[Route]) -> None:
        for route in routes:
            if isinstance(route.handler, Mount):
                self._lifespan.add_mount(route.handler)
                if isinstance(route.handler.app, Flasgo):
                    self._event_streams.include(route.handler.app._event_streams)

    # Any: each middleware has options of its own.
    def add_middleware(self, factory: Callable[..., Any], **options: Any) -> None:
        """Put ASGI middleware around the app.

        It sees requests before any hook and responses after all of them. The last middleware
        added is the outermost. What it raises is answered with a 500 while nothing was sent; a
        response of its own leaves through the hooks that every response passes.

        Args:
            factory: The middleware's class; called with an ASGI app and the options.
            options: Its options.

        Raises:
            ConfigurationError: When the app serves already, or the class cannot be called.
        """
        layer = Layer.checked(factory, options)
        if self._stack is not None:
            raise ConfigurationError(
                f"The app serves already, so {layer.name} cannot be put around it any more. Call "
                "add_middleware before the first request."
            )
        self._layers.append(layer)
        self._recompile()

    def add_converter(self, name: str, converter: Converter | type[Converter]) -> None:
        """Add a path converter, used as `<name:parameter>`.

        Args:
            name: An identifier that no converter has yet.
            converter: A Converter, or its class.

        Raises:
            RouteError: When the name is taken or malformed.
        """
        self._router.add_converter(name, converter)

    def url_for(
        self,
        endpoint: str,
        *,
        _external: bool = False,
        _anchor: str | None = None,
        _scheme: str | None = None,
        **params: object,
    ) -> str:
        """Return the URL of an endpoint.

        Args:
            endpoint: The endpoint's name; `.show` is one of the blueprint that serves the request.
            _external: True gives an absolute URL: of the setting `SERVER_NAME`, else of the
                request's host, once that has been checked against the allowed hosts. Endpoints of
                another host than the request's get an absolute one anyway.
            _anchor: What comes behind `#`.
            _scheme: The scheme of an absolute URL; the request's when left out, https without one.
            params: The parameters of path and host; what these do not take goes into the query.

        Raises:
            BuildError: When the endpoint is unknown, a parameter is missing or impossible, or
                there is no host to name.
        """
        return endpoint_url(
            self,
            self._router,
            endpoint,
            params,
            is_external=_external,
            anchor=_anchor,
            scheme=_scheme,
        )

    # --- Lifespan ---------------------------------------------------------------------------

    def lifespan(self, function: _L) -> _L:
        """Register the decorated function to run around the time in which the app serves.

        Args:
            function: An `async def` function with one `yield`; it takes the app, or nothing.

        Raises:
            ConfigurationError: When it is not such a function.
        """
        self._lifespan.add(function)
        return function

    async def _enter_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ConfigurationError):  # which the start-up itself meets again and reports
            self._make_stack()
        if self._stack is None:
            await self._lifespan.serve(scope, receive, send)
        else:
            await lifespan_through(self._stack, self._lifespan.serve, scope, receive, send)

    # --- Serving ----------------------------------------------------------------------------

    def end_streams(self) -> None:
        """End the open event streams, those of mounted apps too, because the server is to stop.

        Streams that are opened later end at once, until the app starts anew. `flasgo run` calls
        this; under another server call it where that server tells you that it stops, in the
        thread of the event loop.
        """
        self._event_streams.end()

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        debug: bool = False,
        reload: bool | None = None,
    ) -> None:
        """Serve the app for development, until interrupted.

        While another process imports the app to serve it, as `flasgo run` does, this does nothing.

        Args:
            host: The address to listen on.
            port: The port, 0 for a free one.
            debug: Whether to serve with `DEBUG` on, as `FLASGO_DEBUG=1` does, and with `reload`.
            reload: Whether to start anew when a source file changes; as `debug` when left out.

        Raises:
            ConfigurationError: When `debug` is asked for without `reload`, and `DEBUG` is off.
            TargetError: When `reload` is asked for and no module-level variable holds the app.
            ServingError: When the port is none.
            SystemExit: With status 1 when it cannot listen there, the app does not start, or
                `flasgo-core[cli]` is not installed.
        """
        from flasgo.serving.runner import reload_for, run

        run(self, host=host, port=port, reload=reload_for(self, debug=debug, reload=reload))

    # --- Putting together -------------------------------------------------------------------

    # Any: type checkers are told the class of the settings, `Flasgo[Shop]`.
    def _load_settings(self) -> Any:
        declared = self._declarations.settings.names
        unknown = set(self._sources.argument) - set(declared)
        unused = names_of_inactive(unknown, self.plugins._inactive, declared)
        argument = {k: v for k, v in self._sources.argument.items() if k not in unused}
        self._sources = dataclasses.replace(self._sources, argument=argument)
        return load_settings(
            self._declarations.settings, self._sources, owner_of_unknown=declaring_distribution
        )

    def _settings_of(self, values: Mapping[str, object], sources: Mapping[str, str]) -> Any:
        return Settings(self._declarations.settings, values, sources, declaring_distribution)

    def _take_options(self, given: Mapping[str, object]) -> Options:
        values = take_options(self._declarations.options, given, self.plugins._inactive)
        return Options(values, self.route)

    def _plugin_added(self, name: str) -> None:
        """Let a plugin that joined late read its settings and see the app."""
        values: dict[str, object] = dict(self.settings)
        sources = {known: self.settings.source(known) for known in values}
        for spec in self._declarations.settings:
            if spec.name not in values:
                values[spec.name], sources[spec.name] = resolve(spec, self._sources)
        go_back = self._checkpoint()
        self.settings = self._settings_of(values, sources)
        try:
            self.options = self._take_options(dict(self.options))
            self.plugins._announce(only=name)
            self._route_hooks.tell(self._calls, only=name)
            self._route_hooks.are_told()
            self._recompile()
            # What a route still lacks may come with the next plugin; all else is this one's fault.
            with suppress(UnenforcedPolicyError):
                self._compile()
        except BaseException:
            go_back()
            raise

    def _checkpoint(self) -> Callable[[], None]:
        """Return a function that takes the app back to now: what a plugin did that fails later.

        What the app's `state` holds, and what was done outside of the app, stays as it is.
        """
        undo = (self._router.checkpoint(), self._lifespan.checkpoint())
        callbacks, policies = self._callbacks.copy(), self._held_policies
        calls, layers = self._calls.copy(), self._layers[:]
        blueprints, stacks = self._blueprints.copy(), self._blueprint_stacks.copy()
        addresses = self._addresses[:]
        settings, options = self.settings, dict(self.options)

        def go_back() -> None:
            for step in undo:
                step()
            self._callbacks, self._held_policies = callbacks, policies
            self._calls, self._layers = calls, layers
            self._blueprints, self._blueprint_stacks = blueprints, stacks
            self._addresses = addresses
            declared: Any = settings._declared()
            self.settings = declared
            kept = {name: options[name] for name in options if name in self._declarations.options}
            self.options = Options(kept, self.route)
            self._recompile()

        return go_back


async def _app(connection: Connection) -> Flasgo:
    return connection.app


async def _form(connection: Connection) -> FormData:
    return await cast("Request", connection).form()


async def _background(connection: Connection) -> BackgroundTasks:
    return connection.background


# The types that handlers may annotate, beside the class of the app.
_PROVIDED = ((Flasgo, _app), (BackgroundTasks, _background), (FormData, _form))
