"""Templates whose imported modules live for one rendering, never for the process."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from contextvars import ContextVar

from jinja2 import Template
from jinja2.environment import TemplateModule
from jinja2.runtime import Context, new_context
from jinja2.utils import internalcode

__all__ = ["RenderedTemplate"]

_modules: ContextVar[dict[Template, TemplateModule] | None] = ContextVar(
    "flasgo_templates_modules", default=None
)
"""The modules of templates that the current rendering has imported without context."""


class RenderedTemplate(Template):
    """A template that keeps nothing of a rendering once the rendering has ended.

    SECURITY: Jinja runs a template that is imported without context once per process and keeps its
    module. A `{% set name = request.user.name %}` at its top then shows the first visitor's name to
    everybody (CWE-488). Here each rendering has modules of its own: imported twice by the same
    rendering, a template is still run once.
    """

    # `object` in place of Jinja's `Any`: both only pass their arguments on.
    def render(self, *args: object, **kwargs: object) -> str:
        """Render the template; the arguments are those of `dict`."""
        token = _modules.set({})
        try:
            return super().render(*args, **kwargs)
        finally:
            _modules.reset(token)

    async def render_async(self, *args: object, **kwargs: object) -> str:
        """Render a template that may await; the arguments are those of `dict`."""
        token = _modules.set({})
        try:
            return await super().render_async(*args, **kwargs)
        finally:
            _modules.reset(token)

    def new_context(
        self,
        vars: dict[str, object] | None = None,  # noqa: A002 - Jinja's own word
        shared: bool = False,
        locals: Mapping[str, object] | None = None,  # noqa: A002
    ) -> Context:
        """Create a context for this template; the arguments are Jinja's."""
        return new_context(
            self.environment, self.name, self.blocks, vars, shared, self._plain_globals(), locals
        )

    # Imports, `from` imports, includes without context and the attribute `module` all call these
    # two. They return what Jinja's own return, but for the cache.

    @internalcode
    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        if self.environment.is_async:
            raise RuntimeError("Module is not available in async mode.")
        values = self._importer_globals(ctx)
        if values:
            return self.make_module(values)
        kept = _modules.get()
        module = None if kept is None else kept.get(self)
        if module is None:
            module = self.make_module()
            if kept is not None:
                kept[self] = module
        return module

    @internalcode
    async def _get_default_module_async(self, ctx: Context | None = None) -> TemplateModule:
        values = self._importer_globals(ctx)
        if values:
            return await self.make_module_async(values)
        kept = _modules.get()
        module = None if kept is None else kept.get(self)
        if module is None:
            module = await self.make_module_async()
            if kept is not None:
                kept[self] = module
        return module

    def _importer_globals(self, ctx: Context | None) -> dict[str, object] | None:
        """Return the globals that only the importing template has."""
        if ctx is None:
            return None
        names = ctx.globals_keys - self._plain_globals().keys()
        return {name: ctx.parent[name] for name in names} if names else None

    def _plain_globals(self) -> dict[str, object]:
        # PERF: reading a ChainMap as a whole takes thirty times as long as copying its dicts.
        layers = self.globals.maps if isinstance(self.globals, ChainMap) else [self.globals]
        plain: dict[str, object] = {}
        for layer in reversed(layers):
            plain.update(layer)
        return plain
