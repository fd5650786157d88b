"""The plugins of one app: choosing, loading, checking and listing them."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Container, Generator, Iterator
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, NoReturn
from weakref import WeakValueDictionary

import pluggy
from msgspec import Struct, field

from flasgo import _bundle, hookspecs
from flasgo.callables import called_by
from flasgo.errors import FlasgoError, PluginError, did_you_mean
from flasgo.plugins.choice import PluginChoice
from flasgo.plugins.declared_names import Inactive
from flasgo.plugins.discovery import (
    Candidate,
    built_in_plugins,
    candidate_of,
    core_version,
    discovered_plugins,
    installed_plugins,
    name_of,
)
from flasgo.plugins.hooks import PROJECT
from flasgo.plugins.implementation import Implementation
from flasgo.plugins.ordering import call_order
from flasgo.plugins.published import PublishedHooks
from flasgo.plugins.registry import Declarations, Registry
from flasgo.plugins.requirements import ORDERED_HOOKS, requirements_of
from flasgo.plugins.soundness import Soundness

if TYPE_CHECKING:
    from flasgo.app import Flasgo

__all__ = ["PluginInfo", "Plugins"]

_logger = logging.getLogger("flasgo.plugins")

# Which app has an instance that was told of it; forgotten with the app.
_HOLDERS: WeakValueDictionary[int, Plugins] = WeakValueDictionary()
_TELL_OF_APP = {"plugin_setup", "app_created", "app_startup"}

Status = Literal["active", "disabled", "failed"]


class PluginInfo(Struct, frozen=True):
    """What `app.plugins` tells of one plugin.

    Attributes:
        name: Its name: the entry point's, else its `name` attribute, else its class name in
            lower case.
        distribution: The distribution it came from, or None when it was handed over directly.
        version: That distribution's version, or None.
        hooks: The names of the hooks it implements, components included, sorted.
        settings: The settings it owns.
        methods: The methods and properties it gives the app.
        status: `active`, `disabled`, or `failed` (an optional plugin that could not be loaded).
        reason: Why it is not active; empty otherwise.
        builtin: Whether it comes with flasgo-core.
        requires: The plugins that it does not work without.
        brings: What else it declares, such as `role trusted_host` or `request attribute user`.
    """

    name: str
    distribution: str | None
    version: str | None
    hooks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    status: Status = "active"
    reason: str = ""
    builtin: bool = False
    requires: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()


class _Record(Struct):
    name: str
    candidate: Candidate | None
    plugin: object | None = None
    components: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)  # by one that failed after it had done so
    registry: Registry | None = None
    requires: dict[str, str | None] = field(default_factory=dict)  # names and distributions
    is_optional: bool = False
    status: Status = "active"
    reason: str = ""


class _PluginManager(pluggy.PluginManager):
    """Pluggy's manager, which looks at every attribute of a plugin for a hook's mark."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        # PERF: most attributes of an object are Python's own, and no hook is called so.
        return None if name.startswith("__") else super().parse_hookimpl_opts(plugin, name)


class Plugins:
    """The plugins of one app. Iterating gives a `PluginInfo` for each, in order of name.

    Attributes:
        declarations: What the active plugins have declared, to read.
        manager: The `pluggy.PluginManager` that holds them.
    """

    def __init__(self, app: Flasgo, declarations: Declarations) -> None:
        self._app = app
        self.declarations = declarations
        self._records: dict[str, _Record] = {}
        self._scans = False
        # The code of hooks that plugins call themselves, for the sake of tracebacks.
        self._published: dict[CodeType, tuple[str, str]] = {}
        self._hooks = PublishedHooks(self)
        self._wrappers: list[Callable[[Implementation], Implementation]] = []
        self.manager = _PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self._soundness = Soundness(self.manager, self._refuse, self._blame)

    # --- Listing ----------------------------------------------------------------------------

    def __iter__(self) -> Iterator[PluginInfo]:
        return (self._describe(record) for _, record in sorted(self._records.items()))

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, name: object) -> bool:
        record = self._records.get(name) if isinstance(name, str) else None
        return record is not None and record.status == "active"

    def __getitem__(self, name: str) -> PluginInfo:
        if name not in self._records:
            raise KeyError(f"No plugin {name!r}.{did_you_mean(name, self._records)}")
        return self._describe(self._records[name])

    def _describe(self, record: _Record) -> PluginInfo:
        candidate = record.candidate
        return PluginInfo(
            name=record.name,
            distribution=candidate.distribution if candidate else None,
            version=(candidate.version or core_version()) if candidate else None,
            hooks=tuple(sorted(set(self._hooks_of(record)))),
            settings=tuple(self.declarations.owned("setting", record.name)),
            methods=tuple(self.declarations.owned("app method", record.name)),
            status=record.status,
            reason=record.reason,
            builtin=candidate is not None and candidate.is_builtin,
            requires=tuple(sorted(record.requires)),
            brings=tuple(sorted(self.declarations.others_of(record.name))),
        )

    def _hooks_of(self, record: _Record) -> Iterator[str]:
        if record.status != "active":
            return
        for name in (record.name, *record.components):
            for caller in self.manager.get_hookcallers(self.manager.get_plugin(name)) or ():
                yield caller.name

    # --- Loading ----------------------------------------------------------------------------

    def _load(self, choice: PluginChoice) -> None:
        """Load and register every chosen plugin; nothing of theirs is called yet.

        Raises:
            PluginError: When a chosen plugin cannot be loaded, or a name is unknown or taken.
        """
        explicit = self._name_explicit(choice)
        built_in = built_in_plugins(choice.built_in)
        installed = discovered_plugins() if choice.discover else {}
        names = {*explicit, *installed, *built_in}
        self._check_names(choice, names)
        self._scans = choice.discover
        # Those that come with core are first: what others bring must not clash with theirs.
        for name in (*built_in, *sorted(names - built_in.keys())):
            record = _Record(name, installed.get(name), is_optional=name in choice.optional)
            self._records[name] = record
            if name in explicit:
                record.plugin, record.candidate = explicit[name], candidate_of(explicit[name])
            elif name in built_in and (record.candidate is None or not choice.allows(name)):
                record.candidate = built_in[name]
            elif not choice.allows(name):
                record.status, record.reason = "disabled", "not in PLUGINS"
            if name in choice.disabled:
                record.status, record.reason = "disabled", "disabled by name"
            if record.status == "active":
                with self._excused(record):
                    if record.plugin is None and record.candidate is not None:
                        record.plugin = record.candidate.load()
                    self._register(name, record.plugin)
                    record.requires = self._requirements(record)
        self._check_requirements()

    @contextmanager
    def _excused(
        self, record: _Record, undo: Callable[[], None] | None = None
    ) -> Generator[None, None, None]:
        """Go on without a plugin that fails, if it is declared optional."""
        try:
            yield
        except PluginError as exc:
            if not record.is_optional:
                raise
            self._withdraw(record)
            if undo is not None:
                undo()
            record.status, record.reason = "failed", str(exc)
            _logger.error("Optional plugin %r is left out: %s", record.name, exc)
            self._check_requirements()

    def _requirements(self, record: _Record) -> dict[str, str | None]:
        try:
            return requirements_of(record.plugin)
        except TypeError as error:
            self._refuse(
                record.name,
                str(error),
                'write names, requires = ("auth",), or names with the distributions that bring '
                'them, requires = {"sqlalchemy": "flasgo-sqlalchemy"}',
            )

    def _check_requirements(self) -> None:
        """Refuse plugins whose required plugins are not active.

        Raises:
            PluginError: When one of them is not optional itself.
        """
        for record in list(self._records.values()):
            for name, distribution in record.requires.items():
                if record.status == "active" and name not in self:
                    with self._excused(record):
                        self._refuse_requirement(record.name, name, distribution)

    def _refuse_requirement(self, plugin: str, name: str, distribution: str | None) -> NoReturn:
        required = self._records.get(name)
        if required is None:
            found = "not there"
            advice = (
                f"install it with `pip install {distribution}`, or hand it to Flasgo(plugins=[...])"
                if distribution
                else "install the distribution that brings it, or hand it to Flasgo(plugins=[...])"
            )
        else:
            is_off = required.status == "disabled"
            found = f"{'switched off' if is_off else 'left out'} ({required.reason.rstrip('.')})"
            advice = (
                f"bring {name!r} back, or leave this one out as well: "
                f"FLASGO_DISABLE_PLUGINS={plugin}"
            )
        self._refuse(plugin, f"it requires the plugin {name!r}, which is {found}", advice)

    def _name_explicit(self, choice: PluginChoice) -> dict[str, object]:
        """Return what was handed over by name: instances; a disabled class is not called."""
        named: dict[str, object] = {}
        for given in choice.explicit:
            plugin = self._instance_of(given, unless=choice.disabled)
            name = name_of(plugin)
            if name in named:
                self._refuse(name, "two plugins of this name were given", "keep one of them")
            named[name] = plugin
        return named

    def _instance_of(self, given: object, unless: Container[str] = ()) -> object:
        """Return the plugin that was handed over: where it is a class, an instance.

        Args:
            given: What was handed over.
            unless: Names of classes that are returned as they are.
        """
        if isinstance(given, str):
            self._refuse(
                given,
                "it is a string, not a plugin",
                "give the object or its class; names of installed ones go into PLUGINS",
            )
        if not isinstance(given, type) or name_of(given) in unless:
            return given
        try:
            return given()
        except Exception as exc:
            raise PluginError(
                f"Plugin class {given.__qualname__} cannot be called without arguments: "
                f"{type(exc).__name__}: {exc}. Give an instance of it.",
                plugin=given.__name__.lower(),
            ) from exc

    def _check_names(self, choice: PluginChoice, loading: set[str]) -> None:
        """Refuse names of plugins that are not installed."""
        allowed = choice.allowed or frozenset()
        for name in sorted((allowed | choice.disabled | choice.optional) - loading):
            # One of the bundle's that is not there needs no switching off; but it is missed.
            if name in _bundle.PLUGINS and name not in allowed:
                continue
            known = loading.union(candidate.name for candidate in installed_plugins())
            if name in known:
                continue
            distribution = _bundle.PLUGINS.get(name)
            hint = f" Install it with `pip install {distribution}`." if distribution else ""
            raise PluginError(
                f"No plugin {name!r} is installed.{hint or did_you_mean(name, known)} "
                f"Installed are: {', '.join(sorted(known))}.",
                plugin=name,
            )

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin to an app that exists already: it is set up at once.

        Where the app serves already, the plugin is started too, and stopped before the others.
        Requests that come meanwhile may meet its hooks before `app_startup` has ended.

        Args:
            plugin: A plugin instance, class or module.
            name: Its name; found as for any other plugin when left out.

        Raises:
            PluginError: When the name is taken, the plugin is not sound, or it has to be started
                and this is the thread of the event loop: see `register_async`. The app is then
                as it was before.
        """
        with self._joining(plugin, name) as joined:
            self._app._lifespan.start_plugin(joined)

    async def register_async(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin to an app that serves, from its own event loop; otherwise as `register`.

        Args:
            plugin: A plugin instance, class or module.
            name: Its name; found as for any other plugin when left out.

        Raises:
            PluginError: When the name is taken, or the plugin is not sound or does not start. The
                app is then as it was before.
        """
        with self._joining(plugin, name) as joined:
            await self._app._lifespan.astart_plugin(joined)

    @contextmanager
    def _joining(self, plugin: object, name: str | None) -> Generator[str, None, None]:
        """Set a plugin up; when that or the body fails, take it out again."""
        plugin = self._instance_of(plugin)
        name = name or name_of(plugin)
        if name in self:
            self._refuse(name, "a plugin of this name is active already", "give another name=")
        record = _Record(name, candidate_of(plugin), plugin)
        record.requires = self._requirements(record)
        previous = self._records.get(name)
        self._register(name, plugin)
        self._records[name] = record
        go_back = self._app._checkpoint()
        try:
            self._check_requirements()
            self._set_up(only=name)
            self._app._plugin_added(name)
            yield name
        except BaseException:
            self._withdraw(record)
            if previous is None:
                del self._records[name]
            else:
                self._records[name] = previous
            go_back()
            raise

    def _withdraw(self, record: _Record) -> None:
        """Take out all that a plugin and its components have brought."""
        self._hooks.forget()
        for name in (record.name, *record.components):
            if self.manager.has_plugin(name):
                _HOLDERS.pop(id(self.manager.unregister(name=name)), None)
        for kind in ("setting", "option", "blueprint option", "blueprint method"):
            record.declared.update(self.declarations.owned(kind, record.name))
        self.declarations.forget(record.name)

    def _register(self, name: str, plugin: object) -> None:
        self._check_holder(name, plugin)
        self._hooks.forget()
        try:
            registered = self.manager.register(plugin, name)
        except pluggy.PluginValidationError as exc:
            told = " ".join(str(exc).split())
            self._refuse(
                name,
                f"a hook does not fit its specification: {told}",
                "take the arguments that the hook has, by their names; fewer are fine",
            )
        except ValueError as exc:
            self._refuse(name, str(exc), "make one instance per app and give it one name")
        if registered is None:  # pragma: no cover - pluggy's answer to a blocked name
            self._refuse(name, "its name is blocked", "unblock it")
        try:
            self._soundness.check(name, plugin)
        except PluginError:
            self.manager.unregister(name=name)
            raise
        if not isinstance(plugin, ModuleType) and self._is_told_of_app(plugin):
            _HOLDERS[id(plugin)] = self

    def _check_holder(self, name: str, plugin: object) -> None:
        """Refuse an instance that another app has told of itself: it would answer as that one."""
        holder = _HOLDERS.get(id(plugin))
        if holder is None or holder is self or not holder._is_told_of_app(plugin):
            return
        del holder
        gc.collect()  # an app that nothing uses any more does not count
        if id(plugin) in _HOLDERS:
            self._refuse(
                name,
                "this very instance belongs to another app, whose settings and state it keeps",
                "make one instance per app, or hand over the class",
            )

    def _is_told_of_app(self, plugin: object) -> bool:
        hooks = {caller.name for caller in self.manager.get_hookcallers(plugin) or ()}
        return not hooks.isdisjoint(_TELL_OF_APP)

    def _inactive(self) -> list[Inactive]:
        """Return the plugins that are switched off or have failed, with what they declare.

        SECURITY: nothing of theirs is imported, called or looked at.
        """
        return [
            Inactive(
                record.name,
                "could not be loaded" if record.status == "failed" else "is switched off",
                record.candidate.distribution if record.candidate else None,
                frozenset(record.declared),
            )
            for record in self._records.values()
            if record.status != "active"
        ]

    # --- What `Registry` asks for -----------------------------------------------------------

    def _add_hookspecs(self, namespace: ModuleType | type, plugin: str) -> None:
        """Publish the hooks of a namespace on behalf of a plugin."""
        names = [
            name
            for name in dir(namespace)
            if self.manager.parse_hookspec_opts(namespace, name) is not None
        ]
        if not names:
            self._refuse(
                plugin,
                f"registry.hookspecs({namespace!r}) holds no hookspec",
                "mark the functions with @flasgo.hookspec",
            )
        for name in names:
            if name in (*hookspecs.SETUP_HOOKS, *hookspecs.REQUEST_HOOKS):
                self._refuse(plugin, f"hook {name!r} belongs to flasgo-core", "rename yours")
            self.declarations.claim("hook", name, plugin)
        if all(self._is_published(name, namespace) for name in names):
            # By a registration that failed after this, and is tried again.
            return
        try:
            self.manager.add_hookspecs(namespace)
        except pluggy.PluginValidationError as exc:
            self._refuse(plugin, f"a hook does not fit the specification: {exc}", "correct it")

    def _is_published(self, name: str, namespace: object) -> bool:
        caller = getattr(self.manager.hook, name, None)
        return caller is not None and caller.has_spec() and caller.spec.namespace is namespace

    def _add_component(self, plugin: str, name: str, component: object) -> None:
        """Register a component of a plugin under `<plugin>.<name>`."""
        full_name = f"{plugin}.{name}"
        self._register(full_name, component)
        self._records[plugin].components.append(full_name)
        if "plugin_setup" in self._hooks_of(_Record(full_name, None, component)):
            self._refuse(
                full_name,
                "a component implements plugin_setup",
                "declare in the plugin's own plugin_setup what the component needs",
            )

    # --- Set-up -----------------------------------------------------------------------------

    def _set_up(self, only: str | None = None) -> None:
        """Call `plugin_setup` of every plugin, or of one, then check that all hooks exist.

        Raises:
            PluginError: When a plugin's set-up fails; it and its distribution are named.
        """
        for impl in self.implementations("plugin_setup"):
            if only is None or impl.plugin == only:
                record = self._records[impl.plugin]
                if record.status != "active":  # because one that it requires has failed
                    continue
                record.registry = Registry(impl.plugin, self.declarations, self)
                with self._excused(record):
                    self.call_setup(impl, record.registry)
        self._enter("app_created", only)
        self._soundness.check_all(self._hook_names(), self._plugin_names())

    def _enter(self, phase: str, only: str | None) -> None:
        """Tell the registries what their plugins are called for from now on."""
        for record in self._records.values():
            if record.registry is not None and only in (None, record.name):
                record.registry._enter(phase)

    def _announce(self, only: str | None = None) -> None:
        """Call `app_created` of every plugin, or of one.

        Raises:
            PluginError: When a plugin fails that is not optional; an optional one is taken out
                again, with what it did to the app.
        """
        for impl in self.implementations("app_created"):
            name = impl.plugin.partition(".")[0]
            record = self._records[name]
            if record.status != "active" or only not in (None, name):
                continue
            undo = self._app._checkpoint() if record.is_optional else None
            with self._excused(record, undo):
                self.call_setup(impl, self._app)
        self._enter("serving", only)

    def implementations(self, hook: str) -> list[Implementation]:
        """Return the implementations of a hook in the order in which they are called.

        Args:
            hook: The hook's name, one of flasgo's or one that a plugin publishes.

        Raises:
            PluginError: When no hook of that name exists.
        """
        caller = getattr(self.manager.hook, hook, None)
        if caller is None:
            raise PluginError(f"No hook {hook!r}.{did_you_mean(hook, self._hook_names())}")
        ordered = call_order(hook, caller.get_hookimpls(), self._order_of(hook))
        found = [Implementation.of(caller, impl) for impl in ordered]
        for wrap in self._wrappers:
            found = [wrap(impl) for impl in found]
        return found

    def recompile(self) -> None:
        """Have the pipelines compiled anew before the next request.

        For plugins, when what the `when=` of a hook looks at has changed.
        """
        self._app._recompile()

    def wrap_calls(self, wrap: Callable[[Implementation], Implementation]) -> Callable[[], None]:
        """Put a function around the hook calls of this app: to record, time or trace them.

        The pipelines are compiled anew, so that apps without such a function pay nothing.

        Args:
            wrap: Given each implementation, returns the one to call in its place, such as
                `dataclasses.replace(implementation, call=...)`.

        Returns:
            A function that takes it away again.
        """
        self._wrappers.append(wrap)
        self._hooks.forget()
        self._app._recompile()

        def undo() -> None:
            self._wrappers.remove(wrap)
            self._hooks.forget()
            self._app._recompile()

        return undo

    def hook_callables(self, hook: str) -> tuple[Callable[..., object], ...]:
        """Return a hook's implementations as plain callables, in the order of their calls.

        For plugins that publish hooks of their own: ask once at set-up, call per request. Each
        callable takes all arguments of the specification, by position.

        Raises:
            PluginError: When no hook of that name exists.
        """
        impls = self.implementations(hook)
        for impl in impls:
            code = getattr(called_by(impl.function), "__code__", None)
            if code is not None:
                self._published[code] = (impl.plugin, hook)
        return tuple(impl.call for impl in impls)

    def is_implemented(self, hook: str) -> bool:
        """Return whether a plugin implements a published hook: if not, nothing need be made for it.

        Args:
            hook: The hook's name.

        Raises:
            PluginError: When no hook of that name exists.
        """
        return self._hooks.is_implemented(hook)

    def notify(self, hook: str, *args: object) -> None:
        """Call the implementations of a published hook that take note of something.

        What one of them raises is logged with its plugin's name, and changes nothing. For hooks
        whose specification says `sync=True`. Where no plugin implements it, this costs a look-up.

        Args:
            hook: The hook's name.
            args: All arguments of the specification, in its order.

        Raises:
            PluginError: When no hook of that name exists.
        """
        self._hooks.notify(hook, *args)

    def is_heard(self, hook: str) -> bool:
        """Whether any plugin implements a published hook.

        For callers of `notify` whose arguments are work to put together.

        Args:
            hook: The hook's name.

        Raises:
            PluginError: When no hook of that name exists.
        """
        return self._hooks.is_heard(hook)

    # Any: what the specification says.
    async def call(self, hook: str, *args: object) -> Any:
        """Call the implementations of a published hook, `def` and `async def`, in order.

        Args:
            hook: The hook's name.
            args: All arguments of the specification, in its order.

        Returns:
            The answers that are not None, in a list; with `hookspec(firstresult=True)` the first
            of them, or None.

        Raises:
            PluginError: When no hook of that name exists.
            HookError: When an implementation fails; it names its plugin. An HTTPException passes.
        """
        return await self._hooks.call(hook, *args)

    def _is_firstresult(self, hook: str) -> bool:
        spec = getattr(self.manager.hook, hook).spec
        return spec is not None and bool(spec.opts["firstresult"])

    def _implementer_at_fault(self, error: BaseException) -> tuple[str, str] | None:
        """Return the plugin and the hook in which an error arose, if another plugin called it.

        A plugin that publishes a hook calls its implementations as plain callables. Which of them
        has failed is read from the traceback, so that calls which do not fail cost nothing more.

        Args:
            error: What the publisher's own hook raised.
        """
        found = None
        trace = error.__traceback__ if self._published else None
        while trace is not None:
            found = self._published.get(trace.tb_frame.f_code, found)
            trace = trace.tb_next
        return found

    def call_setup(self, impl: Implementation, *args: object) -> object:
        """Call one set-up hook implementation; what it raises is attributed to its plugin.

        Raises:
            PluginError: With the original exception as cause.
        """
        try:
            return impl.call(*args)
        except FlasgoError:
            raise
        except Exception as exc:
            plugin, hook = self._implementer_at_fault(exc) or (impl.plugin, impl.hook)
            raise PluginError(
                f"{self._blame(plugin)} failed in {hook}: "
                f"{type(exc).__name__}: {exc}. Repair it, or switch it off with "
                f"FLASGO_DISABLE_PLUGINS={plugin.partition('.')[0]}.",
                plugin=plugin,
            ) from exc

    def call_all(self, hook: str, *args: object) -> list[object]:
        """Call every implementation of a set-up hook, in order, and return the answers."""
        return [self.call_setup(impl, *args) for impl in self.implementations(hook)]

    def _order_of(self, hook: str) -> dict[str, tuple[str, ...]]:
        """Return which plugins come before each plugin in a hook, because it requires them."""
        if hook not in ORDERED_HOOKS:
            return {}
        return {name: tuple(r.requires) for name, r in self._records.items() if r.requires}

    # Any: plugins are objects of whatever class.
    def instance(self, name: str) -> Any:
        """Return the object of an active plugin, such as one that another plugin requires.

        Args:
            name: The plugin's name.

        Raises:
            PluginError: When no active plugin has the name.
        """
        record = self._records.get(name)
        if record is None or record.status != "active":
            state = "is not active" if record else "is not there"
            hint = f": {record.reason}." if record else f".{did_you_mean(name, self._records)}"
            raise PluginError(f"Plugin {name!r} {state}{hint}", plugin=name)
        return record.plugin

    # Any: each role has a signature of its own, see `flasgo.plugins.roles`.
    def role(self, name: str) -> Callable[..., Any] | None:
        """Return what provides a role, or None where no active plugin has taken it.

        Args:
            name: One of `flasgo.plugins.roles.ROLES`.
        """
        return self.declarations.roles.get(name)

    def _blame(self, name: str) -> str:
        """Return how messages name a plugin: with its distribution where it has one."""
        record = self._records.get(name.partition(".")[0])
        candidate = record.candidate if record else None
        where = f" of distribution {candidate.distribution}" if candidate else ""
        return f"Plugin {name!r}{where}"

    def _plugin_names(self) -> set[str]:
        """Return the names that `before=` and `after=` may have: of plugins and of components."""
        installed = {candidate.name for candidate in installed_plugins()} if self._scans else set()
        registered = {name for name, _ in self.manager.list_name_plugin()}
        return {*self._records, *registered, *_bundle.PLUGINS, *installed}

    def _hook_names(self) -> list[str]:
        callers = vars(self.manager.hook).values()
        return sorted(caller.name for caller in callers if caller.has_spec())

    def _refuse(self, name: str, found: str, advice: str) -> NoReturn:
        raise PluginError(f"{self._blame(name)}: {found}; {advice}.", plugin=name)
