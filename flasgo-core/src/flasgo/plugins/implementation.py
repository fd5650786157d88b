"""One plugin's implementation of one hook, ready to be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flasgo.callables import full_name, is_async
from flasgo.plugins.arguments import accepting
from flasgo.plugins.hooks import HookOptions, options_of

if TYPE_CHECKING:
    from pluggy import HookCaller, HookImpl

__all__ = ["Implementation"]


@dataclass(frozen=True, slots=True)
class Implementation:
    """A hook implementation as the core calls it: no pluggy in between.

    Attributes:
        plugin: The plugin's name, or `<plugin>.<component>`.
        hook: The hook's name.
        call: Takes all arguments of the hook, by position.
        function: The function as the plugin wrote it.
        is_async: Whether the answer of `call` must be awaited.
        options: What the plugin asked for in `hookimpl(...)`.
    """

    plugin: str
    hook: str
    call: Callable[..., Any]
    function: Callable[..., object]
    is_async: bool
    options: HookOptions

    @classmethod
    def of(cls, caller: HookCaller, impl: HookImpl) -> Implementation:
        """Take over one implementation from pluggy."""
        parameters = tuple(caller.spec.argnames) if caller.spec else tuple(impl.argnames)
        return cls(
            plugin=impl.plugin_name,
            hook=caller.name,
            call=accepting(parameters, impl.function),
            function=impl.function,
            is_async=is_async(impl.function),
            options=options_of(impl.function),
        )

    @property
    def label(self) -> str:
        """How listings name the callable: module and qualified name."""
        return full_name(self.function)
