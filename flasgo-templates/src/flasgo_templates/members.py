"""What the plugin adds to `Flasgo`, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

if TYPE_CHECKING:
    from flasgo_templates.app_templates import AppTemplates, TemplateOptions
    from flasgo_templates.context import Processor
    from flasgo_templates.directories import Directories, PathLike

__all__ = ["AppMembers", "BlueprintMembers", "BlueprintOptions", "RequestMembers"]

_F = TypeVar("_F", bound=Callable[..., object])
_P = TypeVar("_P", bound="Processor")


class AppMembers:
    """Members of `Flasgo` that flasgo-templates contributes. All are declarations only."""

    def configure_templates(
        self, directory: Directories, **options: Unpack[TemplateOptions]
    ) -> AppTemplates:
        """Choose the app's template directories; see `TemplatesPlugin.configure`."""
        raise NotImplementedError

    @property
    def templates(self) -> AppTemplates:
        """The app's templates, for `Response.template(..., templates=app.templates)`."""
        raise NotImplementedError

    def render_template(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template; see `flasgo_templates.render_template`."""
        raise NotImplementedError

    async def render_template_async(
        self, name: str, /, context: Mapping[str, object] | None = None, **values: object
    ) -> str:
        """Render a template that may await; see `flasgo_templates.render_template_async`."""
        raise NotImplementedError

    def context_processor(self, processor: _P) -> _P:
        """Add variables to every template of the app; see `TemplatesPlugin.context_processor`."""
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


class BlueprintOptions(TypedDict, total=False):
    """Keywords of `Blueprint(...)` that flasgo-templates contributes."""

    template_folder: PathLike | None
    """A folder of templates, searched after the app's own; relative to the blueprint's module."""


class BlueprintMembers:
    """Members of `Blueprint` that flasgo-templates contributes. All are declarations only."""

    def context_processor(self, processor: _P) -> _P:
        """Add variables to the templates of what this blueprint and those inside it serve."""
        raise NotImplementedError

    def app_context_processor(self, processor: _P) -> _P:
        """Add variables to every template of the app; see `app.context_processor`."""
        raise NotImplementedError

    def app_template_filter(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a filter for all of the app's templates."""
        raise NotImplementedError

    def app_template_test(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a test for all of the app's templates."""
        raise NotImplementedError

    def app_template_global(self, name: str | None = None) -> Callable[[_F], _F]:
        """Register the decorated function as a global for all of the app's templates."""
        raise NotImplementedError


class RequestMembers:
    """Members of `Request` that flasgo-templates contributes: none."""
