"""What the plugin adds to `Flasgo`, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, Unpack

if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates, TemplateOptions
    from flasgo_templates.context import Processor
    from flasgo_templates.directories import Directories

__all__ = ["AppMembers", "RequestMembers"]

_F = TypeVar("_F", bound=Callable[..., object])
_P = TypeVar("_P", bound="Processor")


class AppMembers:
    """Members of `Flasgo` that flasgo-templates contributes. All are declarations only."""

    def configure_templates(
        self, directory: Directories, **options: Unpack[TemplateOptions]
    ) -> AppTemplates:
        """Choose the app's template directories.

        Args:
            directory: A directory, or several, searched in order. A relative one is looked for
                next to the file that calls this, then in the current directory.
            options: As for `JinjaTemplates`; the settings give what is left out.

        Returns:
            The app's templates. A second call replaces them.

        Raises:
            ConfigurationError: When there is no directory, or one does not exist.
        """
        raise NotImplementedError

    @property
    def templates(self) -> AppTemplates:
        """The app's templates, for `Response.template(..., templates=app.templates)`."""
        raise NotImplementedError

    def render_template(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template.

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
        raise NotImplementedError

    async def render_template_async(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template that may await: coroutines that it calls, and async iterators.

        Args:
            name: Its name below a template directory.
            context: Variables for it.
            values: More variables; they win over those in `context`.

        Returns:
            The text.

        Raises:
            jinja2.TemplateError: As `render_template` does.
        """
        raise NotImplementedError

    def context_processor(self, processor: _P) -> _P:
        """Add variables to every template of the app.

        Args:
            processor: Takes nothing, or the request; returns a mapping. One that takes the
                request is not called for renderings outside of one.

        Returns:
            The processor.

        Raises:
            ConfigurationError: When it is async, or takes other arguments.
        """
        raise NotImplementedError

    def template_filter(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a filter, under its own name or another."""
        raise NotImplementedError

    def template_test(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a test, under its own name or another."""
        raise NotImplementedError

    def template_global(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a global, under its own name or another."""
        raise NotImplementedError


class RequestMembers:
    """Members of `Request` that flasgo-templates contributes: none."""
