"""The registry, and what the plugins of an app have declared through it."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar, cast, get_origin

import msgspec
from msgspec import Struct, field

from flasgo.binding.custom_types import BodyFormat, CustomTypes, ModelAdapter, TypeEncoder
from flasgo.binding.parameters import Depends
from flasgo.callables import is_async
from flasgo.errors import PluginError, did_you_mean
from flasgo.plugins.cli_command import NAME as _COMMAND_NAME, CliCommand
from flasgo.plugins.roles import ROLES
from flasgo.requests.request import Request  # `inspect.signature(Declarations)` reads it
from flasgo.routing.policies import Policy
from flasgo.settings.settings import MISSING, SettingSpec, SettingSpecs

if TYPE_CHECKING:
    from flasgo.plugins.manager import Plugins
    from flasgo.requests.connection import Connection

__all__ = ["Declarations", "Option", "Registry", "shown_type"]

_T = TypeVar("_T")

_BOUND_OTHERWISE = frozenset({str, bytes, int, float, bool, list, tuple, set, dict, object})
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")


# Any: what a keyword or decorator of a blueprint was given comes behind the placed blueprint.
Applied: TypeAlias = Callable[..., Callable[[], None] | None]


class Option(Struct, frozen=True):
    """A keyword of `Flasgo(...)` that a plugin declared."""

    name: str
    owner: str
    default: object
    help: str


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")  # RFC 3986, section 3.1
_MEDIA_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*\Z"
)  # RFC 6838, 4.2
_READ_BY_CORE = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_ADAPTER = (
    *("handles", "prepare", "decode", "decode_json", "decode_texts"),
    *("encode", "shape", "schema", "fields"),
)


def shown_type(kind: object) -> str:
    """Return a type that a plugin provides as it is listed.

    Args:
        kind: A class, or a generic one with arguments.
    """
    return _full_name(kind) if isinstance(kind, type) else str(kind)


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _has_json_form(kind: type) -> bool:
    info = msgspec.inspect.type_info(kind)
    return not isinstance(info, msgspec.inspect.CustomType)


class Declarations(Struct):
    """Everything the plugins of one app have declared, with the owner of each name."""

    settings: SettingSpecs = field(default_factory=SettingSpecs)
    options: dict[str, Option] = field(default_factory=dict)
    blueprint_options: dict[str, Applied] = field(default_factory=dict)
    blueprint_methods: dict[str, Applied] = field(default_factory=dict)
    app_methods: dict[str, Callable[..., object]] = field(default_factory=dict)
    app_properties: dict[str, Callable[[], object]] = field(default_factory=dict)
    request_attributes: dict[str, Callable[[Request], object]] = field(default_factory=dict)
    roles: dict[str, Callable[..., Any]] = field(default_factory=dict)
    # Any: what is annotated, a class or a generic one with arguments.
    provided: dict[Any, Depends] = field(default_factory=dict)
    custom_types: CustomTypes = field(default_factory=CustomTypes)
    session_stores: dict[str, Callable[[str, str], Any]] = field(default_factory=dict)
    commands: dict[str, CliCommand] = field(default_factory=dict)
    enforcers: dict[type, str] = field(default_factory=dict)
    owners: dict[tuple[str, str], str] = field(default_factory=dict)

    def claim(self, kind: str, name: str, owner: str) -> None:
        """Note that `owner` brings `name`.

        Raises:
            PluginError: When another plugin has the name already; both are named.
        """
        holder = self.owners.setdefault((kind, name), owner)
        if holder != owner:
            raise PluginError(
                f"Plugins {holder!r} and {owner!r} both bring the {kind} {name!r}. "
                f"Disable one of them, or rename it in the plugin you own.",
                plugin=owner,
            )

    def owned(self, kind: str, owner: str) -> Iterator[str]:
        """Iterate over the names of one kind that a plugin brings."""
        return (name for (k, name), o in self.owners.items() if k == kind and o == owner)

    def others_of(self, owner: str) -> Iterator[str]:
        """Iterate over what a plugin brings besides settings and members of the app."""
        listed = {"setting", "app method"}
        return (
            f"{k} {name}" for (k, name), o in self.owners.items() if o == owner and k not in listed
        )

    def forget(self, owner: str) -> None:
        """Drop all that a plugin declared, when it could not be added after all."""
        by_name: dict[str, tuple[dict[str, Any], ...]] = {
            "option": (self.options,),
            "blueprint option": (self.blueprint_options,),
            "blueprint method": (self.blueprint_methods,),
            "app method": (self.app_methods, self.app_properties),
            "request attribute": (self.request_attributes,),
            "role": (self.roles,),
            "body format": (self.custom_types.formats,),
            "session store": (self.session_stores,),
            "command": (self.commands,),
        }
        for kind, name in [key for key, holder in self.owners.items() if holder == owner]:
            del self.owners[kind, name]
            for declared in by_name.get(kind, ()):
                declared.pop(name, None)
            if kind == "type":
                self.provided = {t: d for t, d in self.provided.items() if str(t) != name}
            if kind == "model adapter":
                kept = [a for a in self.custom_types.adapters if type(a).__qualname__ != name]
                self.custom_types.adapters[:] = kept
            if kind == "encoding of":
                for known in [k for k in self.custom_types.encoders if _full_name(k) == name]:
                    del self.custom_types.encoders[known]
            if kind == "setting":
                self.settings.discard(name)
        self.enforcers = {kind: name for kind, name in self.enforcers.items() if name != owner}

    def enforcer_of(self, policy: Policy) -> str | None:
        """Return the plugin that enforces a policy, or None."""
        for kind in type(policy).__mro__:
            if kind in self.enforcers:
                return self.enforcers[kind]
        return None


class Registry:
    """What a plugin's `plugin_setup` is handed: one method for each thing a plugin can bring.

    A plugin may keep it: `component` can be called until the end of the plugin's `app_created`,
    so that hooks which the settings switch off are in no pipeline at all. Everything else is
    declared in `plugin_setup`, before settings are read.
    """

    def __init__(self, plugin: str, declarations: Declarations, plugins: Plugins) -> None:
        self._plugin = plugin
        self._declarations = declarations
        self._plugins = plugins
        self._phase = "plugin_setup"

    def _enter(self, phase: str) -> None:
        """Note what the plugin is doing: `plugin_setup`, `app_created`, or `serving`."""
        self._phase = phase

    def _check_phase(self, method: str, *phases: str) -> None:
        """Refuse a declaration that comes when what it is about has been put together already."""
        if self._phase not in (phases or ("plugin_setup",)):
            self._refuse(
                f"registry.{method} is called too late, when settings are read and the app is put "
                "together",
                f"call it in {' or '.join(phases or ('plugin_setup',))}",
            )

    @property
    def plugin(self) -> str:
        """The name under which the plugin is registered."""
        return self._plugin

    def setting(
        self,
        name: str,
        type: object,  # noqa: A002 - reads best at the call
        *,
        default: object = MISSING,
        default_factory: Callable[[], object] | None = None,
        help: str = "",  # noqa: A002
        secret: bool = False,
        # Any: its parameter is annotated with the setting's own type, `str` or what it is.
        check: Callable[[Any], str | None] | None = None,
    ) -> None:
        """Declare a setting, read afterwards as `app.settings.NAME`.

        Args:
            name: UPPERCASE.
            type: The type that values are checked against, such as `int` or `set[str]`.
            default: The value when nothing is set.
            default_factory: Makes the value when nothing is set.
            help: One sentence for `flasgo settings` and the docs.
            secret: True keeps the value out of listings, logs and debug pages.
            check: Given a value of the right type, returns what is wrong with it, or None.

        Raises:
            PluginError: When the declaration is malformed or the name is taken.
        """
        self._check_phase("setting")
        self._declarations.settings.add(
            SettingSpec(
                name=name,
                type=type,
                default=default,
                default_factory=default_factory,
                help=help,
                secret=secret,
                check=check,
                owner=self._plugin,
            )
        )
        self._declarations.claim("setting", name, self._plugin)

    def app_method(self, name: str, function: Callable[..., object]) -> None:
        """Make `app.<name>(...)` call `function(...)`.

        Args:
            name: A lower-case identifier that the app does not have yet.
            function: Called with the caller's arguments only.

        Raises:
            PluginError: When the name is taken or malformed.
        """
        self._check_phase("app_method")
        self._claim_on_app("app method", name, function)
        self._declarations.app_methods[name] = function

    def app_property(self, name: str, getter: Callable[[], object]) -> None:
        """Make `app.<name>` return `getter()`.

        Args:
            name: A lower-case identifier that the app does not have yet.
            getter: Called at each access.

        Raises:
            PluginError: When the name is taken or malformed.
        """
        self._check_phase("app_property")
        self._claim_on_app("app method", name, getter)
        self._declarations.app_properties[name] = getter

    def request_attribute(
        self, name: str, function: Callable[[Request], _T]
    ) -> Callable[[Connection], _T]:
        """Make `request.<name>` the value of `function(request)`, computed once, on first use.

        Args:
            name: A lower-case identifier that requests do not have yet.
            function: Given the request (or the WebSocket connection). `def` only: an attribute
                cannot be awaited.

        Returns:
            A function that reads the attribute of a request, with its type, for the plugin's own
            code: type checkers do not know the attribute.

        Raises:
            PluginError: When the name is taken or malformed, or the function is async.
        """
        from flasgo.requests.connection import Connection
        from flasgo.requests.request import Request
        from flasgo.websocket import WebSocket

        self._check_phase("request_attribute")
        self._check_identifier("request attribute", name, function)
        if is_async(function):
            self._refuse(
                f"request.{name} is computed by an async function",
                "compute it in an async `authorize` or `request_started` hook and assign it: "
                f"request.{name} = value",
            )
        if any(hasattr(kind, name) for kind in (Request, WebSocket)) or (
            name in Connection.__annotations__ or name in WebSocket.__annotations__
        ):
            self._refuse(f"request.{name} exists already in flasgo-core", "choose another name")
        self._declarations.claim("request attribute", name, self._plugin)
        self._declarations.request_attributes[name] = function
        return cast("Callable[[Connection], _T]", operator.attrgetter(name))

    def option(self, name: str, *, default: object = None, help: str = "") -> None:  # noqa: A002
        """Declare a keyword of `Flasgo(...)`, read afterwards as `app.options[name]`.

        Args:
            name: A lower-case identifier.
            default: The value when the keyword is not given.
            help: One sentence for error messages and docs.

        Raises:
            PluginError: When the name is taken or malformed.
        """
        from flasgo.app import Flasgo

        self._check_phase("option")
        if not _IDENTIFIER.match(name):
            self._refuse(f"option {name!r} is not a lower-case identifier", "rename it")
        if name in inspect.signature(Flasgo.__init__).parameters:
            self._refuse(f"Flasgo({name}=...) belongs to flasgo-core", "choose another name")
        self._declarations.claim("option", name, self._plugin)
        self._declarations.options[name] = Option(name, self._plugin, default, help)

    def blueprint_option(self, name: str, apply: Applied) -> None:
        """Declare a keyword of `Blueprint(...)`.

        A blueprint is made before it meets an app and its plugins. So the distribution declares
        the name as well, in the entry-point group `flasgo.blueprint_options`.

        Args:
            name: A lower-case identifier.
            apply: Called as `apply(placed, value)` for each blueprint that has the keyword, when it
                is registered; `placed` is a `flasgo.plugin.PlacedBlueprint`. `def` only. It
                returns None, or a function to call once the blueprint is registered with all that
                it contains: a blueprint that is refused must leave no trace.

        Raises:
            PluginError: When the name is taken or malformed.
        """
        from flasgo.blueprints import Blueprint
        from flasgo.routing.operation import SharedOptions

        self._check_phase("blueprint_option")
        # PERF: a signature takes a while, and each app asks.
        own = (*Blueprint.__init__.__code__.co_varnames, *SharedOptions.__annotations__)
        self._take_blueprint_part("blueprint option", name, apply, own)
        self._declarations.blueprint_options[name] = apply

    def blueprint_method(self, name: str, apply: Applied) -> None:
        """Declare a decorator of blueprints, `@blueprint.<name>`, with or without arguments.

        The distribution declares the name as well, in the entry-point group
        `flasgo.blueprint_methods`; see `blueprint_option`.

        Args:
            name: A lower-case identifier that blueprints do not have yet.
            apply: Called as `apply(placed, function, *args, **kwargs)` with what was decorated and
                the decorator's arguments; otherwise as for `blueprint_option`.

        Raises:
            PluginError: When the name is taken or malformed.
        """
        from flasgo.blueprints import Blueprint

        self._check_phase("blueprint_method")
        own = (name,) if hasattr(Blueprint, name) else Blueprint.__annotations__
        self._take_blueprint_part("blueprint method", name, apply, own)
        self._declarations.blueprint_methods[name] = apply

    def _take_blueprint_part(
        self, kind: str, name: str, apply: Applied, own: Container[str]
    ) -> None:
        self._check_identifier(kind, name, apply)
        if name in own:
            self._refuse(f"the {kind} {name} exists already in flasgo-core", "choose another name")
        if is_async(apply):
            self._refuse(f"the {kind} {name} is applied by an async function", "use def")
        self._declarations.claim(kind, name, self._plugin)

    def enforces(self, policy: type[Policy]) -> None:
        """Declare that this plugin's hooks enforce a policy class and its subclasses.

        Raises:
            PluginError: When it is not a policy class, or another plugin enforces it.
        """
        self._check_phase("enforces")
        if not (isinstance(policy, type) and issubclass(policy, Policy)):
            self._refuse(
                f"registry.enforces was given {policy!r}", "give a subclass of flasgo.Policy"
            )
        self._declarations.claim(
            "policy", f"{policy.__module__}.{policy.__qualname__}", self._plugin
        )
        self._declarations.enforcers[policy] = self._plugin

    def role(self, name: str, provider: Callable[..., object]) -> None:
        """Take a role: something that core needs, and that one plugin can provide.

        Args:
            name: `trusted_host` or `require_login`.
            provider: For `trusted_host`, takes the request and returns its host with the port,
                once the host has been checked, or None. For `require_login`, takes the name of an
                auth backend and returns a decorator for a handler that only its users reach.

        Raises:
            PluginError: When there is no such role, or another plugin has taken it.
        """
        self._check_phase("role")
        if name not in ROLES:
            known = ", ".join(sorted(ROLES))
            self._refuse(
                f"there is no role {name!r}",
                f"take one of {known}.{did_you_mean(str(name), ROLES)}".rstrip("."),
            )
        if not callable(provider):
            self._refuse(f"role {name!r} was given {provider!r}", "give a callable")
        self._declarations.claim("role", name, self._plugin)
        self._declarations.roles[name] = provider

    # Any: a class, or a generic one with arguments.
    def provides(
        self, kind: Any, provider: Callable[..., object], *, blocking: bool = True
    ) -> None:
        """Give handlers and dependencies that annotate a parameter with a type its value.

        `async def show(session: AsyncSession)` is called with what the provider returns, as with
        `Annotated[AsyncSession, Depends(provider)]`. Tests override it by the type or by the
        provider: `app.dependency_overrides[AsyncSession] = fake`.

        Args:
            kind: The class. Only parameters annotated with it, or with `kind | None`, get one.
            provider: As for `Depends`: `def`, `async def`, or a generator function with one
                `yield`; it has its parameters bound as a handler has.
            blocking: False calls a `def` provider on the event loop.

        Raises:
            PluginError: When the type has a provider already, or either cannot be one.
        """
        self._check_phase("provides")
        if not isinstance(kind, type) and get_origin(kind) is None:
            self._refuse(f"registry.provides was given {kind!r}", "give it a class")
        if not callable(provider):
            self._refuse(f"the provider of {kind!r} is {provider!r}", "give a function")
        if kind in _BOUND_OTHERWISE:
            self._refuse(
                f"parameters of the type {kind!r} are bound from requests", "provide a class"
            )
        self._declarations.claim("type", shown_type(kind), self._plugin)
        self._declarations.provided[kind] = Depends(provider, blocking=blocking)

    # Any: plugins are objects of whatever class.
    def instance(self, name: str) -> Any:
        """Return the object of another plugin, which has been set up already.

        Args:
            name: One of the names in the plugin's own `requires`.

        Raises:
            PluginError: When the plugin does not require it.
        """
        if name not in self._plugins[self._plugin].requires:
            self._refuse(
                f"registry.instance({name!r}) asks for a plugin that it does not require",
                f"name it: requires = ({name!r},)",
            )
        return self._plugins.instance(name)

    # Any: values of the type, and JSON Schema.
    def encodes(
        self,
        kind: type,
        function: Callable[[Any], object],
        *,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how values of a type leave as JSON, wherever they stand in an answer.

        Args:
            kind: The class; its subclasses count, the nearest class decides. Types that JSON
                answers take already keep the form that they have.
            function: Returns what JSON has in a value's place: a str, a number, a dict...
            schema: The JSON Schema of that, for the API description.

        Raises:
            PluginError: When the type is taken, or is no class.
        """
        self._check_phase("encodes")
        if not isinstance(kind, type):
            self._refuse(f"registry.encodes was given {kind!r}", "give it a class")
        if not callable(function) or is_async(function):
            self._refuse(f"registry.encodes({kind.__qualname__}) was given {function!r}", "use def")
        if _has_json_form(kind):
            self._refuse(
                f"values of the type {kind.__qualname__} have a form in JSON already",
                "encode a class of your own",
            )
        self._declarations.claim("encoding of", _full_name(kind), self._plugin)
        self._declarations.custom_types.encoders[kind] = TypeEncoder(function, schema)

    def models(self, adapter: ModelAdapter) -> None:
        """Take a family of model classes: as bodies, forms, query objects, answers and schemas.

        Args:
            adapter: See `flasgo.plugin.ModelAdapter`.

        Raises:
            PluginError: When a method is missing.
        """
        self._check_phase("models")
        missing = [name for name in _ADAPTER if not callable(getattr(adapter, name, None))]
        if missing:
            self._refuse(
                f"the adapter {adapter!r} has no method {', '.join(missing)}",
                "derive it from flasgo.plugin.ModelAdapter",
            )
        self._declarations.claim("model adapter", type(adapter).__qualname__, self._plugin)
        self._declarations.custom_types.adapters.append(adapter)

    # Any: data as JSON has it.
    def body_format(
        self, media_type: str, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]
    ) -> None:
        """Bring another format than JSON for typed bodies, and for data that handlers return.

        `Content-Type` says which format a body has, `Accept` in which one the answer leaves; JSON
        is preferred where a client likes both. Types, models and validation errors are those of
        JSON: what `decode` returns is treated as the JSON that it stands for.

        Args:
            media_type: Such as `application/msgpack`: lower case, without parameters.
            decode: Takes a body, whose size is within the limits; returns dicts, lists, texts,
                numbers. A ValueError is answered with 400. `def`; it runs on the event loop.
            encode: Takes the data of an answer, as JSON has it; returns the body. `def`.

        Raises:
            PluginError: When the media type is malformed, core's own or taken.
        """
        self._check_phase("body_format")
        if not isinstance(media_type, str) or not _MEDIA_TYPE.match(media_type):
            self._refuse(
                f"registry.body_format was given the media type {media_type!r}",
                "give one in lower case, without parameters, such as 'application/msgpack'",
            )
        if media_type == "application/json" or media_type.endswith("+json"):
            self._refuse(f"core reads and writes {media_type} itself", "bring another format")
        if media_type in _READ_BY_CORE:
            self._refuse(f"core reads {media_type} as a form", "bring another format")
        for role, function in (("decode", decode), ("encode", encode)):
            if not callable(function) or is_async(function):
                self._refuse(
                    f"the {role} of body format {media_type!r} is {function!r}",
                    "give a `def` function",
                )
        self._declarations.claim("body format", media_type, self._plugin)
        self._declarations.custom_types.formats[media_type] = BodyFormat(
            media_type, decode, encode, self._plugin
        )

    # Any: the store that the plugin makes; what it must have is said where sessions are.
    def session_store(self, scheme: str, factory: Callable[[str, str], Any]) -> None:
        """Bring a place for sessions on the server: `SESSION_STORE_URI=scheme://...`.

        Args:
            scheme: The scheme, in lower case, such as `postgresql`.
            factory: Takes the URI and the prefix of keys, and returns a `SessionStore` as the
                plugin has it that keeps sessions. Called once, after all settings are known; it
                must not connect yet.

        Raises:
            PluginError: When the scheme is malformed or taken.
        """
        self._check_phase("session_store")
        if not isinstance(scheme, str) or not _SCHEME.match(scheme):
            self._refuse(
                f"registry.session_store was given the scheme {scheme!r}",
                "give one in lower case, without ://, such as 'postgresql'",
            )
        if not callable(factory) or is_async(factory):
            self._refuse(f"the session store {scheme!r} was given {factory!r}", "give a function")
        self._declarations.claim("session store", scheme, self._plugin)
        self._declarations.session_stores[scheme] = factory

    @property
    def session_stores(self) -> Mapping[str, Callable[[str, str], Any]]:
        """The session stores that plugins have brought so far, by scheme."""
        return MappingProxyType(self._declarations.session_stores)

    def command(self, name: str, function: Callable[..., object], *, started: bool = False) -> None:
        """Add a command to `flasgo`, `def` or `async def`.

        It runs in an event loop of its own, inside of `app.app_context()`. What it raises ends it
        with status 1: a FlasgoError with its message, anything else with the traceback.

        Args:
            name: Such as `greet`, or `db upgrade` for a command of the group `db`, which several
                plugins may share.
            function: Takes what typer makes of the arguments; its docstring is the help.
            started: Whether the app is started for it, as a server starts it, and stopped after
                it: with what `app_startup` hooks and lifespan functions open.

        Raises:
            PluginError: When the name is malformed or taken.
        """
        self._check_phase("command")
        if not isinstance(name, str) or not _COMMAND_NAME.match(name):
            self._refuse(
                f"registry.command was given the name {name!r}",
                "give lower-case words with hyphens: 'greet', or 'db upgrade' for one of a group",
            )
        if not callable(function):
            self._refuse(f"the command {name!r} is {function!r}", "give a function")
        group = name.partition(" ")[0]
        for other in self._declarations.commands.values():
            is_single = " " not in name or " " not in other.name
            if is_single and other.name != name and other.name.partition(" ")[0] == group:
                self._refuse(
                    f"the command {name!r} clashes with {other.name!r} of plugin {other.plugin!r}: "
                    f"{group!r} is a command, or a group of commands",
                    "rename it",
                )
        self._declarations.claim("command", name, self._plugin)
        self._declarations.commands[name] = CliCommand(name, function, started, self._plugin)

    def hookspecs(self, namespace: ModuleType | type) -> None:
        """Publish further hooks, marked with `flasgo.hookspec` in a module or class.

        Raises:
            PluginError: When the namespace holds no hookspec, or a hook's name is taken.
        """
        self._check_phase("hookspecs")
        self._plugins._add_hookspecs(namespace, self._plugin)

    def component(self, name: str, component: object) -> None:
        """Register a further object whose hook implementations belong to this plugin.

        Args:
            name: Its short name; listings show `<plugin>.<name>`.
            component: An object with `hookimpl` methods (all but `plugin_setup`).

        Raises:
            PluginError: When the name is taken or the component has no hooks.
        """
        self._check_phase("component", "plugin_setup", "app_created")
        self._plugins._add_component(self._plugin, name, component)

    def _claim_on_app(self, kind: str, name: str, function: object) -> None:
        from flasgo.app import Flasgo

        self._check_identifier(kind, name, function)
        if hasattr(Flasgo, name) or name in Flasgo.__annotations__:
            self._refuse(f"app.{name} exists already in flasgo-core", "choose another name")
        self._declarations.claim(kind, name, self._plugin)

    def _check_identifier(self, kind: str, name: str, function: object) -> None:
        if not (isinstance(name, str) and _IDENTIFIER.match(name)):
            self._refuse(f"{kind} {name!r} is not a lower-case identifier", "rename it")
        if not callable(function):
            self._refuse(f"{kind} {name!r} was given {function!r}", "give a callable")

    def _refuse(self, found: str, advice: str) -> NoReturn:
        raise PluginError(f"Plugin {self._plugin!r}: {found}; {advice}.", plugin=self._plugin)
