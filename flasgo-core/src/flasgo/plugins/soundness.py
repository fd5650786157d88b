"""What a plugin's hooks must keep: what pluggy would accept, and a request could not run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from flasgo import hookspecs
from flasgo.callables import called_by, is_async
from flasgo.errors import closest, did_you_mean
from flasgo.plugins.arguments import unfillable
from flasgo.plugins.hooks import is_sync_only, options_of

if TYPE_CHECKING:
    import pluggy
    from pluggy import HookCaller, HookImpl

__all__ = ["Soundness"]

_logger = logging.getLogger("flasgo.plugins")
_ALWAYS_SYNC = {*hookspecs.SETUP_HOOKS} - {"app_startup", "app_shutdown"}


class Soundness:
    """Checks the hooks of the plugins of one app.

    Args:
        manager: Knows the plugins and their hooks.
        refuse: Raises the error about a plugin: its name, what was found, what to do.
        blame: Returns how messages name a plugin.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        refuse: Callable[[str, str, str], NoReturn],
        blame: Callable[[str], str],
    ) -> None:
        self._manager = manager
        self._refuse = refuse
        self._blame = blame

    def check(self, name: str, plugin: object) -> None:
        """Check one plugin as soon as it is registered.

        Args:
            name: Its name.
            plugin: The plugin.

        Raises:
            PluginError: When one of its hooks cannot be called as hooks are.
        """
        impls = list(self._implementations(plugin))
        if not impls:
            self._refuse(name, "it implements no hook", "mark its methods with @flasgo.hookimpl")
        for caller, impl in impls:
            self._check_impl(name, caller.name, impl)
            self._check_colour(name, caller, impl)
        implemented = {caller.name for caller, _ in impls}
        self._check_level(name, plugin, implemented)
        if not isinstance(plugin, ModuleType):
            self._check_unmarked(name, plugin, implemented)

    def check_all(self, hooks: Collection[str], plugins: Collection[str]) -> None:
        """Check all plugins once every one of them is set up, and all hooks are published.

        Args:
            hooks: The names of all hooks.
            plugins: The names of all plugins that there are, active or not.

        Raises:
            PluginError: When one implements a hook that does not exist, or asks for an argument
                that its hook does not have.
        """
        for name, plugin in self._manager.list_name_plugin():
            for caller, impl in self._implementations(plugin):
                if caller.has_spec():
                    self._check_arguments(name, caller, impl)
                    self._check_colour(name, caller, impl)
                elif not impl.optionalhook:
                    self._refuse(
                        name,
                        f"it implements {caller.name!r}, and no hook has that name",
                        f"correct the name.{did_you_mean(caller.name, hooks)} "
                        f"Hooks are: {', '.join(hooks)}",
                    )
                self._check_order(name, caller.name, impl, plugins)

    def _implementations(self, plugin: object) -> Iterator[tuple[HookCaller, HookImpl]]:
        for caller in self._manager.get_hookcallers(plugin) or ():
            for impl in caller.get_hookimpls():
                if impl.plugin is plugin:
                    yield caller, impl

    def _check_arguments(self, name: str, caller: HookCaller, impl: HookImpl) -> None:
        offered = tuple(caller.spec.argnames) if caller.spec else ()
        missing = unfillable(offered, impl.function)
        if missing:
            self._refuse(
                name,
                f"{caller.name} asks for {', '.join(map(repr, missing))}, which that hook does "
                "not have",
                f"take only these: {', '.join(offered) or 'none'}; fewer are fine",
            )

    def _check_order(self, name: str, hook: str, impl: HookImpl, plugins: Collection[str]) -> None:
        """Warn of a name in `before=` or `after=` that is almost that of a plugin.

        Names of absent plugins are fine, so only what looks mistyped is worth a word.
        """
        options = options_of(impl.function)
        for keyword, names in (("before", options.before), ("after", options.after)):
            for other in names:
                is_known = other.partition(".")[0] in plugins  # or a component of one
                meant = None if is_known else closest(other, plugins)
                if meant is not None:
                    _logger.warning(
                        "%s: the %s= of %s names %r, and no plugin has that name. Did you mean %r?",
                        self._blame(name),
                        keyword,
                        hook,
                        other,
                        meant,
                    )

    def _check_impl(self, name: str, hook: str, impl: HookImpl) -> None:
        function = impl.function
        if impl.wrapper or impl.hookwrapper:
            self._refuse(
                name,
                f"{hook} is a wrapper; hooks are compiled into plain calls",
                "use request_started with response_finalize or request_finished around a request",
            )
        elif inspect.isgeneratorfunction(called_by(function)) and hook in hookspecs.REQUEST_HOOKS:
            self._refuse(name, f"{hook} is a generator function", "return a Response or None")
        if inspect.isasyncgenfunction(called_by(function)):
            self._refuse(name, f"{hook} is an async generator function", "do not yield in it")
        if is_async(function) and hook in _ALWAYS_SYNC:
            self._refuse(
                name,
                f"{hook} is async, and is called where nothing can be awaited",
                "use def, and do asynchronous work in app_startup",
            )
        when = options_of(function).when
        if when is not None and hook not in (*hookspecs.REQUEST_HOOKS, "wrap_handler"):
            self._refuse(
                name,
                f"{hook} has when=",
                "when= is for request hooks and wrap_handler; remove it",
            )
        if when is not None and is_async(when):
            self._refuse(
                name, f"the when= of {hook} is async", "use def: it is asked while routes compile"
            )

    def _check_colour(self, name: str, caller: HookCaller, impl: HookImpl) -> None:
        """Refuse an async implementation of a published hook that is called as it is."""
        spec = caller.spec
        if spec is not None and is_sync_only(spec.function) and is_async(impl.function):
            self._refuse(
                name,
                f"{caller.name} is async, and is called where nothing can be awaited",
                "use def; slow work that a request gives rise to goes into request.background",
            )

    def _check_level(self, name: str, plugin: object, implemented: set[str]) -> None:
        """Warn of what has changed in its hooks since a plugin was written."""
        level = getattr(plugin, "hook_level", 1)
        newest = hookspecs.CONTRACT_LEVEL
        if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= newest:
            self._refuse(
                name,
                f"its hook_level is {level!r}, and this flasgo-core has the levels 1 to {newest}",
                "install a newer flasgo-core, or correct it",
            )
        for later in range(level + 1, newest + 1):
            for hook, change in hookspecs.CONTRACT_CHANGES.get(later, {}).items():
                if hook in implemented:
                    _logger.warning(
                        "%s was written for level %d of the hooks. Level %d changed %s: %s Adapt "
                        "it, then set its hook_level.",
                        self._blame(name),
                        level,
                        later,
                        hook,
                        change,
                    )

    def _check_unmarked(self, name: str, plugin: object, implemented: set[str]) -> None:
        for hook in (*hookspecs.SETUP_HOOKS, *hookspecs.REQUEST_HOOKS):
            if hook not in implemented and callable(getattr(type(plugin), hook, None)):
                self._refuse(
                    name,
                    f"its method {hook} is named like a hook but not marked",
                    "put @flasgo.hookimpl above it, or rename it",
                )
