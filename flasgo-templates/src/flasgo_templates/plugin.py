"""The templates plugin: gives an app its templates, and plugins a way to add to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack

from flasgo import ConfigurationError, Finding, Flasgo, Registry, hookimpl
from flasgo.plugin import PlacedBlueprint, Plugin

from flasgo_templates import hookspecs
from flasgo_templates.context import ContextProcessors, Processor, wants_request
from flasgo_templates.missing_names import advise_on

# PERF: Jinja is imported with the first use, so that an app without templates does not pay.
if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates, TemplateOptions
    from flasgo_templates.contributions import Contribution
    from flasgo_templates.directories import Directories, PathLike
    from flasgo_templates.loader import TemplateRoot

__all__ = ["TemplatesPlugin"]

_F = TypeVar("_F", bound=Callable[..., object])
_P = TypeVar("_P", bound=Processor)


class TemplatesPlugin(Plugin):
    """Brings `app.configure_templates`, `app.render_template` and what goes with them.

    Attributes:
        name: The plugin's name, `templates`.
    """

    name = "templates"

    def __init__(self) -> None:
        self._app: Flasgo | None = None
        self._templates: AppTemplates | None = None
        self._processors = ContextProcessors()
        self._additions: dict[str, dict[str, Callable[..., object]]] = {
            "filters": {},
            "tests": {},
            "globals": {},
        }
        self._contribution: Contribution | None = None
        self._of_blueprints: tuple[TemplateRoot, ...] = ()
        self._plugins_asked = 0

    @hookimpl
    def plugin_setup(self, registry: Registry) -> None:
        """Declare hooks, settings and app members."""
        registry.hookspecs(hookspecs)
        registry.setting(
            "TEMPLATE_AUTO_RELOAD",
            bool | None,
            default=None,
            help="Look at each rendering whether a template file has changed; None follows DEBUG.",
        )
        registry.setting(
            "TEMPLATE_CACHE_SIZE",
            int,
            default=400,
            help="How many compiled templates are kept in memory; -1 keeps all.",
            check=_check_cache_size,
        )
        registry.setting(
            "TEMPLATE_BYTECODE_DIRECTORY",
            str | None,
            default=None,
            help="Where compiled templates are kept between processes; only the user the app "
            "runs as may write to it.",
        )
        registry.setting(
            "MAX_TEMPLATE_BYTES",
            int,
            default=1024 * 1024,
            help="The largest template that is accepted, in bytes.",
            check=_check_max_bytes,
        )
        registry.app_method("configure_templates", self.configure)
        registry.app_method("render_template", self.render)
        registry.app_method("render_template_async", self.render_async)
        registry.app_method("context_processor", self.context_processor)
        registry.app_method("template_filter", self._adder("filters"))
        registry.app_method("template_test", self._adder("tests"))
        registry.app_method("template_global", self._adder("globals"))
        registry.app_property("templates", self.current)
        registry.blueprint_option("template_folder", self._take_folder)
        registry.blueprint_method("context_processor", self._take_processor)
        registry.blueprint_method("app_context_processor", self._take_app_processor)
        registry.blueprint_method("app_template_filter", self._taker("filters"))
        registry.blueprint_method("app_template_test", self._taker("tests"))
        registry.blueprint_method("app_template_global", self._taker("globals"))

    @hookimpl
    def app_created(self, app: Flasgo) -> None:
        """Keep the app, whose settings and plugins are needed later."""
        self._app = app

    @hookimpl
    def app_startup(self, app: Flasgo) -> None:
        """Ask plugins what they bring, so that what is wrong with it stops the start-up."""
        if self._templates is not None:
            self._templates.prepare()

    @hookimpl
    def check_app(self, app: Flasgo, deploy: bool) -> Iterable[Finding]:
        """Report templates that cannot be compiled."""
        if self._templates is None:
            return ()
        from flasgo_templates.checks import template_findings

        return template_findings(self._templates)

    def configure(self, directory: Directories, **options: Unpack[TemplateOptions]) -> AppTemplates:
        """Choose the app's template directories; this is `app.configure_templates`.

        Args:
            directory: A directory, or several, searched in order. A relative one is looked for
                next to the file that calls this, then in the current directory.
            options: As for `JinjaTemplates`; the settings give what is left out.

        Returns:
            The app's templates. A second call replaces them.

        Raises:
            ConfigurationError: When there is no directory, or one does not exist.
        """
        templates = self._make(directory, options)
        if not templates.directories:
            raise ConfigurationError(
                "configure_templates was given no directory; give one or several, such as "
                '"templates".'
            )
        self._templates = templates
        return templates

    def current(self) -> AppTemplates:
        """Return the app's templates; this is `app.templates`.

        Before `app.configure_templates` was called they are those that plugins bring.
        """
        if self._templates is None:
            self._templates = self._make((), {})
        return self._templates

    def render(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template; this is `app.render_template`.

        Args:
            name: Its name below a template directory.
            context: Variables for it.
            values: More variables; they win over those in `context`.

        Returns:
            The text.

        Raises:
            MissingTemplateError: When there is no such template.
            RefusedTemplateError: When the name or the file is not allowed.
            jinja2.TemplateError: When the template is not well-formed or cannot be rendered.
        """
        return self.current().render(name, {**(context or {}), **values})

    async def render_async(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template that may await; this is `app.render_template_async`.

        Args:
            name: Its name below a template directory.
            context: Variables for it.
            values: More variables; they win over those in `context`.

        Returns:
            The text.

        Raises:
            jinja2.TemplateError: As `render` does.
        """
        return await self.current().render_async(name, {**(context or {}), **values})

    def context_processor(self, processor: _P) -> _P:
        """Add variables to every template of the app; this is `@app.context_processor`.

        Args:
            processor: Takes nothing, or the request; returns a mapping. One that takes the
                request is not called for renderings outside of one.

        Returns:
            The processor.

        Raises:
            ConfigurationError: When it is async, or takes other arguments.
        """
        self._processors.add(processor)
        return processor

    # --- What blueprints bring --------------------------------------------------------------

    def _take_folder(
        self, placed: PlacedBlueprint, folder: PathLike | None
    ) -> Callable[[], None] | None:
        if folder is None:
            return None
        from flasgo_templates.directories import real_directory
        from flasgo_templates.loader import TemplateRoot

        root = TemplateRoot(real_directory(folder, placed.folder))

        def add() -> None:
            self._of_blueprints = (*self._of_blueprints, root)
            self._contribution = None  # so that it is collected again

        return add

    def _take_processor(self, placed: PlacedBlueprint, processor: Processor) -> Callable[[], None]:
        wants_request(processor)
        return partial(self._processors.add, processor, placed.name)

    def _take_app_processor(
        self, placed: PlacedBlueprint, processor: Processor
    ) -> Callable[[], None]:
        wants_request(processor)
        return partial(self._processors.add, processor)

    def _taker(self, kind: str) -> Callable[..., Callable[[], None]]:
        def take(
            placed: PlacedBlueprint, function: Callable[..., object], name: str | None = None
        ) -> Callable[[], None]:
            chosen = name or _name_of(function)
            return partial(self._add, kind, chosen, function)

        return take

    # --- The parts of an app's templates ----------------------------------------------------

    def _adder(self, kind: str) -> Callable[[str | None], Callable[[_F], _F]]:
        def add(name: str | None = None) -> Callable[[_F], _F]:
            if callable(name):
                raise ConfigurationError(
                    f"Write the parentheses: @app.template_{kind[:-1]}() or "
                    f'@app.template_{kind[:-1]}("name").'
                )

            def decorate(function: _F) -> _F:
                self._add(kind, name or _name_of(function), function)
                return function

            return decorate

        add.__doc__ = f"Add the decorated function to the {kind} of the app's templates."
        return add

    def _add(self, kind: str, name: str, function: Callable[..., object]) -> None:
        self._additions[kind][name] = function
        if self._templates is not None:
            self._add_to(self._templates)

    def _add_to(self, templates: AppTemplates) -> None:
        templates.environment.filters.update(self._additions["filters"])
        templates.environment.tests.update(self._additions["tests"])
        templates.environment.globals.update(self._additions["globals"])

    def _make(self, directory: Directories, options: TemplateOptions) -> AppTemplates:
        from flasgo_templates.app_templates import AppTemplates, TemplateOptions

        app = self._the_app()
        settings = app.settings
        reload = settings.TEMPLATE_AUTO_RELOAD
        defaults = TemplateOptions(
            auto_reload=settings.DEBUG if reload is None else reload,
            cache_size=settings.TEMPLATE_CACHE_SIZE,
            max_bytes=settings.MAX_TEMPLATE_BYTES,
            bytecode_directory=settings.TEMPLATE_BYTECODE_DIRECTORY,
        )
        templates = AppTemplates(
            directory,
            url_for=app.url_for,
            processors=self._processors,
            contribution=self._contributed,
            advise=advise_on(app.plugins),
            **{**defaults, **options},
        )
        self._add_to(templates)
        return templates

    def _contributed(self) -> Contribution:
        # A plugin can be registered when the app runs already; counting them notices that.
        plugins = self._the_app().plugins
        if self._contribution is None or self._plugins_asked != len(plugins):
            from flasgo_templates.contributions import collect_contribution

            self._plugins_asked = len(plugins)
            self._contribution = collect_contribution(plugins, self._of_blueprints)
        return self._contribution

    def _the_app(self) -> Flasgo:
        if self._app is None:
            raise ConfigurationError(
                "The templates plugin has no app yet; use templates once Flasgo(...) returned."
            )
        return self._app


def _name_of(function: Callable[..., object]) -> str:
    name = getattr(function, "__name__", None)
    if name is None:
        raise ConfigurationError(f"{function!r} has no name of its own; give one in brackets.")
    return name


def _check_cache_size(value: object) -> str | None:
    return None if isinstance(value, int) and value >= -1 else "it must be -1 or more"


def _check_max_bytes(value: object) -> str | None:
    return None if isinstance(value, int) and value > 0 else "it must be more than 0"
