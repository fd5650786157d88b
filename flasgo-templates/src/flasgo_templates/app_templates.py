"""`AppTemplates`: templates that know their app, its plugins and the request being served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, TypedDict, Unpack

import jinja2
from flasgo import current_request, g, request

from flasgo_templates.context import ContextProcessors, as_variables
from flasgo_templates.contributions import Contribution
from flasgo_templates.directories import Directories, PathLike
from flasgo_templates.templates import JinjaTemplates

if TYPE_CHECKING:
    from flasgo import Connection
    from jinja2.ext import Extension

__all__ = ["AppTemplates", "TemplateOptions"]


class TemplateOptions(TypedDict, total=False):
    """The options of `JinjaTemplates`, for signatures that pass them on."""

    prefixes: Mapping[str, PathLike] | None
    filters: Mapping[str, Callable[..., object]] | None
    tests: Mapping[str, Callable[..., bool]] | None
    globals: Mapping[str, object] | None
    extensions: Iterable[str | type[Extension]]
    auto_reload: bool
    cache_size: int
    max_bytes: int
    trim_blocks: bool
    lstrip_blocks: bool
    bytecode_directory: PathLike | None


class AppTemplates(JinjaTemplates):
    """The templates of an app, made by `app.configure_templates`.

    Inside a request, templates see `request`, `g`, and what plugins' `template_context` hooks and
    the context processors bring; everywhere they see `url_for` and plugins' globals.

    Args:
        directory: A directory, or several.
        url_for: The app's own.
        processors: The app's context processors.
        contribution: Returns what plugins bring.
        advise: Says how a template gets a name that it asked for in vain.
        options: As for `JinjaTemplates`.

    Raises:
        ConfigurationError: As for `JinjaTemplates`.
    """

    def __init__(
        self,
        directory: Directories,
        *,
        url_for: Callable[..., str],
        processors: ContextProcessors,
        contribution: Callable[[], Contribution],
        advise: Callable[[str], str] | None = None,
        **options: Unpack[TemplateOptions],
    ) -> None:
        super().__init__(directory, **options)
        self._own_roots = self._loader.roots
        self._processors = processors
        self._contribution = contribution
        self._applied: Contribution | None = None
        self._shaped_by: set[str] = set()
        self._lock = Lock()
        self.environment.advise = advise
        # The proxies serve macros, which are imported without the context of the rendering.
        for name, value in {"url_for": url_for, "request": request, "g": g}.items():
            self.environment.globals.setdefault(name, value)

    def list_templates(self) -> list[str]:
        """Return the names of the templates, those of plugins included; at most 2000."""
        self._apply()
        return super().list_templates()

    def _template(self, environment: jinja2.Environment, name: str) -> jinja2.Template:
        self._apply()
        return super()._template(environment, name)

    def _values(self, context: Mapping[str, object] | None) -> Mapping[str, object]:
        contribution = self._apply()
        served = _served_request()
        if served is None:
            missing = self.environment.undefined
            hint = "this template is rendered outside of a request"
            values: dict[str, object] = {
                "request": missing(f"There is no request: {hint}.", name="request"),
                "g": missing(f"There is no g: {hint}.", name="g"),
            }
        else:
            values = {"request": served, "g": served.g}
            for hook in contribution.hooks:
                values.update(as_variables(hook, hook(served)))
        values.update(self._processors.collect(served))
        values.update(context or {})
        return values

    def render_string(self, source: str, context: Mapping[str, object] | None = None) -> str:
        """Render a template that is given as text; see `JinjaTemplates.render_string`."""
        self._apply()
        return super().render_string(source, context)

    def _async(self) -> jinja2.Environment:
        self._apply()
        return super()._async()

    def prepare(self) -> None:
        """Take over what plugins bring, which may be wrong; the first rendering does it too.

        Raises:
            PluginError: When it is wrong.
        """
        self._apply()

    def _shape(self, contribution: Contribution) -> None:
        """Let plugins add to the environment, each of them once."""
        for plugin, shape in contribution.shapers.items():
            if plugin not in self._shaped_by:
                shape(self.environment)
                self._shaped_by.add(plugin)
                # What templates compile to depends on the extensions.
                self.environment.bytecode_cache = self._bytecode_cache(is_async=False)
                self._async_environment = None

    def _apply(self) -> Contribution:
        contribution = self._contribution()
        if contribution is not self._applied:
            with self._lock:  # renderings in threads
                self._take(contribution)
        return contribution

    def _take(self, contribution: Contribution) -> None:
        self._shape(contribution)
        self._loader.roots = (*self._own_roots, *contribution.roots)
        for name, value in contribution.names.items():
            self.environment.globals.setdefault(name, value)
        for environment in (self.environment, self._async_environment):
            if environment is not None and environment.cache is not None:
                environment.cache.clear()
        self._applied = contribution


def _served_request() -> Connection | None:
    try:
        return current_request()
    except RuntimeError:
        return None
