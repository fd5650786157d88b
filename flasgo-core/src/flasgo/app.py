"""The application: what developers register, and the ASGI entry point."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, Unpack

from flasgo import _bundle
from flasgo.asgi import Receive, Scope, Send
from flasgo.binding import compile_call
from flasgo.callbacks import Callback, as_callback
from flasgo.context import active_request
from flasgo.dispatch import Dispatcher
from flasgo.error_handling import ErrorHandlers
from flasgo.errors import BuildError, ConfigurationError, OptionError, UnenforcedPolicyError
from flasgo.lifespan import Lifespan, LifespanFunction
from flasgo.multidict import State
from flasgo.options import Options
from flasgo.pipeline import Call, Pipeline, PipelineCompiler, StageInfo
from flasgo.plugins import PluginChoice, Plugins
from flasgo.policies import watch_policies
from flasgo.registrar import Registrar, RouteOptions
from flasgo.registry import Ledger
from flasgo.routing import Converter, Route, Router
from flasgo.settings import (
    CORE_SETTINGS,
    Settings,
    SettingSpecs,
    Sources,
    load_settings,
    read_sources,
    read_value,
)
from flasgo.suggest import did_you_mean
from flasgo.threads import WorkerThreads

__all__ = ["Flasgo"]

_logger = logging.getLogger("flasgo.app")

_F = TypeVar("_F", bound=Callable[..., object])
_L = TypeVar("_L", bound=LifespanFunction)


class Flasgo(Registrar, _bundle.AppMembers):
    """A web application. Instances are ASGI applications.

    Args:
        name: The name of the app; Flask's `__name__` is welcome here.
        settings: A dict of UPPERCASE names, or the dotted path of a module that holds them.
        plugins: Plugin instances, classes or modules besides the installed ones; one with the
            name of an installed plugin takes its place.
        disable_plugins: Names of plugins not to load.
        discover: Whether installed plugins are loaded.
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
    registry: Ledger
    plugins: Plugins
    settings: Settings
    options: Options
    threads: WorkerThreads

    def __init__(
        self,
        name: str = "flasgo",
        *,
        settings: Mapping[str, object] | str | None = None,
        plugins: Iterable[object] = (),
        disable_plugins: Iterable[str] = (),
        discover: bool = True,
        **options: object,
    ) -> None:
        self.name = name
        self.logger = _logger
        self.state = State()
        self.registry = Ledger(SettingSpecs(CORE_SETTINGS))
        self._dispatcher: Dispatcher | None = None
        self._calls: dict[Route, Call] = {}
        self._before: list[Callback] = []
        self._after: list[Callback] = []
        self._teardown: list[Callback] = []
        self._errors = ErrorHandlers()
        self._lifespan = Lifespan(self)
        self._sources = read_sources(settings)
        self.plugins = Plugins(self, self.registry)
        self.plugins.load(_choice(self._sources, plugins, disable_plugins, discover=discover))
        self.plugins.set_up()
        self.settings = self._load_settings()
        self.options = self._take_options(options)
        self.threads = WorkerThreads(self.settings.SYNC_WORKERS)
        self._router = Router(trailing_slash=self.settings.TRAILING_SLASH)
        self.plugins.call_all("app_created", self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: an HTTP request, a WebSocket, or the lifespan."""
        kind = scope["type"]
        if kind == "http":
            await (self._dispatcher or self.compile()).http(scope, receive, send)
        elif kind == "websocket":
            await (self._dispatcher or self.compile()).websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan.serve(scope, receive, send)
        else:
            raise ConfigurationError(
                f"Flasgo does not speak {kind!r}; it serves 'http', 'websocket' and 'lifespan'."
            )

    @property
    def debug(self) -> bool:
        """Whether the app runs with `DEBUG` on."""
        return self.settings.DEBUG

    def __getattr__(self, name: str) -> Any:
        # Any: what plugins add is typed by `_bundle`. Never on the request path.
        registry = self.__dict__.get("registry")
        if registry is not None:
            if name in registry.app_methods:
                return registry.app_methods[name]
            if name in registry.app_properties:
                return registry.app_properties[name]()
        raise AttributeError(self._missing(name), name=name, obj=None)

    def _missing(self, name: str) -> str:
        registry = self.__dict__.get("registry")
        offered = [] if registry is None else [*registry.app_methods, *registry.app_properties]
        public = [known for known in dir(type(self)) if not known.startswith("_")]
        hint = _bundle.missing_app_member(name)
        suggestion = f" {hint}" if hint else did_you_mean(name, [*public, *offered])
        return f"Flasgo has no attribute {name!r}.{suggestion}"

    def __repr__(self) -> str:
        return f"<Flasgo {self.name!r} with {len(self._calls)} routes>"

    # --- Compiling --------------------------------------------------------------------------

    def compile(self) -> Dispatcher:
        """Compile the pipelines of all routes, where something has changed since the last time.

        Nobody needs to call this: it happens at start-up, or with the first request.

        Raises:
            UnenforcedPolicyError: When a route carries a policy that nobody enforces.
            PluginError: When a plugin's predicate fails.
        """
        if self._dispatcher is None:
            compiler = PipelineCompiler(self.plugins, self.registry)
            for route, call in self._calls.items():
                route.pipeline = self._pipeline(compiler, route, call)
            self._dispatcher = self._make_dispatcher(compiler)
        return self._dispatcher

    def recompile(self) -> None:
        """Have the pipelines compiled anew before the next request."""
        self._dispatcher = None

    def _make_dispatcher(self, compiler: PipelineCompiler) -> Dispatcher:
        dispatcher = Dispatcher(self, self._router, self._errors, self._teardown[::-1])
        answer = dispatcher.answer_unmatched
        unmatched = Route("/", answer, methods=(), endpoint="(unmatched)")
        dispatcher.unmatched = self._pipeline(compiler, unmatched, answer)
        return dispatcher

    def _pipeline(self, compiler: PipelineCompiler, route: Route, call: Call) -> Pipeline:
        after = () if route.is_websocket else self._after[::-1]
        return compiler.compile(route, call, before=self._before, after=after)

    def explain(self, route: Route) -> tuple[StageInfo, ...]:
        """Return the steps of a route's pipeline, in order.

        Args:
            route: One of `app.routes`.
        """
        self.compile()
        return route.pipeline.stages if isinstance(route.pipeline, Pipeline) else ()

    # --- Routes -----------------------------------------------------------------------------

    @property
    def routes(self) -> tuple[Route, ...]:
        """The registered routes, in the order of their registration."""
        return tuple(self._calls)

    def add_route(
        self,
        path: str,
        handler: Callable[..., object],
        methods: Iterable[str] = ("GET",),
        *,
        is_websocket: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route:
        """Register a route; see `Registrar.add_route`."""
        route = Route(path, handler, methods=methods, is_websocket=is_websocket, **options)
        self._router.prepare(route)
        call = compile_call(route, self.threads)
        self._router.add(route)
        self._calls[route] = call
        watch_policies(handler, self)
        self.recompile()
        return route

    def add_converter(self, name: str, converter: Converter | type[Converter]) -> None:
        """Add a path converter, used as `<name:parameter>`.

        Args:
            name: An identifier that no converter has yet.
            converter: A Converter, or its class.

        Raises:
            RouteError: When the name is taken or malformed.
        """
        self._router.add_converter(name, converter)

    def url_for(self, endpoint: str, *, _external: bool = False, **params: object) -> str:
        """Return the URL of an endpoint.

        Args:
            endpoint: The endpoint's name.
            _external: True gives an absolute URL: of the setting `SERVER_NAME`, else of the
                request's host, once that has been checked against the allowed hosts.
            params: The path parameters; what the path does not take goes into the query.

        Raises:
            BuildError: When the endpoint is unknown, a parameter is missing or impossible, or
                there is no host to name.
        """
        path = self._router.build(endpoint, params)
        connection = active_request.get(None)
        if connection is not None:
            path = connection.root_path.rstrip("/") + path
        return self._origin(endpoint) + path if _external else path

    def _origin(self, endpoint: str) -> str:
        connection = active_request.get(None)
        is_secure = connection is None or connection.is_secure
        host = self.settings.SERVER_NAME
        if not host and connection is not None and "host" in self.registry.request_attributes:
            host = connection.host
        if not host:
            # SECURITY: a Host header that nobody has checked does not get into a URL (CWE-644).
            raise BuildError(
                f"url_for({endpoint!r}, _external=True) has no trusted host to name. Set "
                "SERVER_NAME, or install the plugin that checks hosts.",
                endpoint=endpoint,
            )
        return f"{'https' if is_secure else 'http'}://{host}"

    # --- Callbacks --------------------------------------------------------------------------

    def before_request(self, function: _F) -> _F:
        """Register a function to call before the handler; what it returns ends the request.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the request, or
                nothing. None lets the request go on.
        """
        self._before.append(self._callback("before_request", function, ("request",)))
        return function

    def after_request(self, function: _F) -> _F:
        """Register a function to call with every response: errors and denials too.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the response, or
                the request and the response, and returns a response or None to keep it.
        """
        self._after.append(self._callback("after_request", function, ("request", "response")))
        return function

    def teardown_request(self, function: _F) -> _F:
        """Register a function to call when the request is over.

        Args:
            function: `async def`, or `def` to run in a worker thread. It takes the exception that
                ended the request or None, or the request and the exception, or nothing.
        """
        self._teardown.append(self._callback("teardown_request", function, ("request", "error")))
        return function

    def errorhandler(self, key: int | type[Exception]) -> Callable[[_F], _F]:
        """Register the decorated function to answer errors of one kind.

        A bare value keeps the error's status; a tuple or Response gives its own.

        Args:
            key: A status code from 400 to 599, or an exception class; the handler of the most
                specific class answers.

        Raises:
            ConfigurationError: When the key is neither.
        """

        def register(function: _F) -> _F:
            callback = self._callback("errorhandler", function, ("request", "error"))
            self._errors.add(key, callback)
            return function

        return register

    def _callback(
        self, kind: str, function: Callable[..., object], offered: tuple[str, ...]
    ) -> Callback:
        self.recompile()
        return as_callback(kind, function, offered, self.threads)

    def lifespan(self, function: _L) -> _L:
        """Register the decorated function to run around the time in which the app serves.

        Args:
            function: An `async def` function with one `yield`; it takes the app, or nothing.

        Raises:
            ConfigurationError: When it is not such a function.
        """
        self._lifespan.add(function)
        return function

    # --- Serving ----------------------------------------------------------------------------

    def run(self, host: str = "127.0.0.1", port: int = 8000, *, reload: bool = False) -> None:
        """Serve the app for development, until interrupted.

        Args:
            host: The address to listen on.
            port: The port, 0 for a free one.
            reload: Whether to start anew when a source file changes.

        Raises:
            ImportError: When `flasgo-core[cli]` is not installed.
        """
        from flasgo.serving import run

        run(self, host=host, port=port, reload=reload)

    # --- Putting together -------------------------------------------------------------------

    def _load_settings(self) -> Settings:
        dormant = self._dormant(set(self._sources.argument) - set(self.registry.settings.names))
        argument = {k: v for k, v in self._sources.argument.items() if k not in dormant}
        self._sources = dataclasses.replace(self._sources, argument=argument)
        return load_settings(
            self.registry.settings, self._sources, owner_of_unknown=_bundle.owner_of_setting
        )

    def _dormant(self, names: set[str]) -> set[str]:
        """Return which unknown names belong to disabled plugins, and say that they rest."""
        found = names & self.plugins.dormant_names() if names else set()
        for name in sorted(found):
            _logger.warning("%s has no effect: the plugin it belongs to is disabled.", name)
        return found

    def _take_options(self, given: Mapping[str, object]) -> Options:
        declared = self.registry.options
        unknown = set(given) - set(declared)
        for name in sorted(unknown - self._dormant(unknown)):
            owner = _bundle.owner_of_option(name)
            hint = f" {owner}" if owner else ""
            known = ["name", "settings", "plugins", "disable_plugins", "discover", *declared]
            raise OptionError(
                f"Flasgo() got an unknown keyword {name!r}."
                f"{hint or did_you_mean(name, known)} Known are: {', '.join(known)}.",
                name=name,
            )
        values = {name: given.get(name, option.default) for name, option in declared.items()}
        return Options(values, self.route)

    def plugin_added(self, name: str) -> None:
        """Let a plugin that joined late read its settings and see the app."""
        values, sources = dict(self.settings), {}
        for spec in self.registry.settings:
            known = spec.name in values
            if not known:
                values[spec.name] = read_value(spec, self._sources)
            sources[spec.name] = self.settings.source(spec.name) if known else "late plugin"
        previous = self.settings, self.options
        self.settings = Settings(self.registry.settings, values, sources, _bundle.owner_of_setting)
        try:
            self.options = self._take_options(dict(self.options))
            for impl in self.plugins.implementations("app_created"):
                if impl.plugin.partition(".")[0] == name:
                    self.plugins.call_setup(impl, self)
            self.recompile()
            # What a route still lacks may come with the next plugin; all else is this one's fault.
            with suppress(UnenforcedPolicyError):
                self.compile()
        except BaseException:
            self.settings, self.options = previous
            self.recompile()
            raise


def _choice(
    sources: Sources, plugins: Iterable[object], disabled: Iterable[str], *, discover: bool
) -> PluginChoice:
    allowed, off, optional = (
        _as_names(read_value(name, sources))
        for name in ("PLUGINS", "DISABLED_PLUGINS", "OPTIONAL_PLUGINS")
    )
    return PluginChoice(
        explicit=tuple(plugins),
        discover=discover,
        allowed=allowed,
        disabled=(_as_names(disabled) or frozenset()) | (off or frozenset()),
        optional=optional or frozenset(),
    )


def _as_names(value: object) -> frozenset[str] | None:
    if isinstance(value, str):
        raise ConfigurationError(
            f"disable_plugins={value!r} is a string; give a set of names: {{{value!r}}}."
        )
    return frozenset(map(str, value)) if isinstance(value, Iterable) else None
